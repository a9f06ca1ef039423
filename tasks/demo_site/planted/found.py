"""How many of the planted values the safety review found, by group and by set of templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from gristmill.schemas.findings import FindingGroup, FindingKind
from gristmill.tasks.demo_site.planted.plant import SEEDS, Planted


@dataclass(frozen=True)
class PlantedCount:
    """Of one group and set of templates: values on the site, those that a text of the lake holds, those found there."""

    group: FindingGroup
    templates: str
    planted: int
    in_text: int
    found: int


def count_found(values: Sequence[Planted], documents: pl.DataFrame, spans: pl.DataFrame) -> list[PlantedCount]:
    """Rows by group and set. Found: a finding of the same group overlaps the value in some document that holds it.

    ``documents`` has doc_id and text, ``spans`` doc_id, kind, start and end in code points. Cost: one search of the
    texts for all values at once.
    """
    lines = sorted({line for value in values for line in value.lines})
    holding = documents.filter(pl.col("text").str.contains_any(lines))
    by_document: dict[str, list[tuple[int, int, FindingGroup]]] = {}
    for row in spans.join(holding.select("doc_id"), on="doc_id", how="semi").iter_rows(named=True):
        place = (row["start"], row["end"], FindingKind(row["kind"]).group)
        by_document.setdefault(row["doc_id"], []).append(place)
    places: dict[str, list[tuple[str, int]]] = {line: [] for line in lines}
    for doc_id, text in holding.select("doc_id", "text").iter_rows():
        for line in lines:
            if (at := text.find(line)) >= 0:
                places[line].append((doc_id, at))
    return _rows(values, places, by_document)


def _rows(
    values: Sequence[Planted],
    places: Mapping[str, Sequence[tuple[str, int]]],
    by_document: Mapping[str, Sequence[tuple[int, int, FindingGroup]]],
) -> list[PlantedCount]:
    def is_found(value: Planted) -> bool:
        return any(
            start < at + len(line) and at < end and group is value.kind.group
            for line in value.lines
            for doc_id, at in places[line]
            for start, end, group in by_document.get(doc_id, ())
        )

    rows = []
    for group in FindingGroup:
        for name in SEEDS:
            mine = [value for value in values if value.kind.group is group and value.templates == name]
            held = [value for value in mine if any(places[line] for line in value.lines)]
            rows.append(PlantedCount(group, name, len(mine), len(held), sum(map(is_found, held))))
    return rows
