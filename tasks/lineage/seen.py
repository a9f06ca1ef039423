"""The documents and crawl records that a checkpoint read, how often, and at which step first.

For each block of documents the plan is asked how often it read their rows; the curated files add source, URL and
record. Cost: about 3 microseconds for each row of tokens that the domains hold, whatever the length of the run; memory
is a block, and the identities of one shard.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from gristmill.core.files.atomic import publish
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.tasks.lineage.reads import hexadecimal, read_ranges, train_parts
from gristmill.tasks.lineage.trained import TrainedCheckpoint, curated_of_tokens, mix_of, plan_of
from gristmill.tasks.lineage.visits import NEVER
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import Part, TokenStore

BLOCK_DOCUMENTS, BLOCK_ROWS = 1 << 16, 1 << 16
IDENTITY = ("doc_id", "source", "url", "host", "record_uri")
SCHEMA = pl.Schema(
    {
        "doc_id": pl.String(),
        "source": pl.String(),
        "url": pl.String(),
        "host": pl.String(),
        "record_uri": pl.String(),
        "domain": pl.String(),
        "tokens": pl.Int64(),
        "tokens_read": pl.Int64(),
        "epochs": pl.Float64(),
        "first_step": pl.Int64(),
    }
)
"""A row for each document read. ``tokens_read / tokens`` is ``epochs``; ``record_uri`` is ``file@offset+length``."""


@dataclass
class Total:
    """Documents read, tokens they hold, and tokens read of them, of a domain or a source."""

    documents: int = 0
    tokens: int = 0
    tokens_read: int = 0

    @property
    def epochs(self) -> float:
        """How many times each token was read, on average."""
        return self.tokens_read / max(self.tokens, 1)


@dataclass
class Seen:
    """What a checkpoint read: in all, by domain and by source, and the documents that it read most often.

    ``unknown``: documents whose curated file is gone from the lake, so that only their doc_id and domain are known.
    ``held``: documents that each domain has in training tokens, read or not.
    """

    whole: Total = field(default_factory=Total)
    domains: dict[str, Total] = field(default_factory=dict)
    sources: dict[str, Total] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    unknown: int = 0
    documents: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))

    def add(self, frame: pl.DataFrame, shown: int) -> None:
        """Count the documents of ``frame``, and keep the ``shown`` of all so far that were read most often."""
        for name, totals in (("domain", self.domains), ("source", self.sources)):
            groups = frame.group_by(name).agg(pl.len(), pl.col("tokens").sum(), pl.col("tokens_read").sum())
            for key, *counts in groups.iter_rows():
                _add(totals.setdefault(key or "", Total()), *counts)
        _add(self.whole, frame.height, int(frame["tokens"].sum()), int(frame["tokens_read"].sum()))
        self.unknown += frame["record_uri"].null_count()
        order = ["epochs", "tokens", "doc_id"]
        both = pl.concat([self.documents, frame.sort(order, descending=[True, True, False]).head(shown)])
        self.documents = both.sort(order, descending=[True, True, False]).head(shown)


def _add(total: Total, documents: int, tokens: int, tokens_read: int) -> None:
    total.documents += documents
    total.tokens += tokens
    total.tokens_read += tokens_read


def summarise(
    trained: TrainedCheckpoint, lake: Lake, shown: int, out: Path | None, told: Callable[[int], None] = lambda _: None
) -> Seen:
    """What a checkpoint read; with ``out`` also every document as a row of a Parquet file, written in one rename.

    ``told`` is called with the documents looked at since the last call. Raises
    :class:`gristmill.core.errors.GristmillError` when the mix, a plan or tokens are gone from the lake.
    """
    seen = Seen()
    mix = mix_of(trained, lake)
    plan, store = plan_of(trained, mix, lake), TokenStore.open([lake.files_path(ref) for ref in mix.files["tokens"]])
    for domain, _, part in train_parts(store):
        seen.held[domain] = seen.held.get(domain, 0) + len(part.ends)
    temporary = out.with_name(f".{out.name}.tmp") if out else None
    writer = pq.ParquetWriter(temporary, SCHEMA.to_arrow(), compression="zstd") if temporary else None
    try:
        for looked, frame in documents_read(trained, plan, store, mix, lake):
            if frame.height:
                seen.add(frame, shown)
                if writer is not None:
                    writer.write_table(frame.to_arrow().cast(SCHEMA.to_arrow()))
            told(looked)
        if writer is not None and temporary is not None and out is not None:
            writer.close()
            publish(temporary, out)
    finally:
        if writer is not None and temporary is not None:
            writer.close()  # which does nothing the second time
            temporary.unlink(missing_ok=True)
    return seen


def documents_of(trained: TrainedCheckpoint, lake: Lake) -> int:
    """How many documents the mix of a checkpoint has in training tokens, which :func:`summarise` looks at."""
    store = TokenStore.open([lake.files_path(ref) for ref in mix_of(trained, lake).files["tokens"]])
    return sum(len(part.ends) for _, _, part in train_parts(store))


def documents_read(
    trained: TrainedCheckpoint, plan: Plan, store: TokenStore, mix: Dataset, lake: Lake
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Block by block how many documents were looked at, and those of them that were read, as rows of ``SCHEMA``."""
    tokens = mix.files["tokens"]
    curated = {lake.files_path(ref): refs for ref, refs in zip(tokens, curated_of_tokens(tokens, lake), strict=True)}
    folder, known = Path(), pl.DataFrame()
    for domain, base, part in sorted(train_parts(store), key=lambda entry: str(entry[2].path)):
        if part.path.parent != folder:
            folder = part.path.parent
            known = _identities(curated[folder], lake)
        for low, high in _blocks(part, plan.row_tokens):
            bounds = base + np.concatenate([part.ends[max(low - 1, 0) : low], part.ends[low:high]]).astype(np.int64)
            bounds = bounds if low else np.concatenate([[base], bounds])
            reads = read_ranges(plan, domain, bounds[:-1], bounds[1:], range(trained.first_row, trained.end_row))
            there = np.flatnonzero(reads.first < NEVER)
            sizes, counts = np.diff(bounds)[there], reads.tokens[there]
            frame = pl.DataFrame(
                {
                    "doc_id": pl.Series(hexadecimal(part.doc_ids[low:high][there])),
                    "domain": np.full(len(there), domain),
                    "tokens": sizes,
                    "tokens_read": counts,
                    "epochs": counts / sizes,
                    "first_step": trained.steps_of(reads.first[there]),
                },
                schema={name: kind for name, kind in SCHEMA.items() if name not in IDENTITY[1:]},
            )
            joined = frame.join(known, on="doc_id", how="left", maintain_order="left")
            yield high - low, joined.select(SCHEMA.names())


def _blocks(part: Part, row_tokens: int) -> Iterator[tuple[int, int]]:
    """Ranges of documents: neither too many nor with too many tokens, so that memory is bounded."""
    low = 0
    while low < len(part.ends):
        begun = int(part.ends[low - 1]) if low else 0
        fits = int(np.searchsorted(part.ends, begun + BLOCK_ROWS * row_tokens, side="right"))
        high = min(max(fits, low + 1), low + BLOCK_DOCUMENTS)
        yield low, high
        low = high


def _identities(refs: Sequence[Ref | None], lake: Lake) -> pl.DataFrame:
    """Source, URL and record of the documents of curated files; nothing for files that are gone."""
    frames = [pl.DataFrame(schema={name: pl.String() for name in IDENTITY})]
    for ref in refs:
        if ref is not None and lake.path(ref).is_file():
            frames.append(pl.DataFrame(lake.read(ref, list(IDENTITY))))
    return pl.concat(frames, how="vertical_relaxed").unique("doc_id", keep="first", maintain_order=True)
