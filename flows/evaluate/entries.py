"""The checkpoints to score: where they come from, and the held-out text they are measured on."""

import shlex
from dataclasses import dataclass

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef
from gristmill.evals.admission.checkpoint import Checkpoint, admit
from gristmill.schemas.tables import Checkpoints


@dataclass(frozen=True)
class Entry:
    """A checkpoint to score: what was admitted, and where it comes from."""

    checkpoint: Checkpoint
    label: str
    run: str = "external"
    mixture: str = ""
    step: int = 0
    tokens: int = 0


def trained(lake: Lake, mix: str) -> list[Entry]:
    """Every checkpoint of a training dataset. Raises :class:`UsageError` when there is none."""
    dataset = lake.dataset("training", mix)
    if dataset is None:
        command = on_lake(f"gristmill train --mix {shlex.quote(mix)}", lake.root)
        raise UsageError(f"the lake has no training run called {mix!r}. Make one first: {command}")
    rows = [row for ref in dataset.tables[Checkpoints.name] for row in lake.read(ref).to_pylist()]
    return [
        Entry(
            admit(lake.root / row["path"]),
            f"{row['mixture']} {row['step']}",
            row["run"],
            row["mixture"],
            row["step"],
            row["tokens"],
        )
        for row in rows
    ]


def known(lake: Lake, checkpoint: Checkpoint) -> Entry | None:
    """A checkpoint that was trained here, under its name here: the weights are its identity, not the folder."""
    for mix in lake.names("training"):
        for entry in trained(lake, mix):
            if entry.checkpoint.digest == checkpoint.digest:
                return entry
    return None


def heldout_of(lake: Lake, mix: str) -> tuple[FilesRef, ...]:
    """The held-out text of a mix, or of the only one the lake has; empty when there are several or none."""
    names = lake.names("mix")
    dataset = lake.dataset("mix", names[0] if mix not in names and len(names) == 1 else mix)
    return dataset.files["heldout"] if dataset else ()
