"""Whether two sides did the same work: what each kept, of the same texts."""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecordType


def ids(folder: Path) -> set[str]:
    """The ids that a side kept: JSON lines (plain or gzip) or a data set of the package datasets."""
    return {row["id"] for row in rows(folder)}


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows that a side wrote."""
    found = sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz"), *folder.glob("data-*.arrow")])
    if not found:
        raise SystemExit(f"nothing was written to {folder.name} of {folder.parent.name}")
    for path in found:
        if path.suffix == ".arrow":
            with pa.memory_map(str(path)) as source:
                yield from pa.ipc.open_stream(source).read_all().to_pylist()
            continue
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def same_fate(ours: set[str], theirs: set[str], documents: int) -> dict[str, Any]:
    """How many documents both sides keep or both remove."""
    different = len(ours ^ theirs)
    return {
        "gristmill keeps": len(ours),
        "the peer keeps": len(theirs),
        "same fate": round(1 - different / documents, 5),
    }


def families(planted: Mapping[str, list[str]], kept: Mapping[str, set[str]]) -> dict[str, Any]:
    """How many texts with planted duplicates have one survivor, and how many texts are kept in all, for each side."""
    found: dict[str, Any] = {"families": len(planted)}
    for who, survivors in kept.items():
        single = sum(sum(member in survivors for member in (first, *copies)) == 1 for first, copies in planted.items())
        none = sum(not any(member in survivors for member in (first, *copies)) for first, copies in planted.items())
        found[f"{who}: keeps"] = len(survivors)
        found[f"{who}: families with one survivor"] = round((single + none) / max(len(planted), 1), 4)
        found[f"{who}: families merged into others"] = none
    return found


def same_tokens(ours: Path, theirs: Path) -> dict[str, Any]:
    """Whether both sides wrote the same tokens in the same order."""
    digests, size = [], 0
    for folder, ending in ((ours, "*.tok"), (theirs, "*.ds")):
        state = hashlib.sha256()
        found = sorted(folder.rglob(ending))
        for path in found:
            state.update(path.read_bytes())
        digests.append(state.hexdigest())
        size = sum(path.stat().st_size for path in found)
    return {"tokens": size // 2, "same tokens": digests[0] == digests[1]}


def warc_size(source: Path) -> tuple[int, int]:
    """Bytes of the payloads and number of the response records of WARC files."""
    size = count = 0
    for path in sorted(source.glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True):
                size += len(record.reader.read())
                count += 1
    return size, count


def same_texts(lake: Path, loop: Path) -> dict[str, Any]:
    """Pages with text on both sides, by URL, and the share with the same text except for Unicode normalisation."""
    ours = pl.concat(
        [pl.read_parquet(path, columns=["url", "text"]) for path in sorted((lake / "documents").glob("*.parquet"))]
    )
    theirs = pl.read_ndjson(loop, schema={"url": pl.String, "text": pl.String})
    theirs = theirs.with_columns(pl.col("url").str.strip_chars("<>"))  # wget writes them
    both = ours.unique("url").join(theirs.unique("url"), on="url", suffix="_theirs")
    shape = [
        pl.col(name).str.normalize("NFC").str.replace_all(r"\s+", " ").str.strip_chars()
        for name in ("text", "text_theirs")
    ]
    equal = both.select((shape[0] == shape[1]).sum()).item()
    return {"gristmill": len(ours), "the loop": len(theirs), "same text": round(equal / max(len(both), 1), 4)}


def curated(lake: Path, output: Path) -> dict[str, Any]:
    """How many documents each side keeps, and the share of URLs that both keep."""
    files = [path for path in lake.glob("**/*.parquet") if "curated" in path.parts]
    ours = set(pl.concat([pl.read_parquet(path, columns=["url"]) for path in files]).get_column("url").to_list())
    theirs = {row.get("metadata", row).get("url") for row in rows(output)}
    return {
        "gristmill keeps": len(ours),
        "datatrove keeps": len(theirs),
        "of both": round(len(ours & theirs) / max(len(ours | theirs), 1), 4),
    }
