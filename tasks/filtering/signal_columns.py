"""Signals by name, ``table.column``, as policies and the deduplication of a corpus refer to them.

The possible range of a signal is read from the contract: every number is 0 or more, and a ``float64`` column is a ratio
in [0, 1] unless its description says "may exceed 1", "count" or "not a ratio".
"""

import math

import pyarrow as pa

from gristmill.core.config import did_you_mean
from gristmill.core.table import Table
from gristmill.schemas.tables import SIGNALS

UNBOUNDED = ("may exceed 1", "count", "not a ratio")


def signal_names() -> list[str]:
    """Every signal as ``table.column``, in the order of the contract."""
    return [f"{short_name(table)}.{name}" for table in SIGNALS for name in table.schema.names if name != "doc_id"]


def signal_field(signal: str) -> pa.Field:
    """The column that ``signal`` (``table.column``) names. Raises ``ValueError`` saying what was probably meant."""
    name, _, column = signal.partition(".")
    for table in SIGNALS:
        if short_name(table) == name and column != "doc_id" and column in table.schema.names:
            return table.schema.field(column)
    raise ValueError(f"there is no signal {signal!r}{did_you_mean(signal, signal_names())}")


def signal_range(signal: str) -> tuple[float, float]:
    """Lowest and highest possible value of a numeric signal: [0, 1] for a ratio, [0, inf) otherwise."""
    field = signal_field(signal)
    about = field.metadata[b"about"].decode()
    ratio = pa.types.is_floating(field.type) and not any(words in about for words in UNBOUNDED)
    return 0.0, 1.0 if ratio else math.inf


def number(value: float) -> str:
    """A number as people write it: ``50``, ``0.65``, ``100000``."""
    return str(int(value)) if value == int(value) else repr(float(value))


def short_name(table: Table) -> str:
    """The table's name in a signal: ``gopher_quality`` of ``signals/gopher_quality``."""
    return table.name.removeprefix("signals/")
