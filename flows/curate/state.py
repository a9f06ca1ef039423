"""The state of one curation: its shards, the files that the steps made from each, and how a step runs over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gristmill.core.config import Config
from gristmill.core.lake import Lake
from gristmill.core.manifest import Manifest, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.kinds import shard_key
from gristmill.core.steps.step import Step
from gristmill.core.table import Table
from gristmill.flows.curate.settings import CurateSettings
from gristmill.flows.engines.engine import C, Engine, Work
from gristmill.flows.prefect.artifacts import publish_gates
from gristmill.flows.reporter import Reporter
from gristmill.flows.running import LOCAL, commit_gates, run_gate, run_step, stop_on_failure
from gristmill.schemas.tables import Documents, GateResults
from gristmill.tasks.dedup.earlier_runs import frozen_name
from gristmill.tasks.ledger.record_notes import RecordNotes


@dataclass
class Progress:
    """One shard in progress: its lake files so far, by the step that made them and table.

    ``standing``: the deduplication verdicts that must stay as they are, for a shard of an earlier curation.
    """

    source: str
    shard: str
    label: str
    refs: dict[tuple[str, str], Ref] = field(default_factory=dict)
    standing: Ref | None = None

    def add(self, manifest: Manifest) -> None:
        """Remember what a step wrote for this shard."""
        for ref in manifest.outputs:
            self.refs[manifest.step, ref.table] = ref

    def of(self, *tables: Table) -> tuple[Ref, ...]:
        """Every file so far of ``tables``."""
        names = {table.name for table in tables}
        return tuple(ref for (_, table), ref in self.refs.items() if table in names)

    @property
    def documents(self) -> Ref:
        """The file of documents."""
        return self.of(Documents)[0]


@dataclass
class Curation:
    """``shards``: those of this curation, then those of earlier ones that it is deduplicated against. ``unread``: rows
    of ``set_aside`` for input files of this curation that were not read and so are in no shard."""

    settings: CurateSettings
    lake: Lake
    report: Reporter
    shards: list[Progress]
    gate_refs: list[Ref] = field(default_factory=list)
    engine: Engine = LOCAL
    unread: tuple[Ref, ...] = ()
    notes: RecordNotes = field(default_factory=RecordNotes)
    artifacts: bool = True  # leave funnel and gates in Prefect, inside a flow run

    @property
    def own(self) -> list[Progress]:
        """The shards of this curation."""
        return [entry for entry in self.shards if entry.source == self.settings.source]

    @property
    def open(self) -> list[Progress]:
        """The shards whose fates this run decides: all but the frozen ones."""
        return [entry for entry in self.shards if entry.standing is None]

    @property
    def frozen(self) -> tuple[str, ...]:
        """The names of the frozen shards in the configs of the global steps."""
        return tuple(frozen_name(entry.documents) for entry in self.shards if entry.standing is not None)

    def each(self, step: Step[C], config: C | Callable[[Progress], C], shards: list[Progress]) -> None:
        """Run a shard step on each of ``shards``, giving it the shard's files of what the step reads."""
        work = [
            Work(
                entry.shard,
                Inputs(refs=entry.of(*step.reads)),
                entry.label,
                config if isinstance(config, Config) else config(entry),
            )
            for entry in shards
        ]
        if not work:
            return
        done = run_step(step, work, self.lake, self.report, engine=self.engine)
        for entry, manifest in zip(shards, done, strict=True):
            entry.add(manifest)

    def all_of(self, *tables: Table, shards: list[Progress] | None = None) -> tuple[Ref, ...]:
        """The files of ``tables`` of every shard (or of ``shards``)."""
        return tuple(ref for entry in (self.shards if shards is None else shards) for ref in entry.of(*tables))

    def per_shard(self, step: Step[C], work: Sequence[Work[C]]) -> tuple[Ref, ...]:
        """Run a global step, in one or several runs; give every shard its files. Returns all files written."""
        done = run_step(step, work, self.lake, self.report, unit="runs", engine=self.engine)
        for manifest in done:
            written = {(ref.shard, ref.key): ref for ref in manifest.outputs}
            for entry in self.shards:
                ref = written.get((entry.documents.shard, shard_key(manifest.key, entry.documents)))
                if ref is not None:
                    entry.refs[manifest.step, ref.table] = ref
        return tuple(ref for manifest in done for ref in manifest.outputs)

    def gate(self, name: str, *tables: Table) -> None:
        """Run a gate over ``tables`` of this curation; its results are kept and shown before a failure stops it."""
        inputs = Inputs(refs=self.all_of(*tables, shards=self.own))
        manifest = run_gate(name, self.settings.source, inputs, self.lake, self.report, engine=LOCAL)
        self.gate_refs.extend(manifest.outputs)
        results = [ref for ref in self.gate_refs if ref.table == GateResults.name]
        if self.artifacts:
            publish_gates(name, self.settings.source, self.lake, manifest)
        commit_gates(f"curate-{self.settings.source}", self.settings.source, results, self.lake)
        stop_on_failure(manifest, self.lake)
