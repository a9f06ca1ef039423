"""Where the files of a suite come from, and what prompts are made of: data folders, digests, hub, licences, limits."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.generation.requests import requests_of
from gristmill.evals.generation.respond import batches
from gristmill.evals.scoring.gold import GOLD_BITS, GOLD_PART
from gristmill.evals.suites.files import digest_files
from gristmill.evals.suites.hub import download
from gristmill.evals.suites.items import AnswerItem, ChoiceItem
from gristmill.evals.suites.settings import own_suites, settings_of, suite_names
from gristmill.evals.suites.suite import Suite, load_suite
from tests.helpers.controls import empty, scores_of
from tests.helpers.serving import Quiet, serving

REVISION = "a" * 40
SETTINGS: dict[str, Any] = {
    "name": "small",
    "area": "mathematics",
    "about": "Sums.",
    "prompt": "Q: {question}\nA:",
    "generation": {"max_new_tokens": 8, "stop": ["\n"]},
    "conventions": ["last-number"],
    "licence": "CC0-1.0",
}


def items(*numbers: int, subset: str = "") -> str:
    rows = ({"id": f"{subset}{n}", "question": f"{n} + 1?", "answer": str(n + 1), "subset": subset} for n in numbers)
    return "".join(json.dumps(row) + "\n" for row in rows)


def choices(*answers: int, subset: str = "", start: int = 0) -> str:
    rows = (
        {"id": f"{subset}{n}", "question": f"q{n}", "options": ["x", "y", "z"], "answer": answer, "subset": subset}
        for n, answer in enumerate(answers, start)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def suite_file(folder: Path, data: dict[str, Any], **settings: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.yaml"
    path.write_text(json.dumps({**SETTINGS, "data": {"reader": "answer-items", **data}, **settings}), encoding="utf-8")
    return str(path)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# -- where files are --------------------------------------------------------------------------------------------


def test_files_are_found_in_a_folder_of_the_users(tmp_path: Path) -> None:
    name = suite_file(tmp_path / "suites", {"files": {"items": "sums/part-*.jsonl"}, "source": "https://example.org"})
    for part, number in (("b", 2), ("a", 1)):
        written(tmp_path / "data" / "sums" / f"part-{part}.jsonl", items(number))
    suite = load_suite(name, [tmp_path / "empty", tmp_path / "data"])
    assert [item.id for item in suite.items] == ["1", "2"]
    assert suite.digest == load_suite(name, tmp_path / "data").digest
    with pytest.raises(UsageError, match="it needs the file sums/part-") as refusal:
        load_suite(name)
    assert "--data DIR or in GRISTMILL_DATA; it is published at https://example.org" in str(refusal.value)
    with pytest.raises(UsageError, match=f"there is no sums/part-.* in {tmp_path / 'empty'}"):
        load_suite(name, tmp_path / "empty")


def test_another_version_of_a_file_is_refused_by_its_digest(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.jsonl", items(1)), written(tmp_path / "b.jsonl", items(2))
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)]
    listing = "".join(f"{digest}  {name}\n" for digest, name in zip(digests, ("a.jsonl", "b.jsonl"), strict=True))
    assert digest_files([first]) == digests[0]
    assert digest_files([first, second]) == hashlib.sha256(listing.encode()).hexdigest()  # sha256sum * | sha256sum
    name = suite_file(tmp_path, {"files": {"items": {"path": "a.jsonl", "digest": digests[0]}}})
    assert len(load_suite(name).items) == 1
    name = suite_file(tmp_path, {"files": {"items": {"path": "b.jsonl", "digest": digests[0]}}})
    with pytest.raises(UsageError) as refusal:
        load_suite(name)
    assert f"its digest is {digests[1]}, expected {digests[0]}" in str(refusal.value)


def test_rows_of_a_file_are_a_split(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", items(1, 2, 3, 4))
    suite = load_suite(suite_file(tmp_path, {"files": {"items": {"path": "a.jsonl", "rows": [2, 3]}}}))
    assert [item.id for item in suite.items] == ["2", "3"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({"path": "/etc/items.jsonl"}, "must be a path below"),
        ({"path": ["a.jsonl", "x/../../b.jsonl"]}, "must be a path below"),
        ({"path": "a.jsonl", "rows": [3, 2]}, "rows count from 1, the first before the last"),
        ({"path": "a.jsonl", "digest": "12"}, "digest"),
        ({"path": "a.jsonl", "reader": "answer-item"}, 'did you mean "answer-items"'),
        ({"path": "a.jsonl", "digset": "12"}, 'unknown key (did you mean "digest"?)'),
    ],
)
def test_a_wrong_file_of_a_suite_is_refused(tmp_path: Path, file: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refusal:
        load_suite(suite_file(tmp_path, {"files": {"items": file}}))
    assert message in str(refusal.value)


# -- the hub ----------------------------------------------------------------------------------------------------


class _Hub(Quiet):
    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        found = self.path == f"/datasets/we/sums/resolve/{REVISION}/data/test.jsonl"
        body = items(5, 6).encode() if found else b"no such file"
        self.send_whole(200 if found else 404, body)


@pytest.fixture
def hub() -> Iterator[str]:
    with serving(_Hub, "hub") as address:
        yield address


def hub_suite(folder: Path, file: str) -> str:
    source = {"dataset": "we/sums", "revision": REVISION, "files": {"items": {"path": file, "rows": [2, 2]}}}
    return suite_file(folder, {"files": {"items": "sums.jsonl"}, "source": "https://example.org", "hub": source})


def test_missing_files_come_from_the_hub_at_the_revision_of_the_suite(tmp_path: Path, hub: str) -> None:
    name, folders = hub_suite(tmp_path, "data/test.jsonl"), [tmp_path / "mounted", tmp_path / "cache"]
    with pytest.raises(UsageError, match=r"let --download get it from the hub \(we/sums at aaaaaaaaaaaa\)"):
        load_suite(name, folders)
    settings, path = settings_of(name)
    (new,) = download("small", settings.data, path.parent, folders, hub)
    assert new == tmp_path / "cache" / "hub" / "we" / "sums" / REVISION / "data" / "test.jsonl"
    assert [item.id for item in load_suite(name, folders).items] == ["6"]
    assert download("small", settings.data, path.parent, folders, "http://127.0.0.1:9") == []  # nothing is missing
    written(tmp_path / "mounted" / "sums.jsonl", items(1))
    assert [item.id for item in load_suite(name, folders).items] == ["1"]  # what the authors publish goes first


@pytest.mark.parametrize("reachable", [True, False])
def test_a_hub_that_has_no_such_file_or_does_not_answer_is_told(tmp_path: Path, hub: str, reachable: bool) -> None:
    settings, path = settings_of(hub_suite(tmp_path, "data/other.jsonl"))
    with pytest.raises(GristmillError, match=r"cannot be downloaded: .* name their folder with --data DIR"):
        download("small", settings.data, path.parent, [tmp_path], hub if reachable else "http://127.0.0.1:9")
    assert not [found for found in tmp_path.rglob("*") if found.is_file() and found != path]


# -- licences and limits ----------------------------------------------------------------------------------------


def test_a_non_commercial_licence_is_accepted_by_name(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", items(1))
    name = suite_file(tmp_path, {"files": {"items": "a.jsonl"}}, licence="CC-BY-NC-4.0", non_commercial=True)
    for accepted in ((), ("CC-BY-NC-SA-4.0",)):
        with pytest.raises(UsageError, match=r"--accept-licence CC-BY-NC-4\.0"):
            load_suite(name, accept_licences=accepted)
    assert len(load_suite(name, accept_licences=["CC-BY-NC-4.0"]).items) == 1


def test_a_larger_limit_only_adds_items_and_all_subjects_have_their_share(tmp_path: Path) -> None:
    text = items(*range(60), subset="a") + items(*range(30), subset="b") + items(*range(10), subset="c")
    written(tmp_path / "a.jsonl", text)
    name = suite_file(tmp_path, {"files": {"items": "a.jsonl"}})
    whole = load_suite(name)
    before: set[str] = set()
    for limit in (1, 7, 10, 33, 99):
        suite = load_suite(name, limit=limit)
        chosen = {item.id for item in suite.items}
        assert (len(chosen), suite.name) == (limit, f"small@{limit}")
        assert before <= chosen
        assert [item for item in whole.items if item.id in chosen] == list(suite.items)
        before = chosen
        assert suite.digest != whole.digest
    share = Counter(item.subset for item in load_suite(name, limit=20).items)
    assert share == {"a": 12, "b": 6, "c": 2}
    assert load_suite(name, limit=100) == load_suite(name, limit=500) == whole  # no limit at all


def test_a_limit_may_stand_in_the_name() -> None:
    assert load_suite("gristmill-reading@9") == load_suite("gristmill-reading", limit=9)
    with pytest.raises(UsageError, match="there is no suite 'gristmill-reading@0'"):
        load_suite("gristmill-reading@0")


# -- prompts ----------------------------------------------------------------------------------------------------


def shot_suite(folder: Path, shots: dict[str, Any], **settings: Any) -> Suite:
    files = {"items": "a.jsonl", "shots": "b.jsonl"}
    return load_suite(suite_file(folder, {"files": files}, shots=shots, **settings))


def test_shots_stand_before_the_question(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", items(7))
    written(tmp_path / "b.jsonl", items(1, 2, 3))
    suite = shot_suite(tmp_path, {"count": 2}, preamble="Add.\n\n")
    assert suite.prompt(suite.items[0]) == "Add.\n\nQ: 1 + 1?\nA: 2\n\nQ: 2 + 1?\nA: 3\n\nQ: 7 + 1?\nA:"
    other = shot_suite(
        tmp_path, {"count": 1, "target": " {answer}!", "separator": "\n"}, trim=False, prompt="{question}\n"
    )
    assert other.prompt(other.items[0]) == "1 + 1?\n 2!\n7 + 1?\n"
    with pytest.raises(UsageError, match="shots: 3 examples for the items, and 4 shots are wanted"):
        shot_suite(tmp_path, {"count": 4})
    with pytest.raises(UsageError, match=r"shots.target: items have no 'letter'"):
        shot_suite(tmp_path, {"count": 1, "target": " {letter}"})
    with pytest.raises(UsageError, match=r"data\.files names no such file"):
        shot_suite(tmp_path, {"count": 1, "role": "train"})


def test_drawn_shots_are_those_of_the_place_in_the_whole_set(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", items(*range(100, 120)))
    written(tmp_path / "b.jsonl", items(*range(9)))
    suite = shot_suite(tmp_path, {"count": 3, "pick": "draw"})
    draw = Random(1234)
    for item in suite.items:
        drawn = draw.sample(range(9), 3)
        assert suite.prompt(item) == "".join(f"Q: {n} + 1?\nA: {n + 1}\n\n" for n in drawn) + f"Q: {item.id} + 1?\nA:"
    part = load_suite(str(tmp_path / "small.yaml"), limit=4)
    assert [part.prompt(item) for item in part.items] == [suite.prompt(item) for item in part.items]


def test_an_item_is_not_its_own_shot(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", items(1, 2, 3))
    for pick in ("first", "draw"):
        suite = load_suite(
            suite_file(tmp_path, {"files": {"items": "a.jsonl"}}, shots={"count": 2, "role": "items", "pick": pick})
        )
        assert all(suite.prompt(item).count(f"{item.id} + 1?") == 1 for item in suite.items)


BOARD: dict[str, Any] = {
    "area": "boards",
    "generation": None,
    "conventions": ["choice-sum"],
    "prompt": "{question}\n{options}\nAnswer:",
    "preamble": "About {subject}.\n\n",
    "options": {"scored": "letters"},
}


def test_shots_of_a_board_are_of_the_subject_and_letters_are_scored(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", choices(2, subset="us_law") + choices(0, subset="art"))
    written(tmp_path / "b.jsonl", choices(1, subset="art", start=5) + choices(0, subset="us_law", start=6))
    files = {"items": "a.jsonl", "shots": "b.jsonl"}
    data = {"reader": "choice-items", "files": files}
    suite = load_suite(suite_file(tmp_path, data, shots={"count": 1}, subjects={"art": "the arts"}, **BOARD))
    law, art = suite.items
    block = "A. x\nB. y\nC. z\nAnswer:"
    assert suite.prompt(law) == f"About us law.\n\nq6\n{block} A\n\nq0\n{block}"
    assert suite.prompt(art) == f"About the arts.\n\nq5\n{block} B\n\nq0\n{block}"
    assert isinstance(law, ChoiceItem)
    assert suite.shown(law) == ("A", "B", "C")
    assert [request.continuation for request in requests_of(suite)][:3] == [" A", " B", " C"]


# -- gold answers -----------------------------------------------------------------------------------------------


def test_the_gold_answer_is_scored_once_beside_what_is_generated(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", items(*range(70)))
    suite = load_suite(suite_file(tmp_path, {"files": {"items": "a.jsonl"}}, gold={"target": " {gold}"}))
    gold = [request for request in requests_of(suite) if request.part == GOLD_PART]
    assert [(request.prompt, request.continuation) for request in gold[:1]] == [("Q: 0 + 1?\nA:", " 1")]
    assert len(gold) == len(suite.items)
    cut = batches(requests_of(suite))
    assert sum(map(len, cut)) == 140
    assert all(len({request.settings is None for request in batch}) == 1 for batch in cut)  # never two kinds at once
    accuracy, bits = scores_of(empty(), suite, tmp_path / "store")
    assert (accuracy["metric"], accuracy["value"], accuracy["n"]) == ("accuracy", 0.0, 70)
    assert (bits["metric"], bits["convention"], bits["headline"]) == ("bits_per_byte", GOLD_BITS, False)
    # The model pays 9 nats for each byte but the blank before an answer.
    sizes = [len(f" {item.gold}") for item in suite.items if isinstance(item, AnswerItem)]
    assert bits["value"] == pytest.approx(9 * (sum(sizes) - 70) / sum(sizes) / 0.6931471805599453)


def test_the_text_of_the_right_option_is_the_gold_answer_and_nothing_more_is_asked(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", choices(0, 1, 2))
    data = {"reader": "choice-items", "files": {"items": "a.jsonl"}}
    suite = load_suite(suite_file(tmp_path, data, **{**BOARD, "options": {}}, gold={}))
    assert [request.part for request in requests_of(suite)] == [0, 1, 2] * 3
    _, bits = scores_of(empty(), suite, tmp_path / "texts")
    assert bits["value"] == pytest.approx(9 / 2 / 0.6931471805599453)  # " x" has two bytes
    letters = load_suite(
        suite_file(tmp_path, data, **BOARD, gold={"prompt": "{question}", "target": " {right_option}"})
    )
    gold = [request for request in requests_of(letters) if request.part == GOLD_PART]
    assert [(request.prompt, request.continuation) for request in gold] == [("q0", " x"), ("q1", " y"), ("q2", " z")]


def test_grading_once_again_measures_no_bits(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", items(1, 2))
    suite = load_suite(suite_file(tmp_path, {"files": {"items": "a.jsonl"}}, gold={}))
    assert {row["convention"] for row in scores_of(empty(), suite, tmp_path / "s")} == {"last-number", GOLD_BITS}
    again = scores_of(empty(), suite, tmp_path / "s", ["last-number"])
    assert [row["convention"] for row in again] == ["last-number"]
    with pytest.raises(UsageError, match="gold-bits grades no answers"):
        scores_of(empty(), suite, tmp_path / "s", [GOLD_BITS])
    with pytest.raises(UsageError, match="gold-bits grades no answers: write `gold:`"):
        load_suite(suite_file(tmp_path, {"files": {"items": "a.jsonl"}}, conventions=[GOLD_BITS]))


# -- the suites that Gristmill knows ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", suite_names())
def test_every_known_suite_says_where_its_data_is_and_under_which_licence(name: str) -> None:
    settings, path = settings_of(name)
    assert settings.name == path.stem
    assert settings.data.own == (name in own_suites())
    if not settings.data.own:
        assert settings.data.source.startswith("https://")
        assert settings.gold is not None
    assert settings.non_commercial == ("NC" in settings.licence or "LicenseRef" in settings.licence)
