"""Rows of the curated table for tests that begin there."""

from datetime import UTC, datetime
from typing import Any

from gristmill.core.digests import digest_text


def document(name: str, domain: str, text: str) -> dict[str, Any]:
    """A row whose doc_id is made from ``name``."""
    return {
        "doc_id": digest_text(name),
        "source": "test",
        "url": None,
        "host": None,
        "fetched_at": datetime(2026, 1, 1, tzinfo=UTC),
        "record_uri": f"{name}@0+1",
        "record_digest": digest_text(name),
        "text": text,
        "text_hash": digest_text(text),
        "chars": len(text),
        "extractor": "plain",
        "encoding": "utf-8",
        "domain": domain,
        "language": "en",
        "quality": 1.0,
        "tokens": len(text.split()),
        "redactions": 0,
    }
