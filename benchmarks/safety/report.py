"""The stored figures as Markdown: the section "How well it works" of ``docs/safety.md``.

The section stands between two marks and holds nothing that a person wrote, so that a test can ask whether the page is
what the stored figures say.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.safety.kinds import OURS, SECRET
from gristmill.schemas.findings import GROUPS, FindingKind

PAGE = Path(__file__).resolve().parents[2] / "docs" / "safety.md"
BEGIN = "<!-- bench-safety: made by `make bench-safety` from benchmarks/results/safety.json -->"
END = "<!-- bench-safety: end -->"
Row = Mapping[str, Any]
ORDER = {kind.value: place for place, kind in enumerate(FindingKind)}
LANGUAGE = {"zh": 0, "en": 1, "other": 2, "code": 3}


def section(record: Mapping[str, Any]) -> str:
    """Everything between the marks."""
    parts = [
        "**Labels made by programs.** Shares with 95 % intervals: Wilson's for precision and recall, a bootstrap over "
        "documents for F1. Bounds of a finding have to be exact; the last columns ask for an overlap alone.",
        labelled(record["labelled"]),
        "**Real text without labels**, " + sizes(record["real_texts"]) + ". Of each detector, kind and group of "
        "languages at most " + str(record["read"]) + " findings were read in their context; the verdicts are "
        "`benchmarks/safety/judgements.jsonl`. A true finding is a value of that kind, whoever it belongs to.",
        real(record["real"]),
    ]
    parts += [
        "**The demo's planted values** (synthetic), sentence by sentence. No detector was made with the set `other`.",
        demo(record["demo"]),
    ]
    parts += [
        "**Speed**, one core, detection alone, one real text in eight, one engine after the other:",
        speed(record["engines"]),
    ]
    return "\n\n".join(parts)


def page_with(page: str, record: Mapping[str, Any]) -> str:
    """The page with its section replaced. Raises ``ValueError`` where a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has lost the marks of bench-safety")
    return f"{before}{BEGIN}\n\n{section(record)}\n\n{END}{after}"


def labelled(rows: Sequence[Row]) -> str:
    """One line for ours, with the peers that know the kind on it."""
    lines = [
        "| kind | language | source | labels | precision | recall | F1 | overlap P R F1 | peers, overlap P R F1 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["language"], row["source"]), {})[row["engine"]] = row
    for (kind, language, source), by_engine in sorted(groups.items(), key=lambda item: _place(*item[0])):
        mine = by_engine.get(OURS)
        if mine is None:
            continue
        peers = "; ".join(f"{name} {_bare(row['overlap'])}" for name, row in by_engine.items() if name != OURS)
        exact = mine["exact"]
        cells = [
            _kind(kind),
            language,
            f"{source} (synthetic)",
            exact["recall"]["n"],
            *(_share(exact[name]) for name in ("precision", "recall", "f1")),
            _bare(mine["overlap"]),
            peers or "none knows it",
        ]
        lines.append(_line(cells))
    return "\n".join(lines)


def real(rows: Sequence[Row]) -> str:
    """Precision on real text: ours, and the peers that know the kind; every kind has a line."""
    lines = [
        "| kind | language | findings | read | precision | peers: findings, precision (read) |",
        "|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["language"]), {})[row["engine"]] = row
    for kind in (*GROUPS_IN_ORDER, SECRET):
        places = sorted((language for each, language in groups if each == kind), key=LANGUAGE.__getitem__)
        for language in places:
            by_engine = groups[kind, language]
            mine = by_engine.get(OURS)
            peers = "; ".join(
                f"{name} {row['findings']}, {_point(row['precision'])} ({row['precision']['n']})"
                for name, row in by_engine.items()
                if name != OURS
            )
            found = mine["findings"] if mine else 0
            read = mine["precision"]["n"] if mine else 0
            share = _share(mine["precision"]) if mine else "–"
            lines.append(_line([_kind(kind), language, found, read, share, peers or "–"]))
        if not places:
            lines.append(_line([_kind(kind), "all", 0, 0, "–", "–"]))
    return "\n".join(lines)


def demo(rows: Sequence[Row]) -> str:
    """Found of the demo's values, and which kinds were missed or taken for another."""
    lines = [
        "| group | templates | planted | found | as the same kind | missed as that kind |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        missed = ", ".join(row["missed"]) or "–"
        cells = [row["group"], row["templates"], row["planted"], row["found"], row["same_kind"], missed]
        lines.append(_line(cells))
    return "\n".join(lines)


def speed(engines: Sequence[Row]) -> str:
    """Megabytes a second of each engine."""
    lines = ["| detectors | versions | MB/s a core |", "|---|---|---|"]
    for row in engines:
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        lines.append(_line([row["engine"], versions, row["mb_per_s"]]))
    return "\n".join(lines)


def sizes(texts: Sequence[Row]) -> str:
    """How much text there is, by group of languages."""
    return ", ".join(f"{row['language']} {row['megabytes']:.1f} MB" for row in texts)


GROUPS_IN_ORDER: tuple[str, ...] = tuple(kind.value for kinds in GROUPS.values() for kind in kinds)


def _place(kind: str, language: str, source: str) -> tuple[int, int, str]:
    return ORDER.get(kind, len(ORDER)), LANGUAGE[language], source


def _kind(kind: str) -> str:
    return "any secret" if kind == SECRET else kind


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _point(share: Row) -> str:
    return "–" if share["value"] is None else f"{share['value']:.2f}"


def _share(share: Row) -> str:
    if share["value"] is None:
        return "–"
    if share["low"] is None:
        return _point(share)
    return f"{_point(share)} [{share['low']:.2f}, {share['high']:.2f}]"


def _bare(scores: Row) -> str:
    return " ".join(_point(scores[name]) for name in ("precision", "recall", "f1"))
