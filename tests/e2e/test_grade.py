"""``gristmill grade`` and ``gristmill regrade``: outputs made elsewhere, and stored answers under other conventions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.evals.exchange.outputs import read_outputs
from gristmill.evals.jail.capability import capability
from gristmill.evals.scoring.grading import grade
from gristmill.evals.scoring.scores import score
from gristmill.evals.suites.items import CodeItem
from gristmill.evals.suites.suite import Suite, load_suite
from gristmill.warehouse.build.publish import publish
from tests.helpers.cli import gristmill, here
from tests.helpers.small_lake import commit, doc_id

SMALL = "humaneval@8"
FORGER = """    import builtins, gc, sys
    class Any(int):
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __abs__(self): return 0
        __sub__ = __rsub__ = lambda self, other: self
        __hash__ = int.__hash__
    for name in ('all', 'any', 'abs', 'isinstance', 'len', 'sorted'): setattr(builtins, name, lambda *a, **k: True)
    frame = sys._getframe()
    while frame:
        for name in ('result', 'verdict', 'status', 'passed'): frame.f_globals[name] = 'pass'
        frame = frame.f_back
    return Any(5)
"""
EXITS = "    import os\n    os._exit(0)\n"


@pytest.fixture(scope="module", autouse=True)
def _jail() -> None:
    found = capability()
    if not found.usable:
        pytest.skip(found.reason)


@pytest.fixture(scope="module")
def data(shared: Path) -> Path:
    return shared / "benchmarks"


def write(path: Path, suite: Suite, *answers: Callable[[CodeItem], str]) -> Path:
    """A file in which every item of the suite has one completion of each kind."""
    items = [item for item in suite.items if isinstance(item, CodeItem)]
    lines = [{"task_id": item.id, "completion": answer(item)} for item in items for answer in answers]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def gold(item: CodeItem) -> str:
    return item.solution


def test_humaneval_outputs_are_graded_sample_by_sample(data: Path, tmp_path: Path) -> None:
    """Without a lake and without a server. Of two samples of each item one is right."""
    suite = load_suite(SMALL, data=data)
    path = write(tmp_path / "outputs.jsonl", suite, gold, lambda item: "    return 5, 'no'\n")

    words = ("--suite", SMALL, "--responses", str(path), "--data", str(data), "--k", "1,2")
    told = gristmill("grade", *words, "--json", cwd=tmp_path)

    assert told.code == 0, told.err
    found = told.json()
    assert found["metrics"] == {"pass@1": 0.5, "pass@2": 1.0}
    assert (found["convention"], found["missing"]) == ("humaneval.official", [])
    right, wrong = ([row for row in found["items"] if row["sample"] == sample] for sample in (0, 1))
    assert [row["task_id"] for row in right] == sorted(item.id for item in suite.items)
    assert {row["verdict"] for row in right} == {"pass"}
    assert {row["verdict"] for row in wrong} <= {"wrong"}
    assert all(row["program"].endswith("    return 5, 'no'\n\n") and row["detail"] for row in wrong)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs.jsonl"]


@pytest.mark.parametrize(
    ("model", "value"),
    [(gold, 1.0), (lambda item: "", 0.0), (lambda item: FORGER, 0.0), (lambda item: EXITS, 0.0)],
    ids=["gold", "null", "forger", "exits"],
)
def test_the_controls(data: Path, tmp_path: Path, model: Callable[[CodeItem], str], value: float) -> None:
    suite = load_suite(SMALL, data=data)
    outputs = read_outputs(write(tmp_path / "outputs.jsonl", suite, model), suite)

    samples = grade(suite, outputs.responses, jail_workers=2)

    assert "infra" not in samples.column("verdict").to_pylist()
    assert [row["value"] for row in score(suite, samples).to_pylist()] == [value]


def test_samples_of_one_item_alone_have_a_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"task_id": "code-add", "completion": body} for body in ("    return a + b", "    return 0")]
    path = tmp_path / "outputs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    here("grade", "--suite", "gristmill-code", "--responses", str(path), "--partial", "--json")

    (row,) = json.loads(capsys.readouterr().out)["scores"]
    assert (row["value"], row["low"], row["high"], row["n"]) == (0.5, 0.0, 1.0, 1)


@pytest.mark.parametrize("convention", ["completion", "code.first-block"])
def test_the_program_is_in_the_answer_and_not_in_the_thinking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], convention: str
) -> None:
    """Both blocks are whole functions; that in the thinking is a first try."""
    suite = load_suite("gristmill-code@4")
    fence = "```python\n{}```\n" if convention == "code.first-block" else "{}"

    def output(item: CodeItem) -> str:
        tried, right = (
            fence.format(item.prompt * ("first" in convention) + body) for body in ("    return\n", item.solution)
        )
        return f"<think>\nA first try:\n{tried}No.\n</think>\n\n{right}"

    path = write(tmp_path / "outputs.jsonl", suite, output)
    here("grade", "--suite", suite.name, "--responses", str(path), "--convention", convention, "--json")

    assert json.loads(capsys.readouterr().out)["metrics"] == {"pass@1": 1.0}


def test_equal_programs_of_one_answer_are_run_once(data: Path, tmp_path: Path) -> None:
    suite = load_suite("humaneval@2", data=data)
    outputs = read_outputs(write(tmp_path / "outputs.jsonl", suite, gold, gold), suite)
    runs: list[int] = []

    samples = grade(
        suite,
        outputs.responses,
        ("humaneval.official", "humaneval.lm-eval", "humaneval.opencompass-v2"),
        progress=lambda what, done, total: runs.append(total),
    )

    assert runs == [8] * 8  # two items, two answers each; two conventions make the same program of an answer
    verdicts = {(row["convention"], row["verdict"]) for row in samples.to_pylist()}
    assert verdicts >= {("humaneval.official", "pass"), ("humaneval.lm-eval", "pass")}


def test_missing_items_end_with_words_not_with_a_traceback(tmp_path: Path) -> None:
    told = gristmill("grade", "--suite", "gristmill-code", "--responses", str(one_answer(tmp_path)))

    assert told.code == 2
    assert "55 of the 56 items of gristmill-code have no output" in told.err.replace("\n", " ")
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("suite", "options", "said"),
    [
        ("humanevil", (), "humaneval"),
        ("gristmill-code", ("--convention", "humaneval.official"), "There are: completion"),
        ("gristmill-code", ("--k", "ten"), "whole numbers"),
        ("gristmill-code", ("--k", "2", "--partial"), "pass@2 needs that many samples"),
        ("humaneval", (), "--data"),
    ],
    ids=["suite", "convention", "k", "too-few", "no-data"],
)
def test_wrong_words_say_what_to_do(tmp_path: Path, suite: str, options: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        here("grade", "--suite", suite, "--responses", str(one_answer(tmp_path)), *options)


def one_answer(folder: Path) -> Path:
    """A file with the answer to one item of gristmill-code."""
    path = folder / "outputs.jsonl"
    path.write_text('{"task_id": "code-add", "completion": "    return a + b"}\n', encoding="utf-8")
    return path


def test_stored_answers_are_graded_under_every_convention_that_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half the answers are fenced functions of a chat model, half are bare bodies; each way of grading reads one."""
    suite, checkpoint = load_suite("gristmill-code@6"), doc_id("chat")
    items = [item for item in suite.items if isinstance(item, CodeItem)]
    lake = Lake.open(tmp_path / "lake")
    rows = []
    for place, item in enumerate(items):
        fenced = f"Sure:\n```python\n{item.prompt}{item.solution}```\nThat is all."
        text = item.solution if place % 2 else fenced
        rows.append(
            {"checkpoint": checkpoint, "suite": suite.name, "item": item.id, "repeat": 0, "part": 0, "text": text}
            | {"prompt": suite.prompt(item), "finish": "end"}
        )
    run = {"checkpoint": checkpoint, "label": "chat", "run": "external", "suite": suite.name, "area": "code"}
    commit(lake, "evaluation", checkpoint, {"eval_runs": {"chat": [run]}, "responses": {"chat": rows}})
    publish(lake)

    told = gristmill("regrade", "chat", "--lake", str(lake.root), "--json")

    assert told.code == 0, told.err
    (found,) = told.json()["suites"]
    values = {row["convention"]: (row["value"], row["headline"]) for row in found["scores"]}
    assert values == {"completion": (0.5, True), "code.first-block": (1.0, False), "code.program": (0.0, False)}
    assert len(found["flips"]) == 6
    for flip in found["flips"]:
        assert flip["verdicts"]["code.first-block"] == "pass"
        assert flip["verdicts"]["code.program"] == "exception"

    capsys.readouterr()
    here("regrade", checkpoint[:8], "--convention", "completion", "--lake", str(lake.root))
    assert "No answer flips." in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"There are: completion, code\.program"):
        here("regrade", "chat", "--convention", "mbpp.lm-eval", "--lake", str(lake.root))


