"""Curation through the command line: one fate for every record, the same bytes every time, nothing done twice."""

import itertools
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gristmill.core.lake import Lake
from gristmill.tasks.ingest.discovery import find_inputs
from tests.golden.test_warc_recount import DIFFERENT, recount
from tests.helpers.cli import Ended, data_files
from tests.helpers.corpus import content, curation, milled, prose, write_file

Run = Callable[..., Ended]
FILES, PAGES = 6, 30
GLOBAL = {"copies", "pairs", "clusters", "gate-documents", "gate-signals", "gate-curated"}
AFTER_GLOBAL = {"dedup-verdicts", "clean", "redact", "materialise"}


@pytest.fixture(scope="module")
def mill(once: Callable[[str, Callable[[Path], None]], Path], run: Run) -> Path:
    """A folder with a crawl in ``crawl`` and its curation in ``lake`` and ``out.json``."""
    return once("milled", lambda folder: milled(folder, run))


def check_one_fate(counts: dict[str, Any]) -> None:
    """Every stage passes on what it does not reject, and the totals are those of the stages."""
    for part in (counts, *counts["sources"].values()):
        stages = part["stages"]
        assert part["records"] == part["kept"] + part["rejected"] + part["set_aside"]
        assert [stage["stage"] for stage in stages] == [
            "ingest",
            "extract",
            "decide",
            "deduplicate",
            "clean",
            "review",
            "curate",
        ]
        assert part["records"] == stages[0]["in"]
        assert part["kept"] == stages[-1]["out"]
        for stage in stages:
            assert stage["in"] == stage["out"] + sum(stage["rejected"].values())
        for before, after in itertools.pairwise(stages):
            assert before["out"] == after["in"]
        rejected = [sum(stage["rejected"].values()) for stage in stages]
        assert part["set_aside"] == rejected[0] + rejected[1]
        assert part["rejected"] == rejected[2] + rejected[3] + rejected[4]
    for name in ("records", "kept", "rejected", "set_aside", "damaged", "not_read"):
        assert counts[name] == sum(part[name] for part in counts["sources"].values())


def steps(err: str) -> dict[str, tuple[int, int]]:
    """From the progress lines: by step, how many shards and how many of them were cached."""
    found = {}
    for line in err.splitlines():
        words = line.split()
        if len(words) > 2 and words[2] in ("inputs", "shards", "runs"):
            found[words[0]] = (int(words[1]), int(words[-2]) if line.endswith("cached") else 0)
    return found


def test_every_record_of_the_crawl_has_one_fate(mill: Path) -> None:
    counts = json.loads((mill / "out.json").read_text(encoding="utf-8"))
    check_one_fate(counts)
    assert counts["records"] == FILES * PAGES
    assert counts["sources"].keys() == {"mill"}
    ingest, _, _, deduplicate, *_ = counts["stages"]
    assert ingest["rejected"] == {"http_error": FILES, "not_text": FILES, "truncated": 1}
    assert counts["damaged"] == 1
    copies = sum(page % 7 == 0 for page in range(2, PAGES))
    assert deduplicate["rejected"] == {"near": copies * (FILES - 1)}


def test_addresses_are_redacted_in_what_is_kept_and_only_there(mill: Path) -> None:
    lake = Lake.open(mill / "lake")
    dataset = lake.dataset("curation", "mill")
    assert dataset is not None
    read, kept = (
        "\n".join(text for ref in dataset.tables[table] for text in lake.read(ref).column("text").to_pylist())
        for table in ("documents", "curated")
    )
    assert all(f"keeper.{number}@mill-museum.org" in read for number in range(FILES))
    assert "@mill-museum.org" not in kept


def test_one_worker_and_any_order_of_inputs_give_the_same_lake_and_nothing_is_done_twice(
    mill: Path, tmp_path: Path, run: Run
) -> None:
    lake = tmp_path / "lake"
    files = sorted((mill / "crawl").iterdir())
    random.Random(1).shuffle(files)
    assert files != sorted(files)
    inputs = [word for path in files for word in ("--input", str(path))]
    words = [*curation(files[0], lake, *inputs, "--workers", "1")]
    first = run(*words)
    assert first.code == 0, first.err
    assert all(done == 0 for _, done in steps(first.err).values())
    expected = data_files(mill / "lake")
    assert data_files(lake) == expected
    assert first.out == (mill / "out.json").read_text(encoding="utf-8")

    second = run(*words)
    assert second.code == 0, second.err
    assert second.out == first.out
    assert (
        steps(second.err).keys() == steps(first.err).keys() >= GLOBAL | AFTER_GLOBAL | {"ingest", "extract", "findings"}
    )
    assert all(done == shards for shards, done in steps(second.err).values())
    assert data_files(lake) == expected


