"""What ingest is given: files, and groups of small files that make one shard together.

A file is known by its name and its digest, never by where it lies, so a moved folder and a mirror give the same shards.
"""

from dataclasses import dataclass
from pathlib import Path

from schemas.digests import digest_digests, digest_file
from tasks.step import source_shard


@dataclass(frozen=True)
class InputFile:
    """One file to read. ``name`` is what ``record_uri`` says: relative to the input that was given."""

    name: str
    digest: str
    size: int
    path: Path

    @classmethod
    def local(cls, path: Path, name: str) -> "InputFile":
        """A file of this machine, read once for its digest. Raises ``OSError`` as ``open`` does."""
        return cls(name, digest_file(path), path.stat().st_size, path.absolute())

    @property
    def shard(self) -> str:
        """The shard that holds it, when it is in no group."""
        return source_shard(self.name, self.digest)

    @property
    def members(self) -> tuple["InputFile", ...]:
        """Itself: a file is a source of one member."""
        return (self,)


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
