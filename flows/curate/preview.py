"""Preview a curation: the real steps, in the real order, on a sample, in temporary lakes and without Prefect."""

import itertools
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import psutil
import pyarrow as pa

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs
from gristmill.core.table import Table, empty
from gristmill.flows.curate.flow import curate_shards, ingest_config
from gristmill.flows.curate.settings import CurateSettings
from gristmill.flows.curate.state import Curation, Progress
from gristmill.flows.engines.direct import DirectEngine
from gristmill.flows.reporter import Reporter
from gristmill.flows.running import run_gate
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Documents, Records, SetAside, Verdicts
from gristmill.tasks.filtering.policy import Policy, load_policy
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.grouping import group_files
from gristmill.tasks.ingest.ingest import ingest
from gristmill.tasks.preflight.config import SampleConfig
from gristmill.tasks.preflight.preflight import Observed, Report, StepCost, Whole, estimate
from gristmill.tasks.preflight.sampling import Sample, sample_inputs

BLOCKS, SMALL_SHARE = 8, 4
POLL_SECONDS = 0.05


@dataclass
class Preview(Curation):
    """A curation that no gate stops: over a small sample a gate may fail because of the size."""

    failed: list[str] = field(default_factory=list)

    def gate(self, name: str, *tables: Table) -> None:
        """Run a gate as the real run does, and remember whether it would have stopped the run."""
        inputs = Inputs(refs=self.all_of(*tables, shards=self.own))
        manifest = run_gate(name, self.settings.source, inputs, self.lake, self.report, engine=self.engine)
        self.gate_refs.extend(manifest.outputs)
        for ref in manifest.outputs:
            results = pl.DataFrame(self.lake.read(ref))
            self.failed += [
                f"{name}: {expectation} {column}".strip()
                for expectation, column in results.filter(severity="critical", ok=False)
                .select("expectation", "column")
                .iter_rows()
            ]


