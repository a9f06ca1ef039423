"""Rows for tests of the ledger: documents, signals and verdicts from a few values, everything else filled in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.core.digests import digest_text
from gristmill.core.table import Table, conform
from gristmill.schemas.tables import SIGNALS, Documents
from gristmill.tasks.filtering.decide import kept_rows, ledger


def table_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of ``table``; a column that is not given is null where it may be, else 0, false or empty."""
    columns = []
    for field in table.schema:
        blank = None if field.nullable else _blank(field.type)
        columns.append(pa.array([row.get(field.name, blank) for row in rows], field.type))
    return pa.table(columns, schema=table.schema)


def documents_of(texts: Mapping[str, str], source: str = "corpus", file: str = "crawl.warc.gz") -> pa.Table:
    """Documents whose doc_id is the digest of the given name, one record of ``file`` each."""
    rows = [
        {
            "doc_id": digest_text(name),
            "source": source,
            "url": f"https://example.org/{name}",
            "record_uri": f"{file}@{place}+1",
            "text": text,
            "text_hash": digest_text(text),
            "chars": len(text),
        }
        for place, (name, text) in enumerate(texts.items())
    ]
    return table_of(Documents, rows).sort_by("doc_id")


def signals_of(documents: pa.Table, values: Mapping[str, Sequence[Any]]) -> dict[str, pa.Table]:
    """The tables of SIGNALS by name; ``values`` maps ``table.column`` to a value a document, in their order."""
    tables = {}
    for table in SIGNALS:
        short = table.name.removeprefix("signals/")
        rows = [{"doc_id": doc_id} for doc_id in documents.column("doc_id").to_pylist()]
        for signal, column in values.items():
            if signal.partition(".")[0] == short:
                for row, value in zip(rows, column, strict=True):
                    row[signal.partition(".")[2]] = value
        tables[table.name] = table_of(table, rows)
    return tables


def all_kept(documents: pa.Table, stage: str = "decide") -> pa.Table:
    """Verdicts that keep every document."""
    return ledger([kept_rows(pl.DataFrame(documents.select(["doc_id", "source"])), stage)])


def store(folder: Path, table: Table, rows: pa.Table) -> Path:
    """Write rows as the lake would, under ``folder``."""
    path = folder / table.sql_name / "rows.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(conform(table, rows), path)
    return path


def _blank(kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return b""
    return False if pa.types.is_boolean(kind) else 0
