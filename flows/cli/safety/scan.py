"""``scan``: personal data, secrets and attacks in a file, as spans with what stands around them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.flows.cli.options import JsonOption
from gristmill.flows.cli.printing import print_json, screen

if TYPE_CHECKING:
    import pyarrow as pa

CONTEXT = 24


def scan(
    source: Annotated[
        str, typer.Option("--input", help="A file, folder, glob or address: Parquet, JSON Lines, text, WARC, HTML ...")
    ],
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Only this kind or group, such as bank_card or personal; repeatable."),
    ] = None,
    least: Annotated[float, typer.Option("--min-score", min=0, max=1, help="Only findings from this score on.")] = 0.0,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Findings to show; --json gives all.")] = 50,
    json: JsonOption = False,
) -> None:
    """Find personal data, secrets and attacks in a file. Nothing is changed, and nothing leaves this machine."""
    from gristmill.flows.reading import read_documents
    from gristmill.schemas.findings import FindingKind
    from gristmill.tasks.safety.kinds import kinds_of
    from gristmill.tasks.safety.step import find_all, findings_config

    kinds = kinds_of(kind) if kind else tuple(FindingKind)
    documents = read_documents(source, "scan", {})
    found = find_all(documents, findings_config(kinds)).to_pylist()
    spans = [row for row in found if row["score"] >= least and row["kind"] in kinds]
    findings = _with_context(documents, spans)
    if json:
        print_json({"input": source, "documents": documents.num_rows, "findings": findings})
        return
    _print(findings, documents.num_rows, rows)


def _with_context(documents: "pa.Table", spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The spans with the document's address, the text found and what stands before and after it."""
    import polars as pl

    ids = {row["doc_id"] for row in spans}
    frame = pl.DataFrame(documents.select(["doc_id", "url", "record_uri", "text"]))
    known = {row["doc_id"]: row for row in frame.filter(pl.col("doc_id").is_in(list(ids))).iter_rows(named=True)}
    return [
        {
            **span,
            "url": known[span["doc_id"]]["url"],
            "record_uri": known[span["doc_id"]]["record_uri"],
            "before": text[max(span["start"] - CONTEXT, 0) : span["start"]],
            "found": text[span["start"] : span["end"]],
            "after": text[span["end"] : span["end"] + CONTEXT],
        }
        for span in spans
        for text in (known[span["doc_id"]]["text"],)
    ]


def _print(findings: list[dict[str, Any]], documents: int, rows: int) -> None:
    from collections import Counter

    from rich.table import Table

    from gristmill.core.printable import printable

    console = screen()
    counts = Counter(finding["kind"] for finding in findings)
    told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
    console.print(f"{documents:,} documents: {told or 'nothing found'}", markup=False, highlight=False)
    if not findings:
        return
    table = Table(box=None)
    for name in ("kind", "score", "detector", "document", "from", "to", "text"):
        table.add_column(name, justify="right" if name in ("score", "from", "to") else "left")
    from rich.text import Text

    for finding in findings[:rows]:
        around = (finding["before"], f"[{finding['found']}]", finding["after"])
        place = finding["url"] or finding["record_uri"]
        cells = (
            finding["kind"],
            f"{finding['score']:.2f}",
            finding["detector"],
            place,
            finding["start"],
            finding["end"],
        )
        table.add_row(
            *(Text(printable(str(cell))) for cell in cells), Text(printable(" ".join("".join(around).split())))
        )
    console.print(table)
    if len(findings) > rows:
        console.print(f"{len(findings) - rows:,} more: --rows, or --json for all.", markup=False, highlight=False)
