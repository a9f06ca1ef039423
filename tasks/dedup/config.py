"""Settings of deduplication: one model for people, and the part of it that each step's output depends on.

Defaults: FineWeb's MinHash shape, and a verification that FineWeb does not have. Without one, MinHash and transitive
closure have removed 97 % of a book corpus and more (reference: marin issues 6851 and 6854); with it, no pair below
``threshold`` joins two documents.
"""

from pydantic import Field, field_validator

from schemas.config import Config
from tasks.minhash import PRESETS, MinHashConfig
from tasks.policy import signal_field
from tasks.shingles import ShingleConfig


class PairsConfig(Config):
    """What the pairs depend on. ``max_bucket``: a larger bucket is linked as a star around its smallest doc_id."""

    shingles: ShingleConfig = ShingleConfig()
    threshold: float = Field(default=0.75, gt=0, le=1)
    max_bucket: int = Field(default=200, ge=2)


class ClustersConfig(Config):
    """What the clusters depend on.

    ``quality`` is the signal that picks the representative. A run stops when the near-duplicate rule would remove more
    than ``max_loss`` of the kept documents of a source that has at least ``min_documents`` of them.
    """

    quality: str
    max_loss: float = Field(default=0.9, gt=0, le=1)
    min_documents: int = Field(default=1000, ge=1)

    @field_validator("quality")
    @classmethod
    def _known(cls, quality: str) -> str:
        signal_field(quality)
        return quality


class DedupVerdictsConfig(Config):
    """What the verdicts of deduplication depend on: the threshold that they quote."""

    threshold: float = Field(default=0.75, gt=0, le=1)


class DedupConfig(Config):
    """Deduplication as a pipeline configuration writes it."""

    minhash: MinHashConfig = PRESETS["fineweb"]
    threshold: float = Field(default=0.75, gt=0, le=1, description="least Jaccard similarity of near-duplicates")
    max_bucket: int = Field(default=200, ge=2, description="largest bucket in which every pair is proposed")
    max_loss: float = Field(default=0.9, gt=0, le=1, description="share of a source that near-duplicates may cost")
    min_documents: int = Field(default=1000, ge=1, description="smallest source that max_loss applies to")

    def pairs(self) -> PairsConfig:
        """Settings of the step ``pairs``."""
        return PairsConfig(shingles=self.minhash.shingles, threshold=self.threshold, max_bucket=self.max_bucket)

    def clusters(self, quality: str) -> ClustersConfig:
        """Settings of the step ``clusters``; ``quality`` is the policy's."""
        return ClustersConfig(quality=quality, max_loss=self.max_loss, min_documents=self.min_documents)

    def verdicts(self) -> DedupVerdictsConfig:
        """Settings of the step ``dedup-verdicts``."""
        return DedupVerdictsConfig(threshold=self.threshold)
