"""Prompts equal those of lm-eval's tasks, AGIEval's code and the requests of OLMES, to the character.

The golden file holds digests of upstream's requests (``benchmarks/peers/prompts.py`` makes it); the texts are rendered
here from the same files.
"""

import csv
import gzip
import hashlib
import json
from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pytest

from gristmill.evals.generation.requests import requests_of
from gristmill.evals.scoring.gold import GOLD_PART
from gristmill.evals.suites.items import Item
from gristmill.evals.suites.suite import Suite, load_suite

HERE = Path(__file__).parent
GOLDEN: dict[str, Any] = json.loads((HERE / "prompts_lmeval.json").read_text(encoding="utf-8"))["suites"]
SMALL: dict[str, Any] = json.loads((HERE / "prompts_small.json").read_text(encoding="utf-8"))
OF_A_SUBJECT = 5
PROMPT_ONLY = ("agieval-gaokao", "agieval-gaokao-english", "agieval-gaokao-mathcloze", "agieval-sat")
"""AGIEval's own code makes prompts; what is scored after them is lm-eval's affair and ours."""


def digest(requests: Sequence[tuple[str, ...]]) -> str:
    return hashlib.sha256(json.dumps([list(request) for request in requests]).encode()).hexdigest()


def asked(suite: Suite) -> list[list[tuple[str, ...]]]:
    """What is asked for each item, in the order of the suite."""
    if suite.settings.name in PROMPT_ONLY:
        return [[(suite.prompt(item),)] for item in suite.items]
    found: dict[str, list[tuple[str, ...]]] = {}
    for request in (request for request in requests_of(suite) if request.part != GOLD_PART):
        pair = (request.prompt,) if request.settings else (request.prompt, request.continuation)
        found.setdefault(request.item, []).append(pair)
    return [found[item.id] for item in suite.items]


def compare(suite: Suite) -> None:
    if suite.settings.name == "mmlu":
        suite = suite.model_copy(update={"items": first_of_each_subject(suite)})
    ours, golden = asked(suite), GOLDEN[suite.settings.name.removeprefix("my-")]
    assert [digest(item)[:16] for item in ours[: len(golden["first"])]] == golden["first"]
    assert len(ours) == golden["items"]
    assert digest([request for item in ours for request in item]) == golden["all"]


def first_of_each_subject(suite: Suite) -> tuple[Item, ...]:
    groups = groupby(suite.items, key=lambda item: item.subset)
    return tuple(item for _, group in groups for item in islice(group, OF_A_SUBJECT))


@pytest.mark.parametrize("name", ["humaneval", "mbpp", "gsm8k", "boolq", "mmlu", *PROMPT_ONLY])
def test_prompts_are_those_of_upstream(shared: Path, name: str) -> None:
    compare(load_suite(name, shared / "benchmarks"))


def test_the_shots_of_an_item_do_not_depend_on_a_limit(shared: Path) -> None:
    whole, part = (load_suite("gsm8k", shared / "benchmarks", limit) for limit in (0, 40))
    assert len(part.items) == 40
    assert [part.prompt(item) for item in part.items] == [whole.prompt(item) for item in part.items]


def test_each_of_many_answers_has_a_seed_of_its_own(shared: Path) -> None:
    once, often = (load_suite(name, shared / "benchmarks", 2) for name in ("humaneval", "humaneval-64"))
    requests = [request for request in requests_of(often) if request.settings]
    assert [often.prompt(item) for item in often.items] == [once.prompt(item) for item in once.items]
    assert len({request.seed for request in requests}) == len({request.key for request in requests}) == 2 * 64


@pytest.mark.parametrize("name", ["ceval", "cmmlu"])
def test_prompts_of_chinese_boards_are_those_of_lm_eval(tmp_path: Path, name: str) -> None:
    subject, split, end = (SMALL["ceval_subject"], "val", "_val") if name == "ceval" else (SMALL["subject"], "test", "")
    for rows, folder, ending in (("items", split, end), ("shots", "dev", "_dev" if end else "")):
        path = tmp_path / name / folder / f"{subject}{ending}.csv"
        path.parent.mkdir(parents=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            table = [{"": number, **row} if name == "cmmlu" else row for number, row in enumerate(SMALL[name][rows])]
            writer = csv.DictWriter(file, table[0].keys())
            writer.writeheader()
            writer.writerows(table)
    compare(unpinned(name, tmp_path))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_prompts_of_mgsm_are_those_of_lm_eval(tmp_path: Path, language: str) -> None:
    path = tmp_path / "mgsm" / f"mgsm_{language}.tsv"
    path.parent.mkdir()
    path.write_text("".join(f"{question}\t{answer}\n" for question, answer in SMALL["mgsm"]), encoding="utf-8")
    compare(unpinned(f"mgsm-{language}", tmp_path))


def unpinned(name: str, folder: Path) -> Suite:
    """A suite that comes with Gristmill, on other files than the ones it names."""
    import yaml

    from gristmill.evals.suites.settings import SUITES

    settings = yaml.safe_load((SUITES / f"{name}.yaml").read_text(encoding="utf-8"))
    for file in settings["data"]["files"].values():
        file.pop("digest", None) if isinstance(file, dict) else None
    settings["name"] = f"my-{name}"  # a suite of one's own may not be called like one of Gristmill's
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return load_suite(str(path), folder, accept_licences=[settings["licence"]])


def test_prompts_of_squad_are_those_that_olmes_publishes(shared: Path) -> None:
    suite = load_suite("squad-olmes", shared / "benchmarks")
    with gzip.open(
        shared / "benchmarks" / "squad" / "olmo_bpb_5shot_requests.jsonl.gz", "rt", encoding="utf-8"
    ) as file:
        published = [json.loads(line)["request"] for line in file]
    assert [suite.prompt(item) for item in suite.items] == [request["context"] for request in published]
    assert len(suite.items) == 1000
