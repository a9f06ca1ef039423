"""Asking a model for a whole suite when some of its answers are none: they stop the score, and cost no other answer."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError, NoScoreError
from gristmill.evals.generation.requests import Request
from gristmill.evals.generation.respond import BATCH, respond
from gristmill.evals.generation.responses import ResponseStore
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.model import Output, Progress, Unanswered
from tests.helpers.controls import CONTROL, Scripted

SETTINGS = Generation(max_new_tokens=4)


class Sometimes(Scripted):
    """Has no answer to the prompts ``refused``; remembers what it was asked."""

    def __init__(self, refused: dict[str, str]) -> None:
        super().__init__({}, lambda prompt, text: True)
        self.refused, self.asked = refused, list[str]()

    def generate(  # type: ignore[override]
        self, prompts: Sequence[str], seeds: Sequence[int], settings: Generation, progress: Progress
    ) -> list[Output | Unanswered]:
        self.asked += prompts
        return [
            Unanswered(self.refused[prompt]) if prompt in self.refused else Output(f"to {prompt}", 1, "end")
            for prompt in prompts
        ]


def requests(count: int) -> list[Request]:
    return [Request(f"item-{number:03d}", f"prompt {number:03d}", SETTINGS) for number in range(count)]


def test_what_has_no_answer_is_counted_named_and_asked_alone_the_next_time(tmp_path: Path) -> None:
    asked = requests(2 * BATCH)
    broken = Sometimes({"prompt 003": "it was filtered", "prompt 004": "it was filtered", "prompt 100": "it aborted"})
    with ResponseStore(tmp_path, CONTROL, "backend") as store, pytest.raises(NoScoreError) as told:
        respond(broken, CONTROL, "reading", asked, store)
    assert "reading: no score, because 3 of 128 requests have no answer of the model (infra)" in str(told.value)
    assert "of 3 items: item-003, item-004, item-100. Why: it was filtered (2); it aborted (1)." in str(told.value)
    assert [(row["checkpoint"], row["item"], row["reason"]) for row in told.value.unanswered] == [
        (CONTROL, "item-003", "it was filtered"),
        (CONTROL, "item-004", "it was filtered"),
        (CONTROL, "item-100", "it aborted"),
    ]
    assert len(broken.asked) == len(asked)
    mended = Sometimes({})
    with ResponseStore(tmp_path, CONTROL, "backend") as store:
        rows = respond(mended, CONTROL, "reading", asked, store)
    assert sorted(mended.asked) == ["prompt 003", "prompt 004", "prompt 100"]
    assert rows["text"].to_pylist() == [f"to {request.prompt}" for request in asked]


def test_many_items_are_counted_and_not_dotted(tmp_path: Path) -> None:
    refused = Sometimes({f"prompt {number:03d}": "it aborted" for number in range(8)})
    with ResponseStore(tmp_path, CONTROL, "backend") as store, pytest.raises(GristmillError) as told:
        respond(refused, CONTROL, "reading", requests(10), store)
    assert "item-003, item-004 and 3 more. Why: it aborted (8)." in str(told.value)


def test_no_answer_is_stored_that_may_be_another_models(tmp_path: Path) -> None:
    """The server was replaced while it answered the second batch of three."""
    asked, seen = requests(3 * BATCH), list[bool]()

    def still(whole: bool) -> None:
        seen.append(whole)
        if len(seen) == 2:
            raise GristmillError("another took its place")

    first = Sometimes({})
    with ResponseStore(tmp_path, CONTROL, "backend") as store, pytest.raises(GristmillError, match="another took"):
        respond(first, CONTROL, "reading", asked, store, still=still)
    with ResponseStore(tmp_path, CONTROL, "backend") as store:
        assert sum(request.key in store for request in asked) == BATCH
        respond(Sometimes({}), CONTROL, "reading", asked, store, still=still)
    assert seen == [False, False, False, True], "the last batch is looked at closely"


def test_a_model_that_answers_nothing_is_not_asked_the_rest(tmp_path: Path) -> None:
    asked = requests(3 * BATCH)
    silent = Sometimes({request.prompt: "it is down" for request in asked})
    with (
        ResponseStore(tmp_path, CONTROL, "backend") as store,
        pytest.raises(GristmillError, match=r"it is down \(64\)"),
    ):
        respond(silent, CONTROL, "reading", asked, store)
    assert len(silent.asked) == BATCH
