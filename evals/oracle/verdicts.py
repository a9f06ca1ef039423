"""What is graded and what comes back."""

import enum
from dataclasses import dataclass, field

from gristmill.evals.jail.limits import Limits


class Verdict(enum.StrEnum):
    """How one program ended. Only ``infra`` is not the program's doing: it is retried and never counts as wrong."""

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

    ``code`` is generated text, run in the jail only. ``tests``, trusted, is either text that defines
    ``check(candidate)`` (the form of HumanEval) or statements that call ``entry_point`` by name (the form of MBPP).
    ``setup``, trusted, runs before the tests and outside the jail: helper functions and imports that they use.
    ``live`` moves setup and tests into the jail, for items whose arguments or results are no plain data; their
    outcome is marked forgeable, because the candidate could tamper with them there.
    """

    code: str
    tests: str
    entry_point: str
    setup: str = ""
    limits: Limits = field(default_factory=Limits)
    live: bool = False


@dataclass(frozen=True)
class Outcome:
    """The verdict on one program; ``detail`` names the failed assertion or the reason, for people, in printable text.

    ``seconds`` is the wall time spent waiting for the program. ``stderr_tail`` is what bubblewrap or the checker said.
    """

    verdict: Verdict
    detail: str
    seconds: float
    forgeable: bool = False
    stderr_tail: str = ""
