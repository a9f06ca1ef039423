"""How well and how fast the extractors find the main content: ``python -m benchmarks.extraction FOLDER [--json FILE]``.

FOLDER is ``corpora/html_gold``: one folder per set, each with ``pages.zip`` and ``gold.jsonl``. Pages go through the
same workers as in a run (``gristmill.tasks.extraction``), with the same limits; a timeout or failure scores as empty
text.

Scores, each the mean over the pages of a set:

* shingle F1, as scrapinghub's article-extraction-benchmark defines it (its ``evaluate.py``): counted 4-grams of
  ``\\w+``; precision and recall of each page, their means over pages, and the harmonic mean of the two;
* token F1: counted tokens of a page, a token being a run of letters and digits, or one Han, kana or hangul character;
* segment F1, for ``trafilatura_eval`` as trafilatura's ``tests/eval_common.py`` defines it: segments that must occur
  and segments that must not, white space collapsed; one F1 over all segments of the set;
** for gold that is only the start of an article (``goose3``), the recall of its tokens.

Gold in HTML (readability) is the text of its elements; gold in Markdown (webmainbench) is compared without markup.
Cost: about two minutes on one core.
"""

import argparse
import gzip
import json
import re
import resource
import time
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from typing import Any

from resiliparse.extract.html2text import extract_plain_text

from gristmill.tasks.extraction.client import ExtractionJob, ExtractionResult, extract_texts
from gristmill.tasks.ingest.readers.reasons import Reason

EXTRACTORS = ("resiliparse", "trafilatura", "trafilatura-precise")
CPU_SECONDS, MEMORY_BYTES = 5.0, 2048 << 20
WORD = re.compile(r"\w+")
TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
MARKDOWN = re.compile(r"```\w*|[#*|`>_-]{1,}")
SCRIPTS = (
    "CJK",
    "HIRAGANA",
    "HANGUL",
    "CYRILLIC",
    "ARABIC",
    "GREEK",
    "HEBREW",
    "DEVANAGARI",
    "BENGALI",
    "TAMIL",
    "THAI",
)
Counts = tuple[float, float, float]


@dataclass(frozen=True)
class Page:
    """A page and what its set says about it."""

    name: str
    payload: bytes
    gold: dict[str, Any]

    @property
    def text(self) -> str | None:
        """The gold text, if there is one."""
        if "expected_html" in self.gold:
            return str(extract_plain_text(self.gold["expected_html"], main_content=False, alt_texts=False))
        text = self.gold.get("text")
        return MARKDOWN.sub(" ", text) if text and self.gold["gold_type"] == "markdown_human" else text


@dataclass(frozen=True)
class Run:
    """An extractor's results on the pages of a set."""

    texts: list[str]
    outcomes: Counter[str]
    cpu_seconds: float
    seconds: float


