"""From a checkpoint that was trained here back to its plan, its tokens, and the curated files they were made of.

A training run names the key of the mix it read; the mix names its token files and plans; the manifests of the tokens
name the curated files by digest. Cost: the manifests of a mix are read once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Ref
from gristmill.core.supersede import stands_for
from gristmill.schemas.tables import Checkpoints, Curated
from gristmill.tasks.mix.permutation import Integers
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.mix.tokens import write_tokens


@dataclass(frozen=True)
class TrainedCheckpoint:
    """A checkpoint of this lake: what it is, what people call it, its mix, and the rows of the plan that it read.

    ``mix_key`` is empty for one that was trained on examples (SFT, DPO, RL): it has no mix, and ``mix`` is its recipe.
    """

    digest: str
    label: str
    mix: str
    mix_key: str
    mixture: str
    step: int
    first_row: int
    end_row: int
    path: str

    @property
    def on_mix(self) -> bool:
        """Whether it was trained on a mix, not on examples."""
        return bool(self.mix_key)

    def steps_of(self, rows: Integers) -> Integers:
        """The optimiser steps, from 1, that read rows of the plan."""
        return (rows - self.first_row) * self.step // max(self.end_row - self.first_row, 1) + 1


def trained_in(name: str, lake: Lake) -> list[TrainedCheckpoint]:
    """Every checkpoint of the training dataset ``name``."""
    dataset = lake.expect("training", name)
    rows = [row for ref in dataset.tables[Checkpoints.name] for row in lake.read(ref).to_pylist()]
    return [
        TrainedCheckpoint(
            row["checkpoint"],
            f"{row['mixture']} {row['step']}",
            name,
            str(dataset.config["mix"]),
            row["mixture"],
            row["step"],
            row["first_row"],
            row["end_row"],
            row["path"],
        )
        for row in rows
    ]


def all_trained(lake: Lake) -> list[TrainedCheckpoint]:
    """Every checkpoint of the current training datasets, by dataset, mixture and step."""
    found = [entry for name in lake.names("training") for entry in trained_in(name, lake)]
    return sorted(found, key=lambda entry: (entry.mix, entry.mixture, entry.step))


def find_trained(digest: str, lake: Lake) -> TrainedCheckpoint:
    """The checkpoint of that digest. Raises :class:`UsageError` when it was not trained in this lake."""
    for entry in all_trained(lake):
        if entry.digest == digest:
            return entry
    raise UsageError(
        f"checkpoint {digest[:12]} was not trained in this lake, so what it saw is not known. Name its training data "
        "with --corpus."
    )


def mix_of(trained: TrainedCheckpoint, lake: Lake) -> Dataset:
    """The mix that the checkpoint was trained on, as it was then.

    Raises :class:`UsageError` for a checkpoint that was trained on examples, :class:`GristmillError` for a mix that is
    gone.
    """
    if not trained.on_mix:
        raise UsageError(
            f"{trained.label} ({trained.digest[:12]}) was trained on examples, not on a mix: no documents are known of "
            "it. Name the checkpoint that it started from."
        )
    mix = lake.dataset("mix", trained.mix, trained.mix_key)
    if mix is None:
        raise GristmillError(f"the mix {trained.mix} {trained.mix_key} of {trained.label} is gone from this lake.")
    return mix


def plan_of(trained: TrainedCheckpoint, mix: Dataset, lake: Lake) -> Plan:
    """The plan that the checkpoint followed. Raises :class:`GristmillError` when it is gone."""
    for ref in mix.files["plan"]:
        if ref.shard == trained.mixture:
            return Plan.load(lake.files_path(ref) / FILE)
    raise GristmillError(f"the mix {trained.mix} has no plan of the mixture {trained.mixture}.")


def curated_of(trained: TrainedCheckpoint, lake: Lake) -> tuple[Ref, ...]:
    """The curated files that the mix of the checkpoint read, by shard.

    Raises :class:`GristmillError` when a manifest of the mix or a curated file is gone.
    """
    found = curated_of_tokens(mix_of(trained, lake).files["tokens"], lake)
    if missing := sum(ref is None for refs in found for ref in refs):
        raise GristmillError(f"{missing} curated files that {trained.label} was trained on are gone from this lake.")
    known = {(ref.shard, ref.key): ref for refs in found for ref in refs if ref is not None}
    return tuple(known[place] for place in sorted(known))


def curated_of_tokens(tokens: Sequence[FilesRef], lake: Lake) -> list[tuple[Ref | None, ...]]:
    """For each folder of tokens the curated files it was made of; None for one that is gone from this lake.

    Raises :class:`GristmillError` when the manifest of a folder is gone.
    """
    known = _curated_by_digest(lake)
    found: list[tuple[Ref | None, ...]] = []
    for ref in tokens:
        manifest = lake.manifest(write_tokens.name, ref.shard, ref.key)
        if manifest is None:
            raise GristmillError(f"the manifest of the tokens {ref.shard} is gone from this lake.")
        digests = [stands_for(manifest, entry.digest) for entry in manifest.inputs if entry.table == Curated.name]
        found.append(tuple(known.get(digest) for digest in digests))
    return found


def _curated_by_digest(lake: Lake) -> dict[str, Ref]:
    """Every curated file that a curation of this lake, current or earlier, stands for."""
    paths = sorted((lake.root / "data" / "datasets" / "curation").glob("*/*.json"))
    datasets = (Dataset.model_validate(json.loads(path.read_bytes())) for path in paths)
    return {ref.digest: ref for dataset in datasets for ref in dataset.tables.get(Curated.name, ())}
