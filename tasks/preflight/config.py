"""How much preflight looks at; apart from :mod:`sampling`, so that the command line imports no step for its options."""

from typing import Annotated

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.flag import Flag


class SampleConfig(Config):
    """How much is looked at."""

    share: Annotated[float, Flag("--sample", "Share of the records to curate.")] = Field(
        default=0.01, ge=0.000001, le=1, description="of the records, kept"
    )
    least: Annotated[int, Flag("--least", "Least records to curate, if there are that many.")] = Field(
        default=2000, ge=1, description="records kept, where there are as many"
    )
    most: int = Field(default=50_000, ge=1, description="records kept at most, but for those that 'least' asks for")
    files: int = Field(default=8, ge=2, description="files read at least, where there are as many")
    read_factor: float = Field(default=10, ge=1, description="stored bytes read, over share of all bytes")
    read_bytes: int = Field(default=64 << 20, ge=0, description="stored bytes read at least, where there are as many")
