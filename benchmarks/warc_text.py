"""WARC to text by the pipeline's own steps, as one command without Prefect: ingest, then extract.

    python -m benchmarks.warc_text WARC_FILE_OR_FOLDER OUTPUT_FOLDER

Everything that a run does: records checked and counted, pages in a worker process with time and memory limits, every
result with its reason, documents and set-aside records as Parquet. Prints the seconds of each stage.
"""

import sys
from pathlib import Path

from benchmarks.shards import Run
from gristmill.schemas.tables import Documents, Records, SetAside
from gristmill.tasks.extraction.config import ExtractConfig
from gristmill.tasks.extraction.extract import extract
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.ingest import IngestConfig, ingest


def main(source: Path, target: Path) -> None:
    """Write the tables of every input file, in parts as ingest makes them."""
    run = Run(target)
    downloads = target / "downloads"
    downloads.mkdir(parents=True)
    for file in find_inputs((str(source),)).files:
        for number, (records, set_aside) in enumerate(ingest.function(file, IngestConfig(source="bench"), downloads)):
            name = f"{file.shard}-{number}"
            run.store(Records, name, records)
            run.store(SetAside, f"ingest-{name}", set_aside)
            run.lap("ingest")
            documents, failed = extract.function(records, ExtractConfig())
            run.store(Documents, name, documents)
            run.store(SetAside, f"extract-{name}", failed)
            run.lap("extract")
    run.report()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
