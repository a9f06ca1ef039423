"""The precision-recall curve and the calibration plot as small SVG files, without a drawing library."""

from collections.abc import Sequence

from gristmill.tasks.classifier.metrics import Measure, Point

WIDTH, HEIGHT, MARGIN = 480, 360, 48


def precision_recall(curve: Sequence[Point], threshold: float, majority: float) -> str:
    """Precision over recall, the chosen threshold as a dot, the share of positives (``majority``) as a dashed line."""
    chosen = min(curve, key=lambda point: abs(point.threshold - threshold))
    path = " ".join(f"{_x(point.recall):.1f},{_y(point.precision):.1f}" for point in curve)
    return _picture(
        [
            f'<line x1="{_x(0):.1f}" y1="{_y(majority):.1f}" x2="{_x(1):.1f}" y2="{_y(majority):.1f}" stroke="#999" '
            'stroke-dasharray="4 4"/>',
            f'<polyline points="{path}" fill="none" stroke="#1f6feb" stroke-width="2"/>',
            f'<circle cx="{_x(chosen.recall):.1f}" cy="{_y(chosen.precision):.1f}" r="4" fill="#d1242f"/>',
        ],
        ("recall", "precision"),
        f"threshold {threshold:.4g}: precision {chosen.precision:.3f}, recall {chosen.recall:.3f}; dashed: share of "
        "positives",
    )


def reliability_picture(bins: Sequence[tuple[float, Measure]], title: str) -> str:
    """Shares that come true over probabilities, each with its 95 % interval; dashed: where the two are equal."""
    path = " ".join(f"{_x(expected):.1f},{_y(share.value or 0):.1f}" for expected, share in bins)
    bars = [
        f'<line x1="{_x(expected):.1f}" y1="{_y(share.low or 0):.1f}" x2="{_x(expected):.1f}" '
        f'y2="{_y(share.high or 0):.1f}" stroke="#1f6feb" stroke-opacity="0.4"/>'
        for expected, share in bins
    ]
    dots = [
        f'<circle cx="{_x(expected):.1f}" cy="{_y(share.value or 0):.1f}" r="3" fill="#1f6feb"/>'
        for expected, share in bins
    ]
    return _picture(
        [
            f'<line x1="{_x(0):.1f}" y1="{_y(0):.1f}" x2="{_x(1):.1f}" y2="{_y(1):.1f}" stroke="#999" '
            'stroke-dasharray="4 4"/>',
            *bars,
            f'<polyline points="{path}" fill="none" stroke="#1f6feb" stroke-width="2"/>',
            *dots,
        ],
        ("probability", "share of the kind"),
        title,
    )


def _picture(drawn: Sequence[str], names: tuple[str, str], title: str) -> str:
    """``drawn`` on axes from 0 to 1 with the ``names`` of the horizontal and the vertical one."""
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
            *drawn,
            f'<text x="{_x(0.5):.1f}" y="{HEIGHT - 10}" text-anchor="middle">{names[0]}</text>',
            f'<text x="14" y="{_y(0.5):.1f}" text-anchor="middle" transform="rotate(-90 14 {_y(0.5):.1f})">{names[1]}'
            "</text>",
            f'<text x="{_x(0):.1f}" y="24">{title}</text>',
            "</svg>",
            "",
        ]
    )


def _x(value: float) -> float:
    return MARGIN + value * (WIDTH - 2 * MARGIN)


def _y(value: float) -> float:
    return HEIGHT - MARGIN - value * (HEIGHT - 2 * MARGIN)
