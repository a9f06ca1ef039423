"""What had seen the documents before they were taken down: mixes, mixtures, checkpoints, and their evaluations.

A mix holds a document if its token store does; a checkpoint read it if the plan gave it one of its tokens; an
evaluation is stale with its checkpoint. Cost: a binary search for each document in every part of every token store.
"""

from collections.abc import Collection
from typing import Any

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.schemas.tables import EvalRuns, Mixtures
from gristmill.tasks.lineage.reads import TokenRange, find_documents
from gristmill.tasks.lineage.sightings import seen_places
from gristmill.tasks.lineage.trained import all_trained
from gristmill.tasks.mix.token_store import TokenStore

MIX, MIXTURE, CHECKPOINT, EVALUATION = "mix", "mixture", "checkpoint", "evaluation"


def stale_rows(doc_ids: Collection[str], lake: Lake, takedown: str) -> list[dict[str, Any]]:
    """Rows of the table ``stale``: what holds or read one of the documents, current and earlier mixes alike."""
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def add(kind: str, subject: str, label: str, documents: int, tokens: int) -> None:
        values = (takedown, kind, subject, label, documents, tokens)
        names = ("takedown", "kind", "subject", "label", "documents", "tokens")
        known = found.get((kind, subject))
        if known is None or known["tokens"] < tokens:
            found[kind, subject] = dict(zip(names, values, strict=True))

    trained = all_trained(lake)
    scored = _suites(lake)
    for mix, key in _mixes(lake):
        places = _places(mix, doc_ids, lake)
        if not places:
            continue
        held = sum(place.stop - place.start for place in places)
        count = len({place.doc_id for place in places})
        add(MIX, mix.name, mix.name, count, held)
        digests = _digests(mix, lake)
        for ref in mix.files.get("plan", ()):
            subject = f"{mix.name} {ref.shard} {digests.get(ref.shard, '')}".rstrip()
            add(MIXTURE, subject, ref.shard, count, held)
        for entry in trained:
            if entry.mix != mix.name or entry.mix_key != key:
                continue
            read = [seen for seen in seen_places(entry, mix, places, lake) if seen.tokens_read]
            if read:
                documents, tokens = len({seen.doc_id for seen in read}), sum(seen.tokens_read for seen in read)
                add(CHECKPOINT, entry.digest, entry.label, documents, tokens)
                for suite in scored.get(entry.digest, ()):
                    add(EVALUATION, f"{entry.digest} {suite}", f"{entry.label} on {suite}", documents, tokens)
    return [found[key] for key in sorted(found)]


def _mixes(lake: Lake) -> list[tuple[Dataset, str]]:
    """Every mix of the lake, also earlier ones, with its key."""
    paths = sorted((lake.root / "data" / "datasets" / "mix").glob("*/*.json"))
    return [(Dataset.model_validate_json(path.read_bytes()), path.stem) for path in paths]


def _places(mix: Dataset, doc_ids: Collection[str], lake: Lake) -> list[TokenRange]:
    folders = [lake.files_path(ref) for ref in mix.files.get("tokens", ())]
    if not folders or not all(folder.is_dir() for folder in folders):
        return []
    return find_documents(TokenStore.open(folders), doc_ids)


def _digests(mix: Dataset, lake: Lake) -> dict[str, str]:
    """The digest of each mixture of a mix, by name: a later mix of the same names has others."""
    found: dict[str, str] = {}
    for ref in mix.tables.get(Mixtures.name, ()):
        rows = lake.read(ref, ["mixture", "digest"])
        found |= dict(zip(rows["mixture"].to_pylist(), rows["digest"].to_pylist(), strict=True))
    return found


def _suites(lake: Lake) -> dict[str, set[str]]:
    """By checkpoint the suites that it was evaluated on."""
    found: dict[str, set[str]] = {}
    for dataset in lake.datasets("evaluation"):
        for ref in dataset.tables.get(EvalRuns.name, ()):
            rows = lake.read(ref, ["checkpoint", "suite"])
            for checkpoint, suite in zip(rows["checkpoint"].to_pylist(), rows["suite"].to_pylist(), strict=True):
                found.setdefault(checkpoint, set()).add(suite)
    return found
