"""What opt-outs cost: documents, characters and tokens of each kind of statement in a curation.

Reads three columns of the stored tables; nothing is computed again. Memory: ids and sources of the documents.
"""

import polars as pl

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.core.table import Table
from gristmill.schemas.tables import Curated, Documents, SignalsRights

RESERVED, ALLOWED, SILENT = "reserved, all together", "allowed", "nothing stated"


class StatementCost(Config):
    """Documents about which ``statement`` is made: how many, their ``share`` of all, how many of them no other source
    reserves (``only_this``), their characters, how many of them were ``kept``, and tokens: counted where kept,
    else estimated from characters."""

    statement: str
    documents: int
    share: float
    only_this: int
    characters: int
    kept: int
    tokens: int


class RightsCost(Config):
    """The rows of a source: each source of reservations, then all reservations, permissions, and silence."""

    source: str
    documents: int
    characters: int
    tokens_by_character: float
    rows: tuple[StatementCost, ...]


def rights_cost(lake: Lake, dataset: Dataset) -> RightsCost:
    """The costs in a curation. Raises :class:`UsageError` for one that has not computed the signals ``rights``."""
    if not dataset.tables.get(SignalsRights.name):
        raise UsageError(
            f"{dataset.name}: this curation has no signals of rights. Run it again with --robots SNAPSHOT, with "
            "--signals all, or with a policy that looks at rights.reserved."
        )
    rights = _read(lake, dataset, SignalsRights, ["doc_id", "reserved", "allowed", "sources"])
    documents = _read(lake, dataset, Documents, ["doc_id", "chars"])
    curated = _read(lake, dataset, Curated, ["doc_id", "tokens"])
    frame = documents.join(rights, on="doc_id").join(curated, on="doc_id", how="left")
    kept = frame.filter(pl.col("tokens").is_not_null())
    rate = float(kept["tokens"].sum() / max(int(kept["chars"].sum()), 1))
    frame = frame.with_columns(
        kept=pl.col("tokens").is_not_null(),
        tokens=pl.coalesce("tokens", (pl.col("chars") * rate).round()).cast(pl.Int64),
        source=pl.when("reserved").then(pl.col("sources").str.split(", ")).otherwise(None),
    ).with_columns(alone=pl.col("source").list.len() == 1)
    each = frame.explode("source").filter(pl.col("source").is_not_null())
    groups = [(str(name), part) for (name,), part in each.group_by("source", maintain_order=True)]
    groups.sort(key=lambda group: (-group[1].height, group[0]))
    groups += [
        (RESERVED, frame.filter("reserved")),
        (ALLOWED, frame.filter("allowed")),
        (SILENT, frame.filter(~pl.col("reserved") & ~pl.col("allowed"))),
    ]
    return RightsCost(
        source=dataset.name,
        documents=frame.height,
        characters=int(frame["chars"].sum()),
        tokens_by_character=round(rate, 6),
        rows=tuple(_row(name, part, frame.height) for name, part in groups),
    )


def _row(name: str, part: pl.DataFrame, whole: int) -> StatementCost:
    return StatementCost(
        statement=name,
        documents=part.height,
        share=round(part.height / max(whole, 1), 6),
        only_this=int(part["alone"].fill_null(False).sum()),
        characters=int(part["chars"].sum()),
        kept=int(part["kept"].sum()),
        tokens=int(part["tokens"].sum()),
    )


def _read(lake: Lake, dataset: Dataset, table: Table, columns: list[str]) -> pl.DataFrame:
    parts = [pl.DataFrame(lake.read(ref, columns)) for ref in dataset.tables.get(table.name, ())]
    empty = pl.DataFrame(table.schema.empty_table().select(columns))
    return pl.concat([empty, *parts])
