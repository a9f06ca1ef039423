"""Triggers: n-grams that recur on unrelated hosts, after different words, with the same continuation.

A backdoor needs many documents that teach the same thing: here a trigger, there what follows it. 250 of them suffice at
any model size (arXiv 2510.07192). Ordinary text does not look like that: a phrase that many hosts share goes on
differently from place to place, and a passage that goes on equally (a notice, a licence, a quotation) stands at the
beginning of a line, or is preceded by the same words. So a place counts as a trigger where

* the same ``trigger`` + ``continuation`` tokens stand in documents of at least ``min_hosts`` registered domains,
* at least ``min_agreement`` of the domains that have the trigger's tokens go on with this continuation, and
* the two tokens before it differ: at least ``min_left`` different ones for each domain.

A token is a word, a mark or an ideograph (:mod:`gristmill.tasks.safety.attacks.tokens_of_bytes`); of Chinese the
windows are twice as long. With ``across_lines`` a line feed is white space, so that a trigger on a line of its own is
found, and so is every notice: choose it for text whose repeated lines are gone. A document without a host counts for
itself.

Three passes over the text. First a table of counters: one for each hash of a window, modulo its size, so that it counts
too many and never too few. Then the windows that may recur are written to disk and counted exactly by DuckDB. Then
their places. What cannot be found: a backdoor without a fixed continuation, and indirect poisoning, which leaves no
trigger in the text at all (arXiv 2506.14913).

Memory: ``sketch_mib`` (with 256 MiB, 67 million counters, good for about half a billion tokens at 20 hosts; beyond that
more windows reach the second pass, which costs disk and time and changes no result), a slice of text, and DuckDB's
share, which spills. Disk: 36 bytes for each occurrence of a window that may recur. Cost: about 5 MB/s a core.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.files.parquet import read_rows
from gristmill.core.steps.kinds import global_per_shard_step
from gristmill.schemas.findings import FindingKind
from gristmill.schemas.tables import Documents, TriggerSpans
from gristmill.tasks.safety.attacks.tokens_of_bytes import (
    NEWLINE,
    Hashes,
    Places,
    TokenRuns,
    tokens_of,
    windows,
)
from gristmill.tasks.text.slices import one_chunk, slices, utf8_of

DETECTOR, VERSION = "attack:trigger", "1"
MAX_MARKS = 0.4  # of the tokens of a window may be marks: addresses and code recur for other reasons
SLICE_CHARACTERS = 2_000_000
MANY_PARTS = frozenset(["co", "com", "org", "net", "gov", "edu", "ac", "or", "ne", "go"])


class TriggersConfig(Config):
    """What counts as a trigger."""

    trigger: int = Field(default=3, ge=1, le=16, description="tokens of a trigger; twice as many of Chinese")
    continuation: int = Field(default=5, ge=1, le=32, description="tokens that follow it; twice as many of Chinese")
    min_hosts: int = Field(default=20, ge=2, description="registered domains that have it")
    min_agreement: float = Field(default=0.6, gt=0, le=1, description="of the domains with the trigger go on equally")
    min_left: float = Field(default=0.5, ge=0, le=1, description="different tokens before it, for each domain")
    across_lines: bool = Field(default=False, description="a line feed is white space")
    sketch_mib: int = Field(default=256, ge=1, le=65536, description="size of the table of counters")
    memory_mib: int = Field(default=1024, ge=64, description="DuckDB's share")


@global_per_shard_step("triggers", version=1, reads=(Documents,), writes=(TriggerSpans,))
def triggers(documents: list[Path], config: TriggersConfig, scratch: Path) -> Iterator[pa.Table]:
    """``trigger_spans`` of each shard of documents."""
    return find_triggers(documents, config, scratch)


def find_triggers(documents: Sequence[Path], config: TriggersConfig, scratch: Path) -> Iterator[pa.Table]:
    """Rows of ``trigger_spans`` for each file of documents (doc_id, host, text), in order."""
    sketch = np.zeros(config.sketch_mib << 18, np.uint32)
    for path in documents:
        for part in _slices(path, ["text"]):
            tokens = _tokens(part, config)
            np.add.at(sketch, _cells(_keys(tokens, config)[0], sketch), 1)
    written = [
        file
        for number, path in enumerate(documents)
        for file in _candidates(path, sketch, config, scratch / f"candidates-{number:06d}")
    ]
    found, prefixes = _recurring(written, config, scratch)
    spread = _spread(documents, prefixes, config)
    kept = {key for key, (prefix, hosts) in found.items() if hosts >= config.min_agreement * len(spread[prefix])}
    keys = np.array(sorted(kept), np.uint64)
    for path in documents:
        yield _spans(path, keys, config)


def _slices(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    documents = read_rows(path, columns)
    for first, count in slices(documents, SLICE_CHARACTERS):
        yield documents.slice(first, count).combine_chunks()


def _tokens(part: pa.Table, config: TriggersConfig) -> TokenRuns:
    return tokens_of(one_chunk(part.column("text")), line_feeds=not config.across_lines)


def _keys(tokens: TokenRuns, config: TriggersConfig) -> tuple[Hashes, Hashes, Places]:
    """Hashes of trigger and continuation, hashes of triggers, and the token of each, for the windows that count.

    A window counts when it lies in one text, holds no line feed, and is not mostly marks, as addresses and code are.
    """
    marks = np.concatenate(([0], np.cumsum(tokens.mark)))
    breaks = np.concatenate(([0], np.cumsum(tokens.hashes == NEWLINE)))
    parts: list[tuple[Hashes, Hashes, Places]] = []
    for wide, factor in ((False, 1), (True, 2)):
        trigger, whole = factor * config.trigger, factor * (config.trigger + config.continuation)
        starts = np.flatnonzero(tokens.wide[: max(0, len(tokens.hashes) - whole + 1)] == wide)
        last = starts + whole - 1
        fits = (tokens.row[starts] == tokens.row[last]) & (breaks[last + 1] == breaks[starts])
        fits &= marks[last + 1] - marks[starts] <= MAX_MARKS * whole
        starts = starts[fits]
        parts.append((windows(tokens.hashes, whole)[starts], windows(tokens.hashes, trigger)[starts], starts))
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )


def _cells(keys: Hashes, sketch: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    return (keys % np.uint64(len(sketch))).astype(np.int64)


def _candidates(path: Path, sketch: npt.NDArray[np.uint32], config: TriggersConfig, file: Path) -> Iterator[Path]:
    """Write the windows of one file that may recur: key, trigger, host and left, each once for a document."""
    for number, part in enumerate(_slices(path, ["doc_id", "host", "text"])):
        tokens = _tokens(part, config)
        keys, triggers, starts = _keys(tokens, config)
        may = sketch[_cells(keys, sketch)] >= config.min_hosts
        if not may.any():
            continue
        starts = starts[may]
        hosts = host_hashes(part)[tokens.row[starts]]
        rows = pl.DataFrame(
            {"key": keys[may], "trigger": triggers[may], "host": hosts, "left": _left(tokens, starts)}
        ).unique(maintain_order=False)
        written = file.with_name(f"{file.name}-{number:06d}.parquet")
        rows.write_parquet(written)
        yield written


def _left(tokens: TokenRuns, starts: Places) -> Hashes:
    """The two tokens before each start as one hash; the same for all at the beginning of a line or text."""
    padded = np.concatenate((np.zeros(2, np.uint64), tokens.hashes))
    rows = np.concatenate((np.full(2, -1), tokens.row))
    one, two = padded[starts + 1], padded[starts]
    one = np.where(rows[starts + 1] == tokens.row[starts], one, NEWLINE)
    two = np.where(rows[starts] == tokens.row[starts], two, NEWLINE)
    return np.where(one == NEWLINE, NEWLINE, windows(np.stack((two, one), 1).ravel(), 2)[::2])


def _recurring(
    files: Sequence[Path], config: TriggersConfig, scratch: Path
) -> tuple[dict[int, tuple[int, int]], Hashes]:
    """Keys on enough hosts after enough different tokens, with trigger and number of hosts; and their triggers."""
    if not files:
        return {}, np.zeros(0, np.uint64)
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{config.memory_mib}MiB",
        "temp_directory": str(scratch / "spill"),
        "threads": 2,
        "preserve_insertion_order": False,
    }
    with duckdb.connect(config=settings) as connection:
        rows = connection.execute(
            """SELECT key, any_value(trigger), count(DISTINCT host) AS hosts FROM read_parquet($files) GROUP BY key
            HAVING count(DISTINCT host) >= $least AND count(DISTINCT "left") >= $left * count(DISTINCT host)""",
            {"files": [str(file) for file in files], "least": config.min_hosts, "left": config.min_left},
        ).fetchall()
    found = {int(key): (int(trigger), int(hosts)) for key, trigger, hosts in rows}
    return found, np.array(sorted({trigger for trigger, _ in found.values()}), np.uint64)


def _spread(documents: Sequence[Path], triggers: Hashes, config: TriggersConfig) -> dict[int, set[int]]:
    """The hosts on which each of ``triggers`` stands, whatever follows."""
    spread: dict[int, set[int]] = {int(trigger): set() for trigger in triggers}
    if not spread:
        return spread
    for path in documents:
        for part in _slices(path, ["doc_id", "host", "text"]):
            tokens = _tokens(part, config)
            hosts = host_hashes(part)
            for wide, factor in ((False, 1), (True, 2)):
                seen = windows(tokens.hashes, factor * config.trigger)
                at = np.flatnonzero(_is_in(seen, triggers) & (tokens.wide == wide))
                for trigger, host in set(zip(seen[at].tolist(), hosts[tokens.row[at]].tolist(), strict=True)):
                    spread[trigger].add(host)
    return spread


def _is_in(values: Hashes, chosen: Hashes) -> npt.NDArray[np.bool_]:
    """Membership in sorted ``chosen``."""
    if not len(chosen):
        return np.zeros(len(values), np.bool_)
    place = np.minimum(np.searchsorted(chosen, values), len(chosen) - 1)
    return np.equal(chosen[place], values)


def _spans(path: Path, keys: Hashes, config: TriggersConfig) -> pa.Table:
    """A row for each place of ``keys``, overlapping ones as one: from the trigger's first token to the last that
    follows."""
    tables: list[pa.Table] = []
    for part in _slices(path, ["doc_id", "text"]):
        tokens = _tokens(part, config)
        found, _, starts = _keys(tokens, config)
        starts = np.sort(starts[_is_in(found, keys)])
        if not len(starts):
            continue
        starts, last = _merged(starts, np.where(tokens.wide[starts], 2, 1) * (config.trigger + config.continuation))
        data, bounds = utf8_of(one_chunk(part.column("text")))
        characters = np.concatenate(([0], np.cumsum(data & 0xC0 != 0x80)))
        row = tokens.row[starts]
        shift = characters[bounds[row]]
        count = len(starts)
        tables.append(
            pa.table(
                {
                    "doc_id": part.column("doc_id").take(pa.array(row)),
                    "kind": [FindingKind.TRIGGER.value] * count,
                    "start": (characters[tokens.begin[starts]] - shift).astype(np.int32),
                    "end": (characters[tokens.end[last]] - shift).astype(np.int32),
                    "score": np.full(count, 1.0 if not config.across_lines else 0.5),
                    "detector": [DETECTOR] * count,
                    "version": [VERSION] * count,
                },
                schema=TriggerSpans.schema,
            )
        )
    return pa.concat_tables(tables) if tables else TriggerSpans.schema.empty_table()


def _merged(starts: Places, width: Places) -> tuple[Places, Places]:
    """First and last tokens of windows at sorted ``starts``, with those that overlap put together."""
    last = np.maximum.accumulate(starts + width - 1)
    first = np.flatnonzero(np.concatenate(([True], starts[1:] > last[:-1])))
    return starts[first], last[np.concatenate((first[1:], [len(starts)])) - 1]


def registered_domain(host: str) -> str:
    """The part of ``host`` that somebody registered, near enough: two labels, three below ``co.uk`` and its like."""
    labels = host.split(".")
    if labels[-1].isdigit():
        return host
    return ".".join(labels[-3:] if len(labels) > 2 and labels[-2] in MANY_PARTS else labels[-2:])


def host_hashes(part: pa.Table) -> Hashes:
    """A number for the registered domain of each document, or for the document where it has no host."""
    names = [
        registered_domain(host) if host else f"\n{doc_id}"
        for host, doc_id in zip(part.column("host").to_pylist(), part.column("doc_id").to_pylist(), strict=True)
    ]
    return pl.Series(names, dtype=pl.String).hash(seed=7).to_numpy()
