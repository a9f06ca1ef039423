"""Admission: the one door through which weights come in. A folder that passes is safe to load and complete.

Checked without torch and without running anything from the folder: no pickled weights, no remote code, config.json and
tokenizer.json parse, every shard of the index is there, every safetensors header is sound, every weight is finite
(safetensors accepts NaN), and the embedding has as many rows as the tokenizer has tokens. The digest is SHA-256,
because a checkpoint may come from people who do not wish us well. Cost: two passes over the files, about 1 GB/s, memory
bounded by one piece of 16 MiB.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tokenizers
from pydantic import Field
from safetensors import SafetensorError, safe_open

from schemas.config import Config
from schemas.errors import GristmillError, UsageError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
TRAINER_STATE = ("optimizer", "scheduler", "scaler", "rng_state", "training_args")
"""Pickles that a trainer leaves beside safetensors weights. They are never opened, so they may lie there."""
IDENTITY = (WEIGHTS, INDEX, "tokenizer.json", "tokenizer_config.json")
VOLATILE = ("_name_or_path", "transformers_version")
"""Keys of config.json that say who saved it, and change no score."""
PIECE = 1 << 24
PADDING_ROWS, PADDING_SHARE, PADDING_MULTIPLE = 64, 0.01, 64
CONVERT = (
    "python -c \"from transformers import AutoModelForCausalLM as M; M.from_pretrained('{folder}')"
    ".save_pretrained('{folder}-safetensors')\""
)


class CheckpointError(GristmillError):
    """The folder is not admitted. The message says why and what to do."""


class Checkpoint(Config):
    """An admitted checkpoint."""

    digest: Annotated[str, Field(description="SHA-256 over weights, tokenizer and config, first 32 hex digits")]
    path: Path
    parameters: Annotated[int, Field(description="stored weights (count); tied weights count once")]
    vocab_size: int
    label: str


def admit(folder: Path, label: str | None = None) -> Checkpoint:
    """Check ``folder`` and name it by its content; ``label`` is how people call it, the folder's name when None.

    Raises :class:`UsageError` when there is no such folder, :class:`CheckpointError` with the cure for any fault.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder. Name a folder with config.json and {WEIGHTS}.")
    _refuse_pickles(folder)
    settings = _read_json(folder / "config.json", "Save the model with save_pretrained, which writes it.")
    _refuse_foreign_code(folder, settings)
    shards = _shards(folder)
    shapes = [shape for path in shards for shape in _check_weights(path)]
    vocab_size = _check_vocabulary(folder, settings)
    if not any(len(shape) == 2 and shape[0] == vocab_size for shape in shapes):
        raise CheckpointError(
            f"{folder}: config.json has a vocabulary of {vocab_size}, but no weight has that many rows. Save both "
            "from the same model."
        )
    digest = _digest(folder, shards, settings)
    return Checkpoint(
        digest=digest,
        path=folder,
        parameters=sum(map(math.prod, shapes)),
        vocab_size=vocab_size,
        label=label or folder.resolve().name,
    )


def _refuse_pickles(folder: Path) -> None:
    pickled = sorted(
        path.name
        for path in folder.iterdir()
        if path.suffix.lower() in PICKLED and not path.name.startswith(TRAINER_STATE)
    )
    if pickled:
        raise CheckpointError(
            f"{folder}: {', '.join(pickled)}: pickled weights run code when they are loaded, so they are never opened. "
            f"Where you trust them, convert them and submit the new folder: {CONVERT.format(folder=folder)}; "
            "when the folder already holds safetensors weights, remove the pickled ones."
        )


def _refuse_foreign_code(folder: Path, settings: dict[str, Any]) -> None:
    extra = folder / "tokenizer_config.json"
    for name, values in (("config.json", settings), (extra.name, _read_json(extra, "") if extra.is_file() else {})):
        if "auto_map" in values:
            raise CheckpointError(
                f"{folder}: {name} asks for Python code of its own (auto_map), which is never run. Save the model "
                "under an architecture that transformers has, and remove auto_map."
            )
    if "quantization_config" in settings:
        raise CheckpointError(f"{folder}: the weights are quantised. Dequantise them and save them as safetensors.")
    if (folder / "adapter_config.json").exists():
        raise CheckpointError(
            f"{folder}: this is an adapter, not a model. Merge it into its base (merge_and_unload of peft), and "
            "save that."
        )


