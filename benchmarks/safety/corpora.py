"""The texts that detectors are measured on: with labels (planted by a program), and real ones without.

Nothing is copied into the project: files are read from ``../shared/corpora`` and written to the work folder as the
engines read them, ``{"id", "lang", "text"}`` a line.
"""

import gzip
import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.safety.kinds import PLANTED, PRESIDIO_SYNTH

MOST = 20_000
"""Characters of a real text that are read."""
SHARE = 300_000
"""Characters that are taken of each file of real texts, whole texts in the order of a hash of their ids."""
WEB = ("web_", "docs_", "wiki_", "qa_", "man_", "news_", "perl_docs", "howto_", "fortunes_", "books_", "code_", "math_")
PAGES = ("gne_zh_nogold", "goose3", "newspaper4k", "readability_pages", "trafilatura_eval", "fundus_news", "aeb")
JOINED = re.compile(r"[\s,.;-]{0,4}")
HAN, KANA, WORD = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[\u3040-\u30ff\uac00-\ud7af]"), re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Label:
    """Code points ``start`` to ``end`` are a ``kind``; ``name`` is the data set's own label."""

    start: int
    end: int
    kind: str | None
    name: str


@dataclass(frozen=True)
class Text:
    """A text of a source, with labels if somebody planted something in it. ``complete``: it holds nothing else."""

    source: str
    id: str
    lang: str
    text: str
    labels: tuple[Label, ...] = ()
    decoys: tuple[Label, ...] = ()
    complete: bool = False

    @property
    def key(self) -> str:
        """What engines and judgements call it."""
        return f"{self.source}:{self.id}"


def labelled(shared: Path) -> list[Text]:
    """The texts with planted values."""
    folder = shared / "corpora" / "pii"
    return [*_planted(folder / "planted_pii.jsonl.gz"), *_presidio_synth(folder / "presidio_synth_v2.jsonl.gz")]


def real(shared: Path) -> list[Text]:
    """Real texts without labels: files of ``text/`` and pages of ``html_gold/``."""
    folder = shared / "corpora"
    texts: list[Text] = []
    for path in sorted((folder / "text").glob("*.jsonl.gz")):
        if path.name.startswith(WEB):
            texts += _some(path)
    for name in PAGES:
        texts += _pages(folder / "html_gold" / name)
    return texts


def group_of(lang: str) -> str:
    """zh, en, code or other."""
    if lang.startswith("code"):
        return "code"
    return lang[:2] if lang[:2] in {"zh", "en"} and not lang.startswith("eng-") else "other"


def write(texts: Iterable[Text], path: Path) -> str:
    """Write what the engines read; returns the digest of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for text in texts:
            line = json.dumps({"id": text.key, "lang": text.lang[:2], "text": text.text}).encode() + b"\n"
            digest.update(line)
            out.write(line)
    return digest.hexdigest()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _planted(path: Path) -> Iterator[Text]:
    for record in _lines(path):
        labels = tuple(Label(s["start"], s["end"], PLANTED[s["type"]], s["type"]) for s in record["spans"])
        decoys = tuple(Label(s["start"], s["end"], None, s["kind"]) for s in record["decoys"])
        yield Text("planted", record["id"], record["lang"], record["text"], labels, decoys)


def _presidio_synth(path: Path) -> Iterator[Text]:
    for number, record in enumerate(_lines(path)):
        spans = sorted(
            (Label(s["start"], s["end"], PRESIDIO_SYNTH[s["type"]], s["type"]) for s in record["spans"]),
            key=lambda label: label.start,
        )
        labels = tuple(addresses(record["text"], spans))
        yield Text("presidio-synth", str(number), "en", record["text"], labels, complete=True)


def addresses(text: str, labels: list[Label]) -> Iterator[Label]:
    """The labels, with the parts of an address that follow one another joined into one."""
    held: Label | None = None
    for label in labels:
        part = label.name in {"STREET_ADDRESS", "GPE", "ZIP_CODE"}
        if held is not None and part and JOINED.fullmatch(text, held.end, max(held.end, label.start)):
            street = "STREET_ADDRESS" in (held.name, label.name)
            name = "STREET_ADDRESS" if street else held.name
            held = Label(held.start, label.end, PRESIDIO_SYNTH[name], name)
            continue
        if held is not None:
            yield held
        held = label if part else None
        if not part:
            yield label
    if held is not None:
        yield held


def _order(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _some(path: Path) -> list[Text]:
    source = path.name.removesuffix(".jsonl.gz")
    records = sorted(_lines(path), key=lambda record: _order(str(record["id"])))
    taken: list[Text] = []
    size = 0
    for record in records:
        if size >= SHARE:
            break
        text = record["text"][:MOST]
        size += len(text)
        taken.append(Text(source, str(record["id"]), record["lang"], text))
    return taken


def _pages(folder: Path) -> Iterator[Text]:
    """Pages as text, boilerplate included: contacts stand there."""
    gold = next(folder.glob("gold.jsonl*"))
    opened: Callable[..., Any] = gzip.open if gold.suffix == ".gz" else open
    with opened(gold, "rt", encoding="utf-8") as lines, zipfile.ZipFile(folder / "pages.zip") as pages:
        for line in lines:
            record = json.loads(line)
            text = _text_of(pages.read(record["file"]))
            if text:
                yield Text(f"html-{folder.name}", record["id"], record.get("lang") or language(text), text[:MOST])


def _text_of(page: bytes) -> str:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse_from_bytes(page, detect_encoding(page, html5_compatible=True))
    return str(extract_plain_text(tree, main_content=False, alt_texts=False, links=False))


def language(text: str) -> str:
    """zh where Han characters outnumber a fifth of the letters and nothing is Japanese or Korean, else en or xx.

    English is told by its five commonest words. A coarse rule, for choosing what a reader reads.
    """
    letters = len(WORD.findall(text[:5000])) or 1
    if len(HAN.findall(text[:5000])) / letters > 0.2:
        return "zh" if len(KANA.findall(text[:5000])) / letters < 0.02 else "ja"
    words = re.findall(r"[a-z']+", text[:5000].lower()) or [""]
    return "en" if sum(word in {"the", "and", "of", "to", "in"} for word in words) / len(words) > 0.08 else "xx"
