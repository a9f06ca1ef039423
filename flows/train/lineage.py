"""From a checkpoint that was trained here back to the curated files of its mix, and to the documents that it saw.

A training run names the key of the mix it read; the mix names its token files; the manifests of those name the curated
files by digest. The rows of the plan before its last step give the documents that a checkpoint saw. Cost: the
manifests of a mix are read once; documents are looked up in blocks of plan rows, so memory does not grow with the
corpus.
"""

import json
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.flows.train.planning import plan_path
from gristmill.schemas.tables import Checkpoints, Curated
from gristmill.tasks.mix.plan import Plan, documents
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokens import write_tokens

BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Trained:
    """A checkpoint of this lake: what it is, what people call it, its mix, and how many rows of the plan it saw."""

    digest: str
    label: str
    mix: str
    mix_key: str
    mixture: str
    end_row: int


def trained_in(name: str, lake: Lake) -> list[Trained]:
    """Every checkpoint of the training dataset ``name``."""
    dataset = lake.expect("training", name)
    rows = [row for ref in dataset.tables[Checkpoints.name] for row in lake.read(ref).to_pylist()]
    return [
        Trained(
            row["checkpoint"],
            f"{row['mixture']} {row['step']}",
            name,
            str(dataset.config["mix"]),
            row["mixture"],
            row["end_row"],
        )
        for row in rows
    ]


def find_trained(digest: str, lake: Lake) -> Trained:
    """The checkpoint of that digest. Raises :class:`UsageError` when it was not trained in this lake."""
    for name in lake.names("training"):
        for entry in trained_in(name, lake):
            if entry.digest == digest:
                return entry
    raise UsageError(
        f"checkpoint {digest[:12]} was not trained in this lake, so what it saw is not known. Name its training data "
        "with --corpus."
    )


def mix_of(trained: Trained, lake: Lake) -> Dataset:
    """The mix that the checkpoint was trained on, as it was then. Raises :class:`GristmillError` when it is gone."""
    mix = lake.dataset("mix", trained.mix, trained.mix_key)
    if mix is None:
        raise GristmillError(f"the mix {trained.mix} {trained.mix_key} of {trained.label} is gone from this lake.")
    return mix


def curated_of(trained: Trained, lake: Lake) -> tuple[Ref, ...]:
    """The curated files that the mix of the checkpoint read, by shard.

    Raises :class:`GristmillError` when a manifest of the mix or a curated file is gone.
    """
    wanted: set[str] = set()
    for ref in mix_of(trained, lake).files["tokens"]:
        manifest = lake.manifest(write_tokens.name, ref.shard, ref.key)
        if manifest is None:
            raise GristmillError(f"the manifest of the tokens {ref.shard} of {trained.mix} is gone from this lake.")
        wanted |= {entry.digest for entry in manifest.inputs if entry.table == Curated.name}
    known = _curated_by_digest(lake)
    if missing := wanted - set(known):
        raise GristmillError(
            f"{len(missing)} curated files that {trained.label} was trained on are gone from this lake."
        )
    return tuple(sorted((known[digest] for digest in wanted), key=lambda ref: (ref.shard, ref.key)))


def seen_among(trained: Trained, doc_ids: AbstractSet[str], lake: Lake) -> set[str]:
    """Those of ``doc_ids`` of which the checkpoint saw at least one token."""
    mix = mix_of(trained, lake)
    (plan_ref,) = (ref for ref in mix.files["plan"] if ref.shard == trained.mixture)
    plan = Plan.load(plan_path(lake, plan_ref))
    store = TokenStore.open([lake.files_path(ref) for ref in mix.files["tokens"]])
    found: set[str] = set()
    for first in range(0, trained.end_row, BLOCK_ROWS):
        if found == doc_ids:
            break
        found |= doc_ids & set(documents(plan, store, first, min(first + BLOCK_ROWS, trained.end_row)))
    return found


def _curated_by_digest(lake: Lake) -> dict[str, Ref]:
    """Every curated file that a curation of this lake, current or earlier, stands for."""
    paths = sorted((lake.root / "data" / "datasets" / "curation").glob("*/*.json"))
    datasets = (Dataset.model_validate(json.loads(path.read_bytes())) for path in paths)
    return {ref.digest: ref for dataset in datasets for ref in dataset.tables.get(Curated.name, ())}
