"""datatrove's own decisions on every text: run by ``benchmarks.peers.verdicts`` inside datatrove's environment.

    PYTHON verdicts_datatrove.py FOLDER MODEL OUT.json [--jobs N]

FOLDER has ``*.jsonl.gz`` files with a ``text`` field, MODEL is a fastText language model. Every filter judges every
text, and FineWeb's judge what the C4 filter left. OUT gets one row per text: the first 12 hex digits of the xxh3-128 of
the text, then "" or the reason that each filter of ``COLUMNS`` gave; and for a few texts the values of the signals,
computed with datatrove's own functions.
"""

import argparse
import gzip
import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.filters.base_filter import BaseFilter, get_filter_result
from datatrove.pipeline.filters.gopher_quality_filter import STOP_WORDS
from datatrove.pipeline.filters.gopher_repetition_filter import (
    find_all_duplicate,
    find_duplicates,
    find_top_duplicate,
    get_n_grams,
)
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION, split_into_words
from fasttext.FastText import _FastText

LANGUAGE, REPETITION, QUALITY = "language", "gopher_repetition", "gopher_quality"
C4_FINEWEB, C4_PAPER, FINEWEB_CODE, FINEWEB_PAPER = "c4_fineweb", "c4_paper", "fineweb_code", "fineweb_paper"
COLUMNS = (LANGUAGE, REPETITION, QUALITY, C4_PAPER, C4_FINEWEB, FINEWEB_CODE, FINEWEB_PAPER)
NOT_REACHED = "-"
VECTOR_EVERY, VECTOR_CHARACTERS = 512, 30_000


def texts(folder: Path) -> Iterator[str]:
    """Every text, once."""
    seen = set()
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                text = json.loads(line)["text"]
                if key(text) not in seen:
                    seen.add(key(text))
                    yield text


def key(text: str) -> str:
    """The key of a text."""
    return xxhash.xxh3_128_hexdigest(text.encode())[:12]


class Filters:
    """The filters with the settings of their presets."""

    def __init__(self, model: str) -> None:
        language = LanguageFilter(languages=["en"])
        language.model._model = _FastText(model)
        self.on_text: dict[str, BaseFilter] = {
            LANGUAGE: language,
            REPETITION: GopherRepetitionFilter(),
            QUALITY: GopherQualityFilter(),
            C4_PAPER: C4QualityFilter(),
        }
        self.cleaner = C4QualityFilter(filter_no_terminal_punct=False)
        self.on_cleaned: dict[str, BaseFilter] = {
            FINEWEB_CODE: FineWebQualityFilter(),
            # the paper names three rules, with another limit for repeated lines and none for line feeds
            FINEWEB_PAPER: FineWebQualityFilter(char_duplicates_ratio=0.1, new_line_ratio=float("inf")),
        }

    def judge(self, text: str) -> dict[str, str]:
        """The reason of each filter, "" if it keeps the text."""
        found = dict.fromkeys(COLUMNS, NOT_REACHED)
        for name, each in self.on_text.items():
            found[name] = verdict(each, Document(text=text, id=""))
        document = Document(text=text, id="")
        found[C4_FINEWEB] = verdict(self.cleaner, document)
        if not found[C4_FINEWEB]:
            for name, each in self.on_cleaned.items():
                found[name] = verdict(each, Document(text=document.text, id=""))
        return found


def verdict(each: BaseFilter, document: Document) -> str:
    """The reason, or "" when the filter keeps the document (which it may edit)."""
    kept, reason = get_filter_result(each.filter(document))
    return "" if kept else (reason or "dropped")


