"""Small files make shards together, and a file that is added or removed changes one group only."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.kinds import parts_of
from gristmill.schemas.tables import Records
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.grouping import Grouping, group_files
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.ingest.sources import InputFile
from tests.helpers.ingested import ingested

RULE = Grouping(small_bytes=1000, group_bytes=20_000, group_files=100)


def files(count: int, size: int = 300) -> list[InputFile]:
    """Files that are only listed, of sizes around ``size``."""
    chance = random.Random(count)
    return [
        InputFile(f"pages/{number:05d}.html", f"{number:032x}", chance.randrange(2 * size), Path("nowhere"))
        for number in range(count)
    ]


def test_groups_hold_every_file_once_within_the_limits() -> None:
    given = files(5000)
    sources = group_files(given, RULE)
    assert sorted(file.name for source in sources for file in source.members) == [file.name for file in given]
    sizes = [sum(file.size or 0 for file in source.members) for source in sources]
    assert max(sizes) <= RULE.group_bytes
    assert max(len(source.members) for source in sources) <= RULE.group_files
    assert len(sources) < 5000 * 300 / (RULE.group_bytes / 4), "groups are filled"


def test_groups_do_not_depend_on_the_order_given() -> None:
    given = files(700)
    shuffled = random.Random(0).sample(given, len(given))
    assert group_files(shuffled, RULE) == group_files(given, RULE)


def test_one_more_file_changes_one_group() -> None:
    given = files(3000)
    before = {source.shard for source in group_files(given, RULE)}
    for number in range(15):
        one = InputFile(f"pages/new-{number}.html", "d", 300, Path("nowhere"))
        after = {source.shard for source in group_files([*given, one], RULE)}
        assert len(before - after) == 1, "the group it fell into"
        assert 1 <= len(after - before) <= 2, "that group with it, or its two halves"


def test_large_files_and_those_of_unknown_size_stay_alone() -> None:
    large = InputFile("a.warc.gz", "1", RULE.small_bytes, Path("nowhere"))
    unknown = InputFile("b.warc.gz", "2", None, Path("nowhere"))
    small = [InputFile(f"c{number}.warc.gz", f"{number}", 10, Path("nowhere")) for number in range(2)]
    sources = group_files([large, unknown, *small], RULE)
    assert sources[:2] == (large, unknown)
    assert [source.name for source in sources] == ["a.warc.gz", "b.warc.gz", "c0.warc.gz and 1 more"]
    assert group_files([*small, large], RULE.model_copy(update={"small_bytes": 0})) == (large, *small)


def test_a_lone_small_file_is_the_shard_that_it_would_be_without_groups() -> None:
    (file,) = files(1)
    assert group_files([file], RULE) == (file,)


def test_a_folder_of_many_kinds_is_one_shard_with_the_fates_of_each_file(shared: Path, tmp_path: Path) -> None:
    """Real archives, sound and damaged: together they give what each gives alone, damage and all."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    warc = shared / "corpora" / "warc"
    for path in (*sorted((warc / "malformed").iterdir())[:25], *sorted((warc / "valid").iterdir())[:10]):
        (folder / path.name).symlink_to(path)
    (folder / "a.txt").write_text("plain words")
    (folder / "b.md").write_text("# Heading")
    (folder / "rows.jsonl").write_text('{"text": "a row"}\n{"text": "a row"}\n')
    (folder / "copy.txt").write_text("plain words")
    found = find_inputs([str(folder)], follow_links=True).files
    (group,) = group_files(found, Grouping())
    alone = [ingested(folder / file.name) for file in found]
    records, aside = ingested(group)
    apart = pa.concat_tables([records for records, _ in alone])
    repeats = aside.filter(pc.equal(aside["reason"], "repeated_record_id"))["record_uri"].to_pylist()
    assert "copy.txt@0+11" in repeats, "one text in two files of a group is one record"
    assert len(set(records["doc_id"].to_pylist())) == len(records)
    assert set(records["doc_id"].to_pylist()) == set(apart["doc_id"].to_pylist())
    uris = sorted(records["record_uri"].to_pylist() + aside["record_uri"].to_pylist())
    alone_uris = [uri for tables in alone for table in tables for uri in table["record_uri"].to_pylist()]
    assert uris == sorted(alone_uris)


def test_a_thousand_pages_are_a_few_shards_and_one_more_page_redoes_one(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for number in range(1000):
        (folder / f"{number:04d}.html").write_text(f"<html><body><p>Page {number} about grain.</p></body></html>")
    rule = Grouping(group_files=300)
    lake = Lake.open(tmp_path / "lake")
    config = IngestConfig(source="pages")

    def read() -> tuple[int, int, int]:
        """Records, shards, and how many were cached."""
        outcomes = [
            ingest.run(lake, source.shard, Inputs(source=source), config)
            for source in group_files(find_inputs([str(folder)]).files, rule)
        ]
        rows = sum(ref.rows for outcome in outcomes for ref in outcome.manifest.outputs if ref.table == Records.name)
        shards = sum(len(parts_of(outcome.manifest)) for outcome in outcomes)
        return rows, shards, sum(outcome.cached for outcome in outcomes)

    rows, shards, done = read()
    assert (rows, done) == (1000, 0)
    assert 4 <= shards <= 8
    (folder / "new.html").write_text("<html><body><p>Another page.</p></body></html>")
    assert read() == (1001, shards, shards - 1)


def test_the_parts_of_a_group_are_bounded_too(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.txt").write_text("word " * 100 if number % 2 else "")
    found = find_inputs([str(tmp_path)]).files
    (group,) = group_files(found, Grouping())
    config = IngestConfig(source="parts", shard_bytes=4000)
    parts = list(ingest.function(group, config, tmp_path / "downloads"))
    assert len(parts) > 3
    assert sum(len(records) + len(aside) for records, aside in parts) == 30
