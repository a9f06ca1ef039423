"""Start another trainer: ``python -m gristmill.tasks.train.start RUN_DIR``, where ``RUN_DIR/command.json`` says what.

The command line of a job is the same for all its attempts; what a trainer needs in order to go on is added here when
there is a checkpoint, with ``{checkpoint}`` for the folder of the newest. This process becomes the trainer. Needs
nothing beyond the standard library.
"""

import json
import os
import re
import sys
from pathlib import Path

FILE = "command.json"
CHECKPOINT = "{checkpoint}"


def command_of(run_dir: Path) -> list[str]:
    """The command line of the next attempt."""
    told = json.loads((run_dir / FILE).read_text(encoding="utf-8"))
    saved = sorted(run_dir.glob(told["checkpoint_glob"]), key=lambda mark: steps_in(mark.relative_to(run_dir)))
    again = [word.replace(CHECKPOINT, str(saved[-1].parent)) for word in told["resume"]] if saved else []
    return [*told["argv"], *again]


def steps_in(path: Path) -> list[int]:
    """The numbers in the path of a checkpoint: the newest has the largest."""
    return [int(digits) for digits in re.findall(r"\d+", str(path))]


def main(run_dir: Path) -> None:
    """Replace this process; end with a message when there is no such command."""
    command = command_of(run_dir)
    try:
        os.execvp(command[0], command)  # noqa: S606 - a list and no shell
    except FileNotFoundError:
        hint = "install the trainer, give its environment in slurm.setup, or an image that has it in kubernetes.image"
        sys.exit(f"{command[0]} is not on the PATH: {hint}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
