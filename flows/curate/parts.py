"""Which inputs belong to which range of a curation."""

from gristmill.tasks.ingest.sources import InputSource


def part_of(sources: tuple[InputSource, ...], part: str | None) -> tuple[InputSource, ...]:
    """The inputs of part ``i/n``, by a hash of their names and contents; all of them without a part."""
    if part is None:
        return sources
    number, count = (int(word) for word in part.split("/"))
    return tuple(source for source in sources if int(source.shard, 16) % count == number - 1)
