"""Small files are read together: a folder of 50,000 pages makes ten shards and not 50,000.

The digests of the names are the leaves of a binary tree; a node whose files are too many or too large together is
split by the next bit. So the groups are a function of the set of files, whatever its order, and a file that is added
or removed changes only the group that it falls into (or splits it in two). Groups are between half full
and full where there are many files. Cost: one digest a file, and one pass over the files for each level of the tree.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import xxhash
from pydantic import Field

from gristmill.core.config import Config, Size
from gristmill.core.flag import Flag

if TYPE_CHECKING:
    from gristmill.tasks.ingest.sources import InputFile, InputSource

DIGEST_BITS = 128


class Grouping(Config):
    """Which files share a shard."""

    small_bytes: Annotated[
        Size, Flag("--group-below", "Files smaller than this are read together; 0 gives each a shard of its own.")
    ] = Field(default=8 << 20, ge=0, description="a file of this size or more is read alone")
    group_bytes: Size = Field(default=32 << 20, ge=1, description="stored bytes of the files of a group, at most")
    group_files: int = Field(default=10_000, ge=1, description="files of a group, at most")


def group_files(files: "Sequence[InputFile]", rule: Grouping) -> "tuple[InputSource, ...]":
    """The sources that the files make: large ones alone, small ones in groups, by the name of their first file."""
    from gristmill.tasks.ingest.sources import InputGroup  # reads lakes and servers, which the settings above do not

    sources: list[InputSource] = []
    small: list[tuple[int, InputFile]] = []
    for file in files:
        if file.size is not None and file.size < rule.small_bytes:
            small.append((xxhash.xxh3_128_intdigest(file.name.encode("utf-8", "surrogatepass")), file))
        else:
            sources.append(file)
    for group in _split(small, DIGEST_BITS - 1, rule):
        members = tuple(sorted(group, key=lambda file: file.name))
        sources.append(InputGroup(members) if len(members) > 1 else members[0])
    return tuple(sorted(sources, key=lambda source: source.members[0].name))


def _split(files: "list[tuple[int, InputFile]]", bit: int, rule: Grouping) -> "list[list[InputFile]]":
    """Groups of the files below one node of the tree."""
    size = sum(file.size or 0 for _, file in files)
    if bit < 0 or len(files) < 2 or (size <= rule.group_bytes and len(files) <= rule.group_files):
        return [[file for _, file in files]] if files else []
    halves: tuple[list[tuple[int, InputFile]], list[tuple[int, InputFile]]] = ([], [])
    for digest, file in files:
        halves[digest >> bit & 1].append((digest, file))
    return [group for half in halves for group in _split(half, bit - 1, rule)]
