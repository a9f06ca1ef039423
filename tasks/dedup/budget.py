"""The memory that deduplication may use, and the parts it is given out in.

A budget never changes a result, only where things wait: in memory or in the step's scratch folder. So it is left out of
every cache key.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", re.IGNORECASE)
LEAST = 256 << 20
DEFAULT = 2 << 30


def parse_bytes(value: Any) -> int:
    """``2GiB``, ``512M``, ``1.5 TiB`` or a number of bytes; units are powers of 1024 with and without the ``i``.

    Raises ``ValueError`` for anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no size: write a number with a unit, such as 2GiB or 512MiB")
    return int(float(match[1]) * UNITS[match[2].upper()])


Memory = Annotated[int, BeforeValidator(parse_bytes), Field(ge=LEAST)]


def database_share(memory: int) -> int:
    """Bytes for the joins, which DuckDB spills beyond."""
    return memory // 2


def buffer_share(memory: int) -> int:
    """Bytes for rows that wait to be sorted by partition, and for one partition while it is worked on."""
    return memory // 8
