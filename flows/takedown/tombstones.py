"""The tombstones of a lake, and what is stale in it: one dataset, which every takedown adds to."""

from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_json
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.table import empty
from gristmill.schemas.tables import Stale, Takedowns
from gristmill.tasks.ingest.barred import KIND, NAME


def write_tombstones(lake: Lake, plan_id: str, tombstones: tuple[tuple[str, str], ...], stale: list[Any]) -> None:
    """Add the tombstones of one takedown, and what it made stale, to the lake's. Can be done twice."""
    before = lake.dataset(KIND, NAME)
    found: dict[str, tuple[Ref, ...]] = {}
    added = [{"kind": kind, "value": value, "takedown": plan_id} for kind, value in tombstones]
    for table, more in ((Takedowns, added), (Stale, stale)):
        refs = before.tables.get(table.name, ()) if before else ()
        rows = [row for ref in refs for row in lake.read(ref).to_pylist() if row["takedown"] != plan_id]
        keys = {tuple(row[name] for name in table.key) for row in rows}
        rows += [row for row in more if tuple(row[name] for name in table.key) not in keys]
        content = pa.Table.from_pylist(rows, schema=table.schema) if rows else empty(table)
        found[table.name] = (lake.write_table(table, "lake", digest_json([table.name, rows])[:16], content),)
    new = Dataset(
        kind=KIND, name=NAME, config={}, counts={name: refs[0].rows for name, refs in found.items()}, tables=found
    )
    lake.commit(new)
    if before is not None and before != new:
        path = lake.root / "data" / "datasets" / KIND / NAME / f"{before.key}.json"
        path.unlink(missing_ok=True)
        for name, refs in before.tables.items():
            for ref in refs:
                if ref not in found[name]:
                    lake.path(ref).unlink(missing_ok=True)


def stale_rows_of(lake: Lake, kind: str, subject: str) -> list[dict[str, Any]]:
    """Rows of the table ``stale`` about one subject; none in a lake without takedowns."""
    known = lake.dataset(KIND, NAME)
    refs = known.tables.get(Stale.name, ()) if known else ()
    rows = [row for ref in refs for row in lake.read(ref).to_pylist()]
    return [row for row in rows if (row["kind"], row["subject"]) == (kind, subject)]
