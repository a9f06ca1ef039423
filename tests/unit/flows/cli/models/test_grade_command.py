"""``gristmill grade`` in this process: outputs made elsewhere are graded whole, and nothing that was run is lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.exchange.outputs import read_outputs
from gristmill.evals.scoring.grading import LONGEST, grade
from gristmill.evals.scoring.settings import GradeSettings
from gristmill.evals.suites.items import AnswerItem
from gristmill.evals.suites.suite import Suite, load_suite
from tests.helpers.cli import here

OWN = "gristmill-mathematics"
FRAMES: dict[str, Callable[[str], str]] = {
    "three paragraphs": lambda gold: f"Let me see.\n\nQuestion: what is asked? A sum.\n\nThe answer:\n#### {gold}",
    "thinking": lambda gold: f"<think>\nHm.\n\nIt may be\n#### 99999.\n</think>\n\n#### {gold}",
    "thinking that the template opened": lambda gold: f"Hm. #### 99999\n\nNo.\n</think>\n\n#### {gold}",
}
CHINESE: dict[str, Callable[[str], str]] = {
    "three paragraphs": lambda gold: f"我们一步一步来。\n\n先列出已知条件，再计算。\n\n答案：{gold}",
    "thinking": lambda gold: f"<think>\n嗯。\n\n可能是7。\n</think>\n\n答案：{gold}",
}
ALONE: dict[str, Callable[[str], str]] = {
    "thinking": lambda gold: f"<think>\nHm.\n\nIt may be 7.\n</think>\n\n{gold}",
    "a line feed first": lambda gold: f"\n{gold}",
}


def written(folder: Path, suite: Suite, output: Callable[[str], str]) -> Path:
    """A file in which every item has its gold answer in that frame."""
    items = [item for item in suite.items if isinstance(item, AnswerItem)]
    lines = [{"task_id": item.id, "completion": output(item.answers[0][0])} for item in items]
    path = folder / "outputs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def graded(capsys: pytest.CaptureFixture[str], suite: str, path: Path, *options: str) -> dict[str, Any]:
    """What ``grade --json`` prints."""
    capsys.readouterr()
    here("grade", "--suite", suite, "--responses", str(path), "--json", *options)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("frame", FRAMES.values(), ids=list(FRAMES))
def test_outputs_made_elsewhere_are_graded_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], frame: Callable[[str], str]
) -> None:
    """The suite stops at a line feed and at ``Question:``; who made these outputs did not."""
    path = written(tmp_path, load_suite(OWN), frame)

    whole = graded(capsys, OWN, path)
    cut = graded(capsys, OWN, path, "--cut")

    assert (whole["cut"], whole["metrics"]) == (False, {"accuracy": 1.0})
    assert (cut["cut"], cut["metrics"]) == (True, {"accuracy": 0.0})
    digests = {found["scores"][0]["checkpoint"] for found in (whole, cut)}
    assert len(digests) == 2, "cut and whole are not the same outputs"


def test_cut_ends_what_a_base_model_ran_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, load_suite(OWN), lambda gold: f" {gold}\n\nQuestion: What is 1 + 1?\nAnswer: 99999")

    assert graded(capsys, OWN, path)["metrics"] == {"accuracy": 0.0}
    assert graded(capsys, OWN, path, "--cut")["metrics"] == {"accuracy": 1.0}


@pytest.mark.parametrize(
    ("suite", "frames"),
    [("cmath", CHINESE), ("gsm8k", FRAMES), ("squad-olmes", ALONE), ("cmrc2018", ALONE)],
)
def test_gold_answers_in_long_outputs_are_right(
    shared: Path, tmp_path: Path, suite: str, frames: dict[str, Callable[[str], str]]
) -> None:
    try:
        asked = load_suite(f"{suite}@40", data=shared / "benchmarks")
    except UsageError as error:
        pytest.skip(str(error))
    for name, frame in frames.items():
        outputs = read_outputs(written(tmp_path, asked, frame), asked)
        samples = grade(asked, outputs.responses, asked.settings.conventions[:1]).to_pylist()
        wrong = [(row["item"], row["detail"]) for row in samples if row["value"] != 1]
        assert not wrong, (name, wrong[:3])


def test_what_was_graded_is_shown_where_there_is_no_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*arguments: object) -> None:
        raise GristmillError("no score")

    monkeypatch.setattr("gristmill.evals.scoring.scores.score", refuses)
    path = written(tmp_path, load_suite(OWN), str)
    with pytest.raises(GristmillError, match="no score"):
        here("grade", "--suite", OWN, "--responses", str(path), "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["scores"], {item["verdict"] for item in found["items"]}) == ([], {"right"})


def test_the_end_of_thinking_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, load_suite(OWN), lambda gold: f"It is {gold}. [done] 99999 [done] {gold}\nOr 99999")

    assert graded(capsys, OWN, path)["metrics"] == {"accuracy": 0.0}

    path = written(tmp_path, load_suite(OWN), lambda gold: f"Is it 99999? [done] {gold}")
    assert graded(capsys, OWN, path, "--thinking-end", "[done]")["metrics"] == {"accuracy": 1.0}

    path = written(tmp_path, load_suite(OWN), lambda gold: f"It is {gold}")
    assert graded(capsys, OWN, path, "--thinking-end", "[done]")["metrics"] == {"accuracy": 0.0}


def test_the_end_of_thinking_is_part_of_a_suite_that_names_it() -> None:
    suite = load_suite(OWN)

    assert suite.thinking_until("[done]").digest != suite.digest == suite.thinking_until("").digest


def test_thinking_that_never_ends_is_wrong_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, load_suite(OWN), lambda gold: f"<think>It is {gold}")

    found = graded(capsys, OWN, path)

    assert found["metrics"] == {"accuracy": 0.0}
    assert {item["detail"] for item in found["items"]} == {"the output ends inside its thinking"}


def test_an_output_of_any_length_is_graded(tmp_path: Path) -> None:
    suite = load_suite(f"{OWN}@1")
    outputs = read_outputs(written(tmp_path, suite, lambda gold: "5 " * LONGEST + gold), suite)

    (sample,) = grade(suite, outputs.responses).to_pylist()

    assert (sample["verdict"], sample["value"]) == ("wrong", 0)
    assert "characters; at most" in sample["detail"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"task_id": ' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        ('{"task_id": ' + "9" * 5000 + "}", "number that cannot be read"),
        ('{"task_id": "\\ud8"}', "not JSON"),
    ],
    ids=["lists", "objects", "digits", "escape"],
)
def test_lines_that_no_reader_can_take_get_a_message(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "outputs.jsonl").write_text(line + "\n", encoding="utf-8")

    with pytest.raises(UsageError, match=rf"outputs\.jsonl:1: .*{words}"):
        here("grade", "--suite", OWN, "--responses", str(tmp_path / "outputs.jsonl"))


def test_deep_lists_of_outputs_are_read(tmp_path: Path) -> None:
    """As deep as JSON is read, so that flattening them needs no more of the stack than reading."""
    deep = "[" * 900 + '"5"' + "]" * 900
    suite = load_suite(OWN)
    line = f'{{"doc": {{"task_id": "{suite.items[0].id}"}}, "doc_id": 0, "resps": {deep}}}\n'
    (tmp_path / "outputs.jsonl").write_text(line, encoding="utf-8")

    found = read_outputs(tmp_path / "outputs.jsonl", suite, partial=True)

    assert found.responses["text"].to_pylist() == ["5"]


def test_grade_takes_its_settings_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Paths in it are as seen from its folder; ``k`` is a list, or words with commas."""
    written(tmp_path, load_suite(OWN), str)
    file = tmp_path / "grade.yaml"
    file.write_text(f"suite: {OWN}\nresponses: outputs.jsonl\nk: [1]\nworkers: 1\n", encoding="utf-8")
    here("grade", "--config", str(file), "--json")
    assert json.loads(capsys.readouterr().out)["metrics"] == {"accuracy": 1.0}
    parsed = [
        GradeSettings.parse({"suite": "a", "responses": "b", "k": k}, "grade").k for k in ("1, 10", ["1,2", 3], 4)
    ]
    assert parsed == [(1, 10), (1, 2, 3), (4,)]
    with pytest.raises(UsageError, match=r"--k 0: give whole numbers from 1 to 1000"):
        here("grade", "--config", str(file), "--k", "0")
    with pytest.raises(UsageError, match=r'--set: convetion: unknown key \(did you mean "convention"'):
        here("grade", "--config", str(file), "--set", "convetion=x")
