"""The heuristic signals of a document in one step: Gopher, C4 in three lineages, FineWeb, and the domain.

A slice of documents is cut into chunks, lines and tokens once, and every set of signals is measured from these; each
has a module of its own with its formulas (``gopher_quality``, ``gopher_repetition``, ``c4``, ``fineweb``, ``domain``).
The regular expressions of ``domain`` run over wider slices: polars compiles them again for each call, in 5 ms each.

Cost: see docs/signals.md. Memory: some 60 bytes a byte of a slice, of a million characters or one longer document, and
10 bytes a byte of a wide one.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pydantic import field_validator

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.core.table import Table
from gristmill.schemas.tables import (
    Documents,
    SignalsC4,
    SignalsC4Paper,
    SignalsC4Tfds,
    SignalsDomain,
    SignalsFineWeb,
    SignalsGopherQuality,
    SignalsGopherRepetition,
)
from gristmill.tasks.signals import c4, fineweb, gopher_quality
from gristmill.tasks.signals.c4 import LINEAGES, C4Config
from gristmill.tasks.signals.domain import DomainConfig, domain_columns, words_of
from gristmill.tasks.signals.fineweb import FineWebConfig
from gristmill.tasks.signals.gopher_quality import GopherQualityConfig
from gristmill.tasks.signals.gopher_repetition import repetition_columns
from gristmill.tasks.signals.line_rules.c4 import line_facts
from gristmill.tasks.text.columns import column_of, lines_of
from gristmill.tasks.text.slices import map_slices_to_many, one_chunk
from gristmill.tasks.tokenization.words import is_one_token, tokens_of

WIDE_CHARACTERS = 8_000_000

WRITES = (
    SignalsGopherQuality,
    SignalsGopherRepetition,
    SignalsC4,
    SignalsC4Paper,
    SignalsC4Tfds,
    SignalsFineWeb,
    SignalsDomain,
)


class HeuristicsConfig(Config):
    """The settings of each set of signals. FineWeb's are measured on the text that ``c4`` leaves."""

    gopher_quality: GopherQualityConfig = GopherQualityConfig()
    c4: C4Config = LINEAGES["c4@fineweb"]
    c4_paper: C4Config = LINEAGES["c4@paper"]
    c4_tfds: C4Config = LINEAGES["c4@tfds"]
    fineweb: FineWebConfig = FineWebConfig()
    domain: DomainConfig = DomainConfig()

    @field_validator("gopher_quality")
    @classmethod
    def _can_match(cls, config: GopherQualityConfig) -> GopherQualityConfig:
        if config == GopherQualityConfig():
            return config  # a test knows that the words of the default are whole; to ask costs a second of loading
        split = [word for word in config.stop_words if not is_one_token(word)]
        if split:
            raise ValueError(f"{', '.join(map(repr, split))} can never match: a stop word must be one token")
        return config


@shard_step("heuristics", version=1, reads=(Documents,), writes=WRITES)
def heuristics(documents: pa.Table, config: HeuristicsConfig) -> tuple[pa.Table, ...]:
    """One row of each table for each row of ``documents``, in their order."""
    return map_slices_to_many(lambda part: _wide(part, config), documents, WIDE_CHARACTERS)


def _wide(documents: pa.Table, config: HeuristicsConfig) -> tuple[pa.Table, ...]:
    *tables, words = map_slices_to_many(lambda part: _signals(part, config), documents)
    texts, urls = (one_chunk(documents.column(name)) for name in ("text", "url"))
    domains = domain_columns(texts, urls, words.column("words").to_numpy(), config.domain)
    return (*tables, _table(SignalsDomain, {"doc_id": one_chunk(documents.column("doc_id")), **domains}))


def _signals(documents: pa.Table, config: HeuristicsConfig) -> tuple[pa.Table, ...]:
    """The tables of WRITES but the last, and the words of each text."""
    texts = one_chunk(documents.column("text"))
    column = column_of(texts)
    lines = lines_of(column)
    tokens = tokens_of(column)
    lineages = (config.c4, config.c4_paper, config.c4_tfds)
    facts = {
        phrases: line_facts(column, lines, tokens, phrases) for phrases in {each.policy_phrases for each in lineages}
    }
    left = c4.text_left(column, facts[config.c4.policy_phrases], config.c4)
    columns: tuple[Mapping[str, Any], ...] = (
        gopher_quality.columns_of(column, lines, tokens, config.gopher_quality),
        repetition_columns(texts, tokens),
        *(c4.c4_columns(facts[each.policy_phrases], each) for each in lineages),
        fineweb.columns_of(*left, config.fineweb),
    )
    doc_id = one_chunk(documents.column("doc_id"))
    tables = (
        _table(written, {"doc_id": doc_id, **values}) for written, values in zip(WRITES[:-1], columns, strict=True)
    )
    return (*tables, pa.table({"words": words_of(tokens)}))


def _table(written: Table, columns: Mapping[str, Any]) -> pa.Table:
    return pa.table([columns[name] for name in written.schema.names], written.schema)
