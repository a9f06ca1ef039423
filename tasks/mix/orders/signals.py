"""The values of a signal for the documents of a token store, a file a domain, in the store's order of documents.

A signal is called as policies call it, ``table.column``; a number or a yes or no. ``quality`` and other numbers of the
curated documents are called by their column. The folder holds::

    <domain>.train.values   f64, little-endian, a value a document; NaN where it has none
    signal.json             the signal, and for each file which tokens and documents it belongs to

Cost: the column and the doc_ids of a shard, and a sort of the latter.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.config import Config, did_you_mean
from gristmill.core.digests import canonical_json
from gristmill.core.errors import GristmillError
from gristmill.core.files.parquet import read_batches
from gristmill.core.steps.files import FilesStep, Written, files_step
from gristmill.core.table import Column, Table
from gristmill.schemas.tables import SIGNALS, Curated
from gristmill.tasks.filtering.signal_columns import short_name, signal_column, signal_names
from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.permutation import pack_ids
from gristmill.tasks.mix.token_store import ID_BYTES, Part, part_digests

FOLDERS = "signals"
"""What a mix calls the folders of the signals that its mixtures are sorted by."""
MANIFEST = "signal.json"
KIND = np.dtype("<f8")
BATCH_ROWS = 1 << 16


class SignalConfig(Config):
    """Which signal. The table that has it is an input, not a setting."""

    signal: str


def signal_source(signal: str) -> tuple[Table, str]:
    """The table and the column of a signal. Raises ``ValueError`` for one that there is not, or that is text."""
    short, _, column = signal.rpartition(".")
    table = next((each for each in SIGNALS if short_name(each) == short), None) if short else Curated
    if table is None or column == "doc_id" or column not in table.columns:
        raise ValueError(f"there is no signal {signal!r}{did_you_mean(signal, known_signals())}")
    if not _is_number(table.columns[column]):
        raise ValueError(f"the signal {signal!r} is not a number, so it orders nothing")
    return table, column


def known_signals() -> list[str]:
    """Every signal that orders documents, but for their length."""
    own = [name for name, column in Curated.columns.items() if _is_number(column)]
    return own + [name for name in signal_names() if _is_number(signal_column(name))]


def signal_step(signal: str) -> FilesStep[SignalConfig, list[Path], list[Path]]:
    """The step that finds the values of a signal for one shard: from its table, and the folder of its tokens."""
    table, column = signal_source(signal)

    @files_step("signal_values", version=1, reads=(table,), folders=True)
    def signal_values(paths: list[Path], folders: list[Path], config: SignalConfig, out: Path) -> Written:
        """Write the values of all training documents of a folder of tokens."""
        (tokens,) = folders
        known, values = _read(paths, column)
        files: dict[str, dict[str, Any]] = {}
        for domain, digests in part_digests(tokens, "train").items():
            wanted = np.frombuffer((tokens / f"{domain}.train.docs").read_bytes(), dtype=known.dtype)
            found = np.full(len(wanted), np.nan)
            if len(known):
                rows = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
                there = known[rows] == wanted
                found[there] = values[rows[there]]
            (out / f"{domain}.train.values").write_bytes(found.astype(KIND).tobytes())
            missing = int(np.isnan(found).sum())
            files[domain] = {"part": digests, "documents": len(found), "missing": missing}
        (out / MANIFEST).write_bytes(canonical_json({"signal": config.signal, "domains": files}) + b"\n")
        return Written({"domains": files})

    return signal_values


def open_values(folder: Path) -> dict[tuple[str, str], Vector]:
    """The values in a folder, by signal and :func:`part_name`. Raises :class:`GristmillError` for a file cut off."""
    told = json.loads((folder / MANIFEST).read_bytes())
    found: dict[tuple[str, str], Vector] = {}
    for domain, entry in told["domains"].items():
        path = folder / f"{domain}.train.values"
        if path.stat().st_size != entry["documents"] * KIND.itemsize:
            raise GristmillError(f"{path} is cut off. Run the mix flow again.")
        found[told["signal"], entry["part"]] = np.memmap(path, dtype=KIND, mode="r")
    return found


def part_name(part: Part) -> str:
    """What names the documents of a part: a digest of its tokens and of its doc_ids."""
    domain, split, _ = part.path.name.rsplit(".", 2)
    return part_digests(part.path.parent, split)[domain]


def _is_number(column: Column) -> bool:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return any(kind(column.type) for kind in kinds)


def _read(paths: list[Path], column: str) -> tuple[np.ndarray[Any, Any], Vector]:
    """The doc_ids of Parquet files, sorted, and the values of a column; the first of a document that comes twice."""
    doc_ids, values = [b""], [np.empty(0)]
    for path in paths:
        for batch in read_batches(path, ["doc_id", column], BATCH_ROWS):
            doc_ids.append(pack_ids(batch.column("doc_id").to_pylist()))
            values.append(pc.cast(batch.column(column), pa.float64()).to_numpy(zero_copy_only=False))
    # Zeros at the end of an S16 are cut off when it is read, and compared as what they are.
    names = np.frombuffer(b"".join(doc_ids), dtype=f"S{ID_BYTES}")
    order = np.argsort(names, kind="stable")
    return names[order], np.concatenate(values)[order]
