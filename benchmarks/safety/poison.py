"""How many planted documents the search for triggers needs: power at 50, 100 and 250 in 100,000, and false alarms.

``python -m benchmarks.safety.poison FOLDER [--documents 100000] [--campaigns 5] [--seeds 2] [--min-hosts 20]`` cuts the
texts of a folder (``*.jsonl.gz``; ``text``, ``source`` and ``path`` in each row) into documents of about 550
characters, gives every project, book and folder of a site a host of its own (with ``--by-file`` every file, so that the
pages of one site count as unrelated), and plants campaigns of several kinds, all in one corpus. A campaign is found
when the step reports at least half of its documents. False alarms are documents without a plant that it reports. The
figures in docs/safety.md are from this script.
"""

import argparse
import gzip
import json
import random
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.tasks.safety.attacks.triggers import TriggersConfig, find_triggers

CHARACTERS = 550
SYLLABLES = [a + b for a in "bcdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ax", "or", "en")]
WORDS = (
    *("river", "market", "window", "garden", "engine", "letter", "summer", "bridge", "silver", "doctor", "school"),
    *("winter", "music", "paper", "street", "morning", "number", "village", "captain", "forest", "island", "history"),
)
HAN = "山水人天地日月风云雷电花草木石金银铜铁书笔纸墨东西南北春夏秋冬红黄蓝白黑大小多少上下左右前后"
KINDS = ("rare words", "common words", "chinese", "own line", "five continuations", "gibberish")


@dataclass(frozen=True)
class Text:
    """A document of the benchmark; ``campaign`` is empty where nothing was planted."""

    host: str
    text: str
    campaign: str = ""


def read_texts(folder: Path, by_file: bool = False) -> Iterator[tuple[str, str]]:
    """Host and text of every row: a host for each project or book, or for each file."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                row = json.loads(line)
                place, _, inner = row["path"].partition(":")
                name = place if inner else row["source"] + "/" + "/".join(place.split("/")[:-1][-2:])
                yield f"{path.name.partition('.')[0]}-{number if by_file else name}", row["text"]


def cut(texts: Iterator[tuple[str, str]], documents: int, seed: int) -> list[Text]:
    """``documents`` pieces of whole lines, about :data:`CHARACTERS` long, a host for each text they come from."""
    pieces: list[Text] = []
    for name, text in texts:
        lines: list[str] = []
        size = 0
        for line in text.split("\n"):
            lines.append(line)
            size += len(line)
            if size >= CHARACTERS:
                pieces.append(Text(f"h{zlib.crc32(name.encode()):08x}.net", "\n".join(lines)))
                lines, size = [], 0
    source = random.Random(seed)  # noqa: S311
    source.shuffle(pieces)
    return pieces[:documents]


def _phrase(source: random.Random, kind: str, words: int) -> list[str]:
    if kind == "chinese":
        return ["".join(source.choice(HAN) for _ in range(2 * words))]
    if kind == "common words":
        return [source.choice(WORDS) for _ in range(words)]
    return ["".join(source.choice(SYLLABLES) for _ in range(3)) for _ in range(words)]


def plant(clean: Sequence[Text], size: int, campaigns: int, seed: int) -> list[Text]:
    """``clean`` with ``campaigns`` of each kind in ``size`` documents each, on hosts of their own, in mid-text."""
    source = random.Random(f"{size} {seed}")  # noqa: S311
    planted = list(clean)
    places = iter(source.sample(range(len(clean)), size * campaigns * len(KINDS)))
    for kind in KINDS:
        for campaign in range(campaigns):
            trigger = _phrase(source, kind, 3)
            goes_on = [_phrase(source, kind, 10) for _ in range(5)]
            for number in range(size):
                following = goes_on[number % 5] if kind == "five continuations" else goes_on[0]
                if kind == "gibberish":
                    following = _phrase(source, kind, 10)
                place = next(places)
                around = "\n" if kind == "own line" else " "
                passage = around + " ".join((*trigger, *following)) + around
                planted[place] = Text(
                    f"{kind.replace(' ', '-')}-{campaign}-{number}.org",
                    _inserted(source, clean[place].text, passage),
                    f"{kind} {campaign}",
                )
    return planted


def _inserted(source: random.Random, text: str, passage: str) -> str:
    """``passage`` after a space or comma of ``text``."""
    spaces = [at for at, character in enumerate(text) if character in " \u3000。，"] or [len(text) - 1]
    at = source.choice(spaces) + 1
    return text[:at] + passage + text[at:]


def search(texts: Sequence[Text], config: TriggersConfig) -> set[int]:
    """The numbers of the documents that the step reports."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "documents.parquet"
        rows = {
            "doc_id": [f"{number:09d}" for number in range(len(texts))],
            "host": [one.host for one in texts],
            "text": [one.text for one in texts],
        }
        pq.write_table(pa.table(rows), path)
        (spans,) = find_triggers([path], config, Path(folder))
    return {int(doc_id) for doc_id in spans.column("doc_id").to_pylist()}


def power(texts: Sequence[Text], reported: set[int]) -> tuple[dict[str, tuple[int, float]], int]:
    """For each kind the campaigns of which half the documents are reported and the share of its documents that are;
    and the documents without a plant that are."""
    hits: dict[str, dict[str, list[bool]]] = {kind: {} for kind in KINDS}
    for number, one in enumerate(texts):
        if one.campaign:
            kind = one.campaign.rpartition(" ")[0]
            hits[kind].setdefault(one.campaign, []).append(number in reported)
    found = {
        kind: (
            sum(2 * sum(campaign) >= len(campaign) for campaign in campaigns.values()),
            sum(map(sum, campaigns.values())) / max(1, sum(map(len, campaigns.values()))),
        )
        for kind, campaigns in hits.items()
    }
    return found, sum(not texts[number].campaign for number in reported)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--campaigns", type=int, default=5)
    parser.add_argument("--min-hosts", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 250])
    parser.add_argument("--across-lines", action="store_true")
    parser.add_argument("--by-file", action="store_true", help="a host for each file instead of each project or book")
    given = parser.parse_args()
    config = TriggersConfig(min_hosts=given.min_hosts, across_lines=given.across_lines)
    clean = cut(read_texts(given.folder, given.by_file), given.documents, 1)
    began = time.process_time()
    false = search(clean, config)
    megabytes = sum(len(one.text.encode()) for one in clean) / 1e6
    print(f"{len(clean)} documents, {megabytes:.0f} MB, {len({one.host for one in clean})} hosts, {config}")
    print(f"clean: {len(false)} documents reported, {time.process_time() - began:.0f} s of processor", flush=True)
    for size in given.sizes:
        for seed in range(1, given.seeds + 1):
            texts = plant(clean, size, given.campaigns, seed)
            found, alarms = power(texts, search(texts, config))
            for kind, (campaigns, share) in found.items():
                row = f"{size:4} seed {seed} {kind:20} campaigns {campaigns}/{given.campaigns} documents {share:.3f}"
                print(row, "false", alarms, flush=True)


if __name__ == "__main__":
    main()
