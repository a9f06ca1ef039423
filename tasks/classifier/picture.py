"""The precision-recall curve as a small SVG file, without a drawing library."""

from collections.abc import Sequence

from gristmill.tasks.classifier.metrics import Point

WIDTH, HEIGHT, MARGIN = 480, 360, 48


def precision_recall(curve: Sequence[Point], threshold: float, majority: float) -> str:
    """Precision over recall, the chosen threshold as a dot, the share of positives (``majority``) as a dashed line."""
    chosen = min(curve, key=lambda point: abs(point.threshold - threshold))
    path = " ".join(f"{_x(point.recall):.1f},{_y(point.precision):.1f}" for point in curve)
    ticks = [step / 5 for step in range(6)]
    marks = [
        f'<line x1="{_x(tick):.1f}" y1="{_y(0):.1f}" x2="{_x(tick):.1f}" y2="{_y(1):.1f}" stroke="#eee"/>'
        f'<line x1="{_x(0):.1f}" y1="{_y(tick):.1f}" x2="{_x(1):.1f}" y2="{_y(tick):.1f}" stroke="#eee"/>'
        f'<text x="{_x(tick):.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{tick:g}</text>'
        f'<text x="{_x(0) - 8:.1f}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in ticks
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="11" fill="#333">',
            '<rect width="100%" height="100%" fill="white"/>',
            *marks,
            f'<line x1="{_x(0):.1f}" y1="{_y(majority):.1f}" x2="{_x(1):.1f}" y2="{_y(majority):.1f}" stroke="#999" '
            'stroke-dasharray="4 4"/>',
            f'<polyline points="{path}" fill="none" stroke="#1f6feb" stroke-width="2"/>',
            f'<circle cx="{_x(chosen.recall):.1f}" cy="{_y(chosen.precision):.1f}" r="4" fill="#d1242f"/>',
            f'<text x="{_x(0.5):.1f}" y="{HEIGHT - 10}" text-anchor="middle">recall</text>',
            f'<text x="14" y="{_y(0.5):.1f}" text-anchor="middle" transform="rotate(-90 14 {_y(0.5):.1f})">precision'
            "</text>",
            f'<text x="{_x(0):.1f}" y="24">threshold {threshold:.4g}: precision {chosen.precision:.3f}, recall '
            f"{chosen.recall:.3f}; dashed: share of positives</text>",
            "</svg>",
            "",
        ]
    )


def _x(value: float) -> float:
    return MARGIN + value * (WIDTH - 2 * MARGIN)


def _y(value: float) -> float:
    return HEIGHT - MARGIN - value * (HEIGHT - 2 * MARGIN)