def signals(text: str) -> dict[str, float]:
    """The values that filters compare with their thresholds, as ``table.column``, by datatrove's own functions."""
    words = split_into_words(text)
    spoken = [word for word in words if any(letter not in PUNCTUATION_SET for letter in word)]
    lines, paragraphs = _repetition_lines(text), _repetition_paragraphs(text)
    rows = text.splitlines()
    quality = {
        "words": len(spoken),
        "mean_word_length": float(np.mean([len(word) for word in spoken])) if spoken else 0.0,
        "hash_word_ratio": text.count("#") / len(words),
        "ellipsis_word_ratio": (text.count("...") + text.count("…")) / len(words),
        "bullet_line_ratio": sum(row.lstrip().startswith(("•", "-")) for row in rows) / len(rows),
        "ellipsis_line_ratio": sum(row.rstrip().endswith(("...", "…")) for row in rows) / len(rows),
        "alpha_word_ratio": sum(any(letter.isalpha() for letter in word) for word in words) / len(words),
        "stop_words": len(set(STOP_WORDS) & set(words)),
    }
    repetition = {
        "dup_line_ratio": find_duplicates(lines)[0] / len(lines),
        "dup_line_char_ratio": find_duplicates(lines)[1] / len(text),
        "dup_paragraph_ratio": find_duplicates(paragraphs)[0] / len(paragraphs),
        "dup_paragraph_char_ratio": find_duplicates(paragraphs)[1] / len(text),
    }
    for size in (2, 3, 4):
        grams = get_n_grams(words, size)
        repetition[f"top_{size}_gram_ratio"] = find_top_duplicate(grams) / len(text) if grams else 0.0
    for size in range(5, 11):
        repetition[f"dup_{size}_gram_ratio"] = find_all_duplicate(words, size) / len(text)
    named = {"gopher_quality": quality, "gopher_repetition": repetition}
    document = Document(text=text, id="")
    if C4QualityFilter(filter_no_terminal_punct=False, min_num_sentences=0).filter(document) is True:
        named["fineweb"] = _fineweb(document.text)
    return {f"{table}.{column}": value for table, values in named.items() for column, value in values.items()}


def _repetition_lines(text: str) -> list[str]:
    return GopherRepetitionFilter()._line_splitter.split(text)


def _repetition_paragraphs(text: str) -> list[str]:
    return GopherRepetitionFilter().paragraph_exp.split(text.strip())


def _fineweb(text: str) -> dict[str, float]:
    lines = [line for line in text.split("\n") if line.strip()]
    words = split_into_words(text)
    if not lines or not words:
        return {}
    return {
        "punct_line_ratio": sum(line.endswith(tuple(TERMINAL_PUNCTUATION)) for line in lines) / len(lines),
        "short_line_ratio": sum(len(line) <= 30 for line in lines) / len(lines),
        "dup_line_char_ratio": find_duplicates(lines)[1] / len(text.replace("\n", "")),
        "newline_word_ratio": text.count("\n") / len(words),
    }


FILTERS: dict[str, Filters] = {}


def start(model: str) -> None:
    """Make the filters of a worker process."""
    FILTERS["all"] = Filters(model)


def row(text: str) -> tuple[list[str], dict[str, Any] | None]:
    """The record of one text: its row, and for one in ``VECTOR_EVERY`` its signals."""
    found = FILTERS["all"].judge(text)
    chosen = int(key(text), 16) % VECTOR_EVERY == 0 and len(text) <= VECTOR_CHARACTERS
    return [key(text), *(found[name] for name in COLUMNS)], {"text": key(text), **signals(text)} if chosen else None


def main() -> None:
    """Judge every text of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    rows, vectors = [], []
    with multiprocessing.get_context("spawn").Pool(arguments.jobs, start, (arguments.model,)) as pool:
        for place, (judged, vector) in enumerate(pool.imap(row, texts(arguments.folder), chunksize=16), start=1):
            rows.append(judged)
            if vector:
                vectors.append(vector)
            if place % 2000 == 0:
                print(place, flush=True)
    arguments.out.write_text(json.dumps({"columns": ["text", *COLUMNS], "rows": rows, "vectors": vectors}))


if __name__ == "__main__":
    main()
