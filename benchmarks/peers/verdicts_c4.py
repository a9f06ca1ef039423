"""The decisions of TFDS's own C4 code on every text: run by ``benchmarks.peers.verdicts`` inside its environment.

    PYTHON verdicts_c4.py FOLDER OUT.json [--jobs N]

``tensorflow_datasets.text.c4_utils`` runs unchanged, except for three dependencies: it needs TensorFlow only to turn
text into text, Apache Beam only to count, and NLTK's English sentence splitter is loaded from ``NLTK_DATA`` instead of
downloaded. OUT gets one row per text: the first 12 hex digits of the xxh3-128 of the text, then
"" or the reason of ``clean_page`` for dropping it, then langdetect's answer for the text that ``clean_page`` leaves.
"""

import argparse
import functools
import gzip
import json
import multiprocessing
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import xxhash
from nltk.tokenize.punkt import PunktTokenizer
from tensorflow_datasets.text import c4_utils

COLUMNS = ("c4_tfds", "langdetect")
NOT_REACHED = "-"


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


def start() -> None:
    """Replace what the module needs from TensorFlow, Beam and a download."""
    c4_utils.tf = SimpleNamespace(compat=SimpleNamespace(as_text=lambda text: text))
    c4_utils.get_counter_inc_fn = lambda namespace: lambda counter, amount=1: None
    c4_utils._SENTENCE_TOKENIZER = PunktTokenizer("english")


def row(text: str) -> list[str]:
    """The text's key, why ``clean_page`` drops it, and the language of what it leaves (``en`` from .99 on)."""
    counted: Counter[str] = Counter()
    clean = functools.partial(
        c4_utils.get_clean_page_fn(), counter_inc_fn=lambda name, amount=1: counted.update([name])
    )
    pages = list(clean(c4_utils.PageFeatures(text=text)))
    if not pages:
        reasons = [name for name in counted if name.startswith("filtered:")]
        return [key(text), reasons[0].removeprefix("filtered:"), NOT_REACHED]
    english = bool(list(c4_utils.detect_english(pages[0])))
    return [key(text), "", "en" if english else "other"]


def main() -> None:
    """Judge every text of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    rows = []
    with multiprocessing.get_context("spawn").Pool(arguments.jobs, start) as pool:
        for place, judged in enumerate(pool.imap(row, texts(arguments.folder), chunksize=16), start=1):
            rows.append(judged)
            if place % 2000 == 0:
                print(place, flush=True)
    arguments.out.write_text(json.dumps({"columns": ["text", *COLUMNS], "rows": rows}))


if __name__ == "__main__":
    main()
