"""Growth of resident memory while a file is read, in a process of its own.

The process is a fork of one that has only imported the readers. A child that pytest starts would not do: Linux counts
the most that the process held before its ``exec``, which is pytest's, and no growth below that would be seen.
"""

import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path

from gristmill.tasks.ingest.ingest import read_items
from gristmill.tasks.ingest.readers.items import Aside, RawRecord, ReadOptions


def peak_of(path: Path, options: ReadOptions) -> tuple[int, list[str]]:
    """Bytes of growth, and what was read, a line an item."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__])
    here, there = forks.Pipe(duplex=False)
    process = forks.Process(target=_read, args=(path, options, there))
    process.start()
    there.close()
    found: tuple[int, list[str]] = here.recv()
    process.join()
    return found


def told(item: RawRecord | Aside) -> str:
    """An item in a line."""
    return f"page {item.url}" if isinstance(item, RawRecord) else f"{item.reason} {item.damage}"


def _read(path: Path, options: ReadOptions, told_to: Connection) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = [told(item) for item in read_items(path, path.name, options)]
    told_to.send(((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, lines))
