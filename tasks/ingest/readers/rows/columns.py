"""Which columns of a row hold the text, the identity, the URL and the date, and how values are found and cleaned.

A name with dots finds a value inside objects: ``data.body`` is ``row["data"]["body"]``. A column that has the dots in
its own name comes first.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from gristmill.core.config import Config, did_you_mean
from gristmill.core.errors import UsageError

JSON_TYPES = (bool, int, float, list, dict)
DEFAULT_ID, DEFAULT_URL = "id", "url"
# Rows to see before "none of them has the default text column" counts as a usage error and not as a fault of the rows.
TELLING_ROWS = 10


class ColumnsError(UsageError):
    """A file does not have the columns that it should be read by: a usage error, or a fault of this one file."""


class ColumnMap(Config):
    """Columns of JSON Lines, Parquet, CSV and TSV by what they hold. A dotted name goes into objects."""

    text: str = Field(default="text", min_length=1, description="the column of the text")
    id: str | None = Field(
        default=None, min_length=1, description="the column of a row's identity; by default 'id' where a row has it"
    )
    url: str | None = Field(
        default=None, min_length=1, description="the column of the URL; by default 'url' where a row has it"
    )
    date: str | None = Field(default=None, min_length=1, description="the column of the date of the crawl")

    @model_validator(mode="before")
    @classmethod
    def _as_pairs(cls, values: Any) -> Any:
        """The form of the command line, ``text=content,id=key``, is a map, too."""
        return parse_map(values).model_dump() if isinstance(values, str) else values

    def stated(self) -> tuple[str, ...]:
        """The columns that somebody named: every row set should have them."""
        named = [self.id, self.url, self.date]
        if self.text != ColumnMap.model_fields["text"].default:
            named.insert(0, self.text)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def check(self, file: str, columns: Sequence[str]) -> None:
        """Raises :class:`ColumnsError` for a column that ``columns`` of a file lack, or have twice."""
        wanted = (self.text, *self.stated())
        for column in wanted:
            if column not in columns:
                raise missing_column(file, column, columns)
        for column in (*wanted, self.id or DEFAULT_ID, self.url or DEFAULT_URL):
            if columns.count(column) > 1:
                raise ColumnsError(f"{file}: two columns are called {column!r}. Rename one, or map another column.")


def parse_map(text: str) -> ColumnMap:
    """``text=content,id=doc_id,url=link,date=ts`` as a map; what is left out keeps its default.

    Raises :class:`UsageError` for an entry that is not a pair, an unknown key, an empty column and a key named twice.

    >>> parse_map("text=data.body, id=key")
    ColumnMap(text='data.body', id='key', url=None, date=None)
    """
    columns: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key, separator, column = (part.strip() for part in entry.partition("="))
        if not separator or not column:
            raise UsageError(f"--map {text}: {entry!r} is not a pair. Write text=COLUMN, with commas between pairs.")
        if key not in ColumnMap.model_fields:
            raise UsageError(f"--map {text}: unknown key {key!r}{did_you_mean(key, list(ColumnMap.model_fields))}")
        if columns.setdefault(key, column) != column:
            raise UsageError(f"--map {text}: {key} is named twice.")
    return ColumnMap.parse(columns, f"--map {text}")


def has_column(row: Mapping[str, object], column: str) -> bool:
    """Whether the row has the column, also with a null in it."""
    if column in row or "." not in column:
        return column in row
    parent, _, name = column.rpartition(".")
    inside = value_at(row, parent)
    return isinstance(inside, Mapping) and name in inside


def value_at(row: Mapping[str, object], column: str) -> object:
    """The value of a column, None where there is none."""
    if column in row or "." not in column:
        return row.get(column)
    value: object = row
    for part in column.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def column_names(row: Mapping[str, object]) -> list[str]:
    """The names by which values of a row can be asked for, two levels deep."""
    nested = [f"{name}.{inner}" for name, value in row.items() if isinstance(value, Mapping) for inner in value]
    return [*row, *nested]


def missing_column(file: str, column: str, columns: Iterable[str], rows: str = "") -> ColumnsError:
    """The error for a column that a file does not have; ``rows`` says how many were looked at where that matters."""
    found = f"none of its {rows} rows has" if rows else "there is no"
    return ColumnsError(
        f"{file}: {found} column {column!r}{did_you_mean(column, list(columns))}. Say which columns hold what with "
        "--map text=COLUMN,id=COLUMN, or leave the file out."
    )


class ColumnCheck:
    """Notices that no row of a file has a column: one row without it is the row's fault, all of them is a usage
    error."""

    def __init__(self, file: str, columns: ColumnMap) -> None:
        self.file = file
        self.rows = 0
        self.last: Mapping[str, object] = {}
        self.stated = columns.stated()
        self.absent = list(dict.fromkeys((columns.text, *self.stated)))

    def see(self, row: Mapping[str, object]) -> None:
        """Take one row into account."""
        self.rows += 1
        if self.absent:
            self.last = row
            self.absent = [column for column in self.absent if not has_column(row, column)]

    def see_json(self, line: bytes) -> None:
        """Take a line of JSON into account, where it is a row."""
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return
        if isinstance(row, dict):
            self.see(row)

    def finish(self, *, whole: bool = True) -> None:
        """Raises :class:`ColumnsError` when a named column was in no row, or the default text column in none of ten.

        ``whole``: every row of the file was seen, and not only the first.
        """
        for column in self.absent:
            if self.rows >= (1 if column in self.stated else TELLING_ROWS):
                seen = f"{self.rows:,}" if whole else f"first {self.rows:,}"
                raise missing_column(self.file, column, column_names(self.last), seen)


def string(value: object) -> str | None:
    """A URL or the like: text that is not empty, else None. Bytes are taken for UTF-8."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return clean(value) if isinstance(value, str) and value else None


def identity(value: object) -> str | None:
    """An identity as text: strings as they are, bytes as the UTF-8 that they hold or in hexadecimal digits, numbers,
    lists and objects in their JSON form, decimals and moments as Python writes them; None for null, "" and NaN."""
    if value is None or value in ("", b"") or value != value:
        return None
    if isinstance(value, bytes):
        value = _printable(value) or value.hex()
    if isinstance(value, str):
        return clean(value)
    if not isinstance(value, JSON_TYPES):
        return str(value)
    return json.dumps(value, sort_keys=True, default=str)


def _printable(value: bytes) -> str | None:
    """The text of a column of type binary that holds text; None for bytes of another kind, such as those of a UUID."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def utf8(text: str) -> bytes:
    """UTF-8, with lone surrogates replaced."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return clean(text).encode("utf-8")


def clean(text: str) -> str:
    """Escaped surrogate pairs joined, lone surrogates replaced: JSON can hold what UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
