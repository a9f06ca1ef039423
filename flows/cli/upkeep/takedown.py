"""``takedown``: remove pages, hosts, documents or values from a lake and all that was made of them, and prove it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.hints import on_lake
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.flows.takedown.request import Request
    from gristmill.flows.takedown.run import Told

SHOWN = 10


def takedown(
    url: Annotated[list[str] | None, typer.Option("--url", help="A page, however its address is spelt.")] = None,
    host: Annotated[list[str] | None, typer.Option("--host", help="A host with all hosts below it.")] = None,
    document: Annotated[list[str] | None, typer.Option("--document", help="A doc_id.")] = None,
    match: Annotated[
        Path | None,
        typer.Option(
            "--match", callback=on_this_machine, help="A file of texts, one a line: every document that holds one goes."
        ),
    ] = None,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Exact and near duplicates of what is found go too.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the certificate.")] = "",
    name: Annotated[str, typer.Option("--as", help="Who asks; your user name if left out.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Finish a takedown that was interrupted.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the takedowns of this lake.")] = False,
    show: Annotated[str, typer.Option("--show", help="Print the certificate of that id (or its start).")] = "",
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Remove pages everywhere, keep them from coming back, and prove that nothing is left. Options may be repeated."""
    home = existing(lake)
    named = bool(url or host or document or match)
    if sum((named, resume, listed, bool(show))) != 1:
        raise UsageError(
            "name what to take down (--url, --host, --document, --match), or give --resume, --list or --show."
        )
    if (dry_run or duplicates) and not named:
        raise UsageError("--dry-run and --duplicates go with --url, --host, --document or --match.")
    if listed:
        _list(home, json)
    elif show:
        from gristmill.flows.takedown.certificate import certificate

        print_json(certificate(home, show))
    else:
        from gristmill.flows.takedown.request import request_of

        asked = (list(url or []), list(host or []), list(document or []))
        request = request_of(*asked, match, duplicates=duplicates) if named else None
        if request is not None and dry_run:
            _preview(request, home, json)
        else:
            _carry_out(request, home, reason, name, json)


def _told(report: Any) -> "Told":
    from gristmill.flows.takedown.run import Told

    return Told(stage=lambda stage: report.say(f"takedown: {stage}"))


def _preview(request: "Request", lake: "Lake", json: bool) -> None:
    from gristmill.flows.describe import table_of
    from gristmill.flows.reporter import Reporter
    from gristmill.flows.takedown.run import counts_of, preview

    with Reporter() as report:
        found, stale = preview(request, lake, _told(report))
    rows = [
        {"doc_id": doc_id, "source": known.source, "url": known.url, "duplicate": known.duplicate}
        for doc_id, known in sorted(found.documents.items())
    ]
    if json:
        offered = {"exact": sorted(found.exact), "near": sorted(found.near)}
        print_json({"found": counts_of(found), "documents": rows, "duplicates": offered, "stale": stale})
        return
    console = screen()
    shown = [[row["doc_id"], row["source"], row["url"]] for row in rows[:SHOWN]]
    console.print(table_of(f"Would be taken down: {len(rows):,} documents", ["document", "source", "address"], shown))
    _print_stale(stale)
    if not request.duplicates and (found.exact or found.near):
        console.print(
            f"{len(found.exact):,} exact and {len(found.near):,} near duplicates stay: --duplicates removes them too."
        )
    console.print("Nothing was changed.")


def _carry_out(request: "Request | None", lake: "Lake", reason: str, name: str, json: bool) -> None:
    from getpass import getuser

    from gristmill.flows.reporter import Reporter
    from gristmill.flows.takedown.run import take_down

    with Reporter() as report:
        made = take_down(request, lake, _told(report), reason=reason, name=name or getuser())
    if json:
        print_json(made)
    else:
        for entry in made:
            _print_certificate(entry, lake)
        if not made:
            screen().print("No takedown was interrupted.")
    if failed := [entry for entry in made if not entry["clean"]]:
        search = failed[0]["search"]
        left = [entry["file"] for entry in search["remaining"]] + search["unread"]
        command = on_lake(f"gristmill takedown --show {failed[0]['id']}", lake.root)
        raise GristmillError(
            f"not proven: something is left in, or cannot be read of, {', '.join(dict.fromkeys(left[:3]))}. "
            f"`{command}` names every place. Remove those files, or what they belong to, and run it again."
        )


def _print_certificate(entry: dict[str, Any], lake: "Lake") -> None:
    console = screen()
    found, search = entry["found"], entry["search"]
    console.print(
        f"Takedown {entry['id']}: {found['documents']:,} documents and {found['records_without_text']:,} other records "
        f"removed, {len(entry['changes']):,} files rewritten."
    )
    _print_stale(entry["stale"])
    result = "nothing is left" if entry["clean"] else f"{len(search['remaining']):,} places remain"
    console.print(
        f"Searched {search['files']:,} files ({search['bytes']:,} bytes): {result}. {search['mentions']:,} documents "
        "that stay mention the address."
    )
    if found["unproven_by_text"]:
        console.print(
            f"{found['unproven_by_text']:,} documents have no passage of their own: their rows are gone, but others "
            "hold the same words."
        )
    console.print(entry["out_of_reach"])
    console.print(f"Certificate: {on_lake('gristmill takedown --show ' + entry['id'], lake.root)}")


def _print_stale(rows: Sequence[dict[str, Any]]) -> None:
    from gristmill.flows.describe import table_of

    if rows:
        shown = [[row["kind"], row["label"], row["documents"], row["tokens"]] for row in rows[: 2 * SHOWN]]
        screen().print(table_of("Stale: what had seen it", ["what", "name", "documents", "tokens"], shown))


def _list(lake: "Lake", json: bool) -> None:
    from gristmill.flows.describe import table_of
    from gristmill.flows.takedown.certificate import broken_seal, certificates

    found = certificates(lake)
    broken = broken_seal(found)
    if json:
        print_json({"takedowns": found, "broken_seal": broken})
    else:
        rows = [
            [entry["id"], entry["at"], entry["by"], entry["found"]["documents"], entry["clean"], entry["reason"]]
            for entry in found
        ]
        screen().print(table_of("Takedowns", ["id", "at", "by", "documents", "clean", "reason"], rows))
    if broken:
        raise GristmillError(f"the chain of certificates is broken at {broken}: it, or one before it, was changed.")
