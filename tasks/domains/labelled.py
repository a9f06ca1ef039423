"""Labelled texts: from files with a column of labels, from files in folders that are called after them, from curated
sources.

Of a curated source only so many texts a label are read as training takes, those of least hash, so memory does not grow
with it. Files are read whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from gristmill.core.config import did_you_mean
from gristmill.core.digests import digest_json
from gristmill.core.errors import UsageError
from gristmill.tasks.classifier.card import File
from gristmill.tasks.classifier.fit import text_hashes
from gristmill.tasks.classifier.texts import InputOptions, read_texts
from gristmill.tasks.ingest.names import unescape_name
from gristmill.tasks.ingest.readers.rows.columns import ColumnsError
from gristmill.tasks.mix.curated import batches
from gristmill.tasks.mix.permutation import hash_unit

CURATED_LABELS = ("source", "domain", "language", "host")
SALT = 0x70B1C


@dataclass(frozen=True)
class Labelled:
    """Texts and their labels, the files they are from, how many records had no text or no label, and a line for people
    on each file that was not read."""

    texts: pl.Series
    labels: pl.Series
    files: tuple[File, ...] = ()
    set_aside: int = 0
    not_read: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Digest of all texts with their labels, whatever their order, and of the files."""
        each = pl.DataFrame({"text": text_hashes(self.texts), "label": self.labels}).sort("text", "label")
        return digest_json([each["text"].to_list(), each["label"].to_list(), [file.digest for file in self.files]])

    def beside(self, other: "Labelled") -> "Labelled":
        """Both."""
        return Labelled(
            pl.concat([self.texts, other.texts]),
            pl.concat([self.labels, other.labels]),
            (*self.files, *other.files),
            self.set_aside + other.set_aside,
            (*self.not_read, *other.not_read),
        )


def read_labelled(inputs: Sequence[str], label: str, reading: InputOptions) -> Labelled:
    """The texts under ``inputs`` with the label in the column ``label``; without one the folder that a file lies in is
    the label.

    Raises :class:`UsageError` as :func:`gristmill.tasks.classifier.texts.read_texts` does, for a column that is not
    there, and for a file that lies in no folder below an input.
    """
    columns = reading.columns.model_copy(update={"id": label}) if label else reading.columns
    try:
        found = read_texts(inputs, replace(reading, columns=columns))
    except ColumnsError as error:
        told = str(error).replace("--map text=COLUMN,id=COLUMN", "--label COLUMN and --map text=COLUMN")
        raise UsageError(told) from error
    labels = found.identities if label else pl.Series([_folder(uri) for uri in found.uris], dtype=pl.String)
    known = labels.is_not_null()
    if not known.any():
        raise UsageError(f"--label {label}: none of {len(labels):,} texts has a label. Name another column.")
    files = tuple(File(name=file.name, digest=file.digest) for file in found.files)
    aside = found.set_aside + int((~known).sum())
    return Labelled(found.texts.filter(known), labels.filter(known), files, aside, found.not_read)


def curated_labelled(paths: list[Path], label: str, most: int) -> Labelled:
    """Curated documents by the column ``label``, at most ``most`` of each value. Raises :class:`UsageError` for another
    column."""
    if label not in CURATED_LABELS:
        raise UsageError(
            f"--label {label}: curated sources can be told apart by {', '.join(CURATED_LABELS)}"
            f"{did_you_mean(label, list(CURATED_LABELS)) if label else ''}"
        )
    least: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for batch in batches(paths, ["doc_id", label]):
        frame = pl.DataFrame({"label": pl.Series(batch[label]), "order": hash_unit(batch["doc_id"].to_pylist(), SALT)})
        for (value,), part in frame.drop_nulls().group_by("label"):
            held = np.append(least.get(str(value), np.empty(0)), part["order"].to_numpy())
            least[str(value)] = np.sort(held)[:most]
    limits = pl.DataFrame({"label": list(least), "limit": [float(held[-1]) for held in least.values()]})
    parts = [pl.DataFrame(schema={"label": pl.String, "text": pl.String})]
    for batch in batches(paths, ["doc_id", label, "text"]):
        order = hash_unit(batch["doc_id"].to_pylist(), SALT)
        frame = pl.DataFrame(batch).rename({label: "label"}).with_columns(order=pl.Series(order))
        chosen = frame.join(limits, on="label", maintain_order="left").filter(pl.col("order") <= pl.col("limit"))
        parts.append(chosen.select("label", "text"))
    whole = pl.concat(parts)
    return Labelled(whole["text"], whole["label"])


def _folder(uri: str) -> str:
    name = Path(unescape_name(uri.rpartition("@")[0] or uri))
    if not name.parent.name:
        raise UsageError(
            f"{name}: this file lies in no folder below the input, so it has no label. Give the folder above the "
            "folders that are called after their labels, or name a column with --label."
        )
    return name.parent.name
