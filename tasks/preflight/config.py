"""How much of the input preflight samples; apart from :mod:`sampling`, so that ``--help`` imports no step."""

from typing import Annotated

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.flag import Flag


class SampleConfig(Config):
    """The size of the sample, in records, files and bytes."""

    share: Annotated[float, Flag("--sample", "Share of the records to curate.")] = Field(
        default=0.01, ge=0.000001, le=1, description="share of the records that are sampled"
    )
    least: Annotated[int, Flag("--least", "Least records to curate, if there are that many.")] = Field(
        default=2000, ge=1, description="records sampled at least, if there are that many"
    )
    most: int = Field(default=50_000, ge=1, description="records sampled at most; 'least' comes before it")
    files: int = Field(default=8, ge=2, description="files read at least, if there are that many")
    read_factor: float = Field(
        default=10, ge=1, description="stored bytes read, as a multiple of the share of all bytes"
    )
    read_bytes: int = Field(default=64 << 20, ge=0, description="stored bytes read at least, if there are that many")
