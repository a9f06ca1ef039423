"""Samples that were drawn for review, and signatures under corpora."""

from datetime import datetime
from typing import Any

from pydantic import Field

from gristmill.core.config import Config
from gristmill.schemas.reviews.decision import Hash, Person, Reason, Stratum


class SampledDocument(Config):
    """A document of a sample. ``domain``: with the stratum, the group it was drawn from."""

    text_hash: Hash
    doc_id: Hash
    stratum: Stratum
    domain: str


class StratumSize(Config):
    """How many documents of the corpus are in one group, and how many of them were drawn."""

    stratum: Stratum
    domain: str
    documents: int = Field(ge=0)
    drawn: int = Field(ge=0)


class ReviewSample(Config):
    """Documents drawn at random, by stratum and domain, so that the error rates of the policy can be estimated.

    ``corpus``: digest of the corpus they were drawn from (see :class:`Signature`). ``readers``: how many people should
    read each.
    """

    source: str
    corpus: str
    person: Person
    seed: int
    readers: int = Field(default=1, ge=1, le=9)
    strata: tuple[StratumSize, ...]
    documents: tuple[SampledDocument, ...]
    at: datetime


class Signature(Config):
    """A person's name under a corpus, with the figures at that time.

    ``corpus``: digest of the curated files, which names their content. ``files``: the digest of each, by which
    whatever was made of them is known to be signed. ``withdrawn``: the signature no longer holds.
    """

    source: str
    corpus: str
    dataset: str
    files: tuple[str, ...]
    person: Person
    note: Reason = ""
    figures: dict[str, Any] = Field(default_factory=dict)
    withdrawn: bool = False
    at: datetime
