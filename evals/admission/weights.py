"""Weight files: which they are, whether they are complete, and whether every number is finite. No torch, no pickle.

safetensors itself reads every header and refuses gaps, overlaps and bytes after the end; it accepts NaN, so this module
checks the values. Cost: one pass over the files, about 1 GB/s, memory bounded by one piece of 16 MiB.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from gristmill.core.errors import GristmillError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PIECE = 1 << 24
JSON_BYTES = 64 << 20
"""Largest JSON file that is read; larger than the index of any model."""


class CheckpointError(GristmillError):
    """The folder is not admitted. The message says why, and what to do."""


def shards_of(folder: Path) -> list[Path]:
    """The weight files of a model, by name. Raises :class:`CheckpointError` if one of the index is missing."""
    index = folder / INDEX
    if not index.exists():
        if not (folder / WEIGHTS).is_file():
            shards = sorted(path.name for path in folder.glob("*.safetensors"))
            what = (
                f"there are weights ({', '.join(shards[:3])}{', ...' if len(shards) > 3 else ''}), but "
                if shards
                else ""
            )
            how = f"Copy {INDEX}, which says where each tensor is, or save" if shards else "Save"
            raise CheckpointError(f"{folder}: {what}no {WEIGHTS} and no {INDEX}. {how} the model with save_pretrained.")
        return [folder / WEIGHTS]
    placed = read_json(index, "Copy the checkpoint again.").get("weight_map")
    if not isinstance(placed, dict) or not placed or not all(isinstance(name, str) for name in placed.values()):
        raise CheckpointError(f"{index}: it has no weight_map from tensors to files. Save the model again.")
    names = sorted(set(placed.values()))
    if (folder / WEIGHTS).exists() and names != [WEIGHTS]:
        raise CheckpointError(
            f"{folder}: {WEIGHTS} is next to an {INDEX} of other files, so there are two models. Remove the "
            "one that is not meant."
        )
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise CheckpointError(f"{index}: {outside[0]!r} is not a file name. Every shard must be in the folder itself.")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"{folder}: shards named in {INDEX} are missing: {', '.join(missing)}. Copy them too.")
    for name in names:
        with _opened(folder / name) as shard:
            lost = sorted({tensor for tensor, place in placed.items() if place == name} - set(shard.keys()))
        if lost:
            raise CheckpointError(f"{folder / name}: it lacks {lost[0]}, which {INDEX} says it has. Save it again.")
    return [folder / name for name in names]


def _opened(path: Path) -> Any:
    """A safetensors file with a valid header: offsets in order, no gaps, no bytes after the end."""
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: this is not a complete safetensors file ({error}). Copy or save it again."
        ) from error


def read_shapes(path: Path) -> dict[str, list[int]]:
    """The shape of every tensor of a file with a valid header. Reads no values."""
    with _opened(path):  # its header is checked here; offsets are then read from the file itself
        pass
    return {name: entry["shape"] for name, entry in _header(path)[0].items()}


def check_weights(path: Path) -> dict[str, list[int]]:
    """The shape of every tensor of a file, after checking that every value is finite.

    Raises :class:`CheckpointError` for a broken file, an unknown number format and a value that is not finite.
    """
    shapes = read_shapes(path)
    header, start = _header(path)
    with path.open("rb") as file:
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            file.seek(start + begin)
            for at in range(begin, end, PIECE):
                if not _finite(file.read(min(PIECE, end - at)), entry["dtype"]):
                    raise CheckpointError(
                        f"{path}: {name} has a number that is not finite: the training run diverged there. "
                        "Submit an earlier checkpoint."
                    )
    return shapes


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The tensors' entries in a valid file, and where their values begin."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


def _finite(piece: bytes, dtype: str) -> bool:
    """Whether no value of a piece is infinite or NaN. Raises :class:`CheckpointError` for an unknown format."""
    if dtype in ("F64", "F32", "F16"):
        return bool(np.isfinite(np.frombuffer(piece, dtype=f"<f{int(dtype[1:]) // 8}")).all())
    if dtype == "BF16":  # all exponent bits set
        return not bool(((np.frombuffer(piece, dtype="<u2") & 0x7F80) == 0x7F80).any())
    if dtype in ("BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64"):
        return True
    raise CheckpointError(f"weights of format {dtype} are not supported. Save them as float32, float16 or bfloat16.")


def pieces(path: Path) -> Iterator[bytes]:
    """A file, 16 MiB at a time."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def read_json(path: Path, hint: str) -> dict[str, Any]:
    """A JSON object. Raises :class:`CheckpointError` for anything else."""
    if not path.is_file():
        raise CheckpointError(f"{path.parent}: there is no {path.name}. {hint}".rstrip())
    if path.stat().st_size > JSON_BYTES:
        raise CheckpointError(f"{path}: it is larger than {JSON_BYTES >> 20} MiB. {hint}".rstrip())
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: this is not JSON ({error}). {hint}".rstrip()) from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: this is not a JSON object. {hint}".rstrip())
    return value
