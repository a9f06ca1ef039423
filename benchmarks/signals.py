"""Speed of every signal step on one core: ``POLARS_MAX_THREADS=1 python -m benchmarks.signals FOLDER [--every N]``.

FOLDER holds ``*.jsonl.gz`` files with a ``text`` field, such as ``../shared/corpora/text``; every N-th text is taken.
Prints a Markdown table: megabytes of UTF-8 and documents for each second of processor time, and peak memory so far.
"""

import argparse
import gzip
import json
import resource
import time
from pathlib import Path

import pyarrow as pa

from tasks.c4 import C4Config, c4
from tasks.domain import DomainConfig, domain
from tasks.fineweb import FineWebConfig, fineweb
from tasks.gopher_quality import GopherQualityConfig, gopher_quality
from tasks.gopher_repetition import GopherRepetitionConfig, gopher_repetition
from tasks.language import language, language_config
from tasks.pii import PiiConfig, pii

STEPS = (
    (language, language_config()),
    (gopher_quality, GopherQualityConfig()),
    (gopher_repetition, GopherRepetitionConfig()),
    (c4, C4Config()),
    (fineweb, FineWebConfig()),
    (domain, DomainConfig()),
    (pii, PiiConfig()),
)


def documents(folder: Path, every: int) -> pa.Table:
    """The columns that the steps read, of every ``every``-th text."""
    texts = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts += [json.loads(line)["text"] for line in file]
    texts = texts[::every]
    ids = pa.array([str(number) for number in range(len(texts))])
    return pa.table({"doc_id": ids, "text": pa.array(texts, pa.string()), "url": pa.nulls(len(texts), pa.string())})


def main() -> None:
    """Time each step once, after a warm-up on a few documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=3)
    arguments = parser.parse_args()
    table = documents(arguments.folder, arguments.every)
    megabytes = table.column("text").nbytes / 1e6
    print(
        f"{table.num_rows} documents, {megabytes:.1f} MB\n\n| step | MB/s | documents/s | peak MB |\n|---|---|---|---|"
    )
    for step, config in STEPS:
        step.function(table.slice(0, 20), config)
        start = time.process_time()
        step.function(table, config)
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"| {step.name} | {megabytes / seconds:.1f} | {table.num_rows / seconds:.0f} | {peak} |")


if __name__ == "__main__":
    main()
