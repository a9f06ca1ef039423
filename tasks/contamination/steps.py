"""Steps over the index of evaluation items: where items occur in a corpus, and signals for a policy on such text.

The index is a file of the table ``eval_items`` that ``gristmill contamination`` writes; steps know it by its digest.
Memory: the index (about 2 kB a text) and one slice of documents, whatever the size of the corpus.
"""

from collections import Counter
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.core.files.parquet import read_rows
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Contamination, Curated, Documents, EvalItems, SignalsContamination
from gristmill.tasks.contamination.index import Index, MatchConfig, build_index
from gristmill.tasks.contamination.matching import ANSWER, INPUT, Found, find
from gristmill.tasks.text.slices import map_slices, one_chunk

HINT = "Write one: gristmill contamination --suite NAME --corpus SOURCE --write-index FILE"


class IndexConfig(Config):
    """The index by its ``digest``, and when a text of it counts as found. See :func:`index_config`.

    ``path`` says where the file is on this machine; it is left out of the JSON form and so of the cache key.
    """

    digest: str
    match: MatchConfig = MatchConfig()
    path: Path = Field(exclude=True, repr=False)


def index_config(path: Path) -> IndexConfig:
    """The config for an index file. Raises :class:`UsageError` for anything else."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such index of evaluation items. {HINT}")
    try:
        names = pq.read_schema(path).names
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path}: this is not Parquet, so not an index of evaluation items. {HINT}") from error
    if missing := set(EvalItems.schema.names) - set(names):
        raise UsageError(f"{path}: not an index of evaluation items: it lacks {', '.join(sorted(missing))}. {HINT}")
    return IndexConfig(digest=digest_file(path), path=path)


@shard_step("contamination", version=2, reads=(Documents,), writes=(Contamination,))
def contamination(documents: pa.Table, config: IndexConfig) -> pa.Table:
    """One row for each item found in a document, at its best match."""
    index = load_index(config)
    return map_slices(lambda part: _evidence(part, index, config), documents)


@shard_step("contamination-curated", version=2, reads=(Curated,), writes=(Contamination,))
def contamination_curated(curated: pa.Table, config: IndexConfig) -> pa.Table:
    """The same for curated text."""
    index = load_index(config)
    return map_slices(lambda part: _evidence(part, index, config), curated)


@shard_step("decontaminate", version=2, reads=(Documents,), writes=(SignalsContamination,))
def decontaminate(documents: pa.Table, config: IndexConfig) -> pa.Table:
    """One row of ``signals/contamination`` for each row of ``documents``, in their order."""
    index = load_index(config)
    return map_slices(lambda part: _signals(part, index, config), documents)


def load_index(config: IndexConfig) -> Index:
    """The index of ``config``, built once in a process. Raises :class:`UsageError` when the file has changed."""
    return _load(config.path, config.digest, config.match)


@lru_cache(maxsize=1)
def _load(path: Path, digest: str, match: MatchConfig) -> Index:
    if not path.is_file() or digest_file(path) != digest:
        raise UsageError(f"{path}: this index of evaluation items was changed or is gone since the run began.")
    return build_index(read_rows(path), match)


def _evidence(part: pa.Table, index: Index, config: IndexConfig) -> pa.Table:
    found = find(one_chunk(part.column("text")), index, config.match)
    doc_ids, sources = (part.column(name).to_pylist() for name in ("doc_id", "source"))
    rows = [
        {
            "suite": one.row.suite,
            "item": one.row.item,
            "doc_id": doc_ids[one.document],
            "source": sources[one.document],
            "form": one.row.form,
            "start": one.start,
            "end": one.end,
            "similarity": one.similarity,
            "answer": one.answer,
            "score": one.score,
            "label": one.label,
        }
        for one in found
    ]
    return pa.Table.from_pylist(rows, schema=Contamination.schema)


def _signals(part: pa.Table, index: Index, config: IndexConfig) -> pa.Table:
    inputs: Counter[int] = Counter()
    answers: Counter[int] = Counter()
    scores: dict[int, float] = {}
    for one in _items(find(one_chunk(part.column("text")), index, config.match)):
        inputs[one.document] += 1
        answers[one.document] += one.label == ANSWER
        scores[one.document] = max(scores.get(one.document, 0.0), one.score)
    rows = range(part.num_rows)
    columns = {
        "doc_id": part.column("doc_id"),
        "items": pa.array([inputs[row] for row in rows], pa.int32()),
        "answers": pa.array([answers[row] for row in rows], pa.int32()),
        "score": pa.array([scores.get(row, 0.0) for row in rows], pa.float64()),
    }
    return pa.table(columns, schema=SignalsContamination.schema)


def _items(found: list[Found]) -> list[Found]:
    """The strongest place for each document and item; a passage without its question does not count."""
    best: dict[tuple[int, str, str], Found] = {}
    for one in found:
        key = (one.document, one.row.suite, one.row.item)
        if one.label in (INPUT, ANSWER) and (key not in best or _says_more(one, best[key])):
            best[key] = one
    return list(best.values())


def _says_more(one: Found, other: Found) -> bool:
    return (one.label == ANSWER, one.score) > (other.label == ANSWER, other.score)
