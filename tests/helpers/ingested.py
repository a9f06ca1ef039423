"""Ingest of one file or group outside a lake, as the two tables of the contract."""

import tempfile
from pathlib import Path

import pyarrow as pa

from gristmill.core.table import conform
from gristmill.schemas.tables import Records, SetAside
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.ingest.sources import InputFile, InputSource


def parts(source: InputSource | Path, **settings: object) -> list[tuple[pa.Table, pa.Table]]:
    """Records and set_aside of every part; a path is read under its own name."""
    given = InputFile.local(source, source.name) if isinstance(source, Path) else source
    config = IngestConfig.parse({"source": "test", **settings}, "test")
    with tempfile.TemporaryDirectory() as folder:
        made = ingest.function(given, config, Path(folder) / "downloads")
        return [(conform(Records, records), conform(SetAside, aside)) for records, aside in made]


def ingested(source: InputSource | Path, **settings: object) -> tuple[pa.Table, pa.Table]:
    """Records and set_aside of all parts together, in the order of the contract."""
    made = parts(source, **settings)
    records = pa.concat_tables([records for records, _ in made])
    aside = pa.concat_tables([aside for _, aside in made])
    return conform(Records, records), conform(SetAside, aside)
