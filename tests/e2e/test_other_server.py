"""Evaluating a checkpoint behind servers: one server's answers are never another's, and ``--fresh`` asks anew."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.cli import Ended
from tests.helpers.scripted_server import Script, scripted_server
from tests.helpers.tiny_checkpoint import make_checkpoint

ITEMS = 6
Run = Callable[..., Ended]


@pytest.fixture
def evaluate(run: Run, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """The headline scores of a checkpoint on a suite of one's own, named as a person does: from where it lies."""
    checkpoint = make_checkpoint(tmp_path / "tiny")
    rows = [{"id": str(number), "question": f"{number} - 1", "answers": [[str(number - 1)]]} for number in range(ITEMS)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    suite = tmp_path / "mine.yaml"
    suite.write_text(
        "name: mine\narea: mathematics\nabout: Ours.\ndata: {reader: answer-items, files: {items: items.jsonl}}\n"
        'prompt: "{question} ="\ngeneration: {max_new_tokens: 4}\nconventions: [last-number]\nlicence: MIT\n',
        encoding="utf-8",
    )

    def scores(url: str, *words: str) -> list[dict[str, Any]]:
        ended = run(
            "evaluate", str(checkpoint), "--suite", str(suite), "--backend", url, "--lake", str(tmp_path / "lake"),
            "--json", *words,
        )  # fmt: skip
        assert ended.code == 0, ended.err
        found: list[dict[str, Any]] = ended.json()
        return found

    return scores


def test_each_server_is_asked_and_fresh_asks_anew(evaluate: Callable[..., list[dict[str, Any]]]) -> None:
    first, second = Script(text=" 2"), Script(text=" none")
    with scripted_server(first) as one, scripted_server(second) as other:
        (row,) = evaluate(one)
        assert (row["suite"], row["value"], row["n"]) == ("mine", 1 / ITEMS, ITEMS)
        assert len(first.posed) == ITEMS
        (row,) = evaluate(other)
        assert (row["value"], len(second.posed)) == (0, ITEMS)
        (row,) = evaluate(one)
        assert (row["value"], len(first.posed)) == (1 / ITEMS, ITEMS)  # found again

        first.answers = dict.fromkeys([body["prompt"] for body in first.asked if isinstance(body["prompt"], str)], " 2")
        first.text = " 3"  # what no fixed prompt shows
        (row,) = evaluate(one)
        assert len(first.posed) == ITEMS
        first.text = " none"
        (row,) = evaluate(one, "--fresh")
        assert (row["value"], len(first.posed)) == (0, 2 * ITEMS)
        (row,) = evaluate(one)
        assert (row["value"], len(first.posed)) == (0, 2 * ITEMS)  # what was asked anew is what counts

        first.answers, first.text = {}, " 4"  # another model at the same address, under the same name
        (row,) = evaluate(one)
        assert (row["value"], len(first.posed)) == (1 / ITEMS, 3 * ITEMS)