def _shards(folder: Path) -> list[Path]:
    """The weight files, by name."""
    index = folder / INDEX
    if not index.exists():
        if not (folder / WEIGHTS).is_file():
            raise CheckpointError(f"{folder}: no {WEIGHTS} and no {INDEX}. Save the model with save_pretrained.")
        return [folder / WEIGHTS]
    placed = _read_json(index, "Copy the checkpoint again.").get("weight_map")
    if not isinstance(placed, dict) or not placed or not all(isinstance(name, str) for name in placed.values()):
        raise CheckpointError(f"{index}: it has no weight_map from tensors to files. Save the model again.")
    names = sorted(set(placed.values()))
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise CheckpointError(f"{index}: {outside[0]!r} is no file name. Every shard must lie in the folder itself.")
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
    """A safetensors file with a sound header: offsets in order, no gaps, no bytes after the end."""
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: this is no complete safetensors file ({error}). Copy or save it again."
        ) from error


def _check_weights(path: Path) -> list[list[int]]:
    """The shapes of the tensors of a file, all of whose values are finite."""
    with _opened(path):  # its header is checked here; offsets are then read from the file itself
        pass
    shapes = []
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            file.seek(8 + length + begin)
            for at in range(begin, end, PIECE):
                if not _finite(file.read(min(PIECE, end - at)), entry["dtype"]):
                    raise CheckpointError(
                        f"{path}: {name} holds a number that is not finite: the training run diverged there. "
                        "Submit an earlier checkpoint."
                    )
            shapes.append(entry["shape"])
    return shapes


def _finite(piece: bytes, dtype: str) -> bool:
    """Whether no value of a piece is infinite or NaN. Raises :class:`CheckpointError` for an unknown format."""
    if dtype in ("F64", "F32", "F16"):
        return bool(np.isfinite(np.frombuffer(piece, dtype=f"<f{int(dtype[1:]) // 8}")).all())
    if dtype == "BF16":  # all exponent bits set
        return not bool(((np.frombuffer(piece, dtype="<u2") & 0x7F80) == 0x7F80).any())
    if dtype in ("BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64"):
        return True
    raise CheckpointError(f"weights of format {dtype} are not supported. Save them as float32, float16 or bfloat16.")


def _check_vocabulary(folder: Path, settings: dict[str, Any]) -> int:
    """The model's vocabulary, equal to the tokenizer's but for a few rows that round it up to a multiple of 64."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(
            f"{folder}: there is no tokenizer.json. Save the fast tokenizer beside the model, with "
            "tokenizer.save_pretrained."
        )
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise CheckpointError(f"{path}: this is no tokenizer: {error}. Save it again.") from error
    size = settings.get("vocab_size")
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    tokens = max(vocabulary.values(), default=-1) + 1
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise CheckpointError(f"{folder}: config.json states no vocab_size. Save the model with save_pretrained.")
    padding = size - tokens
    padded = 0 < padding < max(PADDING_ROWS, PADDING_SHARE * tokens) and size % PADDING_MULTIPLE == 0
    if padding != 0 and not padded:
        raise CheckpointError(
            f"{folder}: the model has {size} tokens and tokenizer.json has {tokens}. Put the tokenizer beside "
            "the model that it was trained with."
        )
    return size


def _digest(folder: Path, shards: list[Path], settings: dict[str, Any]) -> str:
    """SHA-256 over names and contents of what determines every score."""
    kept = {key: value for key, value in settings.items() if key not in VOLATILE}
    lines = [f"config.json {hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()}"]
    others = [folder / name for name in IDENTITY if name != WEIGHTS and (folder / name).is_file()]
    for path in sorted({*shards, *others}):
        state = hashlib.sha256()
        for piece in _pieces(path):
            state.update(piece)
        lines.append(f"{path.name} {state.hexdigest()}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _read_json(path: Path, cure: str) -> dict[str, Any]:
    """A JSON object. Raises :class:`CheckpointError` for anything else."""
    if not path.is_file():
        raise CheckpointError(f"{path.parent}: there is no {path.name}. {cure}".rstrip())
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: this is not JSON ({error}). {cure}".rstrip()) from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: this is no JSON object. {cure}".rstrip())
    return value
