"""Stored responses: a model's answers, stored as they come, so that nothing is generated twice.

One folder has the responses of one checkpoint behind one backend. Each process writes its own segment, JSON lines, a
batch at a time, forced to disk before the next batch is asked; all segments are read at the start. Each line ends with
a checksum. A line torn by a kill in the middle of a write, or damaged later, is ignored, so its request is asked again.
Cost: one fsync per batch; reading, about 25 MB/s; memory, the responses of the folder.

Asking again retires the earlier answers (:func:`retire`): it begins a round, a subfolder that lists the requests whose
earlier answers no longer count and then stores the new ones. Nothing is overwritten, rounds are read in order, and an
interrupted round continues where it stopped.
"""

import json
import math
import os
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Literal, Self

from gristmill.core.config import Config
from gristmill.core.digests import digest_bytes, digest_text
from gristmill.core.files.atomic import fsync, write_whole

RETIRED = "retired.json"
CHECK = 16
"""Hex digits of a line's checksum."""


class Response(Config):
    """A model's answer to one request: a text and why it ended, or the log-probability of a given text."""

    text: str
    tokens: int
    lost: int = 0
    finish: Literal["stop", "end", "length", "scored"] = "scored"
    log_probability: float | None = None
    greedy: bool | None = None
    seconds: float | None = None
    """Its share of the time of the batch it was asked in."""


def retire(root: Path, checkpoint: str, backend: str, keys: Iterable[str], name: str) -> None:
    """Begin the round ``name`` (hex digits and hyphens): earlier answers to the requests ``keys`` no longer count.

    A round that has begun stays as it is, so a run that begins it again continues it. It appears whole or not at all.
    """
    folder = _folder(root, checkpoint, backend)
    begun = _rounds(folder)
    if any(path.name.partition("-")[2] == name for path in begun):
        return
    number = int(begun[-1].name.partition("-")[0]) + 1 if begun else 1
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".round-", dir=folder) as made:
        whole = Path(made) / "round"
        whole.mkdir()
        write_whole(whole / RETIRED, json.dumps(sorted(keys)))
        whole.rename(folder / f"{number:06d}-{name}")
    fsync(folder)


def rounds(root: Path, checkpoint: str, backend: str, keys: Collection[str]) -> tuple[str, ...]:
    """The names of the rounds in which any of the requests ``keys`` was asked again, in order.

    Equal rounds mean that the same answers count.
    """
    begun = _rounds(_folder(root, checkpoint, backend))
    return tuple(path.name for path in begun if not _retired(path).isdisjoint(keys))


class ResponseStore:
    """The responses of one checkpoint behind one backend, by the key of the request. Close it, or use ``with``."""

    def __init__(self, root: Path, checkpoint: str, backend: str) -> None:
        folder = _folder(root, checkpoint, backend)
        self._found: dict[str, Response] = {}
        self._segment: IO[bytes] | None = None
        begun = _rounds(folder)
        for place in (folder, *begun):
            for key in _retired(place):
                self._found.pop(key, None)
            for path in sorted(place.glob("*.jsonl")):
                self._found.update(_read(path))
        self._folder = begun[-1] if begun else folder

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def __getitem__(self, key: str) -> Response:
        return self._found[key]

    def add(self, responses: Mapping[str, Response]) -> None:
        """Store ``responses``; they are on disk when this returns."""
        if self._segment is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._segment = (self._folder / f"{uuid.uuid4().hex}.jsonl").open("xb")
            fsync(self._folder)
        lines = (_line(key, response) for key, response in responses.items())
        self._segment.write(b"".join(lines))
        self._segment.flush()
        os.fsync(self._segment.fileno())
        self._found.update(responses)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._segment is not None:
            self._segment.close()


def rewrite_segment(path: Path, change: Callable[[str], str]) -> None:
    """Write the answers of a segment again with other texts, in one rename; lines that are not intact are dropped."""
    lines = [_line(key, response.model_copy(update={"text": change(response.text)})) for key, response in _read(path)]
    write_whole(path, b"".join(lines))


def _folder(root: Path, checkpoint: str, backend: str) -> Path:
    return root / checkpoint / digest_text(backend)[:16]


def _rounds(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"[0-9]*-*/{RETIRED}"))


def _retired(folder: Path) -> frozenset[str]:
    path = folder / RETIRED
    return frozenset(json.loads(path.read_bytes())) if path.is_file() else frozenset()


def _line(key: str, response: Response) -> bytes:
    body = json.dumps({"key": key, **response.model_dump()}, separators=(",", ":")).encode().removesuffix(b"}")
    return body + _end(body)


def _end(body: bytes) -> bytes:
    """The end of a line that begins with ``body``: its checksum."""
    return b',"check":"' + digest_bytes(body)[:CHECK].encode() + b'"}\n'


def _read(path: Path) -> Iterable[tuple[str, Response]]:
    """Every intact line of a segment. An answer that is not a number is skipped, so it is asked again."""
    size = len(_end(b""))
    with path.open("rb") as file:
        for line in file:
            if line.endswith(_end(line[:-size])):
                values = json.loads(line)
                del values["check"]
                if not math.isfinite(values.get("log_probability") or 0.0):
                    continue
                yield values.pop("key"), Response.model_validate(values)
