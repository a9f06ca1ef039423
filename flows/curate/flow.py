"""The curate flow: crawl to curated Parquet, one run of a step for every shard, with gates between.

ingest - extract - [gate documents] - annotate - [gate signals] - decide - deduplicate - clean - review - redact -
materialise - [gate curated] - one-fate check - commit - publish. A shard is a bounded part of the inputs; the global
steps of deduplication see all shards, including those of the earlier curations that the settings name.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prefect import flow

from gristmill.core.config import Config
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.kinds import DOWNLOADS, parts_of
from gristmill.core.steps.step import Step
from gristmill.flows.curate.annotations import annotations
from gristmill.flows.curate.dataset import dataset_of, renewed_dataset
from gristmill.flows.curate.deduplicate import deduplicate, hash_lines
from gristmill.flows.curate.parts import part_of
from gristmill.flows.curate.result import LostInputError, NothingKeptError, is_nothing_new, lost_input, nothing_kept
from gristmill.flows.curate.settings import CurateSettings
from gristmill.flows.curate.state import Curation, Progress
from gristmill.flows.engines.engine import Engine, Work
from gristmill.flows.engines.local import LocalEngine, threads
from gristmill.flows.engines.ray import connected
from gristmill.flows.fields import LakePath
from gristmill.flows.prefect.artifacts import publish_funnel
from gristmill.flows.prefect.publish import published
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Reporter
from gristmill.flows.review.decisions import snapshot
from gristmill.flows.running import LOCAL, run_step
from gristmill.schemas.tables import (
    SIGNALS,
    Curated,
    Documents,
    Records,
    SetAside,
)
from gristmill.tasks.cleaning.clean import CleanConfig, clean
from gristmill.tasks.cleaning.materialise import MaterialiseConfig, materialise
from gristmill.tasks.cleaning.redact import RedactConfig, redact
from gristmill.tasks.cleaning.review import ReviewConfig, review
from gristmill.tasks.dedup.earlier_runs import earlier_shards
from gristmill.tasks.dedup.minhash import bands
from gristmill.tasks.extraction.extract import extract
from gristmill.tasks.filtering.decide import DecideConfig, decide
from gristmill.tasks.filtering.policy import Policy, load_policy
from gristmill.tasks.ingest.barred import reading
from gristmill.tasks.ingest.damage import unread_files
from gristmill.tasks.ingest.discovery import InputList, find_inputs
from gristmill.tasks.ingest.grouping import group_files
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.ingest.unread import SkippedFiles, UnreadConfig, unread
from gristmill.tasks.ledger.record_notes import record_notes
from gristmill.tasks.safety.attacks.triggers import TriggersConfig, triggers

DETAILS = ("stages", "notes", "extraction", "damage", "cuts", "safety", "largest_clusters")


def run_curation(settings: CurateSettings, lake: Lake, report: Reporter, engine: Engine = LOCAL) -> dict[str, Any]:
    """Everything the flow does, inside a flow run. Returns the counts of the committed dataset, or of the part.

    Raises ``UsageError`` for inputs, models, earlier curations or a policy that are not there, ``GateError`` when a
    gate stops the run or nothing was kept, and ``GristmillError`` when the numbers of a stage do not add up,
    deduplication would lose too much, or (last, when all else is committed) nothing could be read of a named input.
    """
    policy = load_policy(settings.policy)
    steps = annotations(settings, policy)  # first of all, because it refuses what is missing
    earlier = take_earlier(settings, lake)
    found = find_inputs(
        settings.inputs, lake.root / DOWNLOADS, follow_links=settings.follow_links, allow_unread=settings.allow_damage
    )
    for line in found.skipped_lines():
        report.say(line)
    sources = part_of(group_files(found.files, settings.grouping), settings.part)
    config = ingest_config(settings)
    work = [Work(source.shard, reading(source, lake), source.name, config) for source in sources]
    state = Curation(settings, lake, report, [], engine=engine, unread=write_unread(found, settings.source, lake))
    done = run_step(ingest, work, lake, report, unit="inputs", engine=engine)
    for entry, manifest in zip(work, done, strict=True):
        for shard, refs in parts_of(manifest).items():
            made = {(ingest.name, ref.table): ref for ref in refs}
            state.shards.append(Progress(settings.source, shard, entry.label, made))
    take_notes(state)
    asides = (*state.all_of(SetAside), *state.unread)
    lost = found.lost(unread_files(lake.path(ref) for ref in asides))
    score(state, policy, steps)
    if settings.part is not None:
        hash_documents(state)
        counts: dict[str, Any] = {"part": settings.part, "inputs": len(work), "shards": len(state.shards)}
    else:
        state.shards += earlier
        try:
            counts = dict(decide_fates(state, policy).counts)
        except NothingKeptError as error:
            if not lost or settings.allow_damage:
                raise
            raise lost_input(lost, error.counts) from error
    if lost and not settings.allow_damage:
        raise lost_input(lost, counts)
    return counts


def curate_shards(state: Curation, policy: Policy) -> Dataset:
    """Everything after ingest, on the shards of ``state``; see :func:`run_curation`."""
    score(state, policy, annotations(state.settings, policy))
    return decide_fates(state, policy)


def score(state: Curation, policy: Policy, steps: list[tuple[Step[Any], Config]]) -> None:
    """From records to verdicts of the policy: the steps that work on each shard alone."""
    state.each(extract, state.settings.extract, state.shards)
    state.gate("documents", Documents)
    for step, config in steps:
        state.each(step, config, state.shards)
    state.gate("signals", *SIGNALS)
    state.each(decide, DecideConfig(policy=policy.of_quality()), state.shards)


def hash_documents(state: Curation) -> None:
    """What deduplication compares shards by: bands of signatures, and hashes of lines where they are asked for."""
    config = state.settings.dedup.config()
    state.each(bands, config.minhash, state.shards)
    hash_lines(state, config)


def decide_fates(state: Curation, policy: Policy) -> Dataset:
    """From verdicts of the policy to the committed dataset, and the datasets of the earlier curations that change."""
    hash_documents(state)
    deduplicate(state, policy)
    policies = {state.settings.source: policy} | {
        source: Policy.parse(state.lake.expect("curation", source).config["policy"], f"policy of {source}")
        for source in state.settings.dedup.against
    }
    state.each(
        clean,
        lambda entry: CleanConfig(policy=policies[entry.source].of_quality()),
        state.open,
    )
    if state.settings.triggers:
        source = state.settings.source
        state.per_shard(triggers, [Work(source, Inputs(refs=state.all_of(Documents)), source, TriggersConfig())])
    give_decisions(state, policies)
    state.each(review, lambda entry: ReviewConfig(safety=policies[entry.source].safety), state.open)
    state.each(redact, RedactConfig(), state.open)
    state.each(
        materialise,
        lambda entry: MaterialiseConfig(quality=policies[entry.source].quality),
        state.open,
    )
    state.gate("curated", Curated)
    dataset = dataset_of(state, policy)
    if not dataset.counts["kept"] and not state.settings.allow_empty:
        if not is_nothing_new(dataset.counts, state.settings.dedup.against):
            raise nothing_kept(state.settings.source, dataset.counts)
        state.report.say(f"nothing new: earlier curations have everything that {state.settings.source} would keep.")
    changed = [] if state.settings.dedup.keep_earlier else state.settings.dedup.against
    renewed = [renewed_dataset(state, source) for source in changed]
    if state.artifacts:
        publish_funnel(state.settings.source, dataset.counts)
    for found in (*renewed, dataset):
        state.lake.commit(found)
    return dataset


def give_decisions(state: Curation, policies: Mapping[str, Policy]) -> None:
    """Give every open shard the decisions of people that count under the policy of its source, where there are any."""
    readers = {policies[entry.source].safety.readers for entry in state.open}
    taken = {number: snapshot(state.lake, number) for number in sorted(readers)}
    for entry in state.open:
        ref = taken[policies[entry.source].safety.readers]
        if ref is not None:
            entry.refs["reviews", ref.table] = ref


def take_earlier(settings: CurateSettings, lake: Lake) -> list[Progress]:
    """The shards of the curations to deduplicate against. Raises ``UsageError`` for one that the lake does not have."""
    against = [source for source in settings.dedup.against if source != settings.source]
    return [
        Progress(
            entry.source,
            entry.shard,
            f"{entry.source} {entry.shard}",
            {("earlier", ref.table): ref for ref in entry.refs},
            entry.result if settings.dedup.keep_earlier else None,
        )
        for entry in earlier_shards(lake, against)
    ]


def ingest_config(settings: CurateSettings) -> IngestConfig:
    """How ingest reads the inputs."""
    return IngestConfig(
        source=settings.source, map=settings.map, unquoted=settings.unquoted, shard_bytes=settings.shard_bytes
    )


def write_unread(found: InputList, source: str, lake: Lake) -> tuple[Ref, ...]:
    """The rows of ``set_aside`` for files that were found and not read; empty when there are none."""
    if not found.skipped:
        return ()
    files = SkippedFiles(found.skipped)
    return unread.run(lake, files.shard, Inputs(source=files), UnreadConfig(source=source)).manifest.outputs


def take_notes(state: Curation) -> None:
    """Look for colliding ids and dates of unknown form, and report them."""
    with state.lake.temporary() as scratch:
        state.notes = record_notes([state.lake.path(ref) for ref in state.all_of(Records, shards=state.own)], scratch)
    for line in state.notes.lines():
        state.report.say(line)


@flow(name="curate", task_runner=threads())
def curate(lake: LakePath, settings: CurateSettings) -> dict[str, Any]:
    """Turn a crawl into curated Parquet, with a verdict for every record.

    Args:
        lake: Folder of the lake.
        settings: What to read, what to call it, and how to decide.
    """
    home = Lake.open(Path(lake))
    with ExitStack() as stack:
        stack.enter_context(published(home))
        report = stack.enter_context(Reporter())
        record = stack.enter_context(record_run(home, "curate", settings.source))
        ray = settings.engine == "ray"
        local = LocalEngine(settings.workers)
        engine = stack.enter_context(connected(settings.ray_address, settings.workers)) if ray else local
        try:
            counts = run_curation(settings, home, report, engine)
        except (LostInputError, NothingKeptError) as error:
            record.counts.update(headline(error.counts))
            raise
        record.counts.update(headline(counts))
    return counts


def headline(counts: dict[str, Any]) -> dict[str, Any]:
    """The counts that go into the record of a run."""
    return {name: value for name, value in counts.items() if name not in DETAILS}
