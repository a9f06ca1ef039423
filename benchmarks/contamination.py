"""Contamination: how many planted items the matcher finds in real text, its false positives, and its speed.

    python -m benchmarks.contamination [--shared FOLDER] [--items N] [--megabytes N] [--write]

** **Recall.** N items of each benchmark are planted, each in the middle of a real document in its language, with 0, 5,
  10 or 20 % of their words (characters in Chinese) replaced by words of the same corpus, at least one word. ``input``:
  only the question is planted; ``answer``: question and answer. Found means that the matcher names the item at all; in
  brackets the share with the right label. ``13-gram`` is the usual check: any 13 words in a row, in lower case and
  without punctuation (GPT-3, lm-eval's janitor).
* **False positives.** All items of all benchmarks against the documents of the corpora, with nothing planted.
** **Speed.** Text per second on one core, both sides on the same documents.

``--write`` keeps the figures in ``benchmarks/results/contamination.json``.
"""

import argparse
import csv
import gzip
import json
import random
import re
import string
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.harness import machine
from gristmill.tasks.contamination.index import Index, MatchConfig, build_index
from gristmill.tasks.contamination.matching import Found, find
from gristmill.tasks.contamination.words import words_of

HERE = Path(__file__).parent
LEVELS = (0.0, 0.05, 0.1, 0.2)
HOSTS = {"en": ("web_en_18f_blog", "web_en_digitalgov"), "zh": ("docs_zh_tidb", "docs_zh_rustbook", "docs_zh_vue")}
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
UNIT = re.compile(r"[㐀-䶿一-鿿]|[^\W_㐀-䶿一-鿿]+")  # what an edit replaces
SLICE = 1_000_000


@dataclass(frozen=True)
class Asked:
    """One item to plant and search for."""

    suite: str
    item: str
    question: str
    answer: str
    rows: tuple[Mapping[str, Any], ...]

    @property
    def language(self) -> str:
        """zh or en."""
        return "zh" if self.suite in ("cmath", "cmrc2018") else "en"


def _row(suite: str, item: str, form: str, text: str, answers: Iterable[str], **more: Any) -> dict[str, Any]:
    base = {"suite": suite, "suite_digest": "", "item": item, "form": form, "text": text}
    return base | {"answers": list(answers), "options": [], "letter": ""} | more


def humaneval(folder: Path) -> list[Asked]:
    """Prompt and canonical solution."""
    return [
        _asked("humaneval", row["task_id"], row["prompt"], row["canonical_solution"])
        for row in _json_lines(folder / "humaneval" / "HumanEval.jsonl.gz")
    ]


def gsm8k(folder: Path) -> list[Asked]:
    """Question and worked answer."""
    return [
        _asked("gsm8k", str(number), row["question"], row["answer"])
        for number, row in enumerate(_json_lines(folder / "gsm8k" / "test.jsonl"))
    ]


def cmath(folder: Path) -> list[Asked]:
    """Question and number."""
    return [
        _asked("cmath", str(number), row["input"], row["golden"])
        for number, row in enumerate(_json_lines(folder / "cmath" / "cmath_dev.jsonl"))
    ]


