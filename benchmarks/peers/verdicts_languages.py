"""The decisions of FineWeb-2's filters in nine languages: run by ``language_verdicts`` in datatrove's environment.

    PYTHON verdicts_languages.py CORPORA CONFIGS OUT.json [--jobs N]

CORPORA has ``text/*.jsonl.gz`` with fields ``text`` and ``lang``, and ``langid/lingua_testdata_75langs.jsonl.gz``
with single sentences, ten of which make a text. CONFIGS is the folder ``configs`` of huggingface/fineweb-2. The three
filters have the settings of ``fineweb-2-pipeline.py``. OUT gets one row per text: the first 12 hex digits of its
xxh3-128, FineWeb-2's code of the language, and "" or the reason of each filter.
"""

import argparse
import gzip
import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import xxhash
import yaml
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.filters.base_filter import BaseFilter, get_filter_result

CODES = {
    "zh": "cmn_Hani",
    "zh-Hant": "cmn_Hani",
    "ja": "jpn_Jpan",
    "ko": "kor_Hang",
    "th": "tha_Thai",
    "ar": "arb_Arab",
    "de": "deu_Latn",
    "fr": "fra_Latn",
    "ru": "rus_Cyrl",
    "es": "spa_Latn",
}
COLUMNS = ("text", "language", "gopher_repetition", "fineweb", "gopher_quality")
FILTERS: dict[str, tuple[BaseFilter, ...]] = {}


def texts(corpora: Path) -> Iterator[tuple[str, str]]:
    """Language and text, each text once."""
    seen = set()
    for language, text in (*_documents(corpora / "text"), *_sentences(corpora / "langid")):
        if language in CODES and key(text) not in seen:
            seen.add(key(text))
            yield CODES[language], text


def _documents(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                yield record["lang"], record["text"]


def _sentences(folder: Path) -> Iterator[tuple[str, str]]:
    """Ten consecutive sentences of a language make a text."""
    waiting: dict[str, list[str]] = {}
    with gzip.open(folder / "lingua_testdata_75langs.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["unit"] == "sentences":
                waiting.setdefault(record["lang"], []).append(record["text"])
                if len(waiting[record["lang"]]) == 10:
                    yield record["lang"], "\n".join(waiting.pop(record["lang"]))


def key(text: str) -> str:
    """The key of a text."""
    return xxhash.xxh3_128_hexdigest(text.encode())[:12]


def start(configs: str) -> None:
    """Make the filters of every language in a worker process."""
    for code in set(CODES.values()):
        settings = yaml.safe_load((Path(configs) / f"{code}.yml").read_text())
        FILTERS[code] = (
            GopherRepetitionFilter(
                language=code,
                dup_para_frac=0,
                dup_line_char_frac=0,
                dup_para_char_frac=0,
                dup_line_frac=settings["dup_line_frac"],
                top_n_grams=settings["top_n_grams"],
                dup_n_grams=settings["dup_n_grams"],
            ),
            FineWebQualityFilter(
                language=code,
                short_line_thr=999,
                char_duplicates_ratio=0.1,
                line_punct_thr=settings["line_punct_thr"],
                new_line_ratio=settings["new_line_ratio"],
            ),
            GopherQualityFilter(
                language=code,
                max_avg_word_length=settings["max_avg_word_length"],
                min_avg_word_length=settings["min_avg_word_length"],
                stop_words=settings["stopwords"],
                max_non_alpha_words_ratio=settings["max_non_alpha_words_ratio"],
                min_stop_words=2,
            ),
        )


def row(item: tuple[str, str]) -> list[str]:
    """Key, language and reasons of one text."""
    language, text = item
    reasons = []
    for each in FILTERS[language]:
        try:
            kept, reason = get_filter_result(each.filter(Document(text=text, id="")))
        except (AssertionError, ValueError, ZeroDivisionError) as error:
            kept, reason = False, f"error: {type(error).__name__}"
        reasons.append("" if kept else (reason or "dropped"))
    return [key(text), language, *reasons]


def main() -> None:
    """Judge every text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("configs")
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    rows = []
    with multiprocessing.get_context("spawn").Pool(arguments.jobs, start, (arguments.configs,)) as pool:
        for place, judged in enumerate(pool.imap(row, texts(arguments.corpora), chunksize=16), start=1):
            rows.append(judged)
            if place % 1000 == 0:
                print(place, flush=True)
    arguments.out.write_text(json.dumps({"columns": COLUMNS, "rows": rows}))


if __name__ == "__main__":
    main()
