"""Settings of deduplication: one model for people, and the part of it that each step's output depends on.

Defaults: FineWeb's MinHash shape, and a verification that FineWeb does not have. Without one, MinHash and transitive
closure have removed 97 % of a book corpus and more (reference: marin issues 6851 and 6854); with it, no pair below
``threshold`` joins two documents.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from gristmill.core.config import Config
from gristmill.core.flag import Flag
from gristmill.core.memory import DEFAULT, Memory
from gristmill.tasks.dedup.presets import PRESETS, MinHashConfig, ShingleConfig


class LinesConfig(Config):
    """Which lines count as repeated. ``paragraph``: a run of lines that are not blank."""

    unit: Literal["line", "paragraph"] = "line"
    min_chars: int = Field(default=40, ge=1, description="shorter lines are never cut")


class RepeatsConfig(Config):
    """What the cuts of repeated lines depend on."""

    min_documents: int = Field(default=7, ge=2)
    scope: Literal["source", "corpus"] = "source"
    unit: Literal["line", "paragraph"] = "line"
    frozen: tuple[str, ...] = ()
    memory: Memory = Field(default=DEFAULT, exclude=True)


class LineSettings(Config):
    """Repeated lines as a pipeline configuration writes them.

    Seven documents: Llama 3 (Dubey et al. 2024, 3.1.1) removed lines that appear more than six times in a bucket of 30
    million documents. Here one of them, the first by doc_id, keeps the line.
    """

    unit: Literal["line", "paragraph"] = Field(
        default="line", description="what is cut: lines, or runs of lines that are not blank"
    )
    min_chars: int = Field(default=40, ge=1, description="shorter lines are never cut")
    min_documents: Annotated[
        int, Flag("--dedup-lines", "Cut lines that this many documents share; off when left out.")
    ] = Field(default=7, ge=2, description="documents that must share a line before it is cut")
    scope: Literal["source", "corpus"] = Field(default="source", description="where they are counted")
    min_left: float = Field(
        default=0.3, ge=0, lt=1, description="a document is removed when less than this share of its characters is left"
    )

    def lines(self) -> LinesConfig:
        """Settings of the step ``lines``."""
        return LinesConfig(unit=self.unit, min_chars=self.min_chars)


class CopiesConfig(Config):
    """What the exact duplicates depend on. ``frozen``: names of shards whose earlier result stands."""

    url: bool = False
    frozen: tuple[str, ...] = ()
    memory: Memory = Field(default=DEFAULT, exclude=True)


class CandidatesConfig(Config):
    """What the candidates depend on. ``max_bucket``: a larger bucket is linked as a star around its smallest doc_id.

    ``part`` of ``parts``: which part of the bands and bucket ranges a run looks at.
    """

    max_bucket: int = Field(default=200, ge=2)
    min_left: float = Field(default=0, ge=0, lt=1)
    frozen: tuple[str, ...] = ()
    part: int = Field(default=0, ge=0)
    parts: int = Field(default=1, ge=1)
    memory: Memory = Field(default=DEFAULT, exclude=True)


class PairsConfig(Config):
    """What the pairs depend on. ``only``: the shards of documents that a run finds pairs for; empty: all."""

    shingles: ShingleConfig = ShingleConfig()
    threshold: float = Field(default=0.75, gt=0, le=1)
    max_bucket: int = Field(default=200, ge=2)
    min_left: float = Field(default=0, ge=0, lt=1)
    frozen: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    memory: Memory = Field(default=DEFAULT, exclude=True)

    def candidates(self, part: int = 0, parts: int = 1) -> CandidatesConfig:
        """Settings of the step ``candidates``."""
        shared = self.model_dump(include={"max_bucket", "min_left", "frozen"})
        return CandidatesConfig(**shared, part=part, parts=parts, memory=self.memory)


class ClustersConfig(Config):
    """What the clusters depend on.

    ``quality`` is the signal that picks the representative. A run stops when the near-duplicate rule would remove more
    than ``max_loss`` of the kept documents of a source that has at least ``min_documents`` of them.
    """

    quality: str
    max_loss: float = Field(default=0.9, gt=0, le=1)
    min_documents: int = Field(default=1000, ge=1)
    min_left: float = Field(default=0, ge=0, lt=1)
    frozen: tuple[str, ...] = ()
    memory: Memory = Field(default=DEFAULT, exclude=True)

    @field_validator("quality")
    @classmethod
    def _known(cls, quality: str) -> str:
        from gristmill.tasks.filtering.signal_columns import signal_column  # imports every table, and --help needs none

        signal_column(quality)
        return quality


class DedupVerdictsConfig(Config):
    """What the verdicts of deduplication depend on: the bounds that they quote."""

    threshold: float = Field(default=0.75, gt=0, le=1)
    min_left: float = Field(default=0, ge=0, lt=1)


class DedupConfig(Config):
    """Deduplication as a pipeline configuration writes it. ``lines``: None for no cuts of repeated lines."""

    minhash: MinHashConfig = PRESETS["fineweb"]
    threshold: float = Field(default=0.75, gt=0, le=1, description="least Jaccard similarity of near-duplicates")
    max_bucket: int = Field(default=200, ge=2, description="largest bucket in which every pair is proposed")
    max_loss: float = Field(default=0.9, gt=0, le=1, description="share of a source that near-duplicates may cost")
    min_documents: int = Field(default=1000, ge=1, description="smallest source that max_loss applies to")
    url: bool = Field(default=False, description="of several documents of one URL the newest stays")
    lines: LineSettings | None = Field(default=None, description="cut lines that many documents share")
    memory: Memory = Field(default=DEFAULT, exclude=True, description="memory of each global step, such as 2GiB")

    @property
    def min_left(self) -> float:
        """Share of its characters that a document must keep after the cuts of repeated lines; 0 without cuts."""
        return self.lines.min_left if self.lines else 0

    def copies(self, frozen: tuple[str, ...] = ()) -> CopiesConfig:
        """Settings of the step ``copies``."""
        return CopiesConfig(url=self.url, frozen=frozen, memory=self.memory)

    def repeats(self, frozen: tuple[str, ...] = ()) -> RepeatsConfig:
        """Settings of the step ``repeated-lines``. Raises ``ValueError`` when ``lines`` is not asked for."""
        if self.lines is None:
            raise ValueError("repeated lines are not asked for")
        found = self.lines.model_dump(include={"min_documents", "scope", "unit"})
        return RepeatsConfig(**found, frozen=frozen, memory=self.memory)

    def candidates(self, part: int, parts: int, frozen: tuple[str, ...] = ()) -> CandidatesConfig:
        """Settings of the step ``candidates`` for one of ``parts`` runs."""
        return self.pairs(frozen).candidates(part, parts)

    def pairs(self, frozen: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> PairsConfig:
        """Settings of the step ``pairs``."""
        return PairsConfig(
            shingles=self.minhash.shingles,
            threshold=self.threshold,
            max_bucket=self.max_bucket,
            min_left=self.min_left,
            frozen=frozen,
            only=only,
            memory=self.memory,
        )

    def clusters(self, quality: str, frozen: tuple[str, ...] = ()) -> ClustersConfig:
        """Settings of the step ``clusters``; ``quality`` is the policy's."""
        return ClustersConfig(
            quality=quality,
            max_loss=self.max_loss,
            min_documents=self.min_documents,
            min_left=self.min_left,
            frozen=frozen,
            memory=self.memory,
        )

    def verdicts(self) -> DedupVerdictsConfig:
        """Settings of the step ``dedup-verdicts``."""
        return DedupVerdictsConfig(threshold=self.threshold, min_left=self.min_left)
