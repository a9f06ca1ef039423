"""What a table of the lake is: a name, the columns it is sorted by, and an Arrow schema with a word on every column."""

from dataclasses import dataclass

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Table:
    """One table: ``name`` is also its folder in the lake, ``key`` the columns it is sorted by.

    A run may leave an ``optional`` table out (a signal that needs a model of the user's); a step that reads it is then
    given an empty one.
    """

    name: str
    key: tuple[str, ...]
    schema: pa.Schema
    about: str
    optional: bool = False

    @property
    def sql_name(self) -> str:
        """The name in the warehouse: ``signals/language`` becomes ``signals_language``."""
        return self.name.replace("/", "_")


def columns(**columns: tuple[pa.DataType, str]) -> pa.Schema:
    """A schema from ``name=(type, description)``; a description that ends in ``?`` marks a nullable column."""
    return pa.schema(
        [
            pa.field(name, kind, nullable=about.endswith("?"), metadata={"about": about.removesuffix("?")})
            for name, (kind, about) in columns.items()
        ]
    )


DOC_ID = (pa.string(), "xxh3-128 of source, native record identity and payload, 32 hex digits")
