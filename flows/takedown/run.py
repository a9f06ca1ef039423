"""A takedown from the request to the certificate, which can be killed at any moment and run again.

The journal is written first; then tombstones, the data of the lake, everything else in it, views and the warehouse;
then the search; then the certificate; then the journal goes. The lake is locked meanwhile, as ``gristmill gc`` does.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gristmill.core.digests import digest_json
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.audit import COMMAND_LINE, Act, AuditLog
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.lake import Lake
from gristmill.flows.prefect.server import stop_server
from gristmill.flows.takedown.certificate import certificate_of
from gristmill.flows.takedown.find import Matched, find
from gristmill.flows.takedown.journal import FOLDER, Journal, Plan, unfinished
from gristmill.flows.takedown.leftovers import clean
from gristmill.flows.takedown.proof.needles import Finder
from gristmill.flows.takedown.proof.search import Searched, search
from gristmill.flows.takedown.request import Request
from gristmill.flows.takedown.rewrite import Boundary, Rewriting
from gristmill.flows.takedown.stale import stale_rows
from gristmill.flows.takedown.tombstones import write_tombstones
from gristmill.flows.upkeep.alone import alone
from gristmill.flows.upkeep.current import VIEWS, current_view, renew_current
from gristmill.tasks.ingest.barred import read_barred, tombstones_of
from gristmill.warehouse.build.publish import rebuild
from gristmill.warehouse.connection import FOLDER as WAREHOUSE

HINT = "Run gristmill takedown when that has ended; nothing was changed."


@dataclass(frozen=True)
class Told:
    """Who hears of progress: what is being done, and each thing that was done (a test makes that raise)."""

    stage: Callable[[str], None] = lambda _: None
    done: Boundary = lambda _: None


def preview(request: Request, lake: Lake, told: Told) -> tuple[Matched, list[dict[str, Any]]]:
    """What a takedown would remove, and what is stale then. Changes nothing."""
    found = find(request, lake, told.stage)
    return found, stale_rows(found.documents, lake, "")


def take_down(
    request: Request | None, lake: Lake, told: Told, *, reason: str = "", name: str = ""
) -> list[dict[str, Any]]:
    """Finish what was interrupted, then carry out ``request``. Returns the certificates.

    A request that an interrupted takedown had begun is that takedown. Raises :class:`UsageError` where nothing matches,
    and :class:`gristmill.core.errors.GristmillError` while a run uses the lake.
    """
    with alone(lake, HINT), translate_os_errors(lake.root):
        finished = []
        for folder in unfinished(lake):
            journal = Journal.open(lake, folder)
            finished.append(finish(journal, told))
            request = None if request == journal.plan.request else request
        if request is not None:
            found = find(request, lake, told.stage)
            journal = Journal(lake, plan_of(request, found, lake, reason, name))
            about = {"takedown": journal.plan.id, "documents": str(len(journal.plan.documents))}
            AuditLog.of_lake(lake.root).append(Act.TAKEDOWN, name or "unknown", COMMAND_LINE, about)
            journal.begin()
            told.done("journal")
            finished.append(finish(journal, told))
    return finished


def plan_of(request: Request, found: Matched, lake: Lake, reason: str, name: str) -> Plan:
    """The plan of a takedown. Raises :class:`UsageError` for a reason that tells what is taken down."""
    if Finder(found.needles)(f"{reason}\n{name}".encode()):
        raise UsageError("--reason and --as are kept in the certificate: leave out what is to be taken down.")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    tombstones = tuple(sorted(found.tombstones))
    takedown = digest_json([at, tombstones, len(list((lake.root / FOLDER).glob("*.json")))])[:12]
    return Plan(
        id=takedown,
        request=request,
        reason=reason,
        name=name,
        at=at,
        documents=tuple(sorted(found.documents)),
        asides=found.asides,
        tombstones=tombstones,
        needles=tuple((needle.kind.value, needle.name, needle.text) for needle in found.needles),
        encodings=tuple(sorted(found.encodings)),
        stale=tuple(stale_rows(found.documents, lake, takedown)),
        found=counts_of(found),
    )


def counts_of(found: Matched) -> dict[str, Any]:
    """What was found, in numbers, and documents that people may want to look at."""
    return {
        "documents": len(found.documents),
        "records_without_text": found.asides,
        "taken_as_duplicates": sum(known.duplicate for known in found.documents.values()),
        "exact_duplicates": len(found.exact),
        "near_duplicates": len(found.near),
        "sharing_a_passage": len(found.shared),
        "unproven_by_text": len(found.unproven),
    }


def finish(journal: Journal, told: Told) -> dict[str, Any]:
    """Everything after the journal; each part can be done twice."""
    lake, plan = journal.lake, journal.plan
    told.stage("tombstones")
    stop_server(lake.root)
    write_tombstones(lake, plan.id, plan.tombstones, list(plan.stale))
    told.done("tombstones")
    barred = read_barred(lake, tombstones_of(lake))
    finder = Finder(plan.looked_for, plan.encodings)
    told.stage("data")
    Rewriting(lake, journal, barred, finder, told.done).run()
    told.stage("everything else")
    clean(lake, barred, finder, told.done)
    told.stage("warehouse")
    publish_again(lake)
    told.done("warehouse")
    told.stage("search")
    searched = prove(lake, finder)
    certificate = certificate_of(journal, searched)
    lake.write_json(lake.root / FOLDER / f"{plan.id}.json", certificate)
    told.done("certificate")
    journal.end()
    return certificate


def publish_again(lake: Lake) -> None:
    """Views and warehouse from the lake as it is now; earlier ones go.

    A warehouse that cannot be built, such as that of a lake whose files another version wrote, goes all the same: it
    holds what was taken down, and everything in it comes from the lake.
    """
    if (lake.root / "catalog" / "curation").is_dir():
        renew_current(lake)
    kept = current_view(lake)
    for view in (lake.root / VIEWS).glob("*"):
        if view.is_dir() and view != kept:
            shutil.rmtree(view)
    try:
        rebuild(lake, keep=1, grace_seconds=-1)
    except GristmillError:
        shutil.rmtree(lake.root / WAREHOUSE, ignore_errors=True)


def prove(lake: Lake, finder: Finder) -> Searched:
    """Search every file of the lake but the takedowns' own."""
    return search(lake.root, finder, {lake.root / FOLDER})
