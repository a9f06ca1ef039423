"""Evaluating a checkpoint behind servers: one server's answers are never another's, and ``--fresh`` asks anew."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gristmill.evals.models.tokenizer import load_tokenizer
from tests.helpers.cli import Ended
from tests.helpers.scripted_server import Script, scripted_server
from tests.helpers.tiny_checkpoint import make_checkpoint
from tests.helpers.warm import command, warm

ITEMS = 6
Evaluate = Callable[..., Ended]
MISSING = "SELECT label, suite, item, reason, answers, items FROM unanswered"
Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def run(prefect_server: str, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The command line, which has admitted the checkpoint beforehand."""
    environment = {"PREFECT_API_URL": prefect_server}
    with warm(tmp_path_factory.mktemp("admitted"), environment, checkpoint) as address:
        yield lambda *words: command(address, words, environment, timeout=600)


@pytest.fixture
def evaluate(run: Run, checkpoint: Path, tmp_path: Path) -> Evaluate:
    """Evaluate a checkpoint on suites of one's own, named as a person does: by their files."""

    def words(url: str, *more: str, suites: tuple[str, ...] = ("mine",)) -> Ended:
        named = [word for name in suites for word in ("--suite", str(tmp_path / f"{name}.yaml"))]
        lake = ("--lake", str(tmp_path / "lake"), "--json")
        return run("evaluate", str(checkpoint), *named, "--backend", url, *lake, *more)

    for name, tokens, first in (("mine", 4, 0), ("other", 5, 995)):
        rows = [{"id": str(n), "question": f"{n} - 1", "answers": [[str(n - 1)]]} for n in range(first, first + ITEMS)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        (tmp_path / f"{name}.yaml").write_text(
            f"name: {name}\narea: mathematics\nabout: Ours.\n"
            f"data: {{reader: answer-items, files: {{items: {name}.jsonl}}}}\n"
            f'prompt: "{{question}} ="\ngeneration: {{max_new_tokens: {tokens}}}\nconventions: [last-number]\n'
            "licence: MIT\n",
            encoding="utf-8",
        )
    return words


def scores(ended: Ended) -> list[dict[str, Any]]:
    assert ended.code == 0, ended.err
    found: list[dict[str, Any]] = ended.json()
    return found


def test_each_server_is_asked_and_fresh_asks_anew(evaluate: Evaluate) -> None:
    first, second = Script(text=" 2"), Script(text=" none")
    with scripted_server(first) as one, scripted_server(second) as other:
        (row,) = scores(evaluate(one))
        assert (row["suite"], row["value"], row["n"]) == ("mine", 1 / ITEMS, ITEMS)
        assert len(first.posed) == ITEMS
        (row,) = scores(evaluate(other))
        assert (row["value"], len(second.posed)) == (0, ITEMS)

        first.answers = dict.fromkeys([body["prompt"] for body in first.asked if isinstance(body["prompt"], str)], " 2")
        first.text = " 3"  # what no fixed prompt shows
        (row,) = scores(evaluate(one))
        assert (row["value"], len(first.posed)) == (1 / ITEMS, ITEMS)  # found again
        first.text = " none"
        (row,) = scores(evaluate(one, "--fresh"))
        assert (row["value"], len(first.posed)) == (0, 2 * ITEMS)
        (row,) = scores(evaluate(one))
        assert (row["value"], len(first.posed)) == (0, 2 * ITEMS)  # what was asked anew is what counts

        first.answers, first.text = {}, " 4"  # another model at the same address, under the same name
        (row,) = scores(evaluate(one))
        assert (row["value"], len(first.posed)) == (1 / ITEMS, 3 * ITEMS)


def test_a_suite_with_a_filtered_answer_has_no_score_and_costs_no_other(
    evaluate: Evaluate, run: Run, checkpoint: Path, tmp_path: Path
) -> None:
    def kept() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = run("query", MISSING, "--lake", str(tmp_path / "lake"), "--json").json()
        return found

    both = ("other", "mine")
    last = load_tokenizer(checkpoint).encode("1000 - 1 =").ids
    script = Script(text=" 2", filtered=lambda body: body["prompt"] == last)
    with scripted_server(script) as url:
        ended = evaluate(url, suites=both)
        told = " ".join(ended.err.split())
        assert ended.code == 1
        assert "other: no score, because 1 of 6 requests have no answer of the model (infra), of 1 items: 1000." in told
        assert "the finish reason is content_filter" in told
        assert "Traceback" not in ended.err
        (row,) = ended.json()
        assert (row["suite"], row["value"]) == ("mine", 1 / ITEMS)
        (missing,) = kept()
        assert "content_filter" in missing.pop("reason")
        assert missing == {"label": "tiny", "suite": "other", "item": "1000", "answers": 1, "items": ITEMS}
        script.filtered, before = lambda body: False, len(script.posed)
        assert {row["suite"]: row["n"] for row in scores(evaluate(url, suites=both))} == {"mine": 6, "other": 6}
        assert len(script.posed) == before + 1
        assert kept() == []
