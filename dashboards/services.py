"""What pages and API stand on: the warehouse to read, the state to write, and the one way to hand in a checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from schemas.config import did_you_mean
from schemas.errors import GristmillError
from schemas.submission import StoredSubmission, Submission, folder_problem
from warehouse.read import Warehouse
from warehouse.state import State

OnSubmit = Callable[[StoredSubmission], str]


@dataclass(frozen=True)
class Services:
    """One lake as the dashboards see it.

    ``suites`` are the suites that can be run (any name is taken when there are none), ``roots`` the folders that
    checkpoints are taken from (any folder when there are none). ``on_submit`` starts the evaluation of a stored
    submission and gives the id of its flow run; without it submissions stay queued.
    """

    warehouse: Warehouse
    state: State
    suites: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    on_submit: OnSubmit | None = None

    def problems(self, submission: Submission) -> dict[str, str]:
        """What is wrong with a submission, by field; empty when it can be stored."""
        found = {}
        folder = folder_problem(submission.checkpoint, self.roots)
        if folder is not None:
            found["checkpoint"] = folder
        named = {suite: suite.rpartition("@")[0] or suite for suite in submission.suites}  # mmlu@50 is mmlu, limited
        unknown = [suite for suite, name in named.items() if self.suites and name not in self.suites]
        if unknown:
            found["suites"] = f"there is no suite {unknown[0]!r}{did_you_mean(unknown[0], list(self.suites))}"
        return found

    def submit(self, submission: Submission, submitted_by: str) -> StoredSubmission:
        """Store a submission without problems and start its evaluation.

        One that cannot be started now stays queued, with the reason as its error, and can be handed over later.
        Raises :class:`GristmillError` when the state cannot be written.
        """
        stored = self.state.submit(submission, submitted_by)
        if self.on_submit is not None:
            try:
                self.state.attach(stored.id, self.on_submit(stored))
            except GristmillError as error:
                self.state.update(stored.id, "queued", error=str(error))
        return self.state.submission(stored.id) or stored
