"""Every rule of post-processing gives what upstream's own functions gave for the same outputs.

``code_extraction.json`` is written by ``benchmarks/peers/code_extraction.py`` from lm-eval 0.4.13,
bigcode-evaluation-harness 8fc5bae and OpenCompass a5acc4b.
"""

import json
from pathlib import Path

import pytest

from gristmill.evals.scoring import extraction

GOLDEN = json.loads(Path(__file__).with_name("code_extraction.json").read_text(encoding="utf-8"))
RULES = {
    "lm_eval_humaneval": extraction.lm_eval_humaneval,
    "before_fence": extraction.before_fence,
    "bigcode_humaneval": extraction.bigcode_humaneval,
    "opencompass_humaneval": extraction.opencompass_humaneval,
    "lm_eval_mbpp": extraction.lm_eval_mbpp,
    "continued_block": extraction.continued_block,
    "bigcode_mbpp": extraction.bigcode_mbpp,
    "opencompass_mbpp": extraction.opencompass_mbpp,
}


@pytest.mark.parametrize("name", GOLDEN["upstream"])
def test_a_rule_gives_what_upstream_gave(name: str) -> None:
    outputs, upstream = GOLDEN["outputs"], GOLDEN["upstream"][name]

    ours = [RULES[name](text) for text in outputs]

    assert len(outputs) >= 30
    differing = [place for place, pair in enumerate(zip(ours, upstream, strict=True)) if pair[0] != pair[1]]
    assert [(outputs[place], ours[place], upstream[place]) for place in differing] == []


def test_the_rules_differ() -> None:
    """On the same outputs no two rules say the same throughout, so a mix-up of rules is seen."""
    results = [tuple(found) for found in GOLDEN["upstream"].values()]

    assert len(set(results)) == len(results) == len(RULES)
