"""``lineage``: the documents that a checkpoint read, or the checkpoints that read a document."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.tasks.lineage.seen import Seen, Total
    from gristmill.tasks.lineage.sightings import Sighting
    from gristmill.tasks.lineage.trained import TrainedCheckpoint


def lineage(
    checkpoint: Annotated[
        str, typer.Argument(help="Label, digest (its start) or folder of a checkpoint trained in this lake.")
    ] = "",
    document: Annotated[
        list[str] | None,
        typer.Option("--document", help="A doc_id: which checkpoints read it? Repeat for several."),
    ] = None,
    url: Annotated[str, typer.Option("--url", help="The address of a page: which checkpoints read it?")] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", callback=on_this_machine, help="Write every document read to this Parquet file."),
    ] = None,
    shown: Annotated[int, typer.Option("--shown", min=0, help="Documents to show, those read most often first.")] = 10,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """What a checkpoint read: documents and crawl records, how often; or which checkpoints read a document."""
    if bool(checkpoint) == bool(document or url):
        raise UsageError("name a checkpoint, or a document with --document or --url.")
    if out is not None and not checkpoint:
        raise UsageError("--out writes what a checkpoint read: name a checkpoint.")
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}. Create it first.")
    if out is not None and out.is_dir():
        raise UsageError(f"--out {out}: this is a folder. Name a file in it, such as {out / 'read.parquet'}.")
    home = existing(lake)
    if checkpoint:
        _show_read(checkpoint, home, shown, out, json)
    else:
        _show_readers(list(document or []), url, home, json)


def _show_read(words: str, lake: "Lake", shown: int, out: Path | None, json: bool) -> None:
    from gristmill.flows.reporter import Reporter
    from gristmill.flows.takedown.tombstones import stale_rows_of
    from gristmill.flows.train.lineage import named_checkpoint
    from gristmill.tasks.lineage.seen import documents_of, summarise

    trained = named_checkpoint(words, lake)
    with Reporter() as report, report.track("documents", documents_of(trained, lake), "documents") as advance:
        seen = summarise(trained, lake, shown, out, advance)
    if json:
        print_json(_as_json(trained, seen, out))
        return
    _print_read(trained, seen, out, stale_rows_of(lake, "checkpoint", trained.digest))


def _as_json(trained: "TrainedCheckpoint", seen: "Seen", out: Path | None) -> dict[str, Any]:
    return {
        "checkpoint": trained.digest,
        **{name: value for name, value in asdict(trained).items() if name not in ("digest", "path")},
        "read": _total(seen.whole),
        "domains": {name: _total(total) | {"held": seen.held[name]} for name, total in sorted(seen.domains.items())},
        "sources": {name: _total(total) for name, total in sorted(seen.sources.items())},
        "unknown": seen.unknown,
        "documents": seen.documents.to_dicts(),
        "out": str(out) if out else None,
    }


def _total(total: "Total") -> dict[str, Any]:
    return asdict(total) | {"epochs": total.epochs}


def _print_read(trained: "TrainedCheckpoint", seen: "Seen", out: Path | None, stale: list[dict[str, Any]]) -> None:
    from gristmill.flows.describe import table_of

    console = screen()
    rows = trained.end_row - trained.first_row
    about = f"{trained.label} ({trained.digest[:12]}), mix {trained.mix}: {trained.step:,} steps, {rows:,} rows"
    console.print(about, markup=False, highlight=False)
    titles = ("documents", "of", "tokens", "tokens read", "epochs")
    by_domain = _rows(seen.domains, seen.held)
    by_domain.append(["all", *_counts(seen.whole, sum(seen.held.values()))])
    console.print(table_of("Read, by domain", ("domain", *titles), by_domain))
    names = ("source", titles[0], *titles[2:])
    console.print(table_of("Read, by source", names, [[row[0], row[1], *row[3:]] for row in _rows(seen.sources, {})]))
    if seen.documents.height:
        columns = ("epochs", "first_step", "tokens", "domain", "url", "record_uri", "doc_id")
        console.print(table_of("Read most often", columns, seen.documents.select(columns).rows()))
    if seen.unknown:
        console.print(f"{seen.unknown:,} documents are known by doc_id and domain alone: their curated files are gone.")
    for row in stale:
        console.print(f"Stale: takedown {row['takedown']} removed {row['documents']:,} documents that it had read.")
    if out:
        console.print(f"wrote {seen.whole.documents:,} documents to {out}", markup=False, highlight=False)


def _rows(totals: "Mapping[str, Total]", held: Mapping[str, int]) -> list[list[object]]:
    return [[name, *_counts(total, held.get(name, 0))] for name, total in sorted(totals.items())]


def _counts(total: "Total", held: int) -> list[object]:
    return [total.documents, held, total.tokens, total.tokens_read, total.epochs]


def _show_readers(doc_ids: list[str], url: str, lake: "Lake", json: bool) -> None:
    from gristmill.tasks.lineage.sightings import documents_of_url, sightings

    found = sightings([*doc_ids, *(documents_of_url(url, lake) if url else [])], lake)
    if json:
        print_json([asdict(entry) | {"epochs": entry.epochs} for entry in found])
        return
    from gristmill.flows.describe import table_of

    columns = ("document", "checkpoint", "digest", "mix", "domain", "times read", "first at step", "of it read")
    console = screen()
    console.print(table_of("Checkpoints whose mix holds it", columns, [_sighting(entry) for entry in found]))
    if all(entry.split == "heldout" for entry in found):
        console.print("Held out: no checkpoint reads it.")


def _sighting(entry: "Sighting") -> list[object]:
    part = f"{entry.tokens_read:,} of {entry.tokens:,} tokens"
    return [
        entry.doc_id,
        entry.label,
        entry.checkpoint[:12],
        entry.mix,
        f"{entry.domain} ({entry.split})" if entry.split != "train" else entry.domain,
        entry.epochs,
        entry.first_step,
        part,
    ]
