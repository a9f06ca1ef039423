"""The memory that deduplication may use, and the parts it is given out in.

A budget never changes a result, only where things wait: in memory or in the step's scratch folder. So it is left out of
every cache key.
"""

from typing import Annotated

from pydantic import Field

from gristmill.core.config import Size

LEAST = 512 << 20
DEFAULT = 2 << 30


Memory = Annotated[Size, Field(ge=LEAST)]


def database_share(memory: int) -> int:
    """Bytes for the joins, which DuckDB spills beyond."""
    return memory // 2


def buffer_share(memory: int) -> int:
    """Bytes for rows that wait to be sorted by partition, and for one partition while it is worked on."""
    return memory // 8
