"""Signals by name, ``table.column``, as policies and the deduplication of a corpus refer to them."""

import math

from gristmill.core.config import did_you_mean
from gristmill.core.table import Column, Table
from gristmill.schemas.tables import SIGNALS


def signal_names() -> list[str]:
    """Every signal as ``table.column``, in the order of the contract."""
    return [f"{short_name(table)}.{name}" for table in SIGNALS for name in table.columns if name != "doc_id"]


def signal_column(signal: str) -> Column:
    """The column that ``signal`` (``table.column``) names. Raises ``ValueError`` saying what was probably meant."""
    name, _, column = signal.partition(".")
    for table in SIGNALS:
        if short_name(table) == name and column != "doc_id" and column in table.columns:
            return table.columns[column]
    raise ValueError(f"there is no signal {signal!r}{did_you_mean(signal, signal_names())}")


def signal_range(signal: str) -> tuple[float, float]:
    """Lowest and highest possible value of a numeric signal, such as [0, 1] for a ratio and [0, inf) for a count."""
    column = signal_column(signal)
    return (-math.inf if column.low is None else column.low, math.inf if column.high is None else column.high)


def number(value: float) -> str:
    """A number as people write it: ``50``, ``0.65``, ``100000``."""
    return str(int(value)) if value == int(value) else repr(float(value))


def short_name(table: Table) -> str:
    """The table's name in a signal: ``gopher_quality`` of ``signals/gopher_quality``."""
    return table.name.removeprefix("signals/")
