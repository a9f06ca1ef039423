"""Accuracy and speed of language identification: ``python -m benchmarks.language CORPORA [--every N] [--no-lingua]``.

CORPORA is the folder with ``langid/`` and ``text/``, such as ``../shared/corpora``. Prints three Markdown tables:

1. accuracy of lid.176.ftz, py3langid, the surer of both, and, on every tenth text, lingua (in its own environment,
   made on first use) on every labelled set, over all texts / as the mean over languages; and how often both
   detectors agree and are right when they do. Labels are compared in the common code of
   ``gristmill.tasks.text.language_codes``. "known" counts only the texts whose language lid.176 and py3langid both have
   a label for; "all" counts a language that a detector does not know as wrong.
2. the loss of accuracy from judging only the beginning of a document.
3. megabytes per second of processor time, one thread, next to the libraries that the detectors come from.
"""

import argparse
import gzip
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fasttext
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from py3langid.langid import LanguageIdentifier

from benchmarks.peers.venvs import ensure
from gristmill.core.digests import digest_file
from gristmill.tasks.fasttext.files import read_model
from gristmill.tasks.fasttext.predict import predict
from gristmill.tasks.fasttext.py3langid import detect, langid_file, read_langid
from gristmill.tasks.signals.language import LABEL, language, language_config, located
from gristmill.tasks.text.language_codes import common_code

DOCUMENTS = "documents (text/)"  # not given to lingua, which would need hours
PREFIXES = (200, 500, 1_000, 2_000, 5_000)
LINGUA_CHARACTERS = 300_000  # lingua is slow: its speed is measured on this much,
LINGUA_EVERY = 10  # and its accuracy on every tenth text
SHARES = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Labelled:
    """Texts with their languages in the common code."""

    name: str
    texts: list[str]
    languages: list[str]


def labelled(corpora: Path, every: int) -> list[Labelled]:
    """The three labelled sets of sentences and paragraphs, lingua's by its units, and whole documents."""
    lingua = rows(corpora / "langid" / "lingua_testdata_75langs.jsonl.gz")[::every]
    headlines = rows(corpora / "langid" / "masakhane_headlines_16langs.jsonl.gz")[::every]
    rights = [row for row in rows(corpora / "langid" / "udhr_paragraphs.jsonl.gz") if row["lang"] != "und"][::every]
    documents = [row for path in sorted((corpora / "text").glob("*.jsonl.gz")) for row in rows(path)]
    documents = [row for row in documents if not row["lang"].startswith("code")][::every]
    units = ("single-words", "word-pairs", "sentences")
    sets = [(f"lingua, {unit}", [row for row in lingua if row["unit"] == unit]) for unit in units]
    sets += [("masakhane headlines", headlines), ("UDHR paragraphs", rights), (DOCUMENTS, documents)]
    return [
        Labelled(
            name,
            [row["text"].replace("\n", " ") for row in found],
            # with a "_" the code is read as ISO's and not as Wikipedia's, which differ for als
            [common_code(row.get("bcp47", row["lang"]).partition("-")[0] + "_") for row in found],
        )
        for name, found in sets
    ]


