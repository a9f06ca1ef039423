"""What ingest is given: files, here or elsewhere, and groups of small files that make one shard together.

A file is known by its name and its digest, never by where it lies, so a moved folder gives the same shards.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gristmill.core.digests import digest_digests, digest_file
from gristmill.core.steps.inputs import source_shard
from gristmill.tasks.ingest.names import escape_name
from gristmill.tasks.ingest.remote.downloads import downloaded
from gristmill.tasks.ingest.remote.state import RemoteFile, shown


@dataclass(frozen=True)
class InputFile:
    """One file to read. ``name`` is what ``record_uri`` says: relative to the input that was given, or an address.

    ``digest`` is that of the content, or of what its server states: size and version. ``size`` is None where a server
    does not say.
    """

    name: str
    digest: str
    size: int | None
    place: Path | RemoteFile

    @classmethod
    def local(cls, path: Path, name: str) -> "InputFile":
        """A file of this machine, read once for its digest. Raises ``OSError`` as ``open`` does."""
        return cls(name, digest_file(path), path.stat().st_size, path.absolute())

    @classmethod
    def remote(cls, file: RemoteFile, name: str) -> "InputFile":
        """A file elsewhere, of which nothing has been read."""
        return cls(name, digest_digests([f"{file.size}", file.version]), file.size, file)

    @property
    def where(self) -> str:
        """Its path or address, for people."""
        return escape_name(str(self.place)) if isinstance(self.place, Path) else shown(self.place.url)

    @property
    def shard(self) -> str:
        """The shard that holds it, when it is in no group."""
        return source_shard(self.name, self.digest)

    @property
    def members(self) -> tuple["InputFile", ...]:
        """Itself: a file is a source of one member."""
        return (self,)

    @contextmanager
    def opened(self, downloads: Path) -> Iterator[Path]:
        """The file on this machine, for as long as the block lasts; see :func:`.downloaded`."""
        if isinstance(self.place, Path):
            yield self.place
        else:
            with downloaded(self.place, downloads) as path:
                yield path


@dataclass(frozen=True)
class InputGroup:
    """Several files, in order of name, that are read as one source. At least two: one alone stays a file."""

    members: tuple[InputFile, ...]

    @property
    def name(self) -> str:
        """The first file's name, and how many follow."""
        return f"{self.members[0].name} and {len(self.members) - 1} more"

    @property
    def digest(self) -> str:
        """Names and digests of the members, in order."""
        return digest_digests([f"{file.name}\n{file.digest}" for file in self.members])

    @property
    def shard(self) -> str:
        """The shard that holds them."""
        return source_shard(self.name, self.digest)


InputSource = InputFile | InputGroup
