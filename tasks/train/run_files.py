"""The files of a run directory, and those that grow line by line, a JSON object with a ``step`` each. No torch here.

::

    losses.jsonl    loss before the update, and learning rate, of every step
    heldout.jsonl   held-out loss of a domain after a step
    speed.jsonl     tokens a second, and MFU where the device is known; the only one that two runs of a key differ in
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from gristmill.core.files.atomic import write_whole
from gristmill.tasks.train.recipe import RunSettings

LOSSES, HELDOUT, SPEED = "losses.jsonl", "heldout.jsonl", "speed.jsonl"


def keep_lines(run_dir: Path, done: int) -> None:
    """Cut the files of losses and speed after the lines of step ``done``.

    A checkpoint is saved after its lines are on file; what follows may be cut off in the middle of a line.
    """
    for name in (LOSSES, HELDOUT, SPEED):
        path, kept = run_dir / name, []
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() and done else ():
            if not line.endswith("}") or json.loads(line)["step"] > done:
                break
            kept.append(f"{line}\n")
        write_whole(path, "".join(kept))


def write_line(file: TextIO, entry: Mapping[str, Any]) -> None:
    """Add a line to one of those files."""
    file.write(json.dumps(entry) + "\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of one of those files; none when the run wrote none."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def saved_step(run_dir: Path, settings: RunSettings) -> int:
    """The step of the newest checkpoint that is there with its optimiser state; 0 for none.

    It may be one that was not planned, but asked for while the run went on.
    """
    whole = (step for step in saved_steps(run_dir) if step <= settings.steps and state_path(run_dir, step).is_file())
    return max(whole, default=0)


def saved_steps(run_dir: Path) -> list[int]:
    """The steps of the checkpoints that are there, in order."""
    folders = (run_dir / "checkpoints").glob("step-*")
    return sorted(int(digits) for folder in folders if (digits := folder.name.removeprefix("step-")).isdigit())


def checkpoint_path(run_dir: Path, step: int) -> Path:
    """Folder of the checkpoint of ``step``."""
    return run_dir / "checkpoints" / f"step-{step:06d}"


def state_path(run_dir: Path, step: int) -> Path:
    """Optimiser state of ``step``."""
    return run_dir / "state" / f"step-{step:06d}.safetensors"
