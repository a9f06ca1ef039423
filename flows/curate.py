"""The curate flow: crawl to curated Parquet, a task run for every (step x shard), with gates between.

ingest - extract - [gate documents] - annotate - [gate signals] - decide - deduplicate - redact - materialise -
[gate curated] - one-fate check - commit - publish. Ingest makes one shard or several of each input; the global steps of
deduplication see all of them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect import flow

from flows.artifacts import publish_funnel, publish_gates
from flows.engines.engine import Engine, Work
from flows.engines.local import threads
from flows.publish import published
from flows.reporter import Reporter
from flows.runlog import record_run
from flows.running import LOCAL, commit_gates, run_gate, run_one, run_step, stop_on_failure
from flows.settings import CurateSettings, LakePath
from schemas.config import Config
from schemas.lake import Dataset, Lake, Manifest, Ref
from schemas.signals import SIGNALS
from schemas.table import Table
from schemas.tables import (
    Bands,
    Clusters,
    Curated,
    Documents,
    GateResults,
    Pairs,
    Records,
    Redacted,
    SetAside,
    Spans,
    Verdicts,
)
from tasks.c4 import C4Config, c4
from tasks.decide import DecideConfig, decide
from tasks.dedup.clusters import clusters
from tasks.dedup.config import DedupConfig
from tasks.dedup.pairs import pairs
from tasks.dedup.verdicts import dedup_verdicts
from tasks.domain import DomainConfig, domain
from tasks.extract import ExtractConfig, extract
from tasks.fineweb import FineWebConfig, fineweb
from tasks.funnel import LedgerFiles, funnel, summary
from tasks.gopher_quality import GopherQualityConfig, gopher_quality
from tasks.gopher_repetition import GopherRepetitionConfig, gopher_repetition
from tasks.ingest import IngestConfig, ingest
from tasks.inputs import find_inputs
from tasks.language import language, language_config
from tasks.materialise import MaterialiseConfig, materialise
from tasks.minhash import PRESETS, bands
from tasks.pii import PiiConfig, pii
from tasks.policy import Policy, load_policy
from tasks.readers.columns import ColumnMap
from tasks.redact import RedactConfig, redact
from tasks.step import Inputs, Step, parts_of


@dataclass
class Progress:
    """One shard on its way: its lake files so far, by step and table."""

    shard: str
    label: str
    refs: dict[tuple[str, str], Ref] = field(default_factory=dict)

    def add(self, manifest: Manifest) -> None:
        """Remember what a step wrote for this shard."""
        for ref in manifest.outputs:
            self.refs[manifest.step, ref.table] = ref

    def of(self, *tables: Table) -> tuple[Ref, ...]:
        """Every file so far of ``tables``."""
        names = {table.name for table in tables}
        return tuple(ref for (_, table), ref in self.refs.items() if table in names)

    def made_by(self, step: Step, table: Table) -> Ref:
        """The file of ``table`` that ``step`` wrote."""
        return self.refs[step.name, table.name]


def annotations() -> list[tuple[Step, Config]]:
    """Every step that reads documents and writes signals or spans, with its config."""
    return [
        (language, language_config()),
        (gopher_quality, GopherQualityConfig()),
        (gopher_repetition, GopherRepetitionConfig()),
        (c4, C4Config()),
        (fineweb, FineWebConfig()),
        (domain, DomainConfig()),
        (pii, PiiConfig()),
    ]


@dataclass
class Curation:
    """The state of one curation: the shards, and the refs of the global steps."""

    settings: CurateSettings
    lake: Lake
    report: Reporter
    shards: list[Progress]
    extra: list[Ref] = field(default_factory=list)
    engine: Engine = LOCAL
    artifacts: bool = True  # leave funnel and gates in Prefect, inside a flow run

    def each(self, step: Step, config: Config, *reads: Table, also: tuple[Ref, ...] = ()) -> None:
        """Run a shard step on every shard, giving it the shard's files of ``reads`` and ``also``."""
        work = [Work(entry.shard, Inputs(refs=entry.of(*reads) + also), entry.label) for entry in self.shards]
        done = run_step(step, work, config, self.lake, self.report, engine=self.engine)
        for shard, manifest in zip(self.shards, done, strict=True):
            shard.add(manifest)

    def all_of(self, *tables: Table) -> tuple[Ref, ...]:
        """The files of ``tables`` of every shard."""
        return tuple(ref for shard in self.shards for ref in shard.of(*tables))

    def once(self, step: Step, config: Config, refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        """Run a global step and remember what it wrote."""
        work = Work(self.settings.source, Inputs(refs=refs), self.settings.source)
        manifest = run_one(step, work, config, self.lake, self.report, engine=self.engine)
        self.extra.extend(manifest.outputs)
        return manifest.outputs

    def gate(self, name: str, *tables: Table) -> None:
        """Run a gate over ``tables``; its results are kept and published before a failure stops the flow."""
        inputs = Inputs(refs=self.all_of(*tables))
        manifest = run_gate(name, self.settings.source, inputs, self.lake, self.report, engine=self.engine)
        self.extra.extend(manifest.outputs)
        results = [ref for ref in self.extra if ref.table == GateResults.name]
        if self.artifacts:
            publish_gates(name, self.settings.source, self.lake, manifest)
        commit_gates(f"curate-{self.settings.source}", self.settings.source, results, self.lake)
        stop_on_failure(manifest, self.lake)


def run_curation(settings: CurateSettings, lake: Lake, report: Reporter) -> Dataset:
    """Everything the flow does, inside a flow run. Returns the committed dataset.

    Raises ``UsageError`` for inputs or a policy that are not there, ``GateError`` when a gate stops the run, and
    ``GristmillError`` when the numbers of a stage do not add up or deduplication would lose too much.
    """
    policy = load_policy(settings.policy)
    found = find_inputs(settings.inputs)
    for skipped in found.skipped:
        report.say(f"not read: {skipped.name}: {skipped.reason}")
    ingest_config = IngestConfig(source=settings.source, map=ColumnMap(text=settings.text_column))
    work = [Work(file.shard, Inputs(source=file), file.name) for file in found.files]
    state = Curation(settings, lake, report, [])
    for entry, manifest in zip(work, run_step(ingest, work, ingest_config, lake, report), strict=True):
        for shard, refs in parts_of(manifest).items():
            state.shards.append(Progress(shard, entry.label, {(ingest.name, ref.table): ref for ref in refs}))
    return curate_shards(state, policy)


def curate_shards(state: Curation, policy: Policy) -> Dataset:
    """Everything after ingest, on the shards of ``state``; see :func:`run_curation`."""
    settings = state.settings
    dedup = DedupConfig(
        minhash=PRESETS[settings.dedup.preset],
        threshold=settings.dedup.threshold,
        max_loss=settings.dedup.max_loss,
    )
    state.each(extract, ExtractConfig(), Records)
    state.gate("documents", Documents)

    for step, config in annotations():
        state.each(step, config, Documents)
    state.gate("signals", *SIGNALS)

    state.each(decide, DecideConfig(policy=policy), Documents, *SIGNALS)
    state.each(bands, dedup.minhash, Documents, Verdicts)
    proposed = state.once(pairs, dedup.pairs(), state.all_of(Bands, Documents, Verdicts))
    grouped = state.once(
        clusters, dedup.clusters(policy.quality), state.all_of(Documents, Verdicts, *SIGNALS) + proposed
    )
    state.each(dedup_verdicts, dedup.verdicts(), Documents, Verdicts, also=grouped)

    state.each(redact, RedactConfig(), Documents, Verdicts, Spans)
    state.each(materialise, MaterialiseConfig(quality=policy.quality), Documents, Redacted, *SIGNALS)
    state.gate("curated", Curated)

    tables = {table.name: state.all_of(table) for table in (Documents, SetAside, *SIGNALS, Spans, Verdicts, Curated)}
    for table in (Pairs, Clusters):
        tables[table.name] = tuple(ref for ref in state.extra if ref.table == table.name)
    counts = count(state)
    if state.artifacts:
        publish_funnel(settings.source, counts)
    kept_settings = settings.model_dump(mode="json", exclude={"workers", "inputs"})
    dataset = Dataset(
        kind="curation",
        name=settings.source,
        config=kept_settings | {"policy": policy.model_dump(mode="json")},
        counts=counts,
        tables=tables,
    )
    state.lake.commit(dataset)
    return dataset


def count(state: Curation) -> dict[str, Any]:
    """The funnel of the curation. Raises ``GristmillError`` when the numbers of any stage do not add up (law 1)."""
    paths = {
        table.name: [state.lake.path(ref) for ref in state.all_of(table)]
        for table in (Records, Documents, SetAside, Verdicts, Curated)
    }
    return summary(funnel(LedgerFiles(**paths)))


@flow(name="curate", task_runner=threads(2))
def curate(lake: LakePath, settings: CurateSettings) -> dict[str, Any]:
    """Turn a crawl into curated Parquet, with a verdict for every record.

    Args:
        lake: Folder of the lake.
        settings: What to read, what to call it, and how to decide.
    """
    home = Lake.open(Path(lake))
    with published(home), Reporter() as report, record_run(home, "curate", settings.source) as record:
        dataset = run_curation(settings, home, report)
        record.counts.update({name: value for name, value in dataset.counts.items() if name != "stages"})
    return dataset.counts
