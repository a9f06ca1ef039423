"""Redact: the text of the kept documents, without what line cleaning cuts and with placeholders for personal
data.

The only step that changes text, and a late one: signals and duplicates were found on the text as extracted.
:mod:`gristmill.tasks.text.editing` says how cuts and findings combine. Cost: about 20 ns a byte of the texts with cuts
or findings; memory: the kept texts of one shard, and a slice of a million characters at a time.
"""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Cuts, Documents, Redacted, Spans, Verdicts
from gristmill.tasks.filtering.decide import kept_by
from gristmill.tasks.safety.personal.internet import REPLACEMENTS
from gristmill.tasks.text.companions import map_slices_with
from gristmill.tasks.text.editing import edit_texts
from gristmill.tasks.text.slices import one_chunk


class RedactConfig(Config):
    """No settings: every cut is applied, every span of a kind that has a replacement is replaced."""


@shard_step("redact", version=3, reads=(Documents, Verdicts, Spans, Cuts), writes=(Redacted,))
def redact(documents: pa.Table, verdicts: pa.Table, spans: pa.Table, cuts: pa.Table, config: RedactConfig) -> pa.Table:
    """Text of the documents that stage ``deduplicate`` kept and stage ``clean``, where it ran, did not reject.

    ``verdicts`` may hold other stages, ``spans`` and ``cuts`` other documents too.

    Findings of a kind that has no replacement stay in the text.

    Raises :class:`GristmillError` for a span outside its text.
    """
    kept = kept_by(verdicts, StageName.DEDUPLICATE, documents.select(["doc_id", "text"]))
    emptied = (
        verdicts.filter((pc.field("stage") == StageName.CLEAN) & ~pc.field("kept")).column("doc_id").combine_chunks()
    )
    kept = kept.filter(pc.invert(pc.is_in(kept.column("doc_id"), value_set=emptied)))
    replaceable = spans.filter(pc.is_in(spans.column("kind"), value_set=pa.array(list(REPLACEMENTS), pa.string())))
    return map_slices_with(_redacted, kept, replaceable, cuts)


def _redacted(documents: pa.Table, spans: pa.Table, cuts: pa.Table) -> pa.Table:
    doc_ids, texts = (one_chunk(documents.column(name)) for name in ("doc_id", "text"))
    edited = edit_texts(doc_ids, texts, spans, cuts, REPLACEMENTS)
    rows = edited.insert_column(0, pl.Series("doc_id", doc_ids, dtype=pl.String))
    return rows.select(Redacted.schema.names).to_arrow().cast(Redacted.schema)
