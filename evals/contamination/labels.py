"""The label of every item, from the places where it was found: clean, input, or answer (input and answer).

An item that is too short for the matcher is ``short``: it is neither clean nor seen. A passage alone is not an input;
whether it was found is a separate column. The ``PLACES`` best places of each item are kept as evidence and all
documents are counted, so memory grows with the items, not with the corpus.
"""

from collections.abc import Collection, Iterable
from heapq import heappush, heappushpop
from typing import Any

import pyarrow as pa

from gristmill.core.table import conform
from gristmill.schemas.tables import Contamination, ItemLabels

CLEAN, INPUT, ANSWER, SHORT, PASSAGE = "clean", "input", "answer", "short", "passage"
SEEN = (INPUT, ANSWER)
PLACES = 20


def label_items(
    items: pa.Table, evidence: Iterable[pa.Table], corpus: str, short: Collection[tuple[str, str]]
) -> tuple[pa.Table, pa.Table]:
    """``item_labels`` of every item of ``items`` (rows of ``eval_items``), and the places that are kept.

    ``evidence`` are tables of ``contamination``, one per shard, so no document is in two of them. ``short`` names each
    (suite, item) whose texts are too short to find.
    """
    known = dict.fromkeys(
        zip(*(items.column(name).to_pylist() for name in ("suite", "suite_digest", "item")), strict=True)
    )
    tallies = {(suite, item): _Tally() for suite, _, item in known}
    for table in evidence:
        by_item: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in table.to_pylist():
            by_item.setdefault((row["suite"], row["item"]), []).append(row)
        for key, rows in by_item.items():
            if key in tallies:
                tallies[key].add(rows)
    labels = [
        {"corpus": corpus, "suite": suite, "suite_digest": digest, "item": item}
        | tallies[suite, item].row((suite, item) in short)
        for suite, digest, item in known
    ]
    places = [row for tally in tallies.values() for _, _, row in sorted(tally.places, key=lambda entry: entry[:2])]
    return (
        conform(ItemLabels, pa.Table.from_pylist(labels, schema=ItemLabels.schema)),
        conform(Contamination, pa.Table.from_pylist(places, schema=Contamination.schema)),
    )


class _Tally:
    """What has been found of one item so far."""

    def __init__(self) -> None:
        self.documents = 0
        self.passage = False
        self.places: list[tuple[tuple[bool, bool, float], str, dict[str, Any]]] = []

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """The rows of one shard."""
        documents = set()
        for number, row in enumerate(rows):
            self.passage |= row["label"] == PASSAGE
            if row["label"] in SEEN:
                documents.add(row["doc_id"])
            rank = (row["label"] in SEEN, row["label"] == ANSWER, row["score"])
            entry = (rank, f"{row['doc_id']} {row['form']} {number}", row)
            if len(self.places) < PLACES:
                heappush(self.places, entry)
            else:
                heappushpop(self.places, entry)
        self.documents += len(documents)

    def row(self, short: bool) -> dict[str, Any]:
        """The columns of ``item_labels`` that depend on what was seen."""
        (seen, answer, score), _, best = max(self.places, default=((False, False, 0.0), "", None))
        label = ANSWER if answer else INPUT if seen else SHORT if short else CLEAN
        found = best if seen else None
        return {
            "label": label,
            "passage": self.passage,
            "documents": self.documents,
            "score": score if seen else 0.0,
            "doc_id": found["doc_id"] if found else None,
        }
