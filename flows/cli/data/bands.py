"""``bands``: the best bands and rows for a threshold, and the nearest preset."""

from typing import Annotated, Any

import typer

from gristmill.flows.cli.options import JsonOption
from gristmill.flows.cli.printing import print_json, screen

SHOWN = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Similarities at which a shape's share of candidates is shown, besides the threshold itself."""


def bands(
    threshold: Annotated[float, typer.Option(min=0.01, max=1, help="Jaccard similarity of near-duplicates.")] = 0.75,
    permutations: Annotated[int, typer.Option(min=2, max=1024, help="Longest signature, bands x rows.")] = 128,
    json: JsonOption = False,
) -> None:
    """Show the best bands and rows for a threshold (datasketch's optimiser), and the presets, nearest first."""
    from gristmill.tasks.dedup.presets import PRESETS
    from gristmill.tasks.dedup.shape import candidate_probability, optimal_shape

    similarities = sorted({*SHOWN, threshold})

    def shape(preset: str | None, count: int, rows: int) -> dict[str, Any]:
        found = {str(value): round(candidate_probability(value, count, rows), 4) for value in similarities}
        return {"preset": preset, "bands": count, "rows": rows, "candidates": found}

    best = shape(None, *optimal_shape(threshold, permutations))

    def distance(other: dict[str, Any]) -> float:
        return float(sum(abs(share - best["candidates"][value]) for value, share in other["candidates"].items()))

    presets = [shape(name, config.bands, config.rows) for name, config in PRESETS.items()]
    shapes = [best, *sorted(presets, key=distance)]
    if json:
        print_json(shapes)
        return
    from gristmill.flows.describe import table_of

    rows = [
        [
            f"best for {threshold:g}" if found["preset"] is None else found["preset"],
            f"{found['bands']} x {found['rows']}",
            *(f"{share:.3f}" for share in found["candidates"].values()),
        ]
        for found in shapes
    ]
    columns = ["dedup.preset", "bands x rows", *(f"{value:g}" for value in similarities)]
    screen().print(table_of("Probability that a pair of this similarity becomes a candidate", columns, rows))
