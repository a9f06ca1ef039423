"""Labelled tables for a harm classifier: which files, which column holds the text, and which one says what of a kind.

A file lists the tables, because no two public sets have the same columns::

    tables:
      - path: davidson.jsonl.gz
        kinds:
          toxicity: {column: label, positive: [hate, offensive]}
          hate: {column: label, positive: [hate]}
      - path: hatecheck.jsonl.gz
        text: test_case
        kinds:
          hate: {column: label_gold, positive: [hateful]}
        group: case_templ
        identity: target_ident
        test_only: true

A table labels the kinds that it names and says nothing of the others. ``group`` names rows that belong together, such
as those of one template: they are never on two sides of a split. ``identity`` is the group of people that a text
mentions, by a column or by words: false positives are measured for each. ``only`` takes rows by the values of columns.
Files are JSON Lines, CSV or Parquet, also gzipped. Memory: the tables.
"""

import gzip
import io
from pathlib import Path
from typing import Self

import polars as pl
from pydantic import Field, model_validator

from gristmill.core.config import Config, did_you_mean, read_yaml
from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.schemas.findings import GROUPS, FindingGroup
from gristmill.tasks.classifier.card import File
from gristmill.tasks.classifier.fit import text_hashes
from gristmill.tasks.classifier.texts import one_line
from gristmill.tasks.safety.harm.prepare import prepared

KINDS: tuple[str, ...] = tuple(kind.value for kind in GROUPS[FindingGroup.HARM])
HINT = "docs/safety.md shows what the file of tables looks like."


class KindLabel(Config):
    """A row is of the kind where ``column`` has one of the values ``positive``; null there says nothing.

    Without values no row of the table is: ordinary texts teach what is benign.
    """

    column: str
    positive: tuple[str, ...] = ()


class HarmTable(Config):
    """One labelled table."""

    path: Path
    name: str = ""
    text: str = "text"
    kinds: dict[str, KindLabel] = Field(min_length=1)
    group: str | None = None
    identity: str | None = None
    identities: tuple[str, ...] = ()
    only: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    test_only: bool = False

    @model_validator(mode="after")
    def _known_kinds(self) -> Self:
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(
                    f"there is no kind {kind!r}{did_you_mean(kind, list(KINDS))}; there are {', '.join(KINDS)}"
                )
        if self.identity and self.identities:
            raise ValueError("identity names a column and identities are words to look for; give one of them")
        return self

    @property
    def label(self) -> str:
        """What it is called in cards."""
        return self.name or self.path.name.partition(".")[0]


class HarmTables(Config):
    """The file of tables."""

    tables: tuple[HarmTable, ...] = Field(min_length=1)


def read_tables(path: Path) -> HarmTables:
    """The file at ``path``; tables are found from its folder. Raises :class:`UsageError` for what is wrong in it."""
    found = HarmTables.parse(read_yaml(path), str(path))
    tables = [table.model_copy(update={"path": path.parent / table.path.expanduser()}) for table in found.tables]
    for table in tables:
        if not table.path.is_file():
            raise UsageError(f"{path}: there is no table {table.path}.")
    return HarmTables(tables=tuple(tables))


def files_of(tables: HarmTables) -> tuple[File, ...]:
    """The files, by name and digest."""
    return tuple(File(name=table.path.name, digest=digest_file(table.path)) for table in tables.tables)


def labelled_rows(tables: HarmTables) -> pl.DataFrame:
    """All rows: table, test_only, text (prepared), hash (of the text as it was), group, identity (null where
    there is none), and a column a kind.

    Raises :class:`UsageError` for a file that cannot be read, a missing column, and a kind without a positive row.
    """
    frame = pl.concat([_rows(table) for table in tables.tables])
    frame = frame.with_columns(text=prepared(frame["text"]), hash=text_hashes(one_line(frame["text"])))
    return frame.filter(pl.col("text").str.strip_chars() != "")


def _rows(table: HarmTable) -> pl.DataFrame:
    raw = _read(table.path)
    wanted = [table.text, *(label.column for label in table.kinds.values()), *table.only]
    wanted += [column for column in (table.group, table.identity) if column]
    for column in wanted:
        if column not in raw.columns:
            raise UsageError(
                f"{table.path}: there is no column {column!r}{did_you_mean(column, raw.columns)}; there are "
                f"{', '.join(raw.columns)}."
            )
    words = raw.select(pl.col(column).cast(pl.String) for column in dict.fromkeys(wanted))
    words = words.filter(pl.col(table.text).is_not_null())
    for column, values in table.only.items():
        words = words.filter(pl.col(column).is_in(list(values)))
    identity = pl.lit(None, pl.String)
    if table.identity:
        identity = pl.col(table.identity).replace("", None)
    elif table.identities:
        pattern = rf"(?i)\b({'|'.join(table.identities)})\b"
        identity = pl.col(table.text).str.extract(pattern, 1).str.to_lowercase()
    labels = [
        pl.col(table.kinds[kind].column).is_in(list(table.kinds[kind].positive)).alias(kind)
        if kind in table.kinds
        else pl.lit(None, pl.Boolean).alias(kind)
        for kind in KINDS
    ]
    rows = words.select(
        pl.lit(table.label).alias("table"),
        pl.lit(table.test_only).alias("test_only"),
        pl.col(table.text).alias("text"),
        (pl.lit(f"{table.label}\n") + pl.col(table.group) if table.group else pl.lit(None, pl.String)).alias("group"),
        identity.alias("identity"),
        *labels,
    )
    for kind, label in table.kinds.items():
        if label.positive and not table.test_only and not rows[kind].any():
            raise UsageError(
                f"{table.path}: no row is {kind}: {label.column} is none of {', '.join(label.positive)}. It has "
                f"{', '.join(map(str, words[label.column].unique().drop_nulls().sort().head(8)))}."
            )
    return rows


def _read(path: Path) -> pl.DataFrame:
    name = path.name.lower().removesuffix(".gz")
    try:
        if name.endswith(".parquet"):
            return pl.read_parquet(path)
        content = gzip.decompress(path.read_bytes()) if path.name.lower().endswith(".gz") else path.read_bytes()
        if name.endswith((".csv", ".tsv")):
            separator = "\t" if name.endswith(".tsv") else ","
            return pl.read_csv(io.BytesIO(content), separator=separator, infer_schema=False)
        return pl.read_ndjson(io.BytesIO(content), infer_schema_length=None)
    except (OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{path}: this is not JSON Lines, CSV or Parquet: {error}") from error
