"""Models that rules ask, as settings: by their digests. Without what loads them, which takes a second to import."""

from pathlib import Path

from pydantic import Field

from gristmill.core.config import Config


class TopicModelConfig(Config):
    """The digest (xxh3-128) of a model file. ``path`` says where it is here, and is no part of the cache key."""

    digest: str
    path: Path = Field(exclude=True, repr=False)


class ClustersModelConfig(Config):
    """The digest of the folder of clusters. ``path`` says where it is here, and is no part of the cache key."""

    digest: str
    path: Path = Field(exclude=True, repr=False)
