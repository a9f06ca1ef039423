"""Heuristic signals and verdicts by the pipeline's own steps, text in to text out, as one command without Prefect.

    python -m benchmarks.filters INPUT_JSONL_FOLDER OUTPUT_FOLDER

Gopher repetition, Gopher quality, C4 and FineWeb: every signal of every document, judged by the preset ``fineweb@code``
without its rules on language. Signals and verdicts are written as Parquet under ``OUTPUT_FOLDER/lake`` as in a lake,
the kept texts to ``OUTPUT_FOLDER/output``. Prints each stage's processor time.
"""

import argparse
from pathlib import Path

from benchmarks.shards import Run, read, sources, write_kept
from gristmill.core.table import conform, empty
from gristmill.schemas.tables import SIGNALS, Documents, Verdicts
from gristmill.tasks.filtering.decide import DecideConfig, decide
from gristmill.tasks.filtering.policy import load_policy
from gristmill.tasks.signals.heuristics import HeuristicsConfig, heuristics


def main() -> None:
    """Judge every text and report the time of each stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    preset = load_policy("fineweb@code")
    rules = tuple(rule for rule in preset.rules if not rule.signal.startswith("language."))
    policy = DecideConfig(policy=preset.model_copy(update={"rules": rules}))
    run = Run(arguments.target)
    for path in sources(arguments.source):
        documents = conform(Documents, read(path))
        run.lap("read")
        found = dict(zip(heuristics.writes, heuristics.function(documents, HeuristicsConfig()), strict=True))
        for table, rows in found.items():
            run.store(table, path.stem, rows)
        run.lap("signals")
        signals = {table.name: found.get(table, empty(table)) for table in SIGNALS}
        verdicts = run.store(Verdicts, path.stem, decide.function(documents, signals, policy))
        run.lap("verdicts")
        write_kept(documents, verdicts, arguments.target / "output" / path.name)
        run.lap("write")
    run.report()


if __name__ == "__main__":
    main()
