"""The inputs of the benchmarks: real text, assembled the same way every time, never committed.

    python -m benchmarks.corpus --shared ../shared --megabytes 200

``benchmarks/.work/bulk`` comes first if it exists: pages of documentation in about 25 languages and source code,
fetched from Debian packages by ``../shared/corpora/tools/make_bulk.py``:

    cd benchmarks/.work
    python3 ../../../shared/corpora/tools/make_bulk.py --out bulk --html-mb 400 --code-mb 100 --cache bulk_cache

Its pages go through Resiliparse's main content extraction. ``../shared/corpora/text`` follows, English and code first.
The output under ``benchmarks/.work/inputs/MEGABYTES``:

``english``   prose, documentation and code without planted duplicates, for filters with an English word splitter
``copies``    everything, a fifth of it near-duplicates (one word in 250 replaced, or the end cut) and exact duplicates
              of other texts of the set, with ``families.json``: which ids come from one text

Each as JSON lines (``id``, ``text``, ``url``) in files of about 32 MB, and as Parquet with the same rows.
"""

import argparse
import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.lang import detect_fast

HERE = Path(__file__).resolve().parent
WORK = HERE / ".work"
FILE_BYTES = 32_000_000
LEAST, MOST = 200, 200_000  # characters of a text to use
COPIED = 0.2  # share of texts with duplicates
EXACT = 0.25  # share of duplicates that are exact


@dataclass(frozen=True)
class Text:
    """A document of an input, and whether it suits an English word splitter."""

    id: str
    text: str
    english: bool

    @property
    def url(self) -> str:
        """An address that belongs to nobody."""
        return f"https://bench.example/{self.id}"


def build(shared: Path, work: Path, megabytes: int) -> Path:
    """Write the inputs of this size, unless they exist, and return their folder."""
    folder = work / "inputs" / str(megabytes)
    if (folder / "report.json").is_file():
        return folder
    texts = sorted(_distinct(shared, work / "bulk"), key=lambda text: text.id)
    report: dict[str, object] = {"bulk": (work / "bulk").is_dir()}
    report["english"] = _write(folder / "english", _first((t for t in texts if t.english), megabytes))
    with_copies, families = _planted(texts, megabytes)
    report["copies"] = _write(folder / "copies", with_copies)
    (folder / "families.json").write_text(json.dumps(families), encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    return folder


def _distinct(shared: Path, bulk: Path) -> Iterator[Text]:
    """Every text once, with an id made from its content."""
    seen = set()
    for text, english in [*_bulk(bulk), *_shared(shared / "corpora" / "text")]:
        if LEAST <= len(text) <= MOST:
            name = hashlib.sha256(text.encode()).hexdigest()[:16]
            if name not in seen:
                seen.add(name)
                yield Text(name, text, english)


def _bulk(folder: Path) -> Iterator[tuple[str, bool]]:
    """Main content of the pages, extracted once, and the source code."""
    extracted = folder / "texts.parquet"
    if (folder / "warc").is_dir() and not extracted.is_file():
        rows = [{"text": text, "english": detect_fast(text)[0] == "en"} for text in map(_content, _pages(folder))]
        pq.write_table(pa.Table.from_pylist(rows), extracted, compression="zstd")
    if extracted.is_file():
        for row in pq.read_table(extracted).to_pylist():
            yield row["text"], row["english"]
    for path in sorted(folder.glob("jsonl/*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)["text"], True


def _pages(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.glob("warc/*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True):
                yield record.reader.read()


def _content(page: bytes) -> str:
    html = page.decode(detect_encoding(page) or "utf-8", errors="replace")
    text: str = extract_plain_text(html, main_content=True, alt_texts=False)
    return text


def _shared(folder: Path) -> Iterator[tuple[str, bool]]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield row["text"], row["lang"] == "en" or row["lang"].startswith("code")


def _first(texts: Iterator[Text], megabytes: float) -> list[Text]:
    """As many texts as fit."""
    taken, size = [], 0
    for text in texts:
        size += len(text.text.encode())
        if size > megabytes * 1e6:
            break
        taken.append(text)
    return taken


def _planted(texts: list[Text], megabytes: int) -> tuple[list[Text], dict[str, list[str]]]:
    """Texts with duplicates among them, ordered by digest, and the ids of each family of two or three."""
    taken: list[Text] = []
    families: dict[str, list[str]] = {}
    size = 0
    for text in texts:
        source = random.Random(text.id)  # noqa: S311 - the same duplicates every time
        copies = source.choices([0, 1, 2], [1 - COPIED, COPIED * 0.75, COPIED * 0.25])[0]
        family = [text]
        for number in range(copies):
            body = text.text if source.random() < EXACT else _altered(text.text, source)
            family.append(Text(hashlib.sha256(f"{text.id} {number}".encode()).hexdigest()[:16], body, text.english))
        size += sum(len(member.text.encode()) for member in family)
        if size > megabytes * 1e6:
            break
        taken += family
        if copies:
            families[text.id] = [member.id for member in family[1:]]
    return sorted(taken, key=lambda member: member.id), families


def _altered(text: str, source: random.Random) -> str:
    """A light edit: one word in 250 replaced by another from the text, or its last lines removed."""
    if source.random() < 0.3 and text.count("\n") > 20:
        return text[: text.rindex("\n", 0, len(text) * 49 // 50)]
    words = text.split()
    return re.sub(r"\w+", lambda found: source.choice(words) if source.random() < 0.004 else found[0], text)


def _write(folder: Path, texts: list[Text]) -> dict[str, int]:
    """The rows as JSON lines and as Parquet, in files of about ``FILE_BYTES``; returns their number and bytes."""
    for kind in ("jsonl", "parquet"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    total, start, size = 0, 0, 0
    for end, text in enumerate(texts, 1):
        size += len(text.text.encode())
        if size >= FILE_BYTES or end == len(texts):
            rows = [{"id": t.id, "text": t.text, "url": t.url} for t in texts[start:end]]
            name = f"part-{start:07d}"
            with (folder / "jsonl" / f"{name}.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            pq.write_table(pa.Table.from_pylist(rows), folder / "parquet" / f"{name}.parquet", compression="zstd")
            total, start, size = total + size, end, 0
    return {"documents": len(texts), "bytes": total}


def main() -> None:
    """Build the inputs and report their contents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=HERE.parent.parent / "shared")
    parser.add_argument("--megabytes", type=int, default=200)
    arguments = parser.parse_args()
    print((build(arguments.shared, WORK, arguments.megabytes) / "report.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
