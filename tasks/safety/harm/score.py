"""The signals ``harm``: the probability that the most harmful passage of a document is of a kind.

A classifier learns from posts and sentences; a page of many thousand characters would drown what one paragraph says.
So a document is cut at line ends into passages of some 1,000 characters, and the highest probability counts. A model is
a folder of `gristmill safety train`, or a transformer by path (:mod:`gristmill.tasks.safety.harm.transformer`).

Dual use costs a classifier only where it may be needed (arXiv 2508.06601): documents with an entry of the blocklist are
scored, all others are not and have null. Cost: folding (10 MB/s) and fastText (20 MB/s) for each kind.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import polars as pl
import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_file, digest_json
from gristmill.core.errors import UsageError
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, SignalsHarm
from gristmill.tasks.classifier.card import CARD
from gristmill.tasks.classifier.metrics import Scores
from gristmill.tasks.classifier.score import positive_scores
from gristmill.tasks.fasttext.files import FastTextModel
from gristmill.tasks.fasttext.loading import load_model
from gristmill.tasks.safety.harm.calibrate import Calibration
from gristmill.tasks.safety.harm.card import read_card
from gristmill.tasks.safety.harm.dual_use import distinct_terms
from gristmill.tasks.safety.harm.prepare import prepared
from gristmill.tasks.safety.harm.train import YES
from gristmill.tasks.text.slices import map_slices, one_chunk

DUAL_USE = "dual_use"
PASSAGE = 1_000  # characters
WEIGHTS = "model.safetensors"
HINT = "Name a folder that `gristmill safety train` wrote, or one with a transformer in safetensors."


class HarmConfig(Config):
    """The digest of a model's files, and the number of distinct terms that send a document to the dual-use model.

    ``path`` says where the folder is on this machine, and is no part of the cache key.
    """

    digest: str
    terms: int = Field(default=1, ge=1)
    path: Path = Field(exclude=True, repr=False)


class HarmModel(Protocol):
    """What scores passages."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds it knows."""

    def probabilities(self, passages: pl.Series, kinds: Sequence[str]) -> dict[str, Scores]:
        """For each of ``kinds`` the probability that each passage is of it."""


def harm_config(path: Path) -> HarmConfig:
    """The config for the folder of a model. Raises :class:`UsageError` for a folder that holds none."""
    config = HarmConfig(digest=_digest(path), path=path)
    load_harm(config)
    return config


class FastTextHarm:
    """The models of `gristmill safety train`. Raises :class:`UsageError` for one that was changed after its card."""

    def __init__(self, folder: Path) -> None:
        card = read_card(folder)
        self.kinds = tuple(kind.kind for kind in card.kinds)
        self._models: dict[str, tuple[FastTextModel, Calibration]] = {
            kind.kind: (load_model(folder / kind.file, kind.digest, HINT), kind.scaled) for kind in card.kinds
        }

    def probabilities(self, passages: pl.Series, kinds: Sequence[str]) -> dict[str, Scores]:
        """See :class:`HarmModel`."""
        lines = prepared(passages)
        models = {kind: self._models[kind] for kind in kinds}
        return {kind: scaled.of(positive_scores(model, lines, YES)) for kind, (model, scaled) in models.items()}


def load_harm(config: HarmConfig) -> HarmModel:
    """The model. Raises :class:`UsageError` when it is missing or is not the one in the config."""
    if _digest(config.path) != config.digest:
        raise UsageError(f"{config.path}: this model has changed since the run began. Start the run again.")
    if (config.path / WEIGHTS).is_file():
        from gristmill.tasks.safety.harm.transformer import load_transformer

        return load_transformer(config.path, config.digest)
    return FastTextHarm(config.path)


@shard_step("harm", version=1, reads=(Documents,), writes=(SignalsHarm,))
def harm(documents: pa.Table, config: HarmConfig) -> pa.Table:
    """One row of ``signals/harm`` for each row of ``documents``, in their order; null for a kind that the model lacks.

    Raises :class:`UsageError` when the model is missing or is not the one in the config.
    """
    model = load_harm(config)
    return map_slices(lambda part: _scored(part, model, config), documents)


def _scored(documents: pa.Table, model: HarmModel, config: HarmConfig) -> pa.Table:
    texts = pl.Series("text", one_chunk(documents.column("text")), dtype=pl.String)
    terms = distinct_terms(texts)
    passages = passages_of(texts)
    suspects = passages.filter(pl.Series(terms >= config.terms).gather(passages["document"]))
    found = _highest(model, [kind for kind in model.kinds if kind != DUAL_USE], passages, len(texts))
    found |= _highest(model, [kind for kind in model.kinds if kind == DUAL_USE], suspects, len(texts))
    columns = {"doc_id": one_chunk(documents.column("doc_id")), "dual_use_terms": pa.array(terms, pa.int32()), **found}
    nothing = pa.nulls(len(texts), pa.float64())
    return pa.table([columns.get(name, nothing) for name in SignalsHarm.schema.names], schema=SignalsHarm.schema)


def _highest(model: HarmModel, kinds: Sequence[str], passages: pl.DataFrame, count: int) -> dict[str, pa.Array]:
    """By kind, the highest probability of a passage of each document; null for one without passages here."""
    if not kinds or not len(passages):
        return {}
    scored = passages.select("document").with_columns(
        pl.Series(kind, scores) for kind, scores in model.probabilities(passages["passage"], kinds).items()
    )
    best = scored.group_by("document").agg(pl.col(kind).max() for kind in kinds)
    rows = pl.DataFrame({"document": pl.arange(0, count, eager=True)}).join(best, on="document", how="left")
    rows = rows.sort("document")
    return {kind: rows[kind].to_arrow() for kind in kinds}


def passages_of(texts: pl.Series) -> pl.DataFrame:
    """Every text in passages: whole lines that begin within the same 1,000 characters; columns document and passage."""
    lines = (
        pl.DataFrame({"document": pl.arange(0, len(texts), eager=True), "line": texts.str.split("\n")})
        .explode("line")
        .with_columns(before=pl.col("line").str.len_chars().cum_sum().over("document") - pl.col("line").str.len_chars())
    )
    return (
        lines.with_columns(number=pl.col("before") // PASSAGE)
        .group_by("document", "number", maintain_order=True)
        .agg(passage=pl.col("line").str.join(" "))
        .select("document", "passage")
    )


def _digest(path: Path) -> str:
    names = (CARD,) if (path / CARD).is_file() else ("config.json", WEIGHTS)
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise UsageError(f"{path}: there is no {missing[0]} there. {HINT}")
    return digest_json([digest_file(path / name) for name in names])
