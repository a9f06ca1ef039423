"""The join of the bands in several runs gives the pairs of one run; budgets; hash collisions; the largest clusters."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.config import parse_bytes
from gristmill.core.digests import digest_text
from gristmill.core.memory import LEAST
from gristmill.core.table import conform
from gristmill.schemas.tables import Bands, Candidates, Copies, Documents, Pairs, Verdicts
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.near.pairs import pairs
from gristmill.tasks.dedup.near.propose import candidates
from gristmill.tasks.dedup.records import file_name
from gristmill.tasks.dedup.report import largest_clusters
from tests.helpers.dedup_run import Result, Shard, deduplicate
from tests.helpers.ledger_rows import all_kept, documents_of

WORDS = [f"word{number}" for number in range(2000)]


def family(seed: int, members: int) -> list[str]:
    """Texts that differ in their last words, and more the later they come."""
    base = random.Random(seed).choices(WORDS, k=150)
    return [" ".join(base[: 150 - 4 * member] + [f"own{seed}{member}"] * member) for member in range(members)]


def corpus(shards: int = 3) -> list[Shard]:
    texts = {f"{seed}-{place}": text for seed in range(6) for place, text in enumerate(family(seed, 5))}
    found = []
    for place in range(shards):
        part = documents_of({name: texts[name] for name in list(texts)[place::shards]}, file=f"file{place}")
        found.append(Shard(part, all_kept(part), [0.5] * part.num_rows))
    return found


def found_in_runs(result: Result, folder: Path, config: DedupConfig, parts: int) -> list[pa.Table]:
    """The pairs of each shard from ``parts`` runs of candidates and one run of pairs a shard."""
    documents = result.files[Documents.name]
    of_shards = (documents, result.files[Verdicts.name], result.files[Copies.name], [])
    handed = []
    for part in range(parts):
        scratch = folder / f"scratch{part}"
        scratch.mkdir(parents=True)
        settings = config.candidates(part, parts)
        tables = candidates.function(*of_shards, result.files[Bands.name], settings, scratch)
        for path, table in zip(documents, tables, strict=True):
            handed.append(folder / f"run{part}" / path.parent.name / "key.parquet")
            handed[-1].parent.mkdir(parents=True)
            pq.write_table(conform(Candidates, table), handed[-1])
    found = []
    for place, path in enumerate(documents):
        scratch = folder / f"scratch-pairs{place}"
        scratch.mkdir()
        settings = config.pairs(only=(file_name(path),))
        tables = list(pairs.function(*of_shards, [], handed, [], settings, scratch))
        assert [number for number, table in enumerate(tables) if table is not None] == [place]
        found.append(conform(Pairs, tables[place]))
    return found


@pytest.mark.parametrize(("parts", "max_bucket"), [(1, 200), (5, 200), (3, 2)])
def test_many_runs_over_parts_of_the_bands_give_the_pairs_of_one(tmp_path: Path, parts: int, max_bucket: int) -> None:
    config = DedupConfig(max_bucket=max_bucket)
    result = deduplicate(corpus(), tmp_path / "single", config)
    assert result.pairs.num_rows > 20
    assert found_in_runs(result, tmp_path / "runs", config, parts) == result.tables[Pairs.name]


def test_the_budget_changes_no_byte_and_no_cache_key(tmp_path: Path) -> None:
    tight, wide = DedupConfig.parse({"memory": LEAST}, "test"), DedupConfig.parse({"memory": "8GiB"}, "test")
    one, other = (deduplicate(corpus(), tmp_path / str(config.memory), config) for config in (tight, wide))
    assert one.tables == other.tables
    assert tight.pairs().model_dump(mode="json") == wide.pairs().model_dump(mode="json")
    assert tight.pairs() != wide.pairs()


@pytest.mark.parametrize(
    ("written", "size"),
    [("2GiB", 2 << 30), ("2G", 2 << 30), ("512 MiB", 512 << 20), ("1.5gb", 3 << 29), (1 << 30, 1 << 30)],
)
def test_sizes_are_read_as_people_write_them(written: str | int, size: int) -> None:
    assert parse_bytes(written) == size
    assert DedupConfig.model_validate({"memory": written}).memory == size


@pytest.mark.parametrize("written", ["much", "2 GiB of it", "-1G", "100MB", 5, True, None])
def test_what_is_no_size_or_too_small_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"is not a size|greater than or equal"):
        DedupConfig.model_validate({"memory": written})


def test_texts_that_only_share_their_hash_are_no_copies(tmp_path: Path) -> None:
    """text_hash is not collision-resistant: who builds a page that collides with another one must not delete it."""
    texts = {"victim": "What somebody wrote.", "attack": "What nobody asks for", "copy": "What somebody wrote."}
    documents = documents_of(texts)
    same = pa.array([digest_text("What somebody wrote.")] * 3)
    documents = documents.set_column(
        documents.schema.get_field_index("text_hash"), Documents.schema.field("text_hash"), same
    )
    assert {len(text) for text in texts.values()} == {20}
    result = deduplicate([Shard(documents, all_kept(documents), [0.5] * 3)], tmp_path)
    first = min(map(digest_text, ("victim", "copy")))
    assert result.kept() == {digest_text("attack"), first}


def test_the_largest_clusters_are_told_whether_or_not_the_run_stops(tmp_path: Path) -> None:
    result = deduplicate(corpus(), tmp_path)
    found = largest_clusters(result.files["clusters"], result.files[Documents.name], 3)
    assert len(found) == 3
    assert found[0].members == max(len(result.cluster(name)) for name in (f"{seed}-0" for seed in range(6)))
    assert [cluster.members for cluster in found] == sorted((cluster.members for cluster in found), reverse=True)
    assert found[0].sources == {"corpus": found[0].members}
    assert all(page.startswith("https://example.org/") for page in found[0].pages)
    assert 0.75 <= found[0].lowest <= 1
