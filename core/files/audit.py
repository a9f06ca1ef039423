"""The audit log: who did what, when, from where. Lines are added and never changed, and a change or a cut shows.

One JSON object a line, in canonical form, with the SHA-256 of itself (``digest``) and of the line before it
(``before``): a line that was changed, removed or put in does not fit its neighbours. Lines cut off at the end leave a
chain that fits, so a second file, ``NAME.head``, holds number, digest and end of the last line. Whoever can write both
files can still make another history; against that, somebody notes a digest elsewhere, and :meth:`AuditLog.verify` looks
for it.

A line is written and synced before :meth:`AuditLog.append` returns; callers append before they act, so that nothing
happens without a line. After a crash between the two files, the next append takes a complete line at the end as
written, and removes half a line, which nobody was told of. Damage never stops the log: it goes on, and the break stays
visible. Cost: two syncs a line; checking reads the file once.

Source: Schneier and Kelsey 1999, "Secure Audit Logs to Support Computer Forensics", without its keys.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from gristmill.core.errors import GristmillError
from gristmill.core.files.atomic import fsync, write_whole
from gristmill.core.files.locks import locked
from gristmill.core.printable import printable

MOST_TEXT = 500
"""Characters of a text in a line."""
COMMAND_LINE = "command line"
"""Where an act came from that no request caused."""


class Act(StrEnum):
    """What is written down."""

    LOGIN = "login"
    LOGIN_FAILED = "login failed"
    SIGN_OUT = "sign-out"
    SESSION_ENDED = "session ended"
    TOKEN_MADE = "token made"  # noqa: S105 - the name of an act
    ACCOUNT_ADDED = "account added"
    ACCOUNT_REMOVED = "account removed"
    ROLE_CHANGED = "role changed"
    PASSWORD_CHANGED = "password changed"  # noqa: S105 - the name of an act
    SUBMISSION = "submission"
    REVIEW = "review decision"
    SIGN_OFF = "sign-off"
    TAKEDOWN = "takedown"


@dataclass(frozen=True)
class AuditLine:
    """One act. ``at`` is UTC in ISO 8601; ``about`` says what the act was done to."""

    number: int
    at: str
    who: str
    where: str
    what: str
    about: dict[str, str]
    before: str
    digest: str


@dataclass(frozen=True)
class Checked:
    """What a check found: how many lines, the digest of the last, and what is wrong, if anything is."""

    lines: int
    digest: str
    wrong: str | None


@dataclass(frozen=True)
class _Head:
    """The last line that was written: its number, its digest, and where it ends in the file, in bytes."""

    number: int
    digest: str
    end: int


NOTHING = _Head(0, "0" * 64, 0)


@dataclass(frozen=True)
class AuditLog:
    """The log in the file ``path``, which the first line creates. Safe to share between threads and processes."""

    path: Path

    @classmethod
    def of_lake(cls, root: Path) -> "AuditLog":
        """The log of the lake at ``root``."""
        return cls(root / "state" / "audit.jsonl")

    def append(self, act: Act, who: str, where: str, about: Mapping[str, str] | None = None) -> AuditLine:
        """Write one line down. Raises :class:`GristmillError` when it cannot be written: the act must not happen then.

        ``about`` must hold no secret. Long texts are cut, and what cannot be shown is replaced.
        """
        try:
            return self._append(act, who, where, about or {})
        except OSError as error:
            raise GristmillError(
                f"{self.path} cannot be written: {error.strerror}. Nothing is done that cannot be written down; check "
                "the folder's owner and free space."
            ) from error

    def lines(self) -> Iterator[AuditLine]:
        """Every line, oldest first; none when nothing was written. Raises ``ValueError`` for what is not a line."""
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            for line in file:
                yield _parsed(line)

    def verify(self, noted: str = "") -> Checked:
        """Read the whole log and say what is wrong with it. ``noted`` is the digest of a line (or its start) that must
        be in it.
        """
        head, last, seen = self._head(), NOTHING, not noted
        number = 0
        try:
            for line in self.lines():
                number += 1
                if (line.number, line.before) != (last.number + 1, last.digest):
                    return Checked(number, last.digest, f"line {number} does not follow the line before it")
                last = _Head(line.number, line.digest, 0)
                if head is not None and number == head.number and line.digest != head.digest:
                    return Checked(number, last.digest, f"line {number} is not the one that was written")
                seen = seen or line.digest.startswith(noted)
        except ValueError as error:
            return Checked(number, last.digest, f"line {number + 1} {error}")
        wrong = None
        if head is None and number:
            wrong = f"{self._head_path.name} is missing, so lines may have been cut off at the end"
        elif head is not None and number < head.number:
            wrong = f"{head.number - number} lines are missing at the end"
        elif not seen:
            wrong = f"no line has the digest {noted[:64]}"
        return Checked(number, last.digest, wrong)

    @property
    def _head_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.head")

    def _append(self, act: Act, who: str, where: str, about: Mapping[str, str]) -> AuditLine:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.with_name(f"{self.path.name}.lock")):
            if not self.path.exists():
                if not self._head_path.exists():
                    self._write_head(NOTHING)
                os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o640))
                fsync(self.path.parent)
            with self.path.open("r+b") as file:
                known = self._head()
                head = NOTHING if known is None else _caught_up(file, known)  # without one, the chain begins again
                line = _line(head, act, who, where, about)
                start = file.seek(0, os.SEEK_END)
                try:
                    file.write(_written(asdict(line)) + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:  # a full disk: what was written of the line goes again
                    os.ftruncate(file.fileno(), start)
                    raise
                self._write_head(_Head(line.number, line.digest, file.tell()))
        return line

    def _head(self) -> _Head | None:
        try:
            number, digest, end = self._head_path.read_text(encoding="ascii").split()
            return _Head(int(number), digest, int(end))
        except (OSError, ValueError):
            return None

    def _write_head(self, head: _Head) -> None:
        write_whole(self._head_path, f"{head.number} {head.digest} {head.end}\n")


def _caught_up(file: BinaryIO, head: _Head) -> _Head:
    """The head after what a crash left behind it: whole lines that follow it count, half a line is removed."""
    if file.seek(0, os.SEEK_END) <= head.end:
        return head
    file.seek(head.end)
    for line in file.read().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            os.ftruncate(file.fileno(), head.end)
            return head
        try:
            next_one = _parsed(line)
        except ValueError:
            return head
        if (next_one.number, next_one.before) != (head.number + 1, head.digest):
            return head
        head = _Head(next_one.number, next_one.digest, head.end + len(line))
    return head


def _line(head: _Head, act: Act, who: str, where: str, about: Mapping[str, str]) -> AuditLine:
    fields = {
        "number": head.number + 1,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": _shown(who),
        "where": _shown(where),
        "what": act.value,
        "about": {name: _shown(text) for name, text in about.items()},
        "before": head.digest,
    }
    return AuditLine(**fields, digest=sha256(_written(fields)).hexdigest())  # type: ignore[arg-type]


def _shown(text: str) -> str:
    return printable(text[:MOST_TEXT], keep="").encode(errors="replace").decode()


def _written(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _parsed(line: bytes) -> AuditLine:
    """A line of the file. Raises ``ValueError`` if it is not exactly what was written."""
    try:
        read = AuditLine(**json.loads(line))
    except (TypeError, ValueError) as error:
        raise ValueError("cannot be read") from error
    fields = asdict(read)
    digest = fields.pop("digest")
    if sha256(_written(fields)).hexdigest() != digest or _written(asdict(read)) + b"\n" != line:
        raise ValueError("was changed after it was written")
    return read
