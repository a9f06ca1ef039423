"""Bits per byte of held-out text, by domain: how many bits the model needs for a byte it has not seen.

Bits per byte, not perplexity per token, because a byte is the same for every tokenizer. The score of a domain is
``sum(bits) / sum(bytes)`` over its documents, a ratio, with the linearised variance over documents and Student's t
(``gristmill.evals.statistics.ratio``): documents are the independent units, tokens of one document are not. ``all``
pools the documents, its variance stratified by domain. Cost: one forward pass over the text, two if it exceeds the
context.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from gristmill.core.digests import digest_json, digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.table import conform
from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.evals.models.model import LanguageModel, Progress, silent
from gristmill.evals.scoring.evaluation import Evaluation
from gristmill.evals.statistics import Interval, ratio
from gristmill.schemas.tables import Samples, Scores

SUITE, AREA, METRIC, ALL = "heldout", "perplexity", "bits_per_byte", "all"


def evaluate_perplexity(
    model: LanguageModel,
    checkpoint: Checkpoint,
    texts: Mapping[str, Sequence[tuple[str, str]]],
    *,
    progress: Progress = silent,
) -> Evaluation:
    """Score held-out ``texts``: for each domain, ``(doc_id, text)``. Empty texts are left out.

    One sample per document (``value`` its bits, ``weight`` its bytes, ``subset`` its domain), one score per domain of
    at least two documents, and one for ``all``. A single document has no error bar, so its domain gets no score; it
    still counts in ``all``.

    Raises :class:`GristmillError` for a domain called ``all``, a document given twice, or fewer than two documents.
    """
    rows = [(domain, doc_id, text) for domain in sorted(texts) for doc_id, text in sorted(texts[domain]) if text]
    ids = [doc_id for _, doc_id, _ in rows]
    if ALL in texts or len(set(ids)) != len(ids):
        raise GristmillError(f"held-out text: a domain is called {ALL!r}, or a document is in it twice")
    if len(rows) < 2:
        raise GristmillError(
            f"bits per byte need at least two held-out documents, and there are {len(rows)}. Hold out a larger share."
        )
    found = model.text_bits([text for _, _, text in rows], progress)
    bits, sizes = [entry.bits for entry in found], [entry.bytes for entry in found]
    domains = [domain for domain, _, _ in rows]
    samples = pa.table(
        {
            "checkpoint": [checkpoint.digest] * len(rows),
            "suite": [SUITE] * len(rows),
            "item": ids,
            "repeat": [0] * len(rows),
            "convention": [METRIC] * len(rows),
            "subset": domains,
            "cluster": [""] * len(rows),
            "expected": [""] * len(rows),
            "program": [""] * len(rows),
            "verdict": ["scored"] * len(rows),
            "value": bits,
            "weight": [float(size) for size in sizes],
            "detail": [""] * len(rows),
        }
    )
    scores = []
    if len(rows) > 1:  # a single text has no error bar, so it has no score
        scores.append(_score(checkpoint, ALL, ratio(bits, sizes, domains), len(rows), ", stratified by domain"))
    for domain in sorted(set(domains)):
        inside = [position for position, name in enumerate(domains) if name == domain]
        if len(inside) > 1:
            interval = ratio([bits[position] for position in inside], [sizes[position] for position in inside])
            scores.append(_score(checkpoint, domain, interval, len(inside)))
    return Evaluation(
        suite=SUITE,
        suite_digest=digest_json([[domain, doc_id, digest_text(text)] for domain, doc_id, text in rows]),
        area=AREA,
        items=len(rows),
        backend=model.backend,
        samples=conform(Samples, samples),
        scores=conform(Scores, pa.Table.from_pylist(scores, schema=Scores.schema)),
    )


def _score(checkpoint: Checkpoint, subset: str, interval: Interval, n: int, how: str = "") -> dict[str, object]:
    return {
        "checkpoint": checkpoint.digest,
        "suite": SUITE,
        "area": AREA,
        "metric": METRIC,
        "convention": METRIC,
        "headline": subset == ALL,
        "subset": subset,
        "value": interval.value,
        "low": max(0.0, interval.low),
        "high": interval.high,
        "n": n,
        "chance": None,
        "above_chance": None,
        "higher_is_better": False,
        "method": f"ratio estimator over documents, Student t{how}",
        "failures": 0,
        "jail_tier": "",
    }
