"""Redact: the text of the kept documents, without what line cleaning cuts and with replacements for findings.

The only step that changes text, and a late one: signals and duplicates were found on the text as extracted. Which spans
are replaced, and by what, is decided in the stage before (:mod:`gristmill.tasks.cleaning.review`);
:mod:`gristmill.tasks.text.editing` says how cuts and spans combine, :mod:`gristmill.tasks.safety.redaction.replace`
what is written. Cost: about 20 ns a byte of the texts with cuts or spans, and a row of Python for each replacement;
memory: the kept texts of one shard, and a slice of a million characters at a time.
"""

import polars as pl
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Cuts, Documents, Redacted, Redactions, Verdicts
from gristmill.tasks.filtering.decide import kept_by
from gristmill.tasks.safety.redaction.replace import replacements
from gristmill.tasks.text.companions import map_slices_with
from gristmill.tasks.text.editing import edit_texts
from gristmill.tasks.text.slices import one_chunk


class RedactConfig(Config):
    """No settings: every cut is applied, every span of ``redactions`` is replaced."""


@shard_step("redact", version=4, reads=(Documents, Verdicts, Redactions, Cuts), writes=(Redacted,))
def redact(
    documents: pa.Table, verdicts: pa.Table, redactions: pa.Table, cuts: pa.Table, config: RedactConfig
) -> pa.Table:
    """Text of the documents that stage ``review`` kept.

    ``verdicts`` may hold other stages, ``redactions`` and ``cuts`` other documents too.

    Raises :class:`GristmillError` for a span outside its text, and for a kind of span without a replacement.
    """
    kept = kept_by(verdicts, StageName.REVIEW, documents.select(["doc_id", "text"]))
    return map_slices_with(_redacted, kept, redactions, cuts)


def _redacted(documents: pa.Table, redactions: pa.Table, cuts: pa.Table) -> pa.Table:
    doc_ids, texts = (one_chunk(documents.column(name)) for name in ("doc_id", "text"))
    edited = edit_texts(doc_ids, texts, redactions, cuts, replacements)
    rows = edited.insert_column(0, pl.Series("doc_id", doc_ids, dtype=pl.String))
    return rows.select(Redacted.schema.names).to_arrow().cast(Redacted.schema)