def rows(path: Path) -> list[dict[str, str]]:
    """The objects of a compressed JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Detectors:
    """The detectors with their answers in the common code."""

    def __init__(self) -> None:
        self.model = read_model(located(None))
        self.langid = read_langid(langid_file())
        self.fasttext_codes = [common_code(label.removeprefix(LABEL)) for label in self.model.labels]
        self.langid_codes = [common_code(label) for label in self.langid.labels]

    def fasttext(self, texts: list[str]) -> tuple[list[str], npt.NDArray[np.float64]]:
        """lid.176.ftz: codes and probabilities."""
        labels, scores = predict(self.model, pa.array(texts, pa.string()), k=1)
        return [self.fasttext_codes[label] if label >= 0 else "und" for label in labels[:, 0]], scores[:, 0]

    def py3langid(self, texts: list[str]) -> tuple[list[str], npt.NDArray[np.float64]]:
        """py3langid: codes and probabilities."""
        labels, scores = detect(self.langid, pl.Series(texts, dtype=pl.String))
        return [self.langid_codes[label] if label >= 0 else "und" for label in labels], scores


def lingua(texts: list[str], *options: str) -> tuple[list[str], float]:
    """Codes by lingua, and the seconds of processor time it took once its models were loaded."""
    environment = ensure("lingua")
    script = Path(__file__).parent / "peers" / "lingua_detect.py"
    given = "\n".join(json.dumps(text) for text in texts)
    command = [str(environment.python), str(script), *options]
    found = json.loads(subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout)
    return [common_code(label) for label in found["labels"]], found["seconds"]


def accuracy(found: list[str], expected: list[str], chosen: SHARES) -> str:
    """Share of right answers, and its mean over languages."""
    frame = pl.DataFrame({"right": [a == b for a, b in zip(found, expected, strict=True)], "language": expected})
    frame = frame.filter(pl.Series(chosen))
    if frame.is_empty():
        return "-"
    macro = frame.group_by("language").agg(pl.col("right").mean())["right"].mean()
    return f"{frame['right'].mean():.3f} / {macro:.3f}"


def print_accuracy(sets: list[Labelled], detectors: Detectors, with_lingua: bool) -> None:
    """The first table."""
    known_languages = set(detectors.fasttext_codes) & set(detectors.langid_codes)
    print("Accuracy: share of texts / mean over languages.\n")
    columns = ["set", "texts", "languages", "lid.176.ftz", "py3langid", "surer of both", "agree", "right when agreed"]
    print_row([*columns, "lingua"])
    print_row(["---"] * (len(columns) + 1))
    asked = [text for part in sets if part.name != DOCUMENTS for text in part.texts[::LINGUA_EVERY]]
    answers = lingua(asked)[0] if with_lingua else []
    for part in sets:
        first, score = detectors.fasttext(part.texts)
        second, second_score = detectors.py3langid(part.texts)
        surer = [b if y > x else a for a, b, x, y in zip(first, second, score, second_score, strict=True)]
        agreed = np.array([a == b for a, b in zip(first, second, strict=True)])
        some = part.languages[::LINGUA_EVERY]
        third, answers = answers[: len(some)], answers[len(some) :]
        known = np.array([language in known_languages for language in part.languages])
        for what, chosen in (("all", np.ones(len(known), np.bool_)), ("known", known)):
            right = np.array([a == b for a, b in zip(first, part.languages, strict=True)])
            print_row(
                [
                    f"{part.name}, {what}",
                    str(int(chosen.sum())),
                    str(len({name for name, there in zip(part.languages, chosen, strict=True) if there})),
                    *(accuracy(found, part.languages, chosen) for found in (first, second, surer)),
                    f"{agreed[chosen].mean():.3f}",
                    f"{right[chosen & agreed].mean():.3f}",
                    accuracy(third, some, chosen[::LINGUA_EVERY]) if third else "-",
                ]
            )


def print_prefixes(documents: Labelled, detectors: Detectors) -> None:
    """The second table, on documents longer than the longest prefix."""
    long = [
        (text, name)
        for text, name in zip(documents.texts, documents.languages, strict=True)
        if len(text) > PREFIXES[-1]
    ]
    texts, names = [text for text, _ in long], [name for _, name in long]
    every = np.ones(len(long), np.bool_)
    whole, _ = detectors.fasttext(texts)
    print(f"\nlid.176.ftz on the beginning of {len(long)} documents of more than {PREFIXES[-1]:,} characters.\n")
    print_row(["characters", "accuracy / macro", "same answer as on the whole"])
    print_row(["---"] * 3)
    for size in (*PREFIXES, None):
        found, _ = detectors.fasttext([text[:size] for text in texts])
        same = np.mean([a == b for a, b in zip(found, whole, strict=True)])
        print_row(["all" if size is None else f"{size:,}", accuracy(found, names, every), f"{same:.3f}"])


def print_speed(documents: Labelled, detectors: Detectors, with_lingua: bool) -> None:
    """The third table."""
    texts = documents.texts
    table = pa.table({"doc_id": [str(row) for row in range(len(texts))], "text": pa.array(texts, pa.string())})
    package = LanguageIdentifier.from_model_file("data/model.npz.xz", norm_probs=True)
    library = fasttext.load_model(str(located(None)))
    sample = texts[:: max(1, len(texts) // 1000)]
    configs = {kind: language_config(detector=kind) for kind in ("fasttext", "both")}
    runs: list[tuple[str, list[str], Callable[[list[str]], object]]] = [
        ("fastText library, predict on a list", sample, lambda given: library.predict(given, k=2)),
        ("the same answers, compiled", texts, detectors.fasttext),
        ("py3langid, classify in a loop", sample, lambda given: [package.classify(text) for text in given]),
        ("the same answers, compiled", texts, detectors.py3langid),
        ("step `language`, fasttext", texts, lambda _: language.function(table, configs["fasttext"])),
        ("step `language`, both", texts, lambda _: language.function(table, configs["both"])),
    ]
    print("\nSpeed on documents, one thread.\n")
    print_row(["what", "MB", "MB/s"])
    print_row(["---"] * 3)
    for what, given, run in runs:
        run(given[:5])
        start = time.process_time()
        run(given)
        print_speed_row(what, given, time.process_time() - start)
    if with_lingua:
        given = until(texts, LINGUA_CHARACTERS)
        for what, options in (("lingua, high accuracy", ()), ("lingua, low accuracy", ("--low",))):
            print_speed_row(what, given, lingua(given, *options)[1])


def until(texts: list[str], characters: int) -> list[str]:
    """Every n-th text, with about ``characters`` in total."""
    return texts[:: max(1, sum(map(len, texts)) // characters)]


def print_speed_row(what: str, texts: list[str], seconds: float) -> None:
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print_row([what, f"{megabytes:.1f}", f"{megabytes / seconds:.1f}"])


def print_row(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every N-th text")
    parser.add_argument("--no-lingua", action="store_true", help="leave lingua out")
    arguments = parser.parse_args()
    detectors = Detectors()
    print(f"{located(None).name} {digest_file(located(None))}, py3langid's model {digest_file(langid_file())}\n")
    sets = labelled(arguments.corpora, arguments.every)
    print_accuracy(sets, detectors, not arguments.no_lingua)
    print_prefixes(sets[-1], detectors)
    print_speed(sets[-1], detectors, not arguments.no_lingua)


if __name__ == "__main__":
    main()
