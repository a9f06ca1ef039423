"""A remote file as its server describes it, the errors of reading one, and the settings of downloads."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError

WEB = ("http://", "https://")
COMMON_CRAWL = "https://data.commoncrawl.org"
#: Names a mirror of Common Crawl: any address that inputs may have, such as ``s3://commoncrawl``.
COMMON_CRAWL_VARIABLE = "GRISTMILL_COMMON_CRAWL"


class RemoteConfig(Config):
    """How remote files are asked for. Nothing here changes what is read, so it is in no key."""

    common_crawl: str = Field(
        default_factory=lambda: os.environ.get(COMMON_CRAWL_VARIABLE, COMMON_CRAWL),
        description=f"address before crawl-data/ (by default {COMMON_CRAWL}, or that of {COMMON_CRAWL_VARIABLE})",
    )
    attempts: int = Field(default=8, ge=1, description="failures in a row, without a new byte, before giving up")
    backoff_seconds: float = Field(default=1.0, gt=0, description="wait after the first failure; doubled each time")
    longest_wait_seconds: float = Field(default=300.0, gt=0, description="a server that asks for more ends the run")
    timeout_seconds: float = Field(default=60.0, gt=0, description="silence of a server that counts as a failure")
    delay_seconds: float = Field(default=0.2, ge=0, description="least time between two requests to one web server")
    connections: int = Field(default=4, ge=1, le=64, description="downloads from one web server at the same time")


@dataclass(frozen=True)
class RemoteFile:
    """A file elsewhere, as its server describes it. ``version`` is its ETag, version or date, empty where none is
    needed (Common Crawl never changes a file); ``size`` in bytes, None where the server does not say."""

    url: str
    size: int | None
    version: str
    settings: RemoteConfig


@dataclass(frozen=True)
class State:
    """Size and version of a remote file at this moment."""

    size: int | None
    version: str


def shown(url: str) -> str:
    """The address as messages and logs may show it: without user, password and query, which may be a signature.

    >>> shown("https://me:secret@a.example/x.warc.gz?sig=abc"), shown("cc://CC-MAIN-2026-05?paths=0")
    ('https://a.example/x.warc.gz', 'cc://CC-MAIN-2026-05?paths=0')
    """
    if not url.startswith(WEB):
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class TransientError(Exception):
    """A failure that may pass; ``wait`` is how long the server asks us to stay away, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class UnreachableError(TransientError):
    """No connection came about: a wrong name or port, or a network that is down."""


class AbsentError(GristmillError):
    """There is no such file, or we may not read it."""


class ChangedError(GristmillError):
    """The file is another one than the one that was listed."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{shown(url)} has changed since it was listed. Nothing of it was kept: run the same command again to "
            "read what it holds now."
        )


class Transport(Protocol):
    """One way to read remote files."""

    def state(self, url: str) -> State:
        """Size and version. Raises :class:`TransientError`, :class:`AbsentError` or :class:`GristmillError`."""

    def read(self, url: str, state: State, offset: int) -> Iterator[tuple[int, bytes]]:
        """Pieces with their place in the file: from ``offset`` on, or from 0 where the server cannot do better.

        Raises what :meth:`state` raises, and :class:`ChangedError` when it is no longer in ``state``.
        """
