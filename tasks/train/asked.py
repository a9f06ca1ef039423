"""What a running trainer can be asked for: to save and go on, or to save and end.

SIGUSR1, or the file ``save`` in the run directory (:data:`gristmill.tasks.launch.job.SAVE`), asks for a checkpoint
after the step that runs, such as before a time limit. The file is what reaches a trainer under ``torchrun``, which
would die of that signal. SIGTERM, which a scheduler sends before it takes the machine back, asks for a checkpoint and
the end.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from gristmill.tasks.launch.job import SAVE


class Asked:
    """What the trainer of ``run_dir`` was asked for and has not done yet."""

    def __init__(self, run_dir: Path) -> None:
        self.ending = False
        """Whether it is to save and end."""
        self._saving = False
        self._file = run_dir / SAVE

    def take_saving(self) -> bool:
        """Whether a checkpoint was asked for since the last call. Cost: a look at a file."""
        asked = self._saving or self._file.exists()
        self._saving = False
        self._file.unlink(missing_ok=True)
        return asked

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """A signal came: it is acted on between two steps."""
        if number == signal.SIGTERM:
            self.ending = True
        else:
            self._saving = True


@contextmanager
def listening(run_dir: Path) -> Iterator[Asked]:
    """Hear SIGUSR1 and SIGTERM, in the main thread."""
    asked = Asked(run_dir)
    before = {number: signal.signal(number, asked.hear) for number in (signal.SIGUSR1, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
