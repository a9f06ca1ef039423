"""What-if through the command line: the numbers are those of the run that one would do instead."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.lake import Lake
from tests.helpers.cli import Ended, data_files
from tests.helpers.corpus import curation, milled

Run = Callable[..., Ended]
MINE = """
name: mine
lineage: a test's own
quality: gopher_quality.words
switch:
  - {signal: language.language_score, max: 0.5, policy: gopher}
rules:
  - {name: too_short, signal: gopher_quality.words, min: 300}
  - {name: language, signal: language.language, one_of: [en]}
"""


@pytest.fixture(scope="module")
def mill(once: Callable[[str, Callable[[Path], None]], Path], run: Run) -> Path:
    """A folder with a crawl and its curation by the policy ``demo``, which other tests read too."""
    return once("milled", lambda folder: milled(folder, run))


def decide_stage(counts: dict[str, Any]) -> dict[str, Any]:
    """The stage of the funnel at which the policy rejects."""
    stage: dict[str, Any] = next(stage for stage in counts["stages"] if stage["stage"] == "decide")
    return stage


def test_whatif_foretells_the_run(mill: Path, run: Run, tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text(MINE, encoding="utf-8")
    lake = tmp_path / "lake"
    shutil.copytree(mill / "lake", lake)
    before = data_files(lake)
    foretold = run("whatif", "--policy", str(policy), "--lake", str(lake), "--json")
    assert foretold.code == 0, foretold.err
    assert data_files(lake) == before
    (answer,) = foretold.json()
    words = curation(mill / "crawl", lake)
    words[words.index("demo")] = str(policy)
    ended = run(*words)
    assert ended.code == 0, ended.err
    then, now = decide_stage(ended.json()), decide_stage(json.loads((mill / "out.json").read_text(encoding="utf-8")))
    assert (answer["source"], answer["policy_before"], answer["policy_after"]) == ("mill", "demo", "mine")
    assert (answer["documents"], answer["before"], answer["after"]) == (now["in"], now["out"], then["out"])
    assert answer["lost"] > 0
    assert {rule["rule"]: rule["first_after"] for rule in answer["rules"] if rule["first_after"]} == then["rejected"]
    assert {rule["rule"]: rule["first_before"] for rule in answer["rules"] if rule["first_before"]} == now["rejected"]
    recorded = Lake.open(lake).dataset("curation", "mill")
    assert recorded is not None
    assert [case["policy"]["name"] for case in recorded.config["policy"]["switch"]] == ["gopher@datatrove-0.10"]
    again = run("whatif", "--policy", str(policy), "--lake", str(lake), "--json")
    assert [(found["gained"], found["lost"]) for found in again.json()] == [(0, 0)]


def test_whatif_prints_tables(mill: Path, run: Run) -> None:
    ended = run("whatif", "--policy", "fineweb", "--source", "mill", "--lake", str(mill / "lake"))
    assert ended.code == 0, ended.err
    for words in (
        "demo → fineweb@code",
        "language_score",
        "By language",
        "By domain",
        "Deduplication is not done again",
    ):
        assert words in ended.out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--policy", "finewebb"), 'did you mean "fineweb"'),
        (("--policy", "demo", "--source", "mil"), "no curation of that name"),
        (("--policy", "dclm@refinedweb"), "signals/refinedweb, which this run does not compute"),
        ((), "Missing option '--policy'"),
    ],
)
def test_wrong_words(mill: Path, run: Run, words: tuple[str, ...], hint: str) -> None:
    ended = run("whatif", "--lake", str(mill / "lake"), *words)
    assert ended.code == 2
    assert hint in " ".join(ended.err.replace("│", "").split())
    assert "Traceback" not in ended.err
