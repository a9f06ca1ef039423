"""Reuse of earlier curations in the lake when a new crawl is deduplicated against them.

There is no index to maintain: the lake is the index. The bands of an earlier shard are cached under its manifest; so
are its line hashes. Copies and pairs that an earlier run measured are taken from its tables (:func:`known`), and only
the shards whose clusters change get new verdicts and are materialised again: the others have the same inputs, and so
the same keys. So a run over old and new shards gives what a single run over everything would give, byte for byte.

Cost besides that of the new documents: of the old ones, the columns that joins need (bands: about 50 bytes a document
and 16 bytes a band; documents: ids, hashes, lengths), never their text, except those that a new candidate pair names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest, Ref
from gristmill.core.steps.step import Step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import SIGNALS, Documents, HiddenSpans, Spans, Verdicts
from gristmill.tasks.dedup.verdicts import dedup_verdicts

KIND = "curation"


@dataclass(frozen=True)
class EarlierShard:
    """A shard of an earlier curation. ``refs``: its documents, signals and spans, and the verdicts of stage decide;
    ``result``: the verdicts of stage deduplicate."""

    source: str
    shard: str
    refs: tuple[Ref, ...]
    result: Ref

    @property
    def documents(self) -> Ref:
        """The file of documents."""
        return next(ref for ref in self.refs if ref.table == Documents.name)

    @property
    def frozen(self) -> str:
        """What the global steps call this shard when its result must stand: see :func:`frozen_name`."""
        return frozen_name(self.documents)


def frozen_name(documents: Ref) -> str:
    """What ``frozen`` of the global steps' configurations calls a shard: ``<shard>/<key>`` of its documents.

    Such a shard is read with the verdicts of stage deduplicate in place of those of stage decide.
    """
    return f"{documents.shard}/{documents.key}"


def earlier_shards(lake: Lake, sources: Iterable[str]) -> list[EarlierShard]:
    """The shards of the current curations of ``sources``, in order.

    Raises :class:`UsageError` for a source without a curation in the lake.
    """
    found = []
    for source in sources:
        found += _shards(lake, lake.expect(KIND, source))
    return found


def known(lake: Lake, step: Step[Any], documents: Sequence[Ref], config: Config) -> tuple[Ref, ...]:
    """What earlier runs of ``step`` (copies or pairs) wrote over some, but not all, of these files of documents.

    ``config``: the settings of the step about to run. Runs over any other file and runs with other shingles are left
    out, so what a run says about a text still holds; runs that add nothing to larger ones; and the run over all
    of the files, so that repeating a run asks for the same inputs and is cached.
    """
    current = {ref.digest for ref in documents}
    shingles = config.model_dump(mode="json").get("shingles")
    runs: dict[frozenset[str], list[Manifest]] = {}
    for manifest in _manifests(lake, step):
        over = frozenset(entry.digest for entry in manifest.inputs if entry.table == Documents.name)
        if over < current and manifest.config.get("shingles") == shingles:
            runs.setdefault(over, []).append(manifest)
    covered: frozenset[str] = frozenset()
    chosen: list[Ref] = []
    for over, manifests in sorted(runs.items(), key=lambda run: (-len(run[0]), run[1][0].key)):
        if not over <= covered:
            covered |= over
            chosen += [ref for manifest in manifests for ref in manifest.outputs]
    return tuple(chosen)


def _manifests(lake: Lake, step: Step[Any]) -> list[Manifest]:
    """Every complete run of this version of ``step``."""
    paths = sorted((lake.root / "data" / "manifests" / step.name).glob("*/*.json"))
    found = [lake.manifest(step.name, path.parent.name, path.stem) for path in paths]
    return [manifest for manifest in found if manifest is not None and manifest.version == step.version]


def _shards(lake: Lake, dataset: Dataset) -> list[EarlierShard]:
    by_shard: dict[str, list[Ref]] = {}
    results: dict[str, Ref] = {}
    for table in (Documents, Verdicts, *SIGNALS, Spans, HiddenSpans):
        for ref in dataset.tables.get(table.name, ()):
            if table is not Verdicts or _made_by(lake, StageName.DECIDE, ref):
                by_shard.setdefault(ref.shard, []).append(ref)
            elif _made_by(lake, dedup_verdicts.name, ref):
                results[ref.shard] = ref
    lacking = [shard for shard in by_shard if shard not in results]
    if lacking:
        raise GristmillError(
            f"the curation of {dataset.name} in {lake.root} lacks verdicts of shard {lacking[0]}: curate it again."
        )
    return [EarlierShard(dataset.name, shard, tuple(refs), results[shard]) for shard, refs in sorted(by_shard.items())]


def _made_by(lake: Lake, step: str, ref: Ref) -> bool:
    return lake.manifest_path(step, ref.shard, ref.key).is_file()
