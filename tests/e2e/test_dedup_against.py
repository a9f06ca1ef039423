"""A second source against the first through the command line: fates of both change, and both still add up."""

import json
import random
from collections.abc import Callable
from pathlib import Path

from gristmill.core.lake import Lake
from tests.helpers.cli import Ended
from tests.helpers.corpus import prose

Run = Callable[..., Ended]


def write(path: Path, texts: dict[str, str]) -> Path:
    rows = [{"id": name, "text": text, "url": f"http://pages.example/{name}"} for name, text in texts.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def kept(lake: Path, source: str) -> set[str]:
    """Last parts of the URLs that are curated now."""
    home = Lake.open(lake)
    rows = [row for ref in home.expect("curation", source).tables["curated"] for row in home.read(ref).to_pylist()]
    return {row["url"].rpartition("/")[2] for row in rows}


def test_a_second_source_is_deduplicated_against_the_first(tmp_path: Path, run: Run) -> None:
    pages = ["\n\n".join(prose(random.Random(f"page {number}"), 6)) for number in range(5)]
    first = write(tmp_path / "first.jsonl", {f"a{number}": page for number, page in enumerate(pages[:4])})
    longer = pages[0] + "\n\nOne more sentence makes this copy the longer one of the two, so it stays."
    second = write(tmp_path / "second.jsonl", {"b0": longer, "b1": pages[1], "b4": pages[4]})
    lake = tmp_path / "lake"
    words = ("--policy", "demo", "--lake", str(lake), "--json")
    assert run("curate", "--input", str(first), "--source", "first", *words).code == 0
    assert kept(lake, "first") == {"a0", "a1", "a2", "a3"}

    frozen = run(
        "curate", "--input", str(second), "--source", "second", "--dedup-against", "first", "--keep-earlier", *words
    )
    assert frozen.code == 0, frozen.err
    assert kept(lake, "first") == {"a0", "a1", "a2", "a3"}
    assert kept(lake, "second") == {"b4"}

    ended = run("curate", "--input", str(second), "--source", "second", "--dedup-against", "first", *words)
    assert ended.code == 0, ended.err
    both = kept(lake, "first") | kept(lake, "second")
    assert {"a2", "a3", "b4"} < both
    assert len(both) == 5, "of each pair of copies one stays, whichever source it came from"
    assert ended.json()["largest_clusters"]
    rows = run("query", "select bool_and(adds_up) as ok from funnel where rule is null", "--lake", str(lake), "--json")
    assert rows.json() == [{"ok": True}]

    unknown = run("curate", "--input", str(second), "--source", "third", "--dedup-against", "frist", *words)
    assert unknown.code == 2
    assert "did you mean" in unknown.err


def test_parts_on_several_machines_are_found_done_by_the_whole(tmp_path: Path, run: Run) -> None:
    crawl = tmp_path / "crawl"
    crawl.mkdir()
    for number in range(4):
        texts = {f"p{number}-{n}": "\n\n".join(prose(random.Random(f"{number} {n}"), 6)) for n in range(3)}
        write(crawl / f"{number}.jsonl", texts)
    lake = tmp_path / "lake"
    words = ("--input", str(crawl), "--source", "parts", "--policy", "demo", "--group-below", "0", "--lake", str(lake))
    parts = [run("curate", *words, "--part", f"{number}/2", "--json") for number in (1, 2)]
    assert [part.code for part in parts] == [0, 0], parts[0].err + parts[1].err
    assert sum(part.json()["shards"] for part in parts) == 4
    assert Lake.open(lake).dataset("curation", "parts") is None

    whole = run("curate", *words, "--json")
    assert whole.code == 0, whole.err
    assert whole.json()["records"] == 12
    for step in ("ingest", "extract", "heuristics", "decide", "bands"):
        (line,) = [line for line in whole.err.splitlines() if line.startswith(f"{step} ")]
        assert line.endswith("4 cached"), line

    wrong = run("curate", *words, "--part", "3/2")
    assert wrong.code == 2
    assert "only 2 parts" in wrong.err