def test_another_input_renames_nothing_and_only_it_is_worked_on(mill: Path, tmp_path: Path, run: Run) -> None:
    lake, crawl = tmp_path / "lake", tmp_path / "crawl"
    shutil.copytree(mill / "lake", lake, ignore=shutil.ignore_patterns("prefect", "warehouse"))
    shutil.copytree(mill / "crawl", crawl)
    write_file(crawl / "part-003.warc.gz", FILES, PAGES)  # by name it comes between the others
    ended = run(*curation(crawl, lake))
    assert ended.code == 0, ended.err
    counts = ended.json()
    check_one_fate(counts)
    assert counts["records"] == (FILES + 1) * PAGES
    for step, (shards, done) in steps(ended.err).items():
        if step not in GLOBAL | AFTER_GLOBAL:
            assert (shards, done) == (FILES + 1, FILES), step
    before, after = data_files(mill / "lake"), data_files(lake)
    assert all(after[name] == data for name, data in before.items() if name.startswith("data/"))
    old, new = (Lake.open(root).dataset("curation", "mill") for root in (mill / "lake", lake))
    assert old is not None
    assert new is not None
    for table in ("documents", "set_aside", "spans", "signals/language", "signals/c4"):
        assert set(old.tables[table]) < set(new.tables[table])


def test_rows_of_jsonl_and_parquet_a_chinese_name_and_a_path_with_a_space(tmp_path: Path, run: Run) -> None:
    texts = ["\n\n".join(prose(random.Random(f"rows {number}"), 6)) for number in range(8)]
    chinese = "磨坊主人每天清晨把谷物倒进石磨，河水推动水轮，面粉从石缝里慢慢流出来。" * 12
    inputs = tmp_path / "in puts"
    inputs.mkdir()
    lines = [json.dumps({"body": text, "url": f"http://rows.example/{n}"}) for n, text in enumerate(texts[:4])]
    lines += [json.dumps({"body": chinese}, ensure_ascii=False), '{"body": ', json.dumps({"text": "elsewhere"})]
    (inputs / "行.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pq.write_table(pa.table({"body": [*texts[4:], None, texts[0]]}), inputs / "rows.parquet")
    lake = tmp_path / "a lake"
    words = (
        "--source",
        "新闻",
        "--policy",
        "demo",
        "--map",
        "text=body",
        "--group-below",
        "0",
        "--lake",
        str(lake),
        "--json",
    )
    ended = run("curate", "--input", str(inputs), *words)
    assert ended.code == 0, ended.err
    counts = ended.json()
    check_one_fate(counts)
    assert counts["sources"].keys() == {"新闻"}
    ingest, _, decide, deduplicate, *_ = counts["stages"]
    assert counts["records"] == 7 + 6
    assert ingest["rejected"] == {"missing_text": 2, "row_not_json": 1}
    assert sum(decide["rejected"].values()) == 1, "the Chinese text, under a policy for English"
    # A row without an id is known by its text, so one text in two files is one record in two shards.
    assert deduplicate["rejected"] == {"same_record": 1}
    assert counts["kept"] == 8
    kept = run("query", "select distinct source from curated", "--lake", str(lake), "--json").json()
    assert kept == [{"source": "新闻"}]
    story = run("why", "http://rows.example/2", "--lake", str(lake), "--json")
    assert story.code == 0, story.err
    assert "新闻" in story.out


def test_every_archive_of_the_corpora_in_one_run(shared: Path, tmp_path: Path, run: Run) -> None:
    """Malformed and sound files of every kind: each record has one fate, recounted file by file with warcio.

    Of the 97 sound files every second is taken; tests/golden/test_warc_recount.py recounts all of them at ingest.
    """
    warc = shared / "corpora" / "warc"
    sound = sorted((warc / "valid").iterdir())[::2]
    folder = tmp_path / "warc"
    for path in (*sound, *(warc / "malformed").iterdir(), *(warc / "wet_wat").iterdir()):
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / path.parent.name / path.name).symlink_to(path)
    lake = tmp_path / "lake"
    words = ("--source", "corpora", "--policy", "fineweb", "--lake", str(lake), "--json")
    ended = run("curate", "--input", str(folder), "--follow-links", *words, timeout=580)
    assert ended.code == 0, ended.err
    counts = ended.json()
    check_one_fate(counts)
    dataset = Lake.open(lake).dataset("curation", "corpora")
    assert dataset is not None
    ours: Counter[str] = Counter()
    for ref in dataset.tables["documents"]:
        ours.update(named(Lake(lake).read(ref, ["record_uri"])))
    for ref in dataset.tables["set_aside"]:
        rows = Lake(lake).read(ref, ["record_uri", "kind"])
        ours.update(named(rows.filter(pc.equal(rows["kind"], "record"))))
    wrong, total = [], 0
    files = find_inputs([str(folder)], follow_links=True).files
    assert len(files) > 100
    for file in files:
        total += ours[file.name]
        theirs = recount(folder / file.name)
        expected = DIFFERENT.get(Path(file.name).name, (theirs, theirs, ""))
        if (theirs, ours[file.name]) != expected[:2]:
            wrong.append(f"{file.name}: warcio counts {theirs}, the lake {ours[file.name]}, expected {expected}")
    assert not wrong, "\n".join(wrong)
    assert total == counts["records"]


def named(rows: pa.Table) -> list[str]:
    """The file that each row came from; small files share a shard, but never a name."""
    return [uri.rpartition("@")[0].partition("!")[0] for uri in rows["record_uri"].to_pylist()]


def test_warcio_reads_the_made_up_crawl_back(mill: Path) -> None:
    """Files share their near-copies but not their bytes, and the last one is cut inside its last record."""
    files = sorted((mill / "crawl").iterdir())
    assert [recount(path) for path in files] == [PAGES] * FILES
    assert content(0, 7, 0)[2] != content(1, 7, 0)[2]
