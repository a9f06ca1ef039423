"""The memory that deduplication may use, and how it is shared out.

A budget never changes a result, only where data waits: in memory or in the step's scratch folder. So no cache key
includes it.
"""

from typing import Annotated

from pydantic import Field

from gristmill.core.config import Size

LEAST = 512 << 20
DEFAULT = 2 << 30


Memory = Annotated[Size, Field(ge=LEAST)]


def database_share(memory: int) -> int:
    """Bytes for the joins; beyond them DuckDB spills to disk."""
    return memory // 2


def buffer_share(memory: int) -> int:
    """Bytes for rows waiting to be sorted by partition, and for the partition being processed."""
    return memory // 8
