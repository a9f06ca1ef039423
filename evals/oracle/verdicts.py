"""Programs to grade, and their verdicts."""

import enum
from dataclasses import dataclass, field

from gristmill.evals.jail.limits import Limits


class Verdict(enum.StrEnum):
    """How one program ended. Only ``infra`` is not the program's fault: it is retried and never counts as wrong."""

    PASS = "pass"  # noqa: S105 - not a password
    WRONG = "wrong"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output_limit"
    MEMORY = "memory"
    DENIED = "denied"
    PROTOCOL = "protocol"
    INFRA = "infra"


@dataclass(frozen=True)
class Program:
    """A candidate and the tests that judge it.

    ``code`` is generated text, which runs only in the jail. ``tests``, trusted, is either text that defines
    ``check(candidate)`` (the form of HumanEval) or statements that call ``entry_point`` by name (the form of MBPP).
    ``setup``, trusted, runs before the tests and outside the jail: the helpers and imports that they use. ``live``
    moves setup and tests into the jail, for items whose arguments or results are not plain data; their outcome is
    marked forgeable, because the candidate could tamper with them there.
    """

    code: str
    tests: str
    entry_point: str
    setup: str = ""
    limits: Limits = field(default_factory=Limits)
    live: bool = False


@dataclass(frozen=True)
class Outcome:
    """The verdict on one program; ``detail`` is the failed assertion or the reason, in printable text.

    ``seconds`` is the wall time spent waiting for the program. ``stderr_tail`` comes from bubblewrap or the checker.
    """

    verdict: Verdict
    detail: str
    seconds: float
    forgeable: bool = False
    stderr_tail: str = ""
