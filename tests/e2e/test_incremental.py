"""A new crawl against a lake of earlier ones: what a single run over everything would give, paid for what is new.

The steps run on a lake as the flow runs them, without Prefect.
"""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.config import Config
from gristmill.core.digests import digest_text
from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.step import Step, StepResult
from gristmill.core.table import Table
from gristmill.schemas.tables import SIGNALS, Bands, Clusters, Copies, Documents, Pairs, Verdicts
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.earlier_runs import EarlierShard, earlier_shards, frozen_name, known
from gristmill.tasks.dedup.exact_duplicates import copies
from gristmill.tasks.dedup.minhash import bands
from gristmill.tasks.dedup.near.clusters import clusters
from gristmill.tasks.dedup.near.pairs import pairs
from gristmill.tasks.dedup.verdicts import dedup_verdicts
from tests.helpers.ledger_rows import all_kept, documents_of, signals_of
from tests.helpers.scattered import scattered

QUALITY = "gopher_quality.alpha_word_ratio"
CONFIG = DedupConfig(url=True)
WORDS = [f"word{number}" for number in range(3000)]


def prose(seed: int, words: int = 200) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


@dataclass
class Curation:
    """Some shards on their way through deduplication, and how often each step was cached."""

    lake: Lake
    refs: dict[str, list[Ref]] = field(default_factory=dict)
    ran: dict[str, list[bool]] = field(default_factory=dict)
    standing: dict[str, Ref] = field(default_factory=dict)

    def add(self, source: str, shard: str, texts: dict[str, str], quality: dict[str, float]) -> None:
        """What the steps before deduplication write of a shard."""
        documents = documents_of({f"{source}/{name}": text for name, text in texts.items()}, source, shard)
        by_id = {digest_text(f"{source}/{name}"): quality.get(name, 0.5) for name in texts}
        scores = [by_id[doc_id] for doc_id in documents.column("doc_id").to_pylist()]
        tables = [(Documents, documents), (Verdicts, all_kept(documents))]
        signals = signals_of(documents, {QUALITY: scores})
        tables += [(table, signals[table.name]) for table in SIGNALS]
        for table, rows in tables:
            key = digest_text(f"{source} {shard} {table.name}")[:16]
            ref = self.lake.write_table(table, shard, key, rows)
            step = "decide" if table is Verdicts else "made-by-the-test"
            self.lake.write_manifest(
                Manifest(step=step, version=1, shard=shard, key=key, config={}, inputs=(), rows_in={}, outputs=(ref,))
            )
            self.refs.setdefault(table.name, []).append(ref)

    def take(self, shards: Sequence[EarlierShard], *, keep: bool = False) -> None:
        """Go on with shards of an earlier curation; ``keep``: what it kept must stay."""
        for shard in shards:
            for ref in shard.refs:
                self.refs.setdefault(ref.table, []).append(ref)
            if keep:
                self.standing[shard.frozen] = shard.result

    def of(self, *tables: Table) -> tuple[Ref, ...]:
        """All files of ``tables``."""
        return tuple(ref for table in tables for ref in self.refs.get(table.name, ()))

    def run(self, step: Step[Any], shard: str, refs: tuple[Ref, ...], config: Config) -> StepResult:
        """Run a step and count."""
        result = step.run(self.lake, shard, Inputs(refs=refs), config)
        self.ran.setdefault(step.name, []).append(not result.cached)
        return result

    def deduplicate(self) -> dict[tuple[str, str], pa.Table]:
        """From bands to verdicts. The tables that came out, by name and shard."""
        documents, frozen = self.of(Documents), tuple(self.standing)
        judged = tuple(
            self.standing.get(frozen_name(first), ref) for first, ref in zip(documents, self.of(Verdicts), strict=True)
        )
        found: dict[tuple[str, str], pa.Table] = {}
        for at, first in enumerate(documents):
            result = self.run(bands, first.shard, (first, self.refs[Verdicts.name][at]), CONFIG.minhash)
            self.refs.setdefault(Bands.name, []).append(result.manifest.output(Bands))
        steps: list[tuple[Step[Any], Table, tuple[Table, ...], Config]] = [
            (copies, Copies, (Documents,), CONFIG.copies(frozen)),
            (pairs, Pairs, (Documents, Copies, Bands), CONFIG.pairs(frozen)),
            (clusters, Clusters, (Documents, Copies, Pairs, *SIGNALS), CONFIG.clusters(QUALITY, frozen)),
        ]
        for step, table, reads, config in steps:
            earlier = () if step is clusters else known(self.lake, step, documents, config)
            result = self.run(step, "all", self.of(*reads) + judged + earlier, config)
            for first in documents:
                (ref,) = scattered(result.manifest, first)
                self.refs.setdefault(table.name, []).append(ref)
                found[table.name, first.shard] = self.lake.read(ref)
        for at, first in enumerate(documents):
            if frozen_name(first) in frozen:
                continue
            refs = (first, self.refs[Verdicts.name][at], self.refs[Clusters.name][at])
            ref = self.run(dedup_verdicts, first.shard, refs, CONFIG.verdicts()).manifest.output(Verdicts)
            self.refs[Verdicts.name].append(ref)
            found["fates", first.shard] = self.lake.read(ref)
        return found

    def commit(self, source: str) -> None:
        """Make it the current curation of ``source``."""
        tables = {name: tuple(refs) for name, refs in self.refs.items()}
        self.lake.commit(Dataset(kind="curation", name=source, config={}, counts={}, tables=tables))


