"""Which checkpoints of a run are deleted while it goes on, so that a long run does not fill the disk.

Kept are the last ``keep_last``, every ``keep_every``-th, and each one that has scores in the lake, whoever asked for
them. The newest is always kept: a run resumes from it. Several flows may follow one run and prune it at the same time,
each with rules of its own, and each may be killed while it deletes: a folder is renamed before it is emptied. Cost: a
look at a folder; for each candidate one pass over its weights, whose digest says whether it has scores.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.evals.admission.checkpoint import admit
from gristmill.schemas.tables import Scores


def surplus(saved: Sequence[int], keep_last: int, keep_every: int) -> list[int]:
    """The steps that are not kept, of the steps ``saved`` until now; none when both numbers are 0.

    ``keep_every`` counts checkpoints: 2 keeps the second, the fourth and so on.
    """
    if not keep_last and not keep_every:
        return []
    steps = sorted(saved)
    kept = set(steps[-max(keep_last, 1) :])
    if keep_every:
        kept |= set(steps[keep_every - 1 :: keep_every])
    return [step for step in steps if step not in kept]


def prune(
    saved: Sequence[int],
    keep_last: int,
    keep_every: int,
    folder_of: Callable[[int], Path],
    state_of: Callable[[int], Path],
    scored: Callable[[], frozenset[str]],
    digests: dict[int, str],
) -> None:
    """Delete the surplus of the checkpoints ``saved`` until now, deleted ones included, with their optimiser state.

    ``scored`` gives the digests of checkpoints that have scores; it is asked only when there is a candidate.
    ``digests`` remembers them by step from one call to the next, so that weights are read once. A checkpoint that is
    not admitted stays where it is.
    """
    there = []
    for step in surplus(saved, keep_last, keep_every):
        shutil.rmtree(deleted(folder_of(step)), ignore_errors=True)  # of a flow that was killed
        if whole(folder_of(step)):
            there.append(step)
        else:
            discard(folder_of(step))
    if not there:
        return
    kept = scored()
    for step in there:
        state_of(step).unlink(missing_ok=True)  # nothing resumes from one that is not the newest
        if step not in digests:
            try:
                digests[step] = admit(folder_of(step)).digest
            except (GristmillError, OSError):
                digests[step] = ""  # deleted by another flow meanwhile, or not fit to be scored
        if digests[step] and digests[step] not in kept:
            discard(folder_of(step))


def whole(folder: Path) -> bool:
    """Whether the checkpoint is there: its trainer makes it appear with all its files, and deleting may take some."""
    return (folder / "checkpoint.json").is_file()


def deleted(folder: Path) -> Path:
    """What a checkpoint is called while it is deleted."""
    return folder.with_suffix(".deleted")


def discard(folder: Path) -> None:
    """Delete a checkpoint, unless another flow is at it: it is gone at once, or there in full."""
    with suppress(FileNotFoundError):
        folder.rename(deleted(folder))
    shutil.rmtree(deleted(folder), ignore_errors=True)


def scored_in(lake: Lake) -> frozenset[str]:
    """The digests of all checkpoints that have scores in the lake."""
    refs = [ref for dataset in lake.datasets("evaluation") for ref in dataset.tables.get(Scores.name, ())]
    return frozenset(digest for ref in refs for digest in lake.read(ref, ["checkpoint"])["checkpoint"].to_pylist())
