"""What pages and API need: the warehouse to read, the state to write, and the one way to submit a checkpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb
from pydantic import ValidationError

from gristmill.core.config import did_you_mean
from gristmill.core.errors import GristmillError
from gristmill.core.files.audit import Act, AuditLog
from gristmill.dashboards.accounts.people import Person
from gristmill.schemas.submission import StoredSubmission, Submission, data_problem, folder_problem, suite_file
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.compare import Comparisons
from gristmill.warehouse.submissions import State

OnSubmit = Callable[[StoredSubmission], str]
Check = Callable[[Submission], Mapping[str, str]]


def nothing_wrong(_: Submission) -> Mapping[str, str]:
    """The check that finds nothing wrong."""
    return {}


@dataclass(frozen=True)
class Intake:
    """What may be submitted here, and what happens to it.

    ``suites`` are the suites that can be run (if empty, any name is accepted), ``licences`` says which of them
    need a licence accepted. ``roots`` are the folders that checkpoints and data may come from (if empty, any folder),
    ``servers`` the addresses of model servers that may be named (if empty, none: whoever reaches the page must not
    choose what this machine connects to). ``check`` finds what else would stop an evaluation, by field.
    ``on_submit`` starts the evaluation of a stored submission and gives the id of its flow run; without it submissions
    stay queued.
    """

    suites: tuple[str, ...] = ()
    licences: Mapping[str, str] = field(default_factory=dict)
    roots: tuple[Path, ...] = ()
    servers: tuple[str, ...] = ()
    check: Check = nothing_wrong
    on_submit: OnSubmit | None = None

    def problems(self, submission: Submission) -> dict[str, str]:
        """What is wrong with a submission, by field; empty when it can be stored."""
        found = {
            "checkpoint": folder_problem(submission.checkpoint, self.roots),
            "suites": self._suites_problem(submission),
            "data": data_problem(submission.data, self.roots),
            "backend": self._server_problem(submission),
        }
        told = {name: problem for name, problem in found.items() if problem is not None}
        return {**(self.check(submission) if found["suites"] is None else {}), **told}

    def _suites_problem(self, submission: Submission) -> str | None:
        file = next((suite for suite in submission.suites if suite_file(suite)), None)
        if file is not None:  # such a file may contain trusted code and names files to read
            return (
                f"{file}: this page and its API take suites by name, because a suite's file says which other files "
                "are read and may contain code that is run. Use gristmill submit instead"
            )
        named = {suite: suite.rpartition("@")[0] or suite for suite in submission.suites}  # mmlu@50 is mmlu, limited
        unknown = [suite for suite, name in named.items() if self.suites and name not in self.suites]
        return f"there is no suite {unknown[0]!r}{did_you_mean(unknown[0], list(self.suites))}" if unknown else None

    def _server_problem(self, submission: Submission) -> str | None:
        backend = submission.backend
        if not backend.remote or backend.name in self.servers:
            return None
        taken = f"these servers only: {', '.join(self.servers)}" if self.servers else "no server"
        return (
            f"{backend.name}: this page and its API take {taken}. Use gristmill submit instead, or start the "
            f"dashboards with --server {backend.name}"
        )


@dataclass(frozen=True)
class Services:
    """One lake as the dashboards see it: the warehouse to read, the state to write, and what may be submitted."""

    warehouse: Warehouse
    state: State
    intake: Intake = Intake()

    @cached_property
    def comparisons(self) -> Comparisons:
        """The last comparisons, so that turning a page of Compare does not compute them again."""
        return Comparisons(self.warehouse)

    def explanation(self, error: Exception) -> str:
        """What a reader can do about an error that no page and no route handles."""
        if isinstance(error, GristmillError):
            return f"{error}"
        if isinstance(error, ValidationError | duckdb.CatalogException | duckdb.BinderException):
            rebuild = self.warehouse.command("gristmill warehouse rebuild")
            return f"The warehouse was built by another version of gristmill. Rebuild it: {rebuild}"
        return f"{type(error).__name__}. The terminal that runs gristmill dashboard has the details."

    @property
    def audit(self) -> AuditLog:
        """Where it is written down who changed something in the lake."""
        return AuditLog.of_lake(self.warehouse.root)

    def submit(self, submission: Submission, submitted_by: str, who: Person, where: str) -> StoredSubmission:
        """Write down that ``who`` submits from ``where``, store a submission without problems, start its evaluation.

        One that cannot be started now stays queued, with the reason as its error, and can be started later.
        Raises :class:`GristmillError` when the state cannot be written.
        """
        about = {"checkpoint": submission.checkpoint, "suites": ", ".join(submission.suites)}
        self.audit.append(Act.SUBMISSION, who.name, where, about)
        stored = self.state.submit(submission, submitted_by)
        if self.intake.on_submit is not None:
            try:
                self.state.attach(stored.id, self.intake.on_submit(stored))
            except GristmillError as error:
                self.state.update(stored.id, "queued", error=str(error))
        return self.state.submission(stored.id) or stored