def test_stored_answers_to_a_suite_of_ones_own_are_graded_by_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [{"id": str(n), "question": f"{n} + 1", "answers": [[str(n + 1)]]} for n in range(3)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: ours\narea: mathematics\nabout: Ours.\ndata: {reader: answer-items, files: {items: items.jsonl}}\n"
        'prompt: "{question} ="\ngeneration: {max_new_tokens: 4}\nconventions: [last-number]\nlicence: MIT\n',
        encoding="utf-8",
    )
    lake, checkpoint = Lake.open(tmp_path / "lake"), doc_id("mixed")
    runs, rows = [], []
    for suite in (load_suite(str(mine)), load_suite("gristmill-mathematics@3")):
        runs.append(
            {"checkpoint": checkpoint, "label": "mixed", "run": "external", "suite": suite.name, "area": "code"}
        )
        rows += [
            {"checkpoint": checkpoint, "suite": suite.name, "item": item.id, "repeat": 0, "part": 0, "text": " 1"}
            | {"prompt": suite.prompt(item), "finish": "end"}
            for item in suite.items
        ]
    commit(lake, "evaluation", checkpoint, {"eval_runs": {"mixed": runs}, "responses": {"mixed": rows}})
    publish(lake)

    def regraded(*suites: str) -> list[str]:
        capsys.readouterr()
        named = [word for suite in suites for word in ("--suite", suite)]
        here("regrade", "mixed", *named, "--convention", "last-number", "--lake", str(lake.root), "--json")
        return [found["suite"] for found in json.loads(capsys.readouterr().out)["suites"]]

    assert regraded(str(mine)) == ["ours"]
    assert regraded(str(mine), "gristmill-mathematics@3") == ["gristmill-mathematics@3", "ours"]
    assert regraded() == ["gristmill-mathematics@3"]
    with pytest.raises(UsageError, match=r"not known by name: ours\. Name the YAML file"):
        regraded("ours")
