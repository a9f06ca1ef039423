"""Gopher repetition, Gopher quality, C4 and FineWeb filters of datatrove 0.10, in FineWeb's order and settings.

Run by the peer's Python: ``datatrove_filters.py INPUT_JSONL_FOLDER OUTPUT_FOLDER``. One task and one worker. A text
leaves the pipeline at the first filter that it fails, so later filters see fewer texts; Gristmill computes every signal
of every text.
"""

import sys
from pathlib import Path

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter


def main(source: Path, target: Path) -> None:
    """Write the kept texts to ``target/output``."""
    LocalPipelineExecutor(
        [
            JsonlReader(str(source), glob_pattern="*.jsonl"),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            C4QualityFilter(filter_no_terminal_punct=False),
            FineWebQualityFilter(),
            JsonlWriter(str(target / "output"), output_filename="${rank}.jsonl", compression=None),
        ],
        tasks=1,
        workers=1,
        logging_dir=str(target / "logs"),
    ).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
