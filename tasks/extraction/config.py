"""Settings of extraction: which extractors turn HTML into text, and what a page may cost.

They stand apart from the step so that ``--help`` and forms do not import it.
"""

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, field_validator

from gristmill.core.config import Config
from gristmill.core.flag import Flag


class ExtractConfig(Config):
    """Settings of :func:`gristmill.tasks.extraction.extract.extract`."""

    extractors: Annotated[
        tuple[Literal["resiliparse", "trafilatura"], ...],
        Flag("--extractor", "resiliparse or trafilatura; the next is for what the first misses."),
    ] = Field(
        default=("resiliparse",),
        min_length=1,
        description="what finds the main content of HTML; the next ones are for pages on which the first gives nothing",
    )
    favour_precision: bool = Field(
        default=True, description="trafilatura: less text and less boilerplate, as FineWeb; false for its own default"
    )
    cpu_seconds: float = Field(default=5.0, gt=0, le=600, description="processor time a page may use, in seconds")
    memory_mib: int = Field(default=2048, ge=256, le=65536, description="address space of the worker, in MiB")

    @field_validator("extractors")
    @classmethod
    def _each_once(cls, extractors: tuple[str, ...]) -> tuple[str, ...]:
        repeated = [name for name, count in Counter(extractors).items() if count > 1]
        if repeated:
            raise ValueError(f"{repeated[0]} is named twice; a second try of the same extractor gives the same")
        return extractors