def preview(settings: CurateSettings, config: SampleConfig, folder: Path, report: Reporter) -> Report:
    """Sample the inputs, curate the sample in ``folder``, and estimate the whole.

    Raises ``UsageError`` for inputs or a policy that are not there and inputs without any record, and what a step
    raises on the sample (deduplication that would lose too much, a model that is missing), as the real run would.
    """
    policy = load_policy(settings.policy)
    found = find_inputs(settings.inputs, follow_links=settings.follow_links, allow_unread=settings.allow_damage)
    with report.track("read", 1, "sample") as advance:
        sample = sample_inputs(found.files, ingest_config(settings), config, folder / "downloads")
        advance(1)
    if not len(sample.records):
        raise UsageError("the inputs have no record that ingest would pass on, so there is nothing to estimate from.")
    # The first run pays for imports and compiled code; the second shows what even the smallest shard costs.
    blocks = cut(sample.records, BLOCKS)
    few = [blocks[0].slice(0, max(1, len(blocks[0]) // SMALL_SHARE))]
    run(few, sample.set_aside.slice(0, 0), settings, policy, folder / "first", report)
    small, _ = run(few, sample.set_aside.slice(0, 0), settings, policy, folder / "small", report)
    main, state = run(blocks, sample.set_aside, settings, policy, folder / "main", report)
    payload = sum(file.payload_bytes for file in sample.read)
    stored = sum(file.bytes for file in sample.read)
    growth = payload / stored if stored else 1.0
    shard_bytes = ingest_config(settings).shard_bytes
    sources = [
        sum(file.size or 0 for file in source.members) * growth
        for source in group_files(found.files, settings.grouping)
    ]
    shards = sum(max(1, math.ceil(size / shard_bytes)) for size in sources)
    whole = Whole(
        files=sample.files,
        bytes=sample.bytes,
        shards=shards,
        shard_payload=sum(sources) / shards,
        block_payload=sum(block.nbytes for block in blocks) / len(blocks),
    )
    return estimate(
        sample.read,
        sample.rate,
        whole,
        fates(state, sample),
        rules(policy),
        small,
        main,
        sample.seconds,
        settings.workers,
        state.failed,
    )


def cut(records: pa.Table, blocks: int) -> list[pa.Table]:
    """Blocks of nearly equal numbers of records; fewer when there are not enough."""
    blocks = min(blocks, len(records))
    ends = [len(records) * number // blocks for number in range(blocks + 1)]
    return [records.slice(first, end - first) for first, end in itertools.pairwise(ends)]


def run(
    blocks: Sequence[pa.Table],
    set_aside: pa.Table,
    settings: CurateSettings,
    policy: Policy,
    root: Path,
    report: Reporter,
) -> tuple[Observed, Preview]:
    """Curate ``blocks`` as if ingest had made them shards; records it set aside go with the first."""
    lake = Lake.open(root)
    shards = []
    written: dict[str, float] = {}
    for number, block in enumerate(blocks):
        shard = f"block-{number:04d}"
        asides = set_aside if number == 0 else empty(SetAside)
        started = time.perf_counter()
        refs = {
            (ingest.name, table.name): lake.write_table(table, shard, "sample", rows)
            for table, rows in ((Records, block), (SetAside, asides))
        }
        written[shard] = time.perf_counter() - started
        shards.append(Progress(settings.source, shard, shard, refs))
    engine = DirectEngine(settings.workers)
    settings = settings.model_copy(update={"allow_empty": True})
    state = Preview(settings, lake, report, shards, engine=engine, artifacts=False)
    with peak_memory() as memory:
        curate_shards(state, policy)
    stored = {shard.shard: sum(ref.bytes for ref in shard.of(Records)) for shard in shards}
    costs = [
        StepCost(ingest.name, written, stored),
        *(StepCost(cost.step, cost.shards, cost.bytes) for cost in engine.costs),
    ]
    rows = {shard.shard: len(block) for shard, block in zip(shards, blocks, strict=True)}
    return Observed(rows, costs, memory.peak, memory.before), state


@dataclass
class Memory:
    """Resident bytes of this process and its children: at the start, and at the peak."""

    before: int
    peak: int


@contextmanager
def peak_memory() -> Iterator[Memory]:
    """Watch the memory of this process and its children while the block runs."""
    process, done = psutil.Process(), threading.Event()
    memory = Memory(_resident(process), 0)

    def watch() -> None:
        while not done.is_set():
            memory.peak = max(memory.peak, _resident(process))
            done.wait(POLL_SECONDS)

    watcher = threading.Thread(target=watch, name="peak-memory", daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        done.set()
        watcher.join()


def _resident(process: psutil.Process) -> int:
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:  # it ended after it was listed
            continue
    return total


def rules(policy: Policy) -> list[tuple[str, str]]:
    """Stage and name of every rule of the policy, so that one that removed nothing from the sample gets a bound too."""
    return [(StageName.DECIDE, name) for branch in policy.branches() for _, name, _ in branch.ranked()]


def fates(state: Preview, sample: Sample) -> pl.DataFrame:
    """``file``, ``stage`` and ``rule`` of every sampled record, both empty where it was kept; the first rule that it
    failed counts, as in the funnel."""
    asides = pl.concat([pl.DataFrame(state.lake.read(ref)) for ref in state.all_of(SetAside)]).filter(kind="record")
    documents = _read(state, Documents, ["doc_id", "record_uri"])
    verdicts = _read(state, Verdicts, ["doc_id", "stage", "kept", "rank", "rule"])
    failed = verdicts.filter(~pl.col("kept")).sort("rank").group_by("doc_id", maintain_order=True).first()
    taken = pl.concat(
        [
            asides.select("record_uri", "stage", rule="reason"),
            documents.join(failed.select("doc_id", "stage", "rule"), on="doc_id").select("record_uri", "stage", "rule"),
        ]
    ).unique("record_uri", maintain_order=True)
    ingested = sample.set_aside.column("record_uri").to_pylist()
    everything = pl.concat(
        [
            pl.DataFrame(sample.records.select(["record_uri"])),
            asides.filter(pl.col("record_uri").is_in(ingested) & (pl.col("stage") == StageName.INGEST)).select(
                "record_uri"
            ),
        ]
    )
    return everything.join(taken, on="record_uri", how="left").select(
        file=pl.col("record_uri").str.replace(r"@[^@]*$", ""),
        stage=pl.col("stage").fill_null(""),
        rule=pl.col("rule").fill_null(""),
    )


def _read(state: Preview, table: Table, columns: list[str]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(state.lake.read(ref, columns)) for ref in state.all_of(table)])
