"""The steps of an evaluation: ask, grade, score, and measure bits per byte."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.files.atomic import write_whole
from gristmill.core.steps.inputs import SourceFile
from gristmill.core.steps.kinds import shard_step, source_step
from gristmill.core.steps.step import Step, StepContext
from gristmill.evals.admission.checkpoint import Checkpoint, admit
from gristmill.evals.generation.costs import Asked, asked
from gristmill.evals.generation.requests import Request
from gristmill.evals.generation.respond import respond
from gristmill.evals.generation.responses import ResponseStore
from gristmill.evals.scoring.grading import grade
from gristmill.evals.scoring.perplexity import evaluate_perplexity
from gristmill.evals.scoring.scores import require_answers, score
from gristmill.evals.suites.suite import Suite
from gristmill.flows.evaluate.serving import Models
from gristmill.flows.reporter import Meter
from gristmill.schemas.tables import EvalRuns, Responses, Samples, Scores


class RespondConfig(Config):
    """What is asked. The suite itself is known by the digest of its requests."""

    asked: str = Field(description="digest of every request")
    backend: str = Field(description="identity of what runs the model: what else an answer depends on")
    anew: tuple[str, ...] = Field(
        (), description="rounds in which some of it was asked again; see gristmill.evals.generation.responses"
    )


@dataclass(frozen=True)
class RespondContext(StepContext):
    """What asks a suite's ``requests``: the models, the ``store`` of answers, and where costs are logged (``log``)."""

    models: Models
    suite: Suite
    requests: tuple[Request, ...]
    meter: Meter
    store: Path
    log: Path


class GradeConfig(Config):
    """How answers are graded. The suite itself is known by its digest."""

    suite_digest: str


@dataclass(frozen=True)
class GradeContext(StepContext):
    """The suite whose digest the config holds."""

    suite: Suite


class PerplexityConfig(Config):
    """Bits per byte has no settings but the backend's: the held-out text is an input."""

    metric: str = "bits_per_byte"
    backend: str = Field(description="identity of what runs the model: what else a score depends on")
    anew: tuple[str, ...] = Field(
        (), description="rounds in which it was measured again; see gristmill.evals.generation.responses"
    )


@dataclass(frozen=True)
class PerplexityContext(StepContext):
    """What measures."""

    models: Models


def respond_step(context: RespondContext) -> Step[RespondConfig]:
    """The step that asks one checkpoint everything that the suite of ``context`` asks."""

    @source_step("respond", version=3, writes=(Responses, EvalRuns))
    def ask(source: SourceFile, config: RespondConfig) -> tuple[pa.Table, pa.Table]:
        """Ask one checkpoint everything that a suite asks. What was answered before is found in the store."""
        checkpoint, suite, requests = admit(source.path), context.suite, context.requests
        with (
            context.models.of(checkpoint) as model,
            ResponseStore(context.store, checkpoint.digest, config.backend) as store,
        ):
            progress, still = context.meter.progress(), context.models.still
            found = respond(model, checkpoint.digest, suite.name, requests, store, progress, still)
            took, backend = asked(requests, store), model.backend
        area, items, digest = suite.settings.area, len(suite.items), suite.digest
        run = _run(checkpoint, suite.name, digest, area, items, backend, took)
        cost = {name: run[name][0].as_py() for name in ("checkpoint", "suite", "suite_digest", "backend")}
        context.log.mkdir(parents=True, exist_ok=True)
        path = context.log / f"{checkpoint.digest}-{digest[:16]}.json"
        write_whole(path, json.dumps(cost | {"seconds": took.seconds}))
        return found, run

    return ask


def grade_step(context: GradeContext) -> Step[GradeConfig]:
    """The step that grades what one checkpoint answered."""

    @shard_step("grade", version=4, reads=(Responses,), writes=(Samples,))
    def grade_answers(responses: pa.Table, config: GradeConfig) -> pa.Table:
        """Grade what one checkpoint answered. Where the machine failed, nothing is kept: the next run grades again."""
        samples = grade(context.suite, responses, jail_workers=os.cpu_count() or 1)
        require_answers(context.suite, samples)
        return samples

    return grade_answers


def score_step(context: GradeContext) -> Step[GradeConfig]:
    """The step that scores what was graded: one of its own, so that no fault of a statistic costs an execution."""

    @shard_step("score", version=1, reads=(Samples,), writes=(Scores,))
    def score_samples(samples: pa.Table, config: GradeConfig) -> pa.Table:
        """Score what was graded."""
        return score(context.suite, samples)

    return score_samples


def perplexity_step(context: PerplexityContext) -> Step[PerplexityConfig]:
    """The step that measures bits per byte of one checkpoint on the held-out text of every domain."""

    @source_step("bits-per-byte", version=3, writes=(Samples, Scores, EvalRuns), folders=True)
    def measure(
        source: SourceFile, heldout: list[Path], config: PerplexityConfig
    ) -> tuple[pa.Table, pa.Table, pa.Table]:
        """Bits per byte of one checkpoint on the held-out text of every domain."""
        checkpoint = admit(source.path)
        texts = {domain: pairs for domain, pairs in read_heldout(heldout).items() if pairs}
        with context.models.of(checkpoint) as model:
            found = evaluate_perplexity(model, checkpoint, texts)
            context.models.still(whole=True)
        run = _run(checkpoint, found.suite, found.suite_digest, found.area, found.items, found.backend)
        return found.samples, found.scores, run

    return measure


def _run(
    checkpoint: Checkpoint, suite: str, digest: str, area: str, items: int, backend: str, took: Asked | None = None
) -> pa.Table:
    """A row of runs. Identity columns stay empty: they are what people call a checkpoint, not its score."""
    row = {
        "checkpoint": checkpoint.digest,
        "label": "",
        "run": "",
        "mixture": "",
        "step": 0,
        "tokens": 0,
        "suite": suite,
        "suite_digest": digest,
        "area": area,
        "items": items,
        "backend": backend,
        **(took.columns() if took is not None else {}),
    }
    return pa.Table.from_pylist([row], schema=EvalRuns.schema)


def read_heldout(folders: Sequence[Path]) -> dict[str, list[tuple[str, str]]]:
    """For each domain the (doc_id, text) of its held-out documents."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found.setdefault(path.stem, []).extend((row["doc_id"], row["text"]) for row in rows)
    return found
