"""The heldout step: text of held-out documents, bounded, as UTF-8 JSONL for the evaluation of bits per byte."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.steps.files import Written, files_step
from gristmill.schemas.tables import Curated, Domains
from gristmill.tasks.mix.curated import SPLIT_SALT, SplitConfig, batches, check_domain
from gristmill.tasks.mix.permutation import hash_unit


class HeldoutConfig(Config):
    """How much held-out text the evaluator gets."""

    split: SplitConfig = SplitConfig()
    max_bytes: int = Field(200_000, ge=1, description="UTF-8 bytes of text for each domain; whole documents")


def heldout_texts(
    curated: list[Path], config: HeldoutConfig, assigned: Sequence[Path] = ()
) -> dict[str, list[tuple[str, str]]]:
    """For each domain (doc_id, text) of held-out documents, in the order of their hash, up to ``max_bytes``.

    A document that does not fit in what is left is passed over, unless a domain would have none. Memory: the held-out
    text.
    """
    found: dict[str, list[tuple[float, str, str]]] = {}
    for batch in batches(curated, ["doc_id", "domain", "text"], assigned):
        doc_ids = batch["doc_id"].to_pylist()
        order = hash_unit(doc_ids, SPLIT_SALT)
        part = batch.take(np.flatnonzero(order < config.split.heldout_share))
        kept = order[order < config.split.heldout_share].tolist()
        rows = zip(part["domain"].to_pylist(), kept, part["doc_id"].to_pylist(), part["text"].to_pylist(), strict=True)
        for domain, rank, doc_id, text in rows:
            found.setdefault(domain, []).append((rank, doc_id, text))
    return {domain: _fit(sorted(found[domain]), config.max_bytes) for domain in sorted(found)}


@files_step("heldout", version=1, reads=(Curated, Domains))
def write_heldout(curated: list[Path], assigned: list[Path], config: HeldoutConfig, out: Path) -> Written:
    """Write ``<domain>.jsonl`` with ``{"doc_id", "text"}`` a line. Facts: documents and UTF-8 bytes of each domain."""
    domains = {}
    for domain, documents in heldout_texts(curated, config, assigned).items():
        lines = [json.dumps({"doc_id": doc_id, "text": text}, ensure_ascii=False) for doc_id, text in documents]
        (out / f"{check_domain(domain)}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        size = sum(len(text.encode("utf-8")) for _, text in documents)
        domains[domain] = {"documents": len(documents), "bytes": size}
    return Written({"domains": domains})


def _fit(documents: list[tuple[float, str, str]], max_bytes: int) -> list[tuple[str, str]]:
    chosen: list[tuple[str, str]] = []
    left = max_bytes
    for _, doc_id, text in documents:
        size = len(text.encode("utf-8"))
        if size <= left:
            chosen.append((doc_id, text))
            left -= size
    if not chosen and documents:
        _, doc_id, text = min(documents, key=lambda document: len(document[2].encode("utf-8")))
        chosen.append((doc_id, text))
    return chosen
