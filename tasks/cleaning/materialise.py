"""Materialise: the training data, one row per kept document with its redacted text.

Joins the redacted text with the document's provenance and with the signals that later stages ask for. Cost: one pass
over the kept texts; memory: the kept texts of one shard, twice.
"""

from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import SIGNALS, Curated, Documents, Redacted
from gristmill.tasks.dedup.normalization import IDEOGRAPHS
from gristmill.tasks.filtering.decide import signal_frame
from gristmill.tasks.filtering.signal_columns import signal_column

DOMAIN, LANGUAGE = "domain.domain", "language.language"
TOKEN = rf"[{IDEOGRAPHS}]|[[\p{{L}}\p{{M}}\p{{N}}_]--[{IDEOGRAPHS}]]+|[^\p{{L}}\p{{M}}\p{{N}}_\s]"


class MaterialiseConfig(Config):
    """``quality``: the signal (``table.column``) that the policy names as quality."""

    quality: str

    @field_validator("quality")
    @classmethod
    def _known(cls, quality: str) -> str:
        signal_column(quality)
        return quality


@shard_step("materialise", version=1, reads=(Documents, Redacted, SIGNALS), writes=(Curated,))
def materialise(
    documents: pa.Table, redacted: pa.Table, signals: Mapping[str, pa.Table], config: MaterialiseConfig
) -> pa.Table:
    """Curated rows: the documents that were redacted, with the signals (tables by name) that later stages ask for.

    ``tokens`` counts words (runs of letters, marks and digits; each Han, kana and hangul character) and punctuation.
    """
    kept = documents.filter(pc.is_in(documents.column("doc_id"), value_set=redacted.column("doc_id").combine_chunks()))
    known = signal_frame(kept, signals, [DOMAIN, LANGUAGE, config.quality])
    text = pl.col("text")
    rows = (
        pl.DataFrame(kept.drop_columns(["text", "chars"]))
        .join(pl.DataFrame(redacted), on="doc_id")
        .join(known.drop("source"), on="doc_id")
        .with_columns(
            chars=text.str.len_chars().cast(pl.Int32),
            tokens=text.str.count_matches(TOKEN).cast(pl.Int32),
            domain=DOMAIN,
            language=LANGUAGE,
            quality=pl.col(config.quality).cast(pl.Float64),
        )
    )
    return rows.select(Curated.schema.names).to_arrow().cast(Curated.schema)