def mmlu(folder: Path) -> list[Asked]:
    """Question with its four options; the answer is its letter."""
    found = []
    for path in sorted((folder / "mmlu" / "test").glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            for number, (question, *options, letter) in enumerate(csv.reader(file)):
                name, told = f"{path.stem}-{number}", {"options": options, "letter": letter}
                right = [options["ABCD".index(letter)]]
                shown = "\n".join([question, *(f"{mark}. {text}" for mark, text in zip("ABCD", options, strict=True))])
                rows = (
                    _row("mmlu", name, "question", question, right, **told),
                    _row("mmlu", name, "options", shown, right, **told),
                )
                found.append(Asked("mmlu", name, shown, f"Answer: {letter}", rows))
    return found


def cmrc(folder: Path) -> list[Asked]:
    """Passage, question and first answer."""
    found = []
    for article in json.loads((folder / "cmrc2018" / "cmrc2018_dev.json").read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                answers = [answer["text"] for answer in asked["answers"]]
                rows = (
                    _row("cmrc2018", asked["id"], "passage", paragraph["context"], ()),
                    _row("cmrc2018", asked["id"], "question", asked["question"], answers),
                )
                text = f"{paragraph['context']}\n{asked['question']}"
                found.append(Asked("cmrc2018", asked["id"], text, answers[0], rows))
    return found


def _asked(suite: str, item: str, question: str, answer: str) -> Asked:
    return Asked(suite, item, question, answer, (_row(suite, item, "question", question, [answer]),))


def _json_lines(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.decode("utf-8").split("\n") if line.strip()]


READ: Mapping[str, Callable[[Path], list[Asked]]] = {
    "humaneval": humaneval,
    "gsm8k": gsm8k,
    "mmlu": mmlu,
    "cmath": cmath,
    "cmrc2018": cmrc,
}


def documents(folder: Path, names: Iterable[str]) -> list[str]:
    """The texts of these corpora."""
    return [row["text"] for name in names for row in _json_lines(folder / f"{name}.jsonl.gz")]


def edited(text: str, share: float, chance: random.Random, vocabulary: Sequence[str]) -> str:
    """``text`` with this share of its words or Chinese characters replaced, at least one if the share is above 0."""
    units = list(UNIT.finditer(text))
    count = max(1, round(share * len(units))) if share else 0
    for unit in sorted(chance.sample(units, min(count, len(units))), key=lambda match: -match.start()):
        kind = [word for word in chance.choices(vocabulary, k=8) if word != unit.group()]
        text = text[: unit.start()] + kind[0] + text[unit.end() :]
    return text


def planted(asked: Asked, share: float, with_answer: bool, host: str, words: Sequence[str]) -> str:
    """``host`` with the item in its middle, between two paragraphs."""
    chance = random.Random(f"{asked.suite} {asked.item} {share} {with_answer}")  # noqa: S311 - reproducible edits
    text = f"{asked.question}\n{asked.answer}" if with_answer else asked.question
    middle = host.find("\n", len(host) // 2)
    middle = len(host) // 2 if middle < 0 else middle
    return f"{host[:middle]}\n\n{edited(text, share, chance, words)}\n\n{host[middle:]}"


def search(texts: Sequence[str], index: Index, config: MatchConfig) -> list[tuple[int, Found]]:
    """What is found, with the number of the text."""
    found, first = [], 0
    while first < len(texts):
        stop, size = first, 0
        while stop < len(texts) and size < SLICE:
            size += len(texts[stop])
            stop += 1
        found += [(first + one.document, one) for one in find(pa.array(texts[first:stop], pa.string()), index, config)]
        first = stop
    return found


def thirteen(text: str) -> list[int]:
    """Hashes of the 13-grams of words in lower case without punctuation."""
    words = text.lower().translate(NO_PUNCTUATION).split()
    return [hash(tuple(words[at : at + 13])) for at in range(len(words) - 12)]


def recall(items: Sequence[Asked], hosts: Mapping[str, list[str]], index: Index, config: MatchConfig) -> dict[str, Any]:
    """By suite, form and level, as shares of the planted items: found, correctly labelled, and found by 13-grams."""
    words = {name: sorted(set(UNIT.findall(" ".join(texts[:200])))) for name, texts in hosts.items()}
    result: dict[str, Any] = {}
    for suite in dict.fromkeys(asked.suite for asked in items):
        chosen = [asked for asked in items if asked.suite == suite]
        for form in ("input", "answer"):
            for share in LEVELS:
                texts = [
                    planted(
                        asked,
                        share,
                        form == "answer",
                        hosts[asked.language][number % len(hosts[asked.language])],
                        words[asked.language],
                    )
                    for number, asked in enumerate(chosen)
                ]
                labels: dict[str, str] = {}
                for place, one in search(texts, index, config):
                    if one.row.item == chosen[place].item and one.label in ("input", "answer"):
                        labels[one.row.item] = max(
                            labels.get(one.row.item, "input"), one.label, key=("input", "answer").index
                        )
                usual = sum(
                    bool(set(thirteen(text)) & set(thirteen(f"{asked.question}\n{asked.answer}")))
                    for text, asked in zip(texts, chosen, strict=True)
                )
                result[f"{suite} {form} {share:.0%}"] = {
                    "found": len(labels) / len(chosen),
                    "right": sum(label == form for label in labels.values()) / len(chosen),
                    "13-gram": usual / len(chosen),
                }
    return result


def sizes(asked: Asked) -> list[int]:
    """Words of each form of an item."""
    return [int(size) for size in np.diff(words_of(pa.array([row["text"] for row in asked.rows])).offsets)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=HERE.parent.parent / "shared")
    parser.add_argument("--items", type=int, default=150)
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    texts = arguments.shared / "corpora" / "text"
    everything = {name: read(arguments.shared / "benchmarks") for name, read in READ.items()}
    config = MatchConfig()
    index = build_index(
        pa.Table.from_pylist([row for found in everything.values() for one in found for row in one.rows]), config
    )
    hosts = {language: documents(texts, names) for language, names in HOSTS.items()}
    hosts = {name: [text for text in found if 2_000 < len(text) < 20_000] for name, found in hosts.items()}
    draw = random.Random(0)  # noqa: S311 - the same items in every run
    chosen = [one for found in everything.values() for one in draw.sample(found, min(arguments.items, len(found)))]
    shares = recall(chosen, hosts, index, config)
    print("| suite | planted | edits | found | right label | 13-gram |\n|---|---|---|---|---|---|")
    for name, found in shares.items():
        suite, form, level = name.split()
        print(f"| {suite} | {form} | {level} | {found['found']:.1%} | {found['right']:.1%} | {found['13-gram']:.1%} |")
    record = {"recall": shares, "items": arguments.items} | clean_and_fast(
        texts, everything, index, config, arguments.megabytes
    )
    print(json.dumps({name: value for name, value in record.items() if name != "recall"}, indent=1, ensure_ascii=False))
    if arguments.write:
        (HERE / "results").mkdir(exist_ok=True)
        path = HERE / "results" / "contamination.json"
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


def clean_and_fast(
    folder: Path, everything: Mapping[str, list[Asked]], index: Index, config: MatchConfig, megabytes: float
) -> dict[str, Any]:
    """The matches in the unmodified corpora, and the speed of both sides on the same text."""
    names = sorted(path.name.removesuffix(".jsonl.gz") for path in folder.glob("*.jsonl.gz"))
    texts, size = [], 0
    for text in documents(folder, names):
        texts.append(text)
        size += len(text.encode())
        if size > megabytes * 1e6:
            break
    search(texts[:50], index, config)
    began = time.process_time()
    found = search(texts, index, config)
    seconds = time.process_time() - began
    known = {gram for many in everything.values() for one in many for gram in thirteen(f"{one.question}\n{one.answer}")}
    began = time.process_time()
    usual = sum(not known.isdisjoint(thirteen(text)) for text in texts)
    usual_seconds = time.process_time() - began
    items = Counter(
        (one.row.suite, one.label)
        for one in {(one.row.suite, one.row.item, one.label): one for _, one in found}.values()
    )
    return {
        "documents": len(texts),
        "megabytes": size / 1e6,
        "items looked for": {name: len(many) for name, many in everything.items()},
        "items that can be found": {
            name: sum(any(size >= config.n for size in sizes(one)) for one in many) / len(many)
            for name, many in everything.items()
        },
        "items with a 13-gram": {
            name: sum(bool(thirteen(one.question)) for one in many) / len(many) for name, many in everything.items()
        },
        "items found where nothing was planted": {
            f"{suite} {label}": count for (suite, label), count in sorted(items.items())
        },
        "documents with a 13-gram": usual,
        "MB/s a core": size / 1e6 / seconds,
        "13-gram set MB/s a core": size / 1e6 / usual_seconds,
        "machine": machine(),
    }


if __name__ == "__main__":
    main()
