"""Respond: ask a model everything that a suite asks, and keep every answer as it comes.

Requests are asked in batches of similar length. The batches depend only on the requests, and each is stored as a whole,
so an interrupted run continues with the same batches, and a stored answer is never computed again.

A failure in place of an answer (:class:`gristmill.evals.models.model.Unanswered`) is not stored. Once all other answers
are, the run stops and lists the failures: a score over the others would be one of a different set, which the model's
own output might select.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from gristmill.core.errors import NoScoreError
from gristmill.core.hints import some_of
from gristmill.core.table import conform
from gristmill.evals.generation.requests import Request
from gristmill.evals.generation.responses import Response, ResponseStore
from gristmill.evals.models.model import LanguageModel, Progress, Unanswered, silent
from gristmill.evals.scoring.gold import GOLD_PART
from gristmill.schemas.tables import Responses

BATCH = 64
"""Requests asked and stored together: the most that a killed run loses."""
NAMED = 5
"""How many items, and reasons, an error names."""


def respond(
    model: LanguageModel,
    checkpoint: str,
    suite: str,
    requests: Sequence[Request],
    store: ResponseStore,
    progress: Progress = silent,
    still: Callable[[bool], None] = lambda whole: None,
) -> pa.Table:
    """Responses of the checkpoint with that digest to the ``requests`` of a suite: one row each, in their order.

    ``progress`` receives how many of all requests are answered, including those of a batch that is not stored yet.
    ``still`` runs before a batch is stored and raises if another model may have answered it; it learns which batch is
    the last, to check that one closely.
    Raises :class:`NoScoreError` when some requests have no answer, at once when a whole batch has none.
    """
    missing = sum(request.key not in store for request in requests)
    done = len(requests) - missing

    def in_batch(_what: str, answered: int, _of: int) -> None:
        progress("ask", done + answered, len(requests))

    unanswered: dict[str, str] = {}
    groups = batches(requests)
    last = max((place for place, group in enumerate(groups) if any(one.key not in store for one in group)), default=0)
    for place, group in enumerate(groups):
        batch = {request.key: request for request in group if request.key not in store}
        if batch:
            started = time.perf_counter()
            answers = dict(zip(batch, ask(model, list(batch.values()), in_batch), strict=True))
            share = {"seconds": (time.perf_counter() - started) / len(batch)}
            kept = {
                key: found.model_copy(update=share) for key, found in answers.items() if isinstance(found, Response)
            }
            if kept:
                still(place == last)
            store.add(kept)
            done += len(batch)
            unanswered |= {key: found.reason for key, found in answers.items() if isinstance(found, Unanswered)}
            if not kept:
                break
    if unanswered:
        missing_answers = [
            {"checkpoint": checkpoint, "item": request.item, "reason": unanswered[request.key]}
            for request in requests
            if request.key in unanswered
        ]
        raise NoScoreError(_told(suite, requests, unanswered), unanswered=missing_answers)
    progress("ask", len(requests), len(requests))
    rows = [_row(checkpoint, suite, request, store[request.key]) for request in requests]
    return conform(Responses, pa.Table.from_pylist(rows))


def batches(requests: Sequence[Request]) -> list[list[Request]]:
    """Requests grouped by kind and similar length, generated ones first. Depends only on the list of requests."""
    found: list[list[Request]] = []
    for generated in (True, False):
        kind = [request for request in requests if (request.settings is not None) == generated]
        order = sorted(kind, key=lambda request: -len(request.prompt) - len(request.continuation))
        found += [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    return found


def ask(model: LanguageModel, requests: Sequence[Request], progress: Progress = silent) -> list[Response | Unanswered]:
    """The model's answers to requests of one kind with the same settings."""
    settings = requests[0].settings
    if settings is None:
        pairs = [(request.prompt, request.continuation) for request in requests]
        # No other harness defines the score of a gold answer to the last digit, and its prompt has just been read.
        near = [place for place, request in enumerate(requests) if request.part == GOLD_PART]
        return [
            found
            if isinstance(found, Unanswered)
            else Response(
                text=text,
                tokens=found.tokens,
                lost=found.lost,
                log_probability=found.log_probability,
                greedy=found.greedy,
            )
            for (_, text), found in zip(pairs, model.loglikelihood(pairs, progress, near), strict=True)
        ]
    outputs = model.generate(
        [request.prompt for request in requests], [request.seed for request in requests], settings, progress
    )
    return [
        output
        if isinstance(output, Unanswered)
        else Response(text=output.text, tokens=output.tokens, lost=output.lost, finish=output.finish)
        for output in outputs
    ]


def _told(suite: str, requests: Sequence[Request], unanswered: Mapping[str, str]) -> str:
    """How many requests have no answer, why, and of which items."""
    asked = [request for request in requests if request.key in unanswered]
    items = list(dict.fromkeys(request.item for request in asked))
    some = some_of(items, NAMED)
    reasons = Counter(unanswered[request.key] for request in asked)
    why = "; ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(NAMED))
    return (
        f"{suite}: no score, because {len(asked):,} of {len(requests):,} requests have no answer of the model (infra), "
        f"of {len(items):,} items: {some}. Why: {why}. Other answers are kept: the same command asks only for these."
    )


def _row(checkpoint: str, suite: str, request: Request, response: Response) -> dict[str, object]:
    return {
        "checkpoint": checkpoint,
        "suite": suite,
        "item": request.item,
        "repeat": request.repeat,
        "part": request.part,
        "prompt": request.prompt,
        "seed": request.seed,
        **response.model_dump(exclude={"seconds"}),
    }
