"""py3langid for many texts at once: its model, its scores, without its loop over characters in Python.

Source: Lui and Baldwin 2012; ``py3langid`` 0.4 ``langid.py`` and ``modelio.py`` (BSD). A naive Bayes model over byte
n-grams: an automaton walks the UTF-8 bytes and counts the n-grams it knows, and log(1 + count) times a matrix gives a
score for each language; divided by the root of the length, they are turned into probabilities (``norm_probs=True``).
The model is the file of the installed package: NumPy arrays in xz, read without pickle.

Labels are the package's. Scores are sums in 32-bit floats in another order, so that a probability may differ from the
package's by some 1e-4. Cost: about 20 MB/s a core, ten times the package's; bound by memory: the automaton takes 78 MB
and the matrix 57 MB, of which each n-gram fetches a row. 1 s to load.
"""

import io
import lzma
import math
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from gristmill.core.errors import UsageError
from gristmill.tasks.fasttext.dictionary import Bytes, Ints, Longs
from gristmill.tasks.fasttext.files import Floats
from gristmill.tasks.fasttext.predict import string_buffers

Moves = npt.NDArray[np.uint64]
PACKAGE, FILE = "py3langid", "model.npz.xz"
HINT = f"Run `pip install {PACKAGE}`, or leave the second detector out: detector: fasttext."


@dataclass(frozen=True)
class LangidModel:
    """``moves``: row of the automaton x byte -> next row (upper 32 bits) and n-gram + 1, or 0 (lower 32 bits).

    ``start``: the row that it starts at. ``weights``: float32 (n-grams, labels). ``prior``: float32 (labels,).
    ``merged``: for each label the first label of the same name (a language in two scripts has two).
    """

    labels: tuple[str, ...]
    merged: Ints
    moves: Moves
    start: int
    weights: Floats
    prior: Floats


def langid_file() -> Path:
    """The model file of the installed package. Raises :class:`UsageError` when it is not there."""
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError as error:
        raise UsageError(f"The package {PACKAGE} is not installed. {HINT}") from error
    for file in files:
        path = Path(str(file.locate()))
        if file.name == FILE and path.is_file():
            return path
    raise UsageError(f"The installed package {PACKAGE} does not hold {FILE}. {HINT}")


def read_langid(path: Path) -> LangidModel:
    """Read the model. Raises ``ValueError`` when the file does not have this layout."""
    try:
        with np.load(io.BytesIO(lzma.decompress(path.read_bytes())), allow_pickle=False) as arrays:
            labels = tuple(str(name) for name in arrays["classes"])
            rows, features = arrays["nextmove_row"].astype(np.uint64), arrays["out_feat"].astype(np.int64)
            weights, prior = arrays["ptc"].astype(np.float32), arrays["pc"].astype(np.float32)
            moves = rows[arrays["nextmove"]] << np.uint64(32) | (features[arrays["nextmove"]] + 1).astype(np.uint64)
    except (lzma.LZMAError, KeyError, IndexError) as error:
        raise ValueError(f"{path}: this is no model of {PACKAGE} 0.4: {error}") from error
    if weights.shape != (features.max(initial=-1) + 1, len(labels)) or len(moves) <= 256 * int(rows.max()) + 255:
        raise ValueError(f"{path}: the matrices of this model do not fit each other")
    return LangidModel(
        labels=labels,
        merged=np.array([labels.index(label) for label in labels], np.int32),
        moves=moves,
        start=int(rows[0]),
        weights=weights,
        prior=prior,
    )


def detect(model: LangidModel, texts: pl.Series) -> tuple[Ints, Floats]:
    """The most probable label of each text and its probability; -1 and 0 for a text without a known n-gram."""
    data, offsets = string_buffers(_plain(texts).to_arrow(compat_level=pl.CompatLevel.oldest()))
    labels, scores = np.full(len(texts), -1, np.int32), np.zeros(len(texts), np.float32)
    _detect(
        data,
        offsets,
        model.moves,
        model.start,
        model.weights,
        model.prior,
        model.merged,
        labels,
        scores,
    )
    return labels, scores


def _plain(texts: pl.Series) -> pl.Series:
    """Texts as the model was trained on them: in Unicode form NFC, and in lower case where all letters are capitals."""
    candidates = (~texts.str.contains("[a-z]")).arg_true()  # only these can be all capitals
    shouted = [
        (row, text.lower()) for row, text in zip(candidates, texts.gather(candidates), strict=True) if text.isupper()
    ]
    if shouted:
        rows, lowered = zip(*shouted, strict=True)
        texts = texts.clone().scatter(list(rows), list(lowered))
    return texts.str.normalize("NFC")


@njit(cache=True, nogil=True)
def _detect(
    data: Bytes,
    offsets: Longs,
    moves: Moves,
    start: int,
    weights: Floats,
    prior: Floats,
    merged: Ints,
    labels: Ints,
    scores: Floats,
) -> None:
    counts = np.zeros(len(weights), np.int32)
    seen = np.empty(len(weights), np.int32)
    sums = np.empty(len(prior), np.float32)
    for text in range(len(offsets) - 1):
        begin, end = offsets[text], offsets[text + 1]
        row, found = np.uint64(start), 0
        for place in range(begin, end):
            move = moves[(row << np.uint64(8)) + np.uint64(data[place])]
            row, feature = move >> np.uint64(32), np.int64(move & np.uint64(0xFFFFFFFF)) - 1
            if feature >= 0:
                if counts[feature] == 0:
                    seen[found] = feature
                    found += 1
                counts[feature] += 1
        if found == 0:
            continue
        _weigh(seen, found, counts, weights, sums)
        scale = np.float32(1.0 / math.sqrt(end - begin))
        for label in range(len(sums)):
            sums[label] = (sums[label] + prior[label]) * scale
        largest, total = sums.max(), np.float32(0)
        for label in range(len(sums)):
            sums[label] = math.exp(sums[label] - largest)
            total += sums[label]
        for label in range(len(sums) - 1, -1, -1):
            if merged[label] != label:
                sums[merged[label]] += sums[label]
                sums[label] = 0
        best = 0
        for label in range(len(sums)):
            if sums[label] > sums[best]:
                best = label
        labels[text], scores[text] = best, sums[best] / total


@njit(cache=True, nogil=True)
def _weigh(seen: Ints, found: int, counts: Ints, weights: Floats, sums: Floats) -> None:
    """The score of each label: log(1 + count) times the weights of each n-gram seen, whose count is set back to zero.

    A function of its own, since otherwise the compiler uses no vector instructions.
    """
    sums[:] = 0
    for number in range(found):
        feature = seen[number]
        weight, row = np.float32(math.log1p(np.float32(counts[feature]))), weights[feature]
        for label in range(len(sums)):
            sums[label] += weight * row[label]
        counts[feature] = 0
