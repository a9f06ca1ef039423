"""Documents of a file in memory, as a curation reads and extracts them: for notebooks and for ``scan``."""

import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa

from gristmill.core.errors import GristmillError
from gristmill.core.files.places import check_name
from gristmill.core.table import conform
from gristmill.schemas.tables import Documents, SetAside
from gristmill.tasks.extraction.config import ExtractConfig
from gristmill.tasks.extraction.extract import extract
from gristmill.tasks.ingest.discovery import find_inputs, refuse_missing
from gristmill.tasks.ingest.grouping import Grouping, group_files
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap


def read_documents(path: str | Path, source: str, columns: Mapping[str, str]) -> pa.Table:
    """The table ``documents`` of a file, folder, glob or address; :func:`gristmill.read` says what it raises."""
    settings = IngestConfig(
        source=check_name(source, "source"), map=ColumnMap.parse(dict(columns), "the columns of read")
    )
    refuse_missing([str(path)], settings.read_options)
    found = find_inputs([str(path)])
    documents = [Documents.schema.empty_table()]
    asides = [SetAside.schema.empty_table()]
    with tempfile.TemporaryDirectory(prefix="gristmill-") as downloads:
        for group in group_files(found.files, Grouping()):
            for records, not_ingested in ingest.function(group, settings, Path(downloads)):
                texts, not_extracted = extract.function(records, ExtractConfig())
                documents.append(texts)
                asides += [not_ingested, not_extracted]
    lost = pa.concat_tables(asides).to_pylist()
    reasons = {row["record_uri"]: row["detail"] for row in lost if row["kind"] == "file"}
    if named := found.lost(reasons):
        raise GristmillError(f"nothing could be read from {', '.join(named)}: {'; '.join(reasons.values())}")
    if lost or found.skipped:
        counts = Counter(str(row["reason"]) for row in lost)
        reports = [f"{count:,} {reason}" for reason, count in counts.most_common()] + found.skipped_lines()
        warnings.warn(f"{path}: some records gave no document: {'; '.join(reports)}", stacklevel=2)
    return _first_of_each(conform(Documents, pa.concat_tables(documents)))


def _first_of_each(documents: pa.Table) -> pa.Table:
    """One document for each ``doc_id``: a record that is in two files is the same record."""
    ids = pl.Series(documents.column("doc_id"))
    return documents.filter(ids.is_first_distinct().to_arrow())
