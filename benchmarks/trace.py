"""Tracing texts to training tokens: how fast tokens are sorted, and how long a question takes. No peer.

    python -m benchmarks.trace [--megabytes N] [--work FOLDER] [--write]

N megabytes of tokens of 2 bytes (1000) are made up: numbers as frequent as words (Zipf), in documents of some
1,000 tokens, a tenth of each piece repeated from the piece before. Questions are texts of 200 to 4,000 tokens, of
which half are 50 tokens in a row from the store and half stand nowhere. It fails when the slowest question of 1,000
tokens takes a second or more. Also measured: how many rows of a plan are looked up a second by ``lineage``.

``--write`` keeps the figures in ``benchmarks/results/trace.json``.
"""

import argparse
import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus import WORK
from benchmarks.harness import machine
from gristmill.core.digests import canonical_json
from gristmill.tasks.lineage.spans import find_spans, open_blocks
from gristmill.tasks.lineage.suffixes import SuffixConfig, write_suffixes
from gristmill.tasks.lineage.visits import visits
from gristmill.tasks.mix.plan import Plan, PlanDomain, PlanStage
from gristmill.tasks.mix.token_store import Tokens, TokenStore

PIECE, VOCABULARY, DOCUMENT, RUN = 1 << 24, 50_000, 1000, 50
LENGTHS, REPEATS, LEAST, LIMIT_SECONDS = (200, 1000, 4000), 5, 10, 1.0
ROWS, LOOKED_UP = 1 << 22, 1 << 20


def main() -> None:
    """Measure, print, and fail when a question takes too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    root = arguments.work / "trace"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("tokens", "suffixes"):
        (root / name).mkdir(parents=True)
    make_tokens(root / "tokens", arguments.megabytes * 500_000)
    record: dict[str, Any] = {"machine": machine(), "megabytes": arguments.megabytes}
    record |= {"sort": sorting(root), "questions": questions(root), "plan rows a second": plan_rows()}
    shutil.rmtree(root)
    print(json.dumps(record, indent=1))
    if arguments.write:
        path = Path(__file__).parent / "results" / "trace.json"
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if max(record["questions"]["1000"]) >= LIMIT_SECONDS:
        sys.exit(f"a question of 1,000 tokens took {LIMIT_SECONDS} s or more")


def make_tokens(folder: Path, count: int) -> None:
    """A folder as the tokens step writes it, of one domain."""
    generator, done, before = np.random.default_rng(0), 0, np.empty(0, dtype="<u2")
    ends = []
    with (folder / "web.train.tok").open("wb") as file:
        while done < count:
            size = min(PIECE, count - done)
            tokens = np.minimum(generator.zipf(1.2, size), VOCABULARY - 1).astype("<u2")
            tokens[generator.integers(0, size, size // DOCUMENT)] = 0
            repeated = before[: size // 10]
            tokens[: len(repeated)] = repeated
            tokens[-1] = 0
            file.write(tokens.tobytes())
            ends.append(np.flatnonzero(tokens == 0) + 1 + done)
            done, before = done + size, tokens
    bounds = np.concatenate(ends).astype("<u8")
    (folder / "web.train.ends").write_bytes(bounds.tobytes())
    (folder / "web.train.docs").write_bytes(bytes(16 * len(bounds)))
    part = {"documents": len(bounds), "tokens": count, "bytes": 4 * count, "digests": {"tok": "t"}}
    told = {"format": 1, "tokenizer": "made-up", "eos_id": 0, "vocab_size": VOCABULARY, "dtype": "<u2"}
    (folder / "manifest.json").write_bytes(canonical_json(told | {"domains": {"web": {"train": part}}}))


def sorting(root: Path) -> dict[str, float]:
    """Seconds of the step, and its peak memory."""
    started, worked = time.perf_counter(), time.process_time()
    written = write_suffixes.function([root / "tokens"], SuffixConfig(), root / "suffixes")
    return {
        "tokens": written.facts["tokens"],
        "seconds": round(time.perf_counter() - started, 1),
        "processor seconds": round(time.process_time() - worked, 1),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def questions(root: Path) -> dict[str, list[float]]:
    """Seconds of each question, by its length, the files opened anew each time."""
    generator = np.random.default_rng(5)
    found: dict[str, list[float]] = {}
    for length in LENGTHS:
        for _ in range(REPEATS):
            text = question(TokenStore.open([root / "tokens"]).parts["web", "train"][0].tokens, length, generator)
            started = time.perf_counter()
            store = TokenStore.open([root / "tokens"])
            find_spans(open_blocks(store, [(root / "tokens", root / "suffixes")]), text, LEAST)
            found.setdefault(str(length), []).append(round(time.perf_counter() - started, 3))
    return found


def question(tokens: Tokens, length: int, generator: np.random.Generator) -> Tokens:
    """A text that stands in the store by halves."""
    runs = []
    for number in range(length // RUN):
        place = int(generator.integers(len(tokens) - RUN))
        runs.append(tokens[place : place + RUN] if number % 2 else generator.integers(1, VOCABULARY, RUN))
    text = np.concatenate(runs).astype(np.uint32)
    text[text == 0] = 1
    return text


def plan_rows() -> int:
    """Rows of a domain whose reads are looked up a second, in a run of an epoch and a half."""
    stage = PlanStage(end_row=ROWS * 3 // 2, weights=(1 << 31,))
    domain = PlanDomain(name="web", rows=ROWS, fingerprint="f")
    plan = Plan(mixture="m", domains=(domain,), stages=(stage,), row_tokens=2049, block=1024, seed=1)
    started = time.perf_counter()
    for low in range(0, LOOKED_UP, 1 << 16):
        visits(plan, 0, np.arange(low, low + (1 << 16)), 0, len(plan))
    return round(LOOKED_UP / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
