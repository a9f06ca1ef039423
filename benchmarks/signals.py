"""Speed of the signal steps on one core: ``POLARS_MAX_THREADS=1 python -m benchmarks.signals PATH [--every N]``.

PATH is a ``.jsonl``, ``.jsonl.gz`` or ``.parquet`` file with a ``text`` column, or a folder of such files; every N-th
text is used. Prints a Markdown table: megabytes of UTF-8 and documents per second of processor time, and peak memory so
far; then the time of each part of the heuristics, on the same texts. Compiled kernels are warm.
"""

import argparse
import gzip
import json
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.tasks.safety.step import findings, findings_config
from gristmill.tasks.signals import c4, fineweb, gopher_quality
from gristmill.tasks.signals.c4 import LINEAGES
from gristmill.tasks.signals.domain import domain_columns
from gristmill.tasks.signals.gopher_repetition import repetition_columns
from gristmill.tasks.signals.heuristics import HeuristicsConfig, heuristics
from gristmill.tasks.signals.language import language, language_config
from gristmill.tasks.signals.line_rules.c4 import line_facts
from gristmill.tasks.text.columns import column_of, lines_of
from gristmill.tasks.text.slices import map_slices, one_chunk
from gristmill.tasks.tokenization.words import tokens_of

STEPS = ((heuristics, HeuristicsConfig()), (language, language_config()), (findings, findings_config()))


def texts_of(path: Path) -> Iterator[str]:
    """The texts of one file."""
    if path.suffix == ".parquet":
        yield from pq.read_table(path, columns=["text"]).column("text").to_pylist()
        return
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def documents(path: Path, every: int) -> pa.Table:
    """The columns that the steps read, of every ``every``-th text."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    wanted = [file for file in files if file.name.endswith((".jsonl", ".jsonl.gz", ".parquet"))]
    texts = [text for file in wanted for text in texts_of(file)][::every]
    ids = pa.array([str(number) for number in range(len(texts))])
    return pa.table({"doc_id": ids, "text": pa.array(texts, pa.string()), "url": pa.nulls(len(texts), pa.string())})


def seconds_of(table: pa.Table) -> dict[str, float]:
    """Processor time of each part of the heuristics step over ``table``, in seconds."""
    spent: dict[str, float] = {}

    def timed(name: str, function: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = function()
        spent[name] = spent.get(name, 0.0) + time.process_time() - start
        return result

    def measure(part: pa.Table) -> pa.Table:
        config = HeuristicsConfig()
        texts, urls = one_chunk(part.column("text")), one_chunk(part.column("url"))
        column = timed("white space", lambda: column_of(texts))
        lines = timed("lines", lambda: lines_of(column))
        tokens = timed("tokens", lambda: tokens_of(column))
        facts = timed("C4, lines", lambda: line_facts(column, lines, tokens, config.c4.policy_phrases))
        timed("C4, three lineages", lambda: [c4.c4_columns(facts, lineage) for lineage in LINEAGES.values()])
        left = timed("FineWeb, text that C4 leaves", lambda: c4.text_left(column, facts, config.c4))
        timed("FineWeb", lambda: fineweb.columns_of(*left, config.fineweb))
        timed("Gopher quality", lambda: gopher_quality.columns_of(column, lines, tokens, config.gopher_quality))
        timed("Gopher repetition", lambda: repetition_columns(texts, tokens))
        timed("domain", lambda: domain_columns(texts, urls, tokens, config.domain))
        return part.select(["doc_id"])

    map_slices(measure, table)
    return spent


def main() -> None:
    """Time each step once, after a warm-up on a few documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--every", type=int, default=3)
    arguments = parser.parse_args()
    table = documents(arguments.path, arguments.every)
    megabytes = table.column("text").nbytes / 1e6
    print(f"{table.num_rows} documents, {megabytes:.1f} MB\n")
    print("| step | MB/s | documents/s | peak MB |\n|---|---|---|---|")
    for step, config in STEPS:
        step.function(table.slice(0, 20), config)
        start = time.process_time()
        step.function(table, config)
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"| {step.name} | {megabytes / seconds:.1f} | {table.num_rows / seconds:.0f} | {peak} |")
    print("\n| part of the heuristics | ns a byte |\n|---|---|")
    for name, seconds in seconds_of(table).items():
        print(f"| {name} | {seconds / megabytes * 1e3:.1f} |")


if __name__ == "__main__":
    main()
