"""Draw the picture of the architecture from the code: ``python tools/architecture.py``, about a second.

``docs/images/architecture.svg`` has two diagrams: the packages of gristmill, and the folders of ``tasks``. An arrow
leads from the importer to what it imports. An arrow that follows from two others is left out (a transitive reduction),
and a box is one row above the highest box that it imports. An import cycle is an error.
"""

import ast
from collections.abc import Iterator
from html import escape
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PICTURE = PROJECT / "docs" / "images" / "architecture.svg"
PACKAGES = ("core", "schemas", "tasks", "evals", "warehouse", "dashboards", "flows", "api")

Graph = dict[str, set[str]]
"""From a box to the boxes that it imports."""

BOX, HEIGHT, GAP, ROW, MARGIN = 124, 34, 26, 78, 30


def imported(module: Path) -> Iterator[tuple[str, ...]]:
    """The gristmill modules that a module imports, at its top or inside functions, as parts after ``gristmill``."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (tuple(name.split(".")[1:]) for name in names if name.startswith("gristmill."))


def imports(folder: Path, boxes: list[str], above: tuple[str, ...]) -> Graph:
    """Which of the folders ``boxes`` in ``folder`` import which others; ``above`` names the packages around them."""
    graph: Graph = {box: set() for box in boxes}
    for box in boxes:
        for module in (folder / box).rglob("*.py"):
            for parts in imported(module):
                if parts[: len(above)] == above and len(parts) > len(above) and parts[len(above)] in graph:
                    graph[box].add(parts[len(above)])
        graph[box].discard(box)
    return graph


def reachable(graph: Graph) -> Graph:
    """Everything below each box.

    Raises:
        ValueError: for an import cycle.
    """
    below: Graph = {}

    def visit(box: str, way: tuple[str, ...]) -> set[str]:
        if box in way:
            raise ValueError("an import cycle: " + " -> ".join((*way[way.index(box) :], box)))
        if box not in below:
            found = set(graph[box])
            for other in sorted(graph[box]):
                found |= visit(other, (*way, box))
            below[box] = found
        return below[box]

    for box in sorted(graph):
        visit(box, ())
    return below


def reduced(graph: Graph) -> Graph:
    """The graph without the arrows that follow from two others."""
    below = reachable(graph)
    return {box: {end for end in ends if not any(end in below[by] for by in ends)} for box, ends in graph.items()}


def rows(graph: Graph) -> list[list[str]]:
    """The boxes by row, lowest first: boxes import only what is below their row."""
    below = reachable(graph)
    height: dict[str, int] = {}
    for box in sorted(graph, key=lambda name: (len(below[name]), name)):
        height[box] = 1 + max((height[end] for end in graph[box]), default=-1)
    return [sorted(box for box in graph if height[box] == row) for row in range(max(height.values()) + 1)]


def arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """The line from a box to one below it; it bends around the boxes of the rows in between."""
    (x1, y1), (x2, y2) = start, end
    x2 += BOX / 2
    if y2 - y1 <= ROW:
        return f"M{x1 + BOX / 2:g},{y1 + HEIGHT:g} L{x2:g},{y2 - 3:g}"
    side = 1 if x2 > x1 else -1
    x1 += BOX if side > 0 else 0
    bend = side * max(side * x1, side * x2) + side * 40
    return f"M{x1:g},{y1 + HEIGHT / 2:g} Q{bend:g},{y1 + HEIGHT:g} {x2:g},{y2 - 3:g}"


def diagram(graph: Graph, title: str, top: int, width: int) -> tuple[list[str], int]:
    """The elements of one diagram whose upper edge is at ``top``, and its lower edge."""
    levels = rows(graph)
    bottom = top + 30 + (len(levels) - 1) * ROW
    place: dict[str, tuple[float, float]] = {}
    for level, boxes in enumerate(levels):
        left = (width - len(boxes) * (BOX + GAP) + GAP) / 2
        for column, box in enumerate(boxes):
            place[box] = (left + column * (BOX + GAP), bottom - level * ROW)
    drawn = [f'<text class="title" x="{MARGIN}" y="{top + 8}">{escape(title)}</text>']
    for box, ends in sorted(reduced(graph).items()):
        drawn += [f'<path d="{arrow(place[box], place[end])}" marker-end="url(#tip)"/>' for end in sorted(ends)]
    for box, (x, y) in sorted(place.items()):
        drawn.append(f'<rect x="{x:g}" y="{y:g}" width="{BOX}" height="{HEIGHT}" rx="5"/>')
        drawn.append(f'<text x="{x + BOX / 2:g}" y="{y + 22:g}" text-anchor="middle">{escape(box)}</text>')
    return drawn, bottom + HEIGHT


STYLE = (
    "rect{fill:#eef3f8;stroke:#4a6785}text{font:13px sans-serif;fill:#1c2733}.title{font-weight:bold}"
    "path{stroke:#7d8fa3;stroke-width:1.3;fill:none}marker path{fill:#7d8fa3;stroke:none}.page{fill:#fff;stroke:none}"
)


def draw(root: Path = PROJECT) -> str:
    """The picture of the tree at ``root``, as SVG."""
    rooms = sorted(path.parent.name for path in (root / "tasks").glob("*/__init__.py"))
    packages = imports(root, list(PACKAGES), ())
    tasks = imports(root / "tasks", rooms, ("tasks",))
    width = 2 * MARGIN + max(len(row) for row in [*rows(packages), *rows(tasks)]) * (BOX + GAP) - GAP
    first, end = diagram(packages, "The packages of gristmill: an arrow leads to what is imported", MARGIN, width)
    second, end = diagram(tasks, "The rooms of tasks", end + 50, width)
    size = f'width="{width}" height="{end + MARGIN}" viewBox="0 0 {width} {end + MARGIN}"'
    tip = '<marker id="tip" markerWidth="8" markerHeight="8" refX="8" refY="4" orient="auto">'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<style>{STYLE}</style>",
        f'<defs>{tip}<path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
        f'<rect class="page" width="{width}" height="{end + MARGIN}"/>',
    ]
    return "\n".join([*head, *first, *second, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(PROJECT)}")
