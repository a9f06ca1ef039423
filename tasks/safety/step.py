"""The step ``findings``: everything the detectors find in the documents of a shard, as spans.

Nothing changes by it: a policy says later what is kept, redacted, dropped or shown to people. Cost: one pass of the
prefilter (:mod:`gristmill.tasks.safety.engine`) over the bytes, then work for each region that may hold something.
Memory: a slice of 600,000 characters at a time.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.findings import FindingKind
from gristmill.schemas.tables import Documents, Spans
from gristmill.tasks.safety.engine import Joined, Offsets, search
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.registry import DETECTORS
from gristmill.tasks.text.slices import map_slices, one_chunk


class FindingsConfig(Config):
    """Which detectors look, as ``name@version``. :func:`findings_config` makes one."""

    detectors: tuple[str, ...]


def findings_config(kinds: Iterable[FindingKind] | None = None) -> FindingsConfig:
    """The detectors of ``kinds``, or all of them."""
    wanted = set(FindingKind) if kinds is None else set(kinds)
    return FindingsConfig(detectors=tuple(entry.label for entry in DETECTORS if wanted & set(entry.kinds)))


@shard_step("findings", version=1, reads=(Documents,), writes=(Spans,))
def findings(documents: pa.Table, config: FindingsConfig) -> pa.Table:
    """One row of ``spans`` for each finding, none for documents without."""
    return find_all(documents, config)


def find_all(documents: pa.Table, config: FindingsConfig) -> pa.Table:
    """``spans`` of ``documents``, a table with the columns doc_id and text, in the order of the documents.

    Raises :class:`GristmillError` for a detector that this version does not have.
    """
    chosen = _detectors(config)
    return map_slices(lambda part: _spans(part, chosen), documents)


def _detectors(config: FindingsConfig) -> tuple[Detector, ...]:
    known = {entry.label: entry for entry in DETECTORS}
    unknown = sorted(set(config.detectors) - set(known))
    if unknown:
        raise GristmillError(f"there is no detector {unknown[0]}; there are {', '.join(known)}")
    return tuple(known[label] for label in config.detectors)


def _spans(documents: pa.Table, detectors: tuple[Detector, ...]) -> pa.Table:
    joined = Joined.of(one_chunk(documents.column("text")).to_pylist())
    return spans_of(documents.column("doc_id"), joined.begins, search(joined, detectors), detectors)


def spans_of(
    doc_ids: pa.ChunkedArray, begins: Offsets, found: Sequence[Finding], detectors: Iterable[Detector]
) -> pa.Table:
    """Rows of ``spans`` for findings in joined texts that begin at ``begins``."""
    version = {entry.name: str(entry.version) for entry in detectors}
    start, end = (np.array([finding[place] for finding in found], np.int64) for place in (0, 1))
    row = np.searchsorted(begins, start, side="right") - 1
    return pa.table(
        {
            "doc_id": doc_ids.take(pa.array(row, pa.int64())),
            "kind": pa.array([finding.kind.value for finding in found], pa.string()),
            "start": (start - begins[row]).astype(np.int32),
            "end": (end - begins[row]).astype(np.int32),
            "score": pa.array([finding.score for finding in found], pa.float64()),
            "detector": pa.array([finding.detector for finding in found], pa.string()),
            "version": pa.array([version[finding.detector.partition("/")[0]] for finding in found], pa.string()),
        },
        schema=Spans.schema,
    )
