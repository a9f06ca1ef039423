"""The evaluate flow: every checkpoint on every suite, and bits per byte on held-out text, behind the gate *scores*.

A result is stored under the digest of the weights and the suite, so the same checkpoint under another name, or handed
in twice, is scored once. A failure of the machine is never a score.
"""

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_json
from gristmill.core.errors import NoScoreError, UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Manifest, Ref
from gristmill.core.step import Inputs, SourceFile, source_step, step
from gristmill.evals.admission.checkpoint import Checkpoint, admit
from gristmill.evals.generation.costs import Asked, asked, shortened
from gristmill.evals.generation.requests import Request, digest_of, requests_of
from gristmill.evals.generation.respond import respond
from gristmill.evals.generation.responses import ResponseStore, retire, rounds
from gristmill.evals.scoring.grading import grade, require_graders
from gristmill.evals.scoring.perplexity import evaluate_perplexity
from gristmill.evals.scoring.scores import require_answers, score
from gristmill.evals.suites.suite import Suite, load_suite, settings_of, split_limit
from gristmill.flows.checks import data_folders
from gristmill.flows.engines.engine import Work
from gristmill.flows.engines.local import LocalEngine, threads
from gristmill.flows.evaluate.serving import Models
from gristmill.flows.prefect.artifacts import publish_gates, publish_scores
from gristmill.flows.prefect.publish import published
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Meter, Reporter
from gristmill.flows.running import commit_gates, run_gate, run_step, stop_on_failure
from gristmill.flows.settings import EvaluateSettings, LakePath
from gristmill.flows.unanswered import Rows, unanswered_rows, write_unanswered
from gristmill.schemas.evaluation import EvaluationMeans
from gristmill.schemas.submission import Submission
from gristmill.schemas.tables import Checkpoints, EvalRuns, Responses, Samples, Scores, Unanswered
from gristmill.warehouse.submissions import State

PERPLEXITY = "bits-per-byte"
RESPONSES = "responses"

Results = dict[str, dict[str, Sequence[Manifest]]]
"""By checkpoint and suite, what the steps wrote."""


@dataclass(frozen=True)
class Entry:
    """A checkpoint to score: what was admitted, and where it comes from."""

    checkpoint: Checkpoint
    label: str
    run: str = "external"
    mixture: str = ""
    step: int = 0
    tokens: int = 0


class RespondConfig(Config, arbitrary_types_allowed=True):
    """What is asked, and where answers are kept. The suite itself is known by the digest of its requests."""

    asked: str = Field(description="digest of every request")
    backend: str = Field(description="identity of what runs the model: what else an answer depends on")
    anew: tuple[str, ...] = Field(
        (), description="rounds in which some of it was asked anew; see gristmill.evals.generation.responses"
    )
    models: Models = Field(exclude=True)
    suite: Suite = Field(exclude=True)
    requests: tuple[Request, ...] = Field(exclude=True)
    meter: Meter = Field(exclude=True)
    store: Path = Field(exclude=True)
    log: Path = Field(exclude=True)


class GradeConfig(Config):
    """How answers are graded. The suite itself is known by its digest."""

    suite_digest: str
    suite: Suite = Field(exclude=True)


class PerplexityConfig(Config, arbitrary_types_allowed=True):
    """Bits per byte has no settings but the backend's: the held-out text is an input."""

    metric: str = "bits_per_byte"
    backend: str = Field(description="identity of what runs the model: what else a score depends on")
    anew: tuple[str, ...] = Field(
        (), description="rounds in which it was measured anew; see gristmill.evals.generation.responses"
    )
    models: Models = Field(exclude=True)


@source_step("respond", version=3, writes=(Responses, EvalRuns))
def respond_step(source: SourceFile, config: RespondConfig) -> tuple[pa.Table, pa.Table]:
    """Ask one checkpoint everything that a suite asks. What was answered before is found in the store."""
    checkpoint, suite = admit(source.path), config.suite
    with (
        config.models.of(checkpoint) as model,
        ResponseStore(config.store, checkpoint.digest, config.backend) as store,
    ):
        found = respond(
            model, checkpoint.digest, suite.name, config.requests, store, config.meter.progress(), config.models.still
        )
        took, backend = asked(config.requests, store), model.backend
    area, items, digest = suite.settings.area, len(suite.items), suite.digest
    run = _run(checkpoint, suite.name, digest, area, items, backend, took)
    cost = {name: run[name][0].as_py() for name in ("checkpoint", "suite", "suite_digest", "backend")}
    config.log.mkdir(parents=True, exist_ok=True)
    path = config.log / f"{checkpoint.digest}-{digest[:16]}.json"
    write_whole(path, json.dumps(cost | {"seconds": took.seconds}))
    return found, run


