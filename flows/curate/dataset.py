"""The dataset of a curation: its files by table, its settings, and the counts of its funnel, which have to add up."""

from typing import Any

from gristmill.core.manifest import Dataset, Ref
from gristmill.flows.curate.state import Curation, Progress
from gristmill.flows.review.effects import safety_effects
from gristmill.schemas.tables import (
    SIGNALS,
    Clusters,
    Curated,
    Cuts,
    Documents,
    HiddenSpans,
    Pairs,
    Records,
    Redactions,
    Reviews,
    SetAside,
    SignalsDomain,
    Spans,
    TriggerSpans,
    Verdicts,
)
from gristmill.tasks.cleaning.clean import count_cuts
from gristmill.tasks.dedup.report import largest_clusters
from gristmill.tasks.extraction.outcomes import outcomes
from gristmill.tasks.filtering.policy import Policy
from gristmill.tasks.ingest.damage import damage
from gristmill.tasks.ledger.funnel import LedgerFiles, funnel, summary

FOUND = (Spans, HiddenSpans, TriggerSpans)
STORED = (Records, Documents, SetAside, *SIGNALS, *FOUND, Verdicts, Pairs, Clusters, Cuts, Reviews, Redactions, Curated)


def dataset_of(state: Curation, policy: Policy) -> Dataset:
    """The dataset of this curation."""
    tables = stored(state, state.own)
    tables[SetAside.name] += state.unread
    return Dataset(
        kind="curation",
        name=state.settings.source,
        config=state.settings.lasting() | {"policy": policy.model_dump(mode="json")},
        counts=count(state, state.own, state.unread) | {"notes": state.notes.model_dump(mode="json")},
        tables=tables,
    )


def stored(state: Curation, shards: list[Progress]) -> dict[str, tuple[Ref, ...]]:
    """The files of a dataset by table; the decisions of people, which all shards share, once."""
    tables = {table.name: state.all_of(table, shards=shards) for table in STORED}
    decisions = tuple(dict.fromkeys(tables.pop(Reviews.name)))
    return tables | ({Reviews.name: decisions} if decisions else {})


def renewed_dataset(state: Curation, source: str) -> Dataset:
    """The dataset of an earlier curation with the new fates of its documents."""
    before = state.lake.expect("curation", source)
    shards = [entry for entry in state.shards if entry.source == source]
    for entry in shards:
        for table in (Records, SetAside):
            for ref in before.tables.get(table.name, ()):
                if ref.shard == entry.shard:
                    entry.refs["earlier", table.name] = ref
    tables = dict(before.tables) | stored(state, shards)
    known = {entry.shard for entry in shards}
    not_read = tuple(ref for ref in before.tables.get(SetAside.name, ()) if ref.shard not in known)
    tables[SetAside.name] += not_read
    counts = count(state, shards, not_read) | {"notes": before.counts.get("notes", {})}
    return before.model_copy(update={"counts": counts, "tables": tables})


def count(state: Curation, shards: list[Progress], not_read: tuple[Ref, ...]) -> dict[str, Any]:
    """The funnel of these shards, what extraction gave, what cleaning cut, and the largest clusters; ``not_read`` are
    the rows of ``set_aside`` outside all shards.

    Raises ``GristmillError`` when the numbers of any stage do not add up (law 1).
    """
    paths = {
        table.name: [state.lake.path(ref) for ref in state.all_of(table, shards=shards)]
        for table in (Records, Documents, SetAside, Verdicts, Curated, Cuts, Clusters, Redactions, SignalsDomain)
    }
    paths[SetAside.name] += [state.lake.path(ref) for ref in not_read]
    clusters, cuts = paths.pop(Clusters.name), paths.pop(Cuts.name)
    redactions, domains = paths.pop(Redactions.name), paths.pop(SignalsDomain.name)
    shown = largest_clusters(clusters, paths[Documents.name]) if len(clusters) == len(shards) else []
    return summary(funnel(LedgerFiles(**paths))) | {
        "extraction": outcomes(paths[Documents.name], paths[SetAside.name]),
        "damage": damage(paths[SetAside.name]),
        "cuts": count_cuts(cuts),
        "safety": safety_effects(redactions, paths[Verdicts.name], domains),
        "largest_clusters": [cluster.model_dump(mode="json") for cluster in shown],
    }
