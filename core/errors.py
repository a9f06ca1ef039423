"""Errors that a user can cause or fix. Their text is shown without a traceback, so it has to say what to do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

GONE, OTHER = "it is gone", "its content is not what was written"


class GristmillError(Exception):
    """The work failed for a reason the user can act on. The command line ends with ``exit_code``."""

    exit_code = 1


class DamageError(GristmillError):
    """A file of the lake is not what was written. :func:`gristmill.core.damage.damaged` makes one with its hint."""

    def __init__(self, path: Path, fault: str, hint: str) -> None:
        super().__init__(path, fault, hint)
        self.path = path
        self.fault = fault
        self.hint = hint

    def __str__(self) -> str:
        what = "missing" if self.fault == GONE else f"damaged: {self.fault}"
        return f"{self.path}: this file of the lake is {what}. {self.hint}"


class UsageError(GristmillError):
    """A usage error: a path that does not exist, an unknown name, a config key with a typo."""

    exit_code = 2


class NoScoreError(GristmillError):
    """A suite has no score, because whatever ran the model or its programs failed on some answers (``infra``).

    ``scores`` are the rows of the suites that have one. ``unanswered`` lists the missing answers, as columns
    ``checkpoint``, ``item`` and ``reason``: one row for each request, or for each grade.
    """

    def __init__(
        self, reason: str, scores: Sequence[Mapping[str, Any]] = (), unanswered: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(reason)
        self.scores = scores
        self.unanswered = unanswered


class GateError(GristmillError):
    """A Great Expectations gate stopped the run before anything downstream was published."""

    exit_code = 3
