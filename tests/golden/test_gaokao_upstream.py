"""The convention of GAOKAO-Bench gives what its authors' code gave (``benchmarks/peers/gaokao.py``)."""

import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.evals.scoring.graders.gaokao import PHYSICS, gaokao, letters
from gristmill.evals.suites.items import AnswerItem

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "gaokao_upstream.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['subset'][10:18]}-{case['output'][:12]!r}")
def test_letters_and_values_are_upstreams(case: dict[str, Any]) -> None:
    item = AnswerItem(id="a", question="q", answers=[case["gold"]], subset=case["subset"])
    assert letters(item.subset, case["output"], len(case["gold"])) == case["found"]
    assert gaokao(item, case["output"]).value == pytest.approx(case["value"], abs=0.0005)  # upstream rounds


def test_there_are_cases_of_every_kind() -> None:
    assert len(CASES) >= 30
    assert {case["subset"] for case in CASES} >= {PHYSICS, "2012-2022_English_Cloze_Test"}
    assert {0, 0.5, 1} <= {case["value"] for case in CASES}