def pages_of(folder: Path) -> list[Page]:
    """The pages of a set, in the order of its gold."""
    (path,) = folder.glob("gold.jsonl*")
    raw = path.read_bytes()
    rows = [json.loads(line) for line in (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()]
    with zipfile.ZipFile(folder / "pages.zip") as archive:
        inside = {Path(name).name: name for name in archive.namelist()}
        return [Page(row["id"], archive.read(inside[row["file"]]), row) for row in rows]


def run(pages: Sequence[Page], extractor: str) -> Run:
    """Extract every page in a worker for that extractor."""
    jobs = [ExtractionJob("html", None, page.payload) for page in pages]
    before, clock = _children(), time.perf_counter()
    answers = list(extract_texts(jobs, extractor, CPU_SECONDS, MEMORY_BYTES))
    outcomes = Counter(map(_outcome, answers))
    return Run([answer.text for answer in answers], outcomes, _children() - before, time.perf_counter() - clock)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _outcome(answer: ExtractionResult) -> str:
    if answer.reason is None:
        return "extracted" if answer.text else "empty"
    names = {Reason.EXTRACT_TIMEOUT: "timed out", Reason.EXTRACT_CRASHED: "failed"}
    return names.get(answer.reason, str(answer.reason))


def shingle_counts(gold: str, found: str, n: int = 4) -> Counts:
    """True positives, false positives, false negatives over shingles, as shares of their sum."""
    true, predicted = _shingles(gold, n), _shingles(found, n)
    both = sum((true & predicted).values())
    counts = (both, predicted.total() - both, true.total() - both)
    whole = sum(counts)
    return (counts[0] / whole, counts[1] / whole, counts[2] / whole) if whole else (0.0, 0.0, 0.0)


def _shingles(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = WORD.findall(text)
    grams = (tuple(words[place : place + n]) for place in range(max(1, len(words) - n + 1)))
    return Counter(gram for gram in grams if gram)


def benchmark_scores(counts: Iterable[Counts]) -> dict[str, float]:
    """Precision, recall and F1 as article-extraction-benchmark computes them from the counts of all pages."""
    rows = list(counts)
    precisions = [_share(tp, fp, fn) for tp, fp, fn in rows if tp + fp > 0]
    recalls = [_share(tp, fn, fp) for tp, fp, fn in rows if tp + fn > 0]
    precision, recall = (fmean(values) if values else 0.0 for values in (precisions, recalls))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"shingle_precision": precision, "shingle_recall": recall, "shingle_f1": f1}


def _share(hit: float, missed: float, other: float) -> float:
    if missed == other == 0:
        return 1.0
    return hit / (hit + missed) if hit else 0.0


def token_scores(gold: str, found: str) -> tuple[float, float]:
    """F1 and recall over counted tokens; both 1 for two texts without tokens."""
    true, predicted = (Counter(TOKEN.findall(unicodedata.normalize("NFC", text))) for text in (gold, found))
    both = (true & predicted).total()
    whole = true.total() + predicted.total()
    return (2 * both / whole if whole else 1.0), (both / true.total() if true else 1.0)


def segment_counts(page: Page, found: str) -> tuple[int, int, int]:
    """Segments that must occur and do, that must not occur but do, and that must occur but do not."""
    text = _one_space(found)
    hits = sum(_one_space(segment) in text for segment in page.gold["with"])
    wrong = sum(_one_space(segment) in text for segment in page.gold["without"])
    return hits, wrong, len(page.gold["with"]) - hits


def _one_space(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def scores(pages: Sequence[Page], texts: Sequence[str]) -> dict[str, float]:
    """The scores that fit the gold of a set."""
    kinds = {page.gold["gold_type"] for page in pages}
    if kinds == {"segments_human"}:
        tp, fp, fn = map(sum, zip(*map(segment_counts, pages, texts), strict=True))
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        return {"segment_precision": precision, "segment_recall": recall, "segment_f1": 2 * tp / (2 * tp + fp + fn)}
    if kinds == {"none"}:
        return {"median_characters": float(median(map(len, texts)))}
    tokens = [token_scores(page.text or "", found) for page, found in zip(pages, texts, strict=True)]
    if kinds == {"prefix_or_full_text_test_expectation"}:
        return {"token_recall": fmean(recall for _, recall in tokens)}
    counts = [shingle_counts(page.text or "", found) for page, found in zip(pages, texts, strict=True)]
    return benchmark_scores(counts) | {"token_f1": fmean(f1 for f1, _ in tokens)}


def script(text: str) -> str:
    """The script of most letters of a text."""
    names = Counter(unicodedata.name(character, "").split(" ")[0] for character in text[:4000] if character.isalpha())
    (name, _), *_ = names.most_common(1) or [("none", 0)]
    return name.lower() if name in SCRIPTS else "latin" if name == "LATIN" else "other"


def by_script(pages: Sequence[Page], texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """Token F1 by the script of the gold text, for the pages that have one in full."""
    found: dict[str, list[float]] = {}
    for page, text in zip(pages, texts, strict=True):
        if page.text and page.gold["gold_type"] != "prefix_or_full_text_test_expectation":
            found.setdefault(script(page.text), []).append(token_scores(page.text, text)[0])
    return {name: {"pages": len(values), "token_f1": fmean(values)} for name, values in sorted(found.items())}


def measure(folder: Path) -> dict[str, Any]:
    """Every set of ``folder`` with every extractor."""
    sets = {path.name: pages_of(path) for path in sorted(folder.iterdir()) if (path / "pages.zip").is_file()}
    everything = [page for pages in sets.values() for page in pages]
    report: dict[str, Any] = {
        "versions": {name: version(name) for name in ("resiliparse", "trafilatura", "lxml")},
        "pages": {name: len(pages) for name, pages in sets.items()},
        "bytes": {name: sum(len(page.payload) for page in pages) for name, pages in sets.items()},
    }
    for extractor in EXTRACTORS:
        runs = {name: run(pages, extractor) for name, pages in sets.items()}
        texts = [text for name in sets for text in runs[name].texts]
        cpu = sum(entry.cpu_seconds for entry in runs.values())
        report[extractor] = {
            "scores": {name: scores(pages, runs[name].texts) for name, pages in sets.items()},
            "outcomes": {name: dict(runs[name].outcomes) for name in sets},
            "scripts": by_script(everything, texts),
            "pages_per_cpu_second": len(everything) / cpu,
            "megabytes_per_cpu_second": sum(len(page.payload) for page in everything) / 1e6 / cpu,
        }
    return report


def table(report: dict[str, Any]) -> str:
    """The report as Markdown tables."""
    lines = [f"| set | pages | score | {' | '.join(EXTRACTORS)} |", "|---|---|---|" + "---|" * len(EXTRACTORS)]
    for name, pages in report["pages"].items():
        for metric in report[EXTRACTORS[0]]["scores"][name]:
            found = [f"{report[extractor]['scores'][name][metric]:.3f}" for extractor in EXTRACTORS]
            lines.append(f"| {name} | {pages} | {metric.replace('_', ' ')} | {' | '.join(found)} |")
    lines += ["", f"| script of the gold | pages | {' | '.join(EXTRACTORS)} |", "|---|---|" + "---|" * len(EXTRACTORS)]
    for name, row in report[EXTRACTORS[0]]["scripts"].items():
        found = [f"{report[extractor]['scripts'][name]['token_f1']:.3f}" for extractor in EXTRACTORS]
        lines.append(f"| {name} | {row['pages']} | {' | '.join(found)} |")
    lines += ["", "| extractor | pages a CPU second | MB a CPU second | outcomes |", "|---|---|---|---|"]
    for extractor in EXTRACTORS:
        row = report[extractor]
        outcomes = sum((Counter(counts) for counts in row["outcomes"].values()), Counter())
        shown = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
        lines.append(
            f"| {extractor} | {row['pages_per_cpu_second']:.0f} | {row['megabytes_per_cpu_second']:.1f} | {shown} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the tables, and write the figures on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    report = measure(arguments.folder)
    print(", ".join(f"{name} {number}" for name, number in report["versions"].items()) + "\n")
    print(table(report))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
