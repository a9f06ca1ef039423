"""The contamination flow: suites against a corpus, or against what a checkpoint of this lake was trained on.

index of the items - one pass over the shards - a label for every item. The pass is a step, so shards that were looked
through with the same items are cached. For a checkpoint the corpus is exactly the curated files that its mix read, and
evidence counts only from documents with a token in a row of its plan: it has not seen text held out, or due after the
checkpoint. Scores without the seen items are computed on request (``gristmill.warehouse.queries.contamination``).
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from prefect import flow

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.places import FILE_NAME_BYTES, check_name
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.kinds import DOWNLOADS, parts_of
from gristmill.evals.contamination.labels import ANSWER, CLEAN, INPUT, SHORT, label_items
from gristmill.evals.contamination.texts import eval_items
from gristmill.evals.suites.suite import Suite
from gristmill.flows.checks import load_suites, not_a_corpus
from gristmill.flows.describe import damage_lines
from gristmill.flows.engines.engine import Work
from gristmill.flows.engines.local import LocalEngine, threads
from gristmill.flows.evaluate.settings import ContaminationSettings
from gristmill.flows.fields import LakePath
from gristmill.flows.prefect.publish import published
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Reporter
from gristmill.flows.running import run_step
from gristmill.schemas.tables import Contamination, Curated, Documents, EvalItems, ItemLabels, Records, SetAside
from gristmill.tasks.contamination.index import MatchConfig
from gristmill.tasks.contamination.steps import IndexConfig, contamination, contamination_curated, load_index
from gristmill.tasks.extraction.config import ExtractConfig
from gristmill.tasks.extraction.extract import extract
from gristmill.tasks.ingest.barred import reading
from gristmill.tasks.ingest.damage import damage, unread_files
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.grouping import Grouping, group_files
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.lineage.sightings import seen_among
from gristmill.tasks.lineage.trained import TrainedCheckpoint, curated_of, find_trained, trained_in

LABELS = (CLEAN, INPUT, ANSWER, SHORT)


@dataclass(frozen=True)
class Corpus:
    """What is searched: files of ``documents`` and of ``curated``, and the checkpoint that saw some of them."""

    name: str
    documents: tuple[Ref, ...] = ()
    curated: tuple[Ref, ...] = ()
    trained: TrainedCheckpoint | None = None


def run_contamination(settings: ContaminationSettings, lake: Lake, report: Reporter) -> list[dict[str, Any]]:
    """Everything the flow does, inside a flow run. One entry for each suite: counts by label, and item labels.

    Raises ``UsageError`` for a suite, corpus or checkpoint that is not there. One dataset ``contamination`` is
    committed for each suite and corpus.
    """
    suites = load_suites(settings, lake)
    digest = checkpoint_digest(settings.checkpoint, lake) if settings.checkpoint else ""
    config = index_of(suites, settings.threshold, lake)
    engine = LocalEngine(settings.workers)
    corpus = find_corpus(settings, digest, lake, report)
    if not any(ref.rows for ref in (*corpus.documents, *corpus.curated)):
        raise GristmillError(f"the corpus {corpus.name} has no documents, so no item can be called clean.")
    evidence: list[Ref] = []
    for step, refs in ((contamination, corpus.documents), (contamination_curated, corpus.curated)):
        work = [Work(ref.shard, Inputs(refs=(ref,)), ref.shard, config) for ref in refs]
        done = run_step(step, work, lake, report, what="look for items", engine=engine) if work else []
        evidence += [manifest.output(Contamination) for manifest in done]
    seen = seen_among(corpus.trained, _documents(evidence, lake), lake) if corpus.trained else None
    items = lake.read(_items_ref(config))
    index = load_index(config)
    found = {(row.suite, row.item) for rows in index.rows for row in rows}
    short = {(row.suite, row.item) for row in index.short} - found
    labels, places = label_items(items, _tables(evidence, seen, lake), corpus.name, short)
    return [_commit(suite, corpus, labels, places, config, lake) | {"checkpoint": digest} for suite in suites]


def index_of(suites: Sequence[Suite], threshold: float, lake: Lake) -> IndexConfig:
    """Write the items of ``suites`` into the lake. Raises :class:`UsageError` for one suite in two forms."""
    names = [suite.name for suite in suites]
    if len(set(names)) < len(names):
        raise UsageError(f"two suites are called {max(names, key=names.count)!r}; name each once.")
    items = pa.concat_tables([eval_items(suite) for suite in suites])
    key = "-".join(sorted(suite.digest[:8] for suite in suites))[:80]
    ref = lake.write_table(EvalItems, "suites", key, items)
    return IndexConfig(digest=ref.digest, match=MatchConfig(threshold=threshold), path=lake.path(ref))


def _items_ref(config: IndexConfig) -> Ref:
    path = config.path
    return Ref(table=EvalItems.name, shard=path.parent.name, key=path.stem, rows=0, bytes=0, digest=config.digest)


def find_corpus(settings: ContaminationSettings, digest: str, lake: Lake, report: Reporter) -> Corpus:
    """The files to look through. Raises :class:`UsageError` for a corpus or a lineage that is not there."""
    if not settings.corpus:
        trained = find_trained(digest, lake)
        return Corpus(trained.label, curated=curated_of(trained, lake), trained=trained)
    known = lake.names("curation")
    sources = [entry for entry in settings.corpus if entry in known]
    paths = tuple(entry for entry in settings.corpus if entry not in known)
    curated = tuple(ref for source in sources for ref in lake.expect("curation", source).tables[Curated.name])
    name = check_name(settings.name or "+".join([*sources, *(_name_of(path) for path in paths[:1])]), "name")
    return Corpus(name, read_documents(paths, name, settings, lake, report) if paths else (), curated)


def read_documents(
    paths: Sequence[str], source: str, settings: ContaminationSettings, lake: Lake, report: Reporter
) -> tuple[Ref, ...]:
    """Files from outside the lake as ``documents``, read as a curation reads them. What could not be read is reported.

    Raises :class:`GristmillError` when nothing could be read of a named input, for its items would be called clean.
    """
    try:
        found = find_inputs(
            paths, lake.root / DOWNLOADS, follow_links=settings.follow_links, allow_unread=settings.allow_damage
        )
    except UsageError as error:
        raise not_a_corpus(error, lake) from error
    engine = LocalEngine(settings.workers)
    config = IngestConfig(source=source, map=settings.map, unquoted=settings.unquoted)
    sources = group_files(found.files, Grouping())
    inputs = [Work(entry.shard, reading(entry, lake), entry.name, config) for entry in sources]
    read = run_step(ingest, inputs, lake, report, unit="inputs", engine=engine)
    records = [ref for manifest in read for refs in parts_of(manifest).values() for ref in refs]
    rows = [ref for ref in records if ref.table == Records.name]
    work = [Work(ref.shard, Inputs(refs=(ref,)), ref.shard, ExtractConfig()) for ref in rows]
    made = run_step(extract, work, lake, report, engine=engine)
    extracted = [ref for manifest in made for ref in manifest.outputs]
    asides = [lake.path(ref) for ref in (*records, *extracted) if ref.table == SetAside.name]
    for line in (*found.skipped_lines(), *damage_lines(damage(asides))):
        report.say(line)
    lost = found.lost(unread_files(asides))
    if lost and not settings.allow_damage:
        raise GristmillError(
            f"nothing could be read of {', '.join(lost)}, so it cannot be called clean. Repair it or leave it out, or "
            "give --allow-damage to search the rest."
        )
    return tuple(ref for manifest in made for ref in manifest.outputs if ref.table == Documents.name)


def checkpoint_digest(words: str, lake: Lake) -> str:
    """The digest of a checkpoint by its label or the start of its digest. Raises :class:`UsageError`."""
    evaluated = {dataset.name: str(dataset.config["label"]) for dataset in lake.datasets("evaluation")}
    known = evaluated | {
        entry.digest: entry.label for name in lake.names("training") for entry in trained_in(name, lake)
    }
    found = [
        digest for digest, label in known.items() if words == label or (len(words) > 5 and digest.startswith(words))
    ]
    if len(found) != 1:
        have = ", ".join(sorted(known.values())) or "none"
        raise UsageError(f"{len(found)} checkpoints of this lake are called {words!r}. It has: {have}.")
    return found[0]


def _name_of(path: str) -> str:
    return re.sub(r"[^\w.@=+-]+", "-", Path(path).name).strip("-.") or "files"


def _documents(evidence: Sequence[Ref], lake: Lake) -> set[str]:
    """The documents in which anything was found."""
    return {doc_id for ref in evidence for doc_id in lake.read(ref, ["doc_id"]).column("doc_id").to_pylist()}


def _tables(evidence: Sequence[Ref], seen: AbstractSet[str] | None, lake: Lake) -> Iterator[pa.Table]:
    for ref in evidence:
        rows = lake.read(ref)
        if seen is not None:
            rows = rows.filter(pc.is_in(rows.column("doc_id"), value_set=pa.array(sorted(seen), pa.string())))
        yield rows


def _commit(
    suite: Suite, corpus: Corpus, labels: pa.Table, places: pa.Table, config: IndexConfig, lake: Lake
) -> dict[str, Any]:
    """Make the labels of one suite current."""
    mine = labels.filter(pc.equal(labels.column("suite"), suite.name))
    shown = places.filter(pc.equal(places.column("suite"), suite.name))
    named = mine.column("label").to_pylist()
    counts = {label: named.count(label) for label in LABELS} | {"passage": pc.sum(mine.column("passage")).as_py() or 0}
    full = f"{corpus.trained.digest if corpus.trained else corpus.name}@{suite.name}"
    name = check_name(full, "name", FILE_NAME_BYTES)
    key = f"{suite.digest[:8]}-{config.digest[:8]}"
    dataset = Dataset(
        kind="contamination",
        name=name,
        config={"suite_digest": suite.digest, "corpus": corpus.name, "match": config.match.model_dump(mode="json")},
        counts=counts,
        tables={
            Contamination.name: (lake.write_table(Contamination, name, key, shown),),
            ItemLabels.name: (lake.write_table(ItemLabels, name, key, mine),),
        },
    )
    lake.commit(dataset)
    return {
        "suite": suite.name,
        "corpus": corpus.name,
        "items": mine.num_rows,
        **counts,
        "labels": mine.drop_columns(["suite", "corpus"]).to_pylist(),
    }


@flow(name="contamination", task_runner=threads())
def contamination_flow(lake: LakePath, settings: ContaminationSettings, index_file: str = "") -> list[dict[str, Any]]:
    """Look for the items of suites in a corpus or in what a checkpoint was trained on, and label every item.

    Args:
        lake: Folder of the lake.
        settings: Suites, and where to look.
        index_file: Where to put a copy of the index of items, for curations that are to drop such text.
    """
    home = Lake.open(Path(lake))
    name = settings.name or settings.checkpoint or "+".join(settings.corpus)
    with published(home), Reporter() as report, record_run(home, "contamination", name) as record:
        found = run_contamination(settings, home, report)
        record.counts.update({entry["suite"]: {label: entry[label] for label in LABELS} for entry in found})
        if index_file:
            shutil.copyfile(index_of(load_suites(settings, home), settings.threshold, home).path, index_file)
    return found