@step("grade", version=4, reads=(Responses,), writes=(Samples,))
def grade_step(responses: pa.Table, config: GradeConfig) -> pa.Table:
    """Grade what one checkpoint answered. Where the machine failed nothing is kept, so the next run grades again."""
    samples = grade(config.suite, responses, jail_workers=os.cpu_count() or 1)
    require_answers(config.suite, samples)
    return samples


@step("score", version=1, reads=(Samples,), writes=(Scores,))
def score_step(samples: pa.Table, config: GradeConfig) -> pa.Table:
    """Score what was graded: a step of its own, so that no fault of a statistic costs an execution."""
    return score(config.suite, samples)


@source_step("bits-per-byte", version=3, writes=(Samples, Scores, EvalRuns))
def perplexity_step(
    source: SourceFile, heldout: list[Path], config: PerplexityConfig
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Bits per byte of one checkpoint on the held-out text of every domain."""
    checkpoint = admit(source.path)
    texts = {domain: pairs for domain, pairs in read_heldout(heldout).items() if pairs}
    with config.models.of(checkpoint) as model:
        found = evaluate_perplexity(model, checkpoint, texts)
        config.models.still(whole=True)
    run = _run(checkpoint, found.suite, found.suite_digest, found.area, found.items, found.backend)
    return found.samples, found.scores, run


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


def run_evaluation(
    entries: Sequence[Entry],
    settings: EvaluateSettings,
    name: str,
    heldout: tuple[FilesRef, ...],
    lake: Lake,
    report: Reporter,
) -> list[dict[str, Any]]:
    """Score every checkpoint, pass the gate, commit one dataset a checkpoint. Returns the rows of the scores.

    ``heldout`` is the folder of held-out text, or empty: then there is no bits per byte. Raises ``UsageError`` for an
    unknown suite, what :func:`gristmill.evals.scoring.grading.require_graders` does before a model is asked anything,
    ``GateError`` when the scores break an expectation; nothing is committed then. Raises ``NoScoreError`` for suites
    without a score when the others are scored and committed.
    """
    folders = data_folders(settings.data, lake)
    if settings.download:
        fetch_missing(settings.suites, folders)
    loaded = [load_suite(suite, folders, accept_licences=settings.accept_licences) for suite in settings.suites]
    suites = each_once(loaded)
    for suite in suites:
        require_graders(suite)
    with Models(settings.backend) as models:
        requests = {suite.name: tuple(requests_of(suite)) for suite in suites}
        if settings.fresh:
            ask_anew(entries, requests, models, lake)
        done, unscored, missing = Measuring(entries, models, lake, report).all(suites, requests, heldout)
    if unscored and not any(done.values()):
        commit_unanswered(entries, missing, lake)
        raise NoScoreError("\n".join(unscored))

    gated = (Samples.name, Scores.name)
    refs = tuple(ref for by_suite in done.values() for ref in outputs(by_suite) if ref.table in gated)
    gate = run_gate("scores", name, Inputs(refs=refs), lake, report)
    publish_gates("scores", name, lake, gate)
    commit_gates(f"evaluate-{name}", name, gate.outputs, lake)
    stop_on_failure(gate, lake)

    rows: list[dict[str, Any]] = []
    for entry in entries:
        results = done[entry.checkpoint.digest]
        for line in replaced(entry, results, lake):
            report.say(line)
        commit_checkpoint(entry, results, missing, lake)
        scores = [row for ref in outputs(results) if ref.table == Scores.name for row in lake.read(ref).to_pylist()]
        rows.extend({"label": entry.label, "mixture": entry.mixture, "step": entry.step, **row} for row in scores)
    publish_scores(name, [{column: str(value) for column, value in row.items()} for row in rows])
    if unscored:
        raise NoScoreError("\n".join(unscored), rows)
    return rows


def each_once(suites: Sequence[Suite]) -> list[Suite]:
    """A suite that is named twice is run once. Raises :class:`UsageError` for two suites of one name."""
    found: dict[str, Suite] = {}
    for suite in suites:
        if found.setdefault(suite.name, suite).digest != suite.digest:
            raise UsageError(f"two suites are called {suite.name}: give one of them another name in its YAML file")
    return list(found.values())


def ask_anew(entries: Sequence[Entry], requests: Mapping[str, Sequence[Request]], models: Models, lake: Lake) -> None:
    """Let what the checkpoints answered to ``requests``, and their bits per byte, count no more.

    A flow run that is started again, because its process died, goes on with what it asked anew. So does a later run
    that is not told to ask anew.
    """
    name = str(flow_run.root_flow_run_id or uuid4())
    keys = {request.key for asked in requests.values() for request in asked} | {PERPLEXITY}
    for entry in entries:
        retire(lake.root / RESPONSES, entry.checkpoint.digest, models.identity, keys, name)


@dataclass(frozen=True)
class Measuring:
    """Asking and grading the checkpoints of one run, with the ``models`` that it opens."""

    entries: Sequence[Entry]
    models: Models
    lake: Lake
    report: Reporter

    def all(
        self,
        suites: Sequence[Suite],
        requests: Mapping[str, tuple[Request, ...]],
        heldout: tuple[FilesRef, ...],
    ) -> tuple[Results, list[str], Rows]:
        """What every suite gave, and the held-out text where there is any; why others gave no score, and what they miss
        as rows of table ``unanswered``.

        Nothing is taken from a suite that has no score for one of the checkpoints, and the others go on.
        """
        done: Results = {entry.checkpoint.digest: {} for entry in self.entries}
        labels = {entry.checkpoint.digest: entry.label for entry in self.entries}
        unscored: list[str] = []
        missing: Rows = []
        for suite in suites:
            try:
                found = self.suite(suite, requests[suite.name])
            except NoScoreError as error:
                unscored.append(str(error))
                missing += unanswered_rows(error, suite, labels)
                continue
            for entry, manifests in zip(self.entries, found, strict=True):
                done[entry.checkpoint.digest][suite.name] = manifests
        if heldout:
            for entry, manifest in zip(self.entries, self.bits(heldout), strict=True):
                done[entry.checkpoint.digest][PERPLEXITY] = (manifest,)
        return done, unscored, missing

    def suite(self, suite: Suite, asked: tuple[Request, ...]) -> list[Sequence[Manifest]]:
        """Ask, grade and score every checkpoint. Raises :class:`NoScoreError` where one has no answer to score."""
        lake, report, meter = self.lake, self.report, Meter()
        config = RespondConfig(
            asked=digest_of(asked),
            backend=self.models.identity,
            models=self.models,
            suite=suite,
            requests=asked,
            meter=meter,
            store=lake.root / RESPONSES,
            log=lake.root / "log" / "asking",
        )
        keys = {request.key for request in asked}
        answered = run_step(
            respond_step,
            [self._work(entry, config, keys) for entry in self.entries],
            config,
            lake,
            report,
            what=f"{suite.name}: answers",
            unit="answers",
            units=len(asked),
            meter=meter,
        )
        for entry, manifest in zip(self.entries, answered, strict=True):
            _say_shortened(suite, entry.label, lake.read(manifest.output(Responses)), report)
        grading = GradeConfig(suite_digest=suite.digest, suite=suite)
        work = [
            Work(entry.checkpoint.digest, Inputs(refs=(manifest.output(Responses),)), entry.label)
            for entry, manifest in zip(self.entries, answered, strict=True)
        ]
        # One checkpoint after the other, each with every core: two gradings must not share the slots of the jail.
        graded = run_step(
            grade_step,
            work,
            grading,
            lake,
            report,
            what=f"{suite.name}: grades",
            unit="checkpoints",
            engine=LocalEngine(workers=1),
        )
        work = [
            Work(entry.checkpoint.digest, Inputs(refs=(manifest.output(Samples),)), entry.label)
            for entry, manifest in zip(self.entries, graded, strict=True)
        ]
        scored = run_step(score_step, work, grading, lake, report, what=f"{suite.name}: scores", unit="checkpoints")
        return list(zip(answered, graded, scored, strict=True))

    def bits(self, heldout: tuple[FilesRef, ...]) -> list[Manifest]:
        """Bits per byte of every checkpoint on the held-out text."""
        config = PerplexityConfig(backend=self.models.identity, models=self.models)
        work = [self._work(entry, config, {PERPLEXITY}, heldout) for entry in self.entries]
        return run_step(perplexity_step, work, config, self.lake, self.report, what=PERPLEXITY, unit="checkpoints")

    def _work(self, entry: Entry, config: Config, keys: Set[str], files: tuple[FilesRef, ...] = ()) -> Work:
        """One checkpoint. What was asked anew has other answers, so its rounds are part of their name."""
        digest = entry.checkpoint.digest
        source = SourceFile(entry.checkpoint.path, digest, digest)
        anew = rounds(self.lake.root / RESPONSES, digest, self.models.identity, keys)
        own = config.model_copy(update={"anew": anew})
        return Work(source.shard, Inputs(source=source, files=files), entry.label, own)


def _say_shortened(suite: Suite, label: str, responses: pa.Table, report: Reporter) -> None:
    """Tell the person where answers were cut because the context of the model was full, not because of the suite."""
    if suite.settings.generation is None:
        return
    limit = suite.settings.generation.max_new_tokens
    count = shortened(responses, limit)
    if count:
        report.say(
            f"{suite.name}: {count:,} answers of {label} are cut off where the model's context was full, before the "
            f"{limit:,} tokens that the suite allows. They are graded as they are and count as truncated."
        )


def fetch_missing(suites: Sequence[str], folders: Sequence[Path]) -> None:
    """Download what the suites miss, to the last folder. Raises :class:`GristmillError` when it cannot be had."""
    from gristmill.evals.suites.hub import ENDPOINT, download

    endpoint = os.environ.get("HF_ENDPOINT", ENDPOINT)
    for suite in suites:
        settings, path = settings_of(split_limit(suite)[0])
        download(settings.name, settings.data, path.parent, folders, endpoint)


def outputs(results: Mapping[str, Sequence[Manifest]]) -> list[Ref]:
    """Every file of a checkpoint's results."""
    return [ref for manifests in results.values() for manifest in manifests for ref in manifest.outputs]


def replaced(entry: Entry, results: Mapping[str, Sequence[Manifest]], lake: Lake) -> list[str]:
    """In words, the scores by other backends whose place the results of a checkpoint take on the boards."""
    earlier = lake.dataset("evaluation", entry.checkpoint.digest)
    before = _backends(earlier.tables.get(EvalRuns.name, ()) if earlier else (), lake)
    now = _backends([ref for ref in outputs(results) if ref.table == EvalRuns.name], lake)
    return [
        f"{suite}: the boards hold one score of a checkpoint, so this one of {entry.label}, by {now[suite]}, takes the "
        f"place of the one by {before[suite]}. Its answers are kept: evaluate with that backend to have it back."
        for suite in sorted(now.keys() & before.keys())
        if now[suite] != before[suite]
    ]


def _backends(runs: Sequence[Ref], lake: Lake) -> dict[str, str]:
    """The backend that answered each suite, by the files of runs."""
    return {row["suite"]: row["backend"] for ref in runs for row in lake.read(ref).to_pylist()}


def commit_unanswered(entries: Sequence[Entry], missing: Rows, lake: Lake) -> None:
    """Keep what is missing of the checkpoints, beside the results that they have."""
    for entry in entries:
        if any(row["checkpoint"] == entry.checkpoint.digest for row in missing):
            commit_checkpoint(entry, {}, missing, lake)


def commit_checkpoint(entry: Entry, results: Mapping[str, Sequence[Manifest]], missing: Rows, lake: Lake) -> None:
    """Make the results of a checkpoint current, beside those it has from earlier runs on other suites.

    ``missing`` are rows of table ``unanswered``, of this checkpoint and others.
    """
    name = entry.checkpoint.digest
    earlier = lake.dataset("evaluation", name)
    keys: dict[str, list[str]] = dict(earlier.config["results"]) if earlier else {}
    keys |= {suite: [manifest.key for manifest in manifests] for suite, manifests in results.items()}
    current = {key for found in keys.values() for key in found}
    before = [ref for table in earlier.tables.values() for ref in table] if earlier else []
    refs = {(ref.table, ref.key): ref for ref in (*before, *outputs(results)) if ref.key in current}
    identity = {
        "label": entry.label,
        "run": entry.run,
        "mixture": entry.mixture,
        "step": entry.step,
        "tokens": entry.tokens,
    }
    # The step knows what was measured, only the flow knows what people call the checkpoint and where it comes from.
    fresh = [ref for ref in outputs(results) if ref.table == EvalRuns.name]
    measured = [row for ref in (*before, *fresh) if ref.table == EvalRuns.name for row in lake.read(ref).to_pylist()]
    named = {row["suite"]: row | identity for row in measured}
    runs = pa.Table.from_pylist([named[suite] for suite in sorted(named)], schema=EvalRuns.schema)
    tables = {
        table.name: tuple(ref for ref in refs.values() if ref.table == table.name)
        for table in (Responses, Samples, Scores)
    }
    tables[EvalRuns.name] = (lake.write_table(EvalRuns, name, digest_json(runs.to_pylist())[:16], runs),)
    found = [row for row in missing if row["checkpoint"] == name]
    if misses := write_unanswered(name, found, results, earlier, lake):
        tables[Unanswered.name] = misses
    config = {**identity, "results": keys}
    lake.commit(Dataset(kind="evaluation", name=name, config=config, counts={"suites": len(keys)}, tables=tables))


def trained(lake: Lake, mix: str) -> list[Entry]:
    """Every checkpoint of a training dataset. Raises :class:`UsageError` when there is none."""
    dataset = lake.dataset("training", mix)
    if dataset is None:
        command = on_lake(f"gristmill train --mix {shlex.quote(mix)}", lake.root)
        raise UsageError(f"the lake has no training run called {mix!r}. Make one first: {command}")
    rows = [row for ref in dataset.tables[Checkpoints.name] for row in lake.read(ref).to_pylist()]
    return [
        Entry(
            admit(lake.root / row["path"]),
            f"{row['mixture']} {row['step']}",
            row["run"],
            row["mixture"],
            row["step"],
            row["tokens"],
        )
        for row in rows
    ]


def known(lake: Lake, checkpoint: Checkpoint) -> Entry | None:
    """A checkpoint that was trained here, under the name it has here: identity is the weights, not the folder."""
    for mix in lake.names("training"):
        for entry in trained(lake, mix):
            if entry.checkpoint.digest == checkpoint.digest:
                return entry
    return None


def heldout_of(lake: Lake, mix: str) -> tuple[FilesRef, ...]:
    """The held-out text of a mix, or of the only one the lake has; empty when that leaves a choice or nothing."""
    names = lake.names("mix")
    dataset = lake.dataset("mix", names[0] if mix not in names and len(names) == 1 else mix)
    return dataset.files["heldout"] if dataset else ()


def read_heldout(folders: Sequence[Path]) -> dict[str, list[tuple[str, str]]]:
    """For each domain the (doc_id, text) of its held-out documents."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found.setdefault(path.stem, []).extend((row["doc_id"], row["text"]) for row in rows)
    return found


@flow(name="evaluate", task_runner=threads())
def evaluate(
    lake: LakePath,
    submission: Submission | None = None,
    suites: EvaluateSettings | None = None,
    mix: str = "default",
    submission_id: str = "",
) -> list[dict[str, Any]]:
    """Score a checkpoint that was handed in, or every checkpoint that was trained on a mix.

    Args:
        lake: Folder of the lake.
        submission: A checkpoint folder, and with what it is evaluated; none means every checkpoint trained on the mix.
        suites: The same for the checkpoints of a mix; a submission says its own.
        mix: The mix whose checkpoints are scored, and whose held-out text bits per byte are measured on (for a
            checkpoint that was handed in: the lake's only mix, when it has no mix of this name).
        submission_id: Id of the submission in the dashboards' list; empty when it was not handed in there.
    """
    if submission is not None and suites is not None:
        raise UsageError("a submission says its own suites, data and backend: leave `suites` out")
    home = Lake.open(Path(lake))
    name = mix if submission is None else submission.label or Path(submission.checkpoint).name
    with (
        following(home, submission_id),
        published(home),
        Reporter() as report,
        record_run(home, "evaluate", name) as record,
    ):
        if submission is None:
            entries, settings = trained(home, mix), suites or EvaluateSettings()
        else:
            checkpoint = admit(Path(submission.checkpoint), submission.label or None)
            entries = [known(home, checkpoint) or Entry(checkpoint, checkpoint.label)]
            settings = settings_for(submission)
            name = checkpoint.digest
        rows = run_evaluation(entries, settings, name, heldout_of(home, mix), home, report)
        record.counts.update(checkpoints=len(entries), suites=len(settings.suites))
    return rows


def settings_for(submission: Submission) -> EvaluateSettings:
    """The settings that a submission asks for."""
    means = {name: getattr(submission, name) for name in EvaluationMeans.model_fields}
    return EvaluateSettings(suites=tuple(submission.suites), **means)


@contextmanager
def following(lake: Lake, submission_id: str) -> Iterator[None]:
    """Keep the status of a submission up to date, so that the person who handed it in sees what became of it."""
    if not submission_id:
        yield
        return
    state = State(lake.root)
    state.update(submission_id, "running", flow_run=str(flow_run.id))
    try:
        yield
    except Exception as error:  # a process that is told to end has not failed: who serves takes its run up again
        state.update(submission_id, "failed", error=str(error) or type(error).__name__)
        raise
    state.update(submission_id, "succeeded")
