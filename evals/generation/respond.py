"""Respond: ask a model everything that a suite asks, and keep every answer as it comes.

Requests are asked in batches of like length. How they are cut into batches depends on them alone, and a batch is
stored as a whole, so a run that was cut off goes on with the same batches, and a stored answer is never made again.

What is no answer of the model (:class:`gristmill.evals.models.model.Unanswered`) is not stored. When all others are,
the run stops and says which they are: a score of the others would be one of another set, and what a model writes might
choose which.
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
"""Requests that are asked together and stored together: what a killed run loses at most."""
NAMED = 5
"""Items, and reasons, that an error names."""


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

    ``progress`` is told how many of all requests are answered, those of a batch that is not stored yet among them.
    ``still`` raises where the answers of a batch may be another model's, before they are stored; it is told of the last
    batch, which it should look at closely.
    Raises :class:`NoScoreError` when some have no answer, at once when a whole batch has none.
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
    """Requests of one kind and like length, generated ones first. They depend on all requests and on nothing else."""
    found: list[list[Request]] = []
    for generated in (True, False):
        kind = [request for request in requests if (request.settings is not None) == generated]
        order = sorted(kind, key=lambda request: -len(request.prompt) - len(request.continuation))
        found += [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    return found


def ask(model: LanguageModel, requests: Sequence[Request], progress: Progress = silent) -> list[Response | Unanswered]:
    """The model's answers to requests that are all of one kind and share their settings."""
    settings = requests[0].settings
    if settings is None:
        pairs = [(request.prompt, request.continuation) for request in requests]
        # Nobody else defines the score of a gold answer to the last digit, and it begins with what was read anyway.
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
        f"of {len(items):,} items: {some}. Why: {why}. Other answers are kept: the same command asks for these alone."
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
