"""What the flows leave in Prefect for people to look at: the funnel, the gates and the scores, as table artifacts."""

import re
from typing import Any

from prefect.artifacts import create_table_artifact

from gristmill.core.digests import digest_text
from gristmill.core.lake import Lake
from gristmill.core.manifest import Manifest


def artifact_key(*parts: str) -> str:
    """A key Prefect accepts (lower-case letters, digits, dashes), distinct for names that lose characters."""
    name = "-".join(parts)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return slug if slug == name else f"{slug}-{digest_text(name)[:8]}".strip("-")


def publish_table(kind: str, name: str, rows: list[dict[str, Any]], about: str) -> None:
    """A table artifact; its earlier versions stay under the same key."""
    create_table_artifact(key=artifact_key(kind, name), table=rows, description=about)


def publish_gates(gate: str, name: str, lake: Lake, manifest: Manifest) -> None:
    """The results of one gate."""
    shown = ("expectation", "column", "severity", "ok", "observed", "unexpected_rows", "checked_rows", "shards")
    rows = [
        {column: str(row[column]) for column in shown} for ref in manifest.outputs for row in lake.read(ref).to_pylist()
    ]
    publish_table("gate", f"{gate}-{name}", rows, f"Gate {gate} of {name}: every expectation.")


def publish_funnel(name: str, summary: dict[str, Any]) -> None:
    """Kept and rejected records by stage and rule."""
    rows = []
    for stage in summary["stages"]:
        rows.append(
            {
                "stage": stage["stage"],
                "rule": "(all)",
                "in": stage["in"],
                "out": stage["out"],
                "removed": stage["in"] - stage["out"],
            }
        )
        rows.extend(
            {"stage": stage["stage"], "rule": rule, "in": "", "out": "", "removed": count}
            for rule, count in stage["rejected"].items()
        )
    publish_table("funnel", name, rows, f"Funnel of {name}: {summary['records']:,} records, {summary['kept']:,} kept.")


def publish_scores(name: str, rows: list[dict[str, Any]]) -> None:
    """Scores with their intervals."""
    publish_table("scores", name, rows, f"Scores of {name}, with 95 % intervals.")
