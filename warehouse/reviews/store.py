"""Decisions, samples and signatures of people: JSON Lines below ``LAKE/reviews/``, which only grow.

``decisions.jsonl``, ``samples.jsonl`` and ``signatures.jsonl`` are no part of the warehouse, which can be rebuilt, and
no part of ``data/``, which is a function of input and config. One writer at a time holds a lock; a line is on disk
before the call returns. A process that dies while it writes leaves a line without its end: nobody was told that it was
stored, and the next writer takes it away.

Cost: reading is 20 microseconds a decision; an append is one fsync.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from gristmill.core.config import Config
from gristmill.core.digests import canonical_json
from gristmill.core.errors import DamageError, GristmillError
from gristmill.core.files.audit import COMMAND_LINE, Act, AuditLog
from gristmill.core.files.locks import locked
from gristmill.schemas.reviews.decision import Decision
from gristmill.schemas.reviews.records import ReviewSample, Signature

FOLDER = "reviews"
DECISIONS, SAMPLES, SIGNATURES = "decisions.jsonl", "samples.jsonl", "signatures.jsonl"

Line = TypeVar("Line", bound=Config)


@dataclass(frozen=True)
class Reviews:
    """The reviews of the lake at ``root``. Cheap to create; the folder is made by the first write."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.root / FOLDER

    def decisions(self) -> list[Decision]:
        """Every decision, in the order in which they were made. Raises :class:`DamageError` for a line that is none."""
        return self._read(DECISIONS, Decision)

    def by_text(self) -> dict[str, list[Decision]]:
        """The decisions about each text, in the order in which they were made."""
        found: dict[str, list[Decision]] = {}
        for decision in self.decisions():
            found.setdefault(decision.text_hash, []).append(decision)
        return found

    def samples(self) -> list[ReviewSample]:
        """Every sample that was drawn, the oldest first."""
        return self._read(SAMPLES, ReviewSample)

    def signatures(self) -> list[Signature]:
        """Every signature and every withdrawal, the oldest first."""
        return self._read(SIGNATURES, Signature)

    def decide(self, decisions: Sequence[Decision], where: str = COMMAND_LINE) -> None:
        """Write into the audit log that decisions came from ``where``, and store them.

        Raises :class:`GristmillError` when they cannot be written.
        """
        if decisions:
            one, *others = decisions
            about = {"decision": one.decision.value, "text": one.text_hash, "document": one.doc_id}
            people = ", ".join(sorted({decision.person for decision in decisions}))
            log = AuditLog.of_lake(self.root)
            log.append(Act.REVIEW, people, where, {"decisions": str(len(decisions))} if others else about)
        self._append(DECISIONS, decisions)

    def draw(self, sample: ReviewSample) -> None:
        """Store a sample."""
        self._append(SAMPLES, [sample])

    def sign(self, signature: Signature, where: str = COMMAND_LINE) -> None:
        """Write into the audit log that a signature, or the withdrawal of one, came from ``where``, and store it."""
        about = {"source": signature.source, "corpus": signature.corpus}
        about |= {"withdrawn": "yes"} if signature.withdrawn else {}
        AuditLog.of_lake(self.root).append(Act.SIGN_OFF, signature.person, where, about)
        self._append(SIGNATURES, [signature])

    def _read(self, name: str, model: type[Line]) -> list[Line]:
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise GristmillError(f"{path} cannot be read: {error.strerror}. Check the folder's owner.") from error
        lines = content.split(b"\n")[:-1]  # what follows the last line feed was never stored
        found = []
        for number, line in enumerate(lines, start=1):
            try:
                found.append(model.model_validate_json(line))
            except ValidationError as error:
                hint = "Restore it from a backup, or take that line out: it holds one record, and the others stay."
                raise DamageError(path, f"line {number} cannot be read", hint) from error
        return found

    def _append(self, name: str, lines: Iterable[Config]) -> None:
        path = self.folder / name
        content = b"".join(canonical_json(json.loads(line.model_dump_json())) + b"\n" for line in lines)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder / ".lock"), path.open("a+b") as file:
                _drop_torn(file.fileno())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise GristmillError(
                f"{path} cannot be written: {error.strerror}. Check the folder's owner and free space."
            ) from error


def now() -> datetime:
    """The time of a record, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _drop_torn(descriptor: int) -> None:
    """Cut the file after its last line feed."""
    size = os.fstat(descriptor).st_size
    end = size
    while end:
        begin = max(0, end - 65_536)
        piece = os.pread(descriptor, end - begin, begin)
        place = piece.rfind(b"\n")
        if place >= 0:
            end = begin + place + 1
            break
        end = begin
    if end != size:
        os.ftruncate(descriptor, end)
