"""Parquet files of ours, read whole."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def read_rows(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The rows of one file, all columns or those named, in that order. Raises ``KeyError`` for one that is not there.

    ``pyarrow.parquet.read_table`` gives the same and takes pyarrow's datasets, which import pandas where it is
    installed: 0.2 s of every process that reads a file.
    """
    with pq.ParquetFile(path) as file:
        rows = file.read(columns=columns)
    return rows if columns is None else rows.select(columns)