BASES = [prose(seed) for seed in range(6)]
NEWS = {  # three shards; the second is not touched by what comes later
    "n0": {"a": BASES[0], "b": BASES[0] + " with a tail", "c": BASES[1], "d": "a copy"},
    "n1": {"e": BASES[2], "f": BASES[2] + " another tail", "g": "a copy of this shard", "h": "a copy of this shard"},
    "n2": {"i": BASES[3], "j": BASES[1] + " end", "k": prose(90)},
}
BLOGS = {"b0": {"a": BASES[0] + " with a longer tail than that", "l": BASES[3], "m": prose(91), "d": "a copy"}}


def news(curation: Curation) -> None:
    for shard, texts in NEWS.items():
        curation.add("news", shard, texts, {"a": 0.6, "b": 0.7})


def blogs(curation: Curation) -> None:
    for shard, texts in BLOGS.items():
        curation.add("blogs", shard, texts, {"a": 0.9})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake with a curation of news; tests copy it."""
    lake = Lake.open(tmp_path_factory.mktemp("news") / "lake")
    first = Curation(lake)
    news(first)
    first.deduplicate()
    first.commit("news")
    return lake.root


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Lake:
    """A lake with a curation of news."""
    return Lake.open(shutil.copytree(made, tmp_path / "lake"))


def fate(verdicts: pa.Table, name: str) -> tuple[bool, str | None]:
    """Whether a document stays, and the rule that removed it."""
    (row,) = [row for row in verdicts.to_pylist() if row["doc_id"] == digest_text(name)]
    return row["kept"], row["rule"]


def destroy_texts(lake: Lake, shard: str) -> None:
    """Overwrite the column of texts in a shard's file of documents: who reads it fails or finds something else."""
    (path,) = (lake.root / "data" / "tables" / "documents" / shard).glob("*.parquet")
    metadata = pq.ParquetFile(path).metadata
    column = metadata.row_group(0).column(metadata.schema.names.index("text"))
    first = min(place for place in (column.dictionary_page_offset, column.data_page_offset) if place)
    with path.open("r+b") as file:
        file.seek(first)
        file.write(b"\xff" * column.total_compressed_size)


def test_a_new_source_against_an_earlier_one_is_a_single_run_over_both(lake: Lake, tmp_path: Path) -> None:
    destroy_texts(lake, "n1")
    before = earlier_shards(lake, ["news"])
    second = Curation(lake)
    second.take(before)
    blogs(second)
    found = second.deduplicate()

    single = Curation(Lake.open(tmp_path / "single"))
    news(single)
    blogs(single)
    expected = single.deduplicate()
    assert found == expected
    assert fate(lake.read(before[0].result), "news/b") == (True, None)
    assert fate(found["fates", "n0"], "news/b") == (False, "near")  # a better one has come
    assert second.ran["bands"] == [False, False, False, True]
    assert second.ran["dedup-verdicts"] == [True, False, True, True]  # the second shard is as it was
    assert single.ran["dedup-verdicts"] == [True] * 4


def test_the_same_again_is_found_done(lake: Lake) -> None:
    for expected in (True, False):
        again = Curation(lake)
        again.take(earlier_shards(lake, ["news"]))
        blogs(again)
        again.deduplicate()
        assert any(any(runs) for runs in again.ran.values()) == expected


def test_what_was_kept_stays_when_it_must(lake: Lake) -> None:
    before = earlier_shards(lake, ["news"])
    second = Curation(lake)
    second.take(before, keep=True)
    blogs(second)
    found = second.deduplicate()
    assert [name for name in found if name[0] == "fates"] == [("fates", "b0")]
    kept = {row["doc_id"] for row in found["fates", "b0"].to_pylist() if row["kept"]}
    assert kept == {digest_text("blogs/m")}
    explained = {row["doc_id"]: row["value_text"] for row in found["fates", "b0"].to_pylist()}
    assert explained[digest_text("blogs/a")] == f"duplicate of {digest_text('news/b')}"


def test_two_sources_that_hold_the_same_file_keep_their_files_apart(lake: Lake) -> None:
    second = Curation(lake)
    second.take(earlier_shards(lake, ["news"]))
    for shard, texts in NEWS.items():
        second.add("mirror", shard, texts, {})
    documents = second.of(Documents)
    assert len({ref.shard for ref in documents}) == len(documents) / 2
    second.deduplicate()
    rows = [row for ref in second.refs[Clusters.name] for row in lake.read(ref).to_pylist()]
    assert len({row["doc_id"] for row in rows}) == len(rows) > 12
    for first, ref in zip(documents, second.refs[Clusters.name], strict=True):
        ids = set(lake.read(first).column("doc_id").to_pylist())
        assert ids.issuperset(lake.read(ref).column("doc_id").to_pylist())


def test_a_source_that_the_lake_does_not_have_is_an_error_with_a_hint(lake: Lake) -> None:
    with pytest.raises(UsageError, match='did you mean "news"'):
        earlier_shards(lake, ["new"])


def test_what_other_documents_said_is_not_used(lake: Lake, tmp_path: Path) -> None:
    """A shard was extracted anew: its texts may differ, so no earlier similarity of that run counts."""
    documents = tuple(shard.documents for shard in earlier_shards(lake, ["news"]))
    other = documents[0].model_copy(update={"digest": "0" * 32})
    more = documents[0].model_copy(update={"digest": "1" * 32, "shard": "new"})
    assert len(known(lake, pairs, (*documents, more), CONFIG.pairs())) == 3
    assert known(lake, pairs, documents, CONFIG.pairs()) == ()
    assert known(lake, pairs, (other, *documents[1:], more), CONFIG.pairs()) == ()
    longer = CONFIG.pairs().model_copy(update={"shingles": CONFIG.minhash.shingles.model_copy(update={"n": 7})})
    assert known(lake, pairs, (*documents, more), longer) == ()
    shutil.rmtree(lake.root / "data" / "tables" / "pairs")
    assert known(lake, pairs, (*documents, more), CONFIG.pairs()) == ()
