"""The step ``arm_members``: which arms hold each curated document, told as the part of its domain that it belongs to.

Cost: a million documents a second and arm for conditions on hosts and languages (``tasks/domains/matching``); the text
is not read. Memory: a batch of documents.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.digests import digest_json
from gristmill.core.steps.kinds import global_step
from gristmill.schemas.tables import Curated, Domains
from gristmill.tasks.domains.matching import Mask, Traits, meets
from gristmill.tasks.experiment.arms import Selection, part_name
from gristmill.tasks.mix.curated import batches

COLUMNS = ["doc_id", "source", "host", "url", "language", "domain"]


class Choice(Config):
    """The documents of one arm: ``only`` these, or all when empty, less those left out."""

    leave_out: tuple[Selection, ...] = ()
    only: tuple[Selection, ...] = ()


class MembersConfig(Config):
    """The choices of all arms in order, the control's first. Arms that choose alike may be given once."""

    choices: tuple[Choice, ...]


@global_step("arm_members", version=1, reads=(Curated,), writes=(Domains,))
def arm_members(curated: list[Path], config: MembersConfig, scratch: Path) -> pa.Table:
    """One row of ``domains`` for each row of the curated shards that some arm holds or none does."""
    digest = digest_json(config.model_dump(mode="json"))[:16]
    parts = [Domains.schema.empty_table()]
    for batch in batches(curated, COLUMNS):
        rows = pl.DataFrame(batch)
        traits = Traits(rows, {})
        holders = np.zeros(rows.height, dtype=np.int64)
        for number, choice in enumerate(config.choices):
            holders |= held(traits, choice).astype(np.int64) << number
        names = {value: format(value, "x") for value in np.unique(holders).tolist()}
        found = [part_name(domain, value) for domain, value in zip(rows["domain"], holders.tolist(), strict=True)]
        table = rows.select("doc_id").with_columns(
            rules=pl.lit(digest),
            domain=pl.Series(found, dtype=pl.String),
            rule=pl.Series([f"arms {names[value]}" for value in holders.tolist()], dtype=pl.String),
            score=pl.lit(None, dtype=pl.Float64),
        )
        parts.append(table.select(Domains.schema.names).to_arrow().cast(Domains.schema))
    return pa.concat_tables(parts)


def held(traits: Traits, choice: Choice) -> Mask:
    """Which documents an arm holds."""
    everything = np.ones(traits.rows.height, np.bool_)
    kept = _any(traits, choice.only, everything) if choice.only else everything
    found: Mask = kept & ~_any(traits, choice.leave_out, everything)
    return found


def _any(traits: Traits, selections: Sequence[Selection], everything: Mask) -> Mask:
    found = np.zeros(everything.shape, np.bool_)
    for selection in selections:
        found |= meets(traits, selection.rule, everything)[0]
    return found
