"""Ask and grade the checkpoints of one run on every suite."""

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pyarrow as pa
from prefect.runtime import flow_run

from gristmill.core.errors import NoScoreError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Manifest
from gristmill.core.steps.inputs import Inputs, SourceFile
from gristmill.evals.generation.costs import shortened
from gristmill.evals.generation.requests import Request, digest_of
from gristmill.evals.generation.responses import retire, rounds
from gristmill.evals.suites.settings import settings_of, split_limit
from gristmill.evals.suites.suite import Suite
from gristmill.flows.engines.engine import Work
from gristmill.flows.engines.local import LocalEngine
from gristmill.flows.evaluate.entries import Entry
from gristmill.flows.evaluate.serving import Models
from gristmill.flows.evaluate.steps import (
    GradeConfig,
    GradeContext,
    PerplexityConfig,
    PerplexityContext,
    RespondConfig,
    RespondContext,
    grade_step,
    perplexity_step,
    respond_step,
    score_step,
)
from gristmill.flows.evaluate.unanswered import Rows, unanswered_rows
from gristmill.flows.reporter import Meter, Reporter
from gristmill.flows.running import run_step
from gristmill.schemas.tables import Responses, Samples

PERPLEXITY = "bits-per-byte"
RESPONSES = "responses"
Results = dict[str, dict[str, Sequence[Manifest]]]
"""By checkpoint and suite, what the steps wrote."""

Asking = TypeVar("Asking", RespondConfig, PerplexityConfig)


def each_once(suites: Sequence[Suite]) -> list[Suite]:
    """A suite that is named twice is run once. Raises :class:`UsageError` for two suites of one name."""
    found: dict[str, Suite] = {}
    for suite in suites:
        if found.setdefault(suite.name, suite).digest != suite.digest:
            raise UsageError(f"two suites are called {suite.name}: give one of them another name in its YAML file")
    return list(found.values())


def ask_anew(entries: Sequence[Entry], requests: Mapping[str, Sequence[Request]], models: Models, lake: Lake) -> None:
    """Make earlier answers of the checkpoints to ``requests``, and their bits per byte, no longer count.

    A flow run that is started again, because its process died, resumes with what it asked again. So does a later run
    that is not told to ask again.
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
        """The results of every suite, and of the held-out text if there is any; why other suites have no score, and
        what they lack as rows of table ``unanswered``.

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
        config = RespondConfig(asked=digest_of(asked), backend=self.models.identity)
        context = RespondContext(
            models=self.models,
            suite=suite,
            requests=asked,
            meter=meter,
            store=lake.root / RESPONSES,
            log=lake.root / "log" / "asking",
        )
        keys = {request.key for request in asked}
        answered = run_step(
            respond_step(context),
            [replace(self._work(entry, config, keys), units=len(asked)) for entry in self.entries],
            lake,
            report,
            what=f"{suite.name}: answers",
            unit="answers",
            meter=meter,
        )
        for entry, manifest in zip(self.entries, answered, strict=True):
            _say_shortened(suite, entry.label, lake.read(manifest.output(Responses)), report)
        grading, grades = GradeConfig(suite_digest=suite.digest), GradeContext(suite)
        work = [
            Work(entry.checkpoint.digest, Inputs(refs=(manifest.output(Responses),)), entry.label, grading)
            for entry, manifest in zip(self.entries, answered, strict=True)
        ]
        # One checkpoint after the other, each with every core: two gradings must not share the slots of the jail.
        graded = run_step(
            grade_step(grades),
            work,
            lake,
            report,
            what=f"{suite.name}: grades",
            unit="checkpoints",
            engine=LocalEngine(workers=1),
        )
        work = [
            Work(entry.checkpoint.digest, Inputs(refs=(manifest.output(Samples),)), entry.label, grading)
            for entry, manifest in zip(self.entries, graded, strict=True)
        ]
        scored = run_step(score_step(grades), work, lake, report, what=f"{suite.name}: scores", unit="checkpoints")
        return list(zip(answered, graded, scored, strict=True))

    def bits(self, heldout: tuple[FilesRef, ...]) -> list[Manifest]:
        """Bits per byte of every checkpoint on the held-out text."""
        config = PerplexityConfig(backend=self.models.identity)
        work = [self._work(entry, config, {PERPLEXITY}, heldout) for entry in self.entries]
        step = perplexity_step(PerplexityContext(self.models))
        return run_step(step, work, self.lake, self.report, what=PERPLEXITY, unit="checkpoints")

    def _work(self, entry: Entry, config: Asking, keys: Set[str], files: tuple[FilesRef, ...] = ()) -> Work[Asking]:
        """One checkpoint. What was asked again has other answers, so its rounds are part of their name."""
        digest = entry.checkpoint.digest
        source = SourceFile(entry.checkpoint.path, digest, digest)
        anew = rounds(self.lake.root / RESPONSES, digest, self.models.identity, keys)
        own = config.model_copy(update={"anew": anew})
        return Work(source.shard, Inputs(source=source, files=files), entry.label, own)


def _say_shortened(suite: Suite, label: str, responses: pa.Table, report: Reporter) -> None:
    """Report answers that were cut because the context of the model was full, not because of the suite."""
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
    """Download what the suites miss, to the last folder. Raises :class:`GristmillError` when that fails."""
    from gristmill.evals.suites.hub import ENDPOINT, download

    endpoint = os.environ.get("HF_ENDPOINT", ENDPOINT)
    for suite in suites:
        settings, path = settings_of(split_limit(suite)[0])
        download(settings.name, settings.data, path.parent, folders, endpoint)
