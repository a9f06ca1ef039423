"""Texts with the spans of a detector replaced, as the step ``redact`` replaces them, without its other tables."""

from collections.abc import Mapping

import pyarrow as pa

from gristmill.schemas.tables import Cuts
from gristmill.tasks.safety.personal.internet import REPLACEMENTS
from gristmill.tasks.text.editing import edit_texts, listed


def replaced(
    doc_ids: pa.Array, texts: pa.Array, spans: pa.Table, replacements: Mapping[str, tuple[str, ...]] = REPLACEMENTS
) -> list[str]:
    """``texts`` with every span replaced."""
    edited = edit_texts(
        doc_ids,
        texts,
        spans.append_column("how", spans.column("kind")),
        Cuts.schema.empty_table(),
        listed(replacements),
    )
    return edited["text"].to_list()
