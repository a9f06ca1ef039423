"""Texts as static embeddings: the mean of the vectors of their tokens, by a model2vec model on this machine.

Source: model2vec ``model.py`` (MIT): unknown tokens are left out, at most 512 tokens count, each token's vector is
taken through ``mapping`` and times its weight where the file has them, and the mean has length 1. Only
``model.safetensors`` and ``tokenizer.json`` are read; nothing in them is run. A folder of sentence-transformers with a
static embedding (``embedding.weight``) works too. Cost: about 5,000 texts a second and core, bound by the tokenizer.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from gristmill.core.digests import digest_digests, digest_file
from gristmill.core.errors import UsageError

FILES = ("model.safetensors", "tokenizer.json")
NAMES = ("embeddings", "embedding.weight")
MOST_TOKENS = 512
HINT = "Give the folder of a model2vec model: model.safetensors and tokenizer.json."

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Embeddings:
    """A loaded model. ``vectors``: (rows, size); ``mapping``: the row of each token; ``weights``: of each token."""

    tokenizer: Tokenizer
    vectors: Rows
    mapping: npt.NDArray[np.int64] | None
    weights: Rows | None
    unknown: int | None
    characters: int

    @classmethod
    def load(cls, folder: Path) -> "Embeddings":
        """Raises :class:`UsageError` for a folder that does not hold such a model."""
        check_folder(folder)
        model, file = (folder / name for name in FILES)
        try:
            with safe_open(model, framework="numpy") as tensors:
                names = set(tensors.keys())
                name = next((name for name in NAMES if name in names), None)
                if name is None:
                    raise UsageError(f"{model}: it holds no static embeddings, only {sorted(names)[:5]}. {HINT}")
                vectors = np.asarray(tensors.get_tensor(name)).astype(np.float32)
                mapping = tensors.get_tensor("mapping").astype(np.int64) if "mapping" in names else None
                weights = tensors.get_tensor("weights").astype(np.float32) if "weights" in names else None
        except (SafetensorError, OSError) as error:
            raise UsageError(f"{model}: this is not a file of safetensors: {error}. {HINT}") from error
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the binding raises bare exceptions
            raise UsageError(f"{file}: not a file of the library tokenizers ({error}). {HINT}") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        entries = tokenizer.get_vocab()
        rows = max(entries.values(), default=-1) + 1
        held = len(vectors) if mapping is None else len(mapping)
        if vectors.ndim != 2 or held < rows or not np.isfinite(vectors).all():
            raise UsageError(f"{model}: {held} vectors for {rows} tokens, or numbers that are not finite. {HINT}")
        if mapping is not None and (mapping.min() < 0 or mapping.max() >= len(vectors)):
            raise UsageError(f"{model}: its mapping names vectors that are not there. {HINT}")
        unknown = getattr(tokenizer.model, "unk_token", None)
        median = int(np.median([len(token) for token in entries]))
        return cls(tokenizer, vectors, mapping, weights, entries.get(unknown or ""), MOST_TOKENS * median)

    def of(self, texts: pl.Series) -> Rows:
        """The vector of each text: shape (texts, size), of length 1, or zeros for a text without a known token."""
        cut = texts.str.slice(0, self.characters).to_list()
        found = np.zeros((len(cut), self.vectors.shape[1]), np.float32)
        for row, encoding in enumerate(self.tokenizer.encode_batch_fast(cut, add_special_tokens=False)):
            ids = np.array([token for token in encoding.ids if token != self.unknown][:MOST_TOKENS], np.int64)
            if len(ids):
                vectors = self.vectors[ids if self.mapping is None else self.mapping[ids]]
                found[row] = (vectors if self.weights is None else vectors * self.weights[ids, None]).mean(axis=0)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        scaled: Rows = np.divide(found, lengths, out=np.zeros_like(found), where=lengths > 0)
        return scaled


def check_folder(folder: Path) -> None:
    """Raises :class:`UsageError` when a file of a model is not in ``folder``."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        what = f"the folder has no {missing[0]}" if folder.is_dir() else "there is no such folder"
        raise UsageError(f"--model {folder}: {what}. {HINT}")


def digest_model(folder: Path) -> str:
    """The digest of the files of a model. Raises as :func:`check_folder` does."""
    check_folder(folder)
    return digest_digests(digest_file(folder / name) for name in FILES)


def copy_model(folder: Path, to: Path) -> None:
    """Copy what is read of a model into the new folder ``to``."""
    to.mkdir()
    for name in FILES:
        shutil.copyfile(folder / name, to / name)
