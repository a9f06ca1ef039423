"""Stored responses: what a model gave, kept as it comes, so that nothing is generated twice.

One folder holds the responses of one checkpoint behind one backend. Each process writes a segment of its own, JSON
lines, a batch at a time, forced to disk before the next batch is asked; all segments are read at the start. A process
that is killed while it writes leaves a torn last line, which is read as if it were not there. Cost: a batch costs one
fsync; reading, some 100 MB/s; memory, the responses of the folder.
"""

import json
import math
import os
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from schemas.config import Config
from schemas.digests import digest_text
from schemas.files import fsync


class Response(Config):
    """What a model gave to one request: a text that ended for a reason, or the log-probability of a given one."""

    text: str
    tokens: int
    lost: int = 0
    finish: Literal["stop", "end", "length", "scored"] = "scored"
    log_probability: float | None = None
    greedy: bool | None = None
    seconds: float | None = None
    """Its share of the time of the batch it was asked in."""


class ResponseStore:
    """The responses of one checkpoint behind one backend, by the key of the request. Close it, or use ``with``."""

    def __init__(self, root: Path, checkpoint: str, backend: str) -> None:
        self._folder = root / checkpoint / digest_text(backend)[:16]
        self._found: dict[str, Response] = {}
        self._segment: IO[bytes] | None = None
        for path in sorted(self._folder.glob("*.jsonl")):
            self._found.update(_read(path))

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def __getitem__(self, key: str) -> Response:
        return self._found[key]

    def add(self, responses: Mapping[str, Response]) -> None:
        """Keep ``responses``; they are on disk when this returns."""
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


def _line(key: str, response: Response) -> bytes:
    return json.dumps({"key": key, **response.model_dump()}, separators=(",", ":")).encode() + b"\n"


def _read(path: Path) -> Iterable[tuple[str, Response]]:
    """Every whole line of a segment. What is no number was stored by older versions, and is asked again."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                values = json.loads(line)
                if not math.isfinite(values.get("log_probability") or 0.0):
                    continue
                yield values.pop("key"), Response.model_validate(values)
