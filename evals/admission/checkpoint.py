"""Admission: the only way in for weights. A folder that passes is complete and safe to load.

Checks, without torch and without running anything from the folder: no pickled weights, no remote code, every shard of
the index exists, every safetensors header is valid, every weight is finite (safetensors accepts NaN). A process with
limits opens tokenizer.json and config.json first (:mod:`gristmill.evals.admission.examination`) and checks that tensors
and parameters of the model match one to one; the embedding must have a row for every token. The digest is SHA-256,
because a checkpoint may be malicious. A LoRA adapter passes when its base does and its matrices fit; its digest covers
both. Cost: two passes over the files, about 1 GB/s, memory bounded by 16 MiB, and a few seconds.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.evals.admission.adapter import ADAPTER, ADAPTER_WEIGHTS, base_of, check_fit, read_adapter
from gristmill.evals.admission.examination import examine_model, examine_tokenizer, refuse_odd_numbers, refuse_what_runs
from gristmill.evals.admission.generation_config import (
    GENERATION,
    HINT,
    check_context,
    generation_rules,
    read_generation,
)
from gristmill.evals.admission.weights import (
    INDEX,
    WEIGHTS,
    CheckpointError,
    check_weights,
    pieces,
    read_json,
    read_shapes,
    shards_of,
)

PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
TRAINER_STATE = ("optimizer", "scheduler", "scaler", "rng_state", "training_args")
"""Pickles that trainers leave next to safetensors weights. They are never opened, so they are allowed."""
IDENTITY = (WEIGHTS, INDEX, "tokenizer.json", "tokenizer_config.json")
VOLATILE = ("_name_or_path", "transformers_version", "_from_model_config")
"""Keys of config.json and generation_config.json that say who saved them; they do not affect scores."""
PADDING_ROWS, PADDING_SHARE = 1100, 0.05
CONVERT = (
    "python -c \"from transformers import AutoModelForCausalLM as M; M.from_pretrained('{folder}')"
    ".save_pretrained('{folder}-safetensors')\""
)


class Checkpoint(Config):
    """An admitted checkpoint."""

    digest: Annotated[str, Field(description="SHA-256 over weights, tokenizer and configs, first 32 hex digits")]
    path: Path
    parameters: Annotated[int, Field(description="stored weights (count); tied weights count once")]
    vocab_size: int
    label: str
    base: Annotated[Path | None, Field(description="folder of the base, when this is an adapter over one")] = None

    @property
    def model(self) -> Path:
        """The folder with config.json, the tokenizer and the weights of a whole model."""
        return self.base or self.path


def admit(folder: Path, label: str | None = None) -> Checkpoint:
    """Check ``folder`` and name it by its content; ``label`` is its name for people, by default the folder's name.

    Raises :class:`UsageError` when there is no such folder, and :class:`CheckpointError` with a hint for any fault.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder. Name a folder with config.json and {WEIGHTS}.")
    _refuse_pickles(folder)
    if (folder / ADAPTER).exists():
        return _admit_adapter(folder, label)
    return _admit_model(folder, label)[0]


def _admit_adapter(folder: Path, label: str | None) -> Checkpoint:
    """An adapter over a base that is admitted too. The path of the base is not part of its identity."""
    adapter = read_adapter(folder)
    base_folder = base_of(folder, adapter)
    if (base_folder / ADAPTER).exists():
        raise CheckpointError(f"{folder}: its base {base_folder} is an adapter too. Merge that one and save it first.")
    _refuse_pickles(base_folder)
    base, base_shapes = _admit_model(base_folder, None)
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise CheckpointError(f"{folder}: there is no {ADAPTER_WEIGHTS}. Save the adapter with peft's save_pretrained.")
    own = [
        name
        for name in ("tokenizer.json", "config.json", GENERATION, WEIGHTS, INDEX)
        if _differs(folder / name, base_folder)
    ]
    if own:
        raise CheckpointError(
            f"{folder}: {own[0]} next to the adapter differs from that of its base {base_folder}. Remove it, or, "
            "if the adapter needs it, merge the adapter into its base and save a whole model."
        )
    shapes = check_weights(folder / ADAPTER_WEIGHTS)
    check_fit(adapter, shapes, base_shapes)
    lines = (f"base {base.digest}", f"scale {adapter.scale!r}", f"weights {_sha256(folder / ADAPTER_WEIGHTS)}")
    return Checkpoint(
        digest=hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32],
        path=folder,
        parameters=base.parameters + sum(map(math.prod, shapes.values())),
        vocab_size=base.vocab_size,
        label=label or folder.resolve().name,
        base=base_folder,
    )


def _differs(path: Path, base: Path) -> bool:
    """Whether ``path`` exists and the base does not have the same file."""
    return path.is_file() and not ((base / path.name).is_file() and _sha256(path) == _sha256(base / path.name))


def _admit_model(folder: Path, label: str | None) -> tuple[Checkpoint, dict[str, list[int]]]:
    """A whole model, and the shapes of its weights. Quick checks come before those that read every weight."""
    settings = read_json(folder / "config.json", "Save the model with save_pretrained, which writes it.")
    named = folder / "tokenizer_config.json"
    refuse_what_runs(folder / "config.json", settings)
    refuse_what_runs(folder / GENERATION, read_generation(folder) or {})
    refuse_odd_numbers(folder / "config.json", settings)
    refuse_odd_numbers(folder / GENERATION, read_generation(folder) or {})
    check_context(folder / "config.json", settings)
    refuse_what_runs(named, read_json(named, "") if named.is_file() else {})
    shards = shards_of(folder)
    shapes = {name: shape for path in shards for name, shape in read_shapes(path).items()}
    tokens = _count_tokens(folder)
    vocab_size = examine_model(folder, _kept(settings), shapes)
    _check_vocabulary(folder, vocab_size, tokens)
    _check_generation(folder, settings, vocab_size)
    for path in shards:
        check_weights(path)
    checkpoint = Checkpoint(
        digest=_digest(folder, shards, settings),
        path=folder,
        parameters=sum(map(math.prod, shapes.values())),
        vocab_size=vocab_size,
        label=label or folder.resolve().name,
    )
    return checkpoint, shapes


def _refuse_pickles(folder: Path) -> None:
    pickled = sorted(
        path.name
        for path in folder.iterdir()
        if path.suffix.lower() in PICKLED and not path.name.startswith(TRAINER_STATE)
    )
    if pickled:
        raise CheckpointError(
            f"{folder}: {', '.join(pickled)}: pickled weights run code when they are loaded, so they are never opened. "
            f"If you trust them, convert them and submit the new folder: {CONVERT.format(folder=folder)}; "
            "if the folder already has safetensors weights, remove the pickled ones."
        )


def _count_tokens(folder: Path) -> int:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(
            f"{folder}: there is no tokenizer.json. Save the fast tokenizer with the model, with "
            "tokenizer.save_pretrained."
        )
    return examine_tokenizer(path)


def _check_vocabulary(folder: Path, size: int, tokens: int) -> None:
    """The rows of the embedding are tokens and padding; any other number means another model's tokenizer."""
    if size < tokens:
        raise CheckpointError(
            f"{folder}: the model has {size} tokens and tokenizer.json has {tokens}. Use the tokenizer that the "
            "model was trained with; if tokens were added to it, resize the embedding or remove them."
        )
    if not is_padding(size - tokens, tokens):
        raise CheckpointError(
            f"{folder}: the model has {size} tokens and tokenizer.json has {tokens}, which is more than padding. "
            "Use the tokenizer that the model was trained with."
        )


def is_padding(rows: int, tokens: int) -> bool:
    """Whether ``rows`` beyond those of ``tokens`` can be padding, whatever multiple a trainer rounds up to.

    Published models pad by up to 2.4 % (DeepSeek-Coder) or a thousand rows (gpt-oss, Phi-2).
    """
    return rows <= max(PADDING_SHARE * tokens, min(PADDING_ROWS, tokens / 4))


def _check_generation(folder: Path, settings: dict[str, Any], vocab_size: int) -> None:
    strange = [token for token in generation_rules(folder, settings).others if token >= vocab_size]
    if strange:
        raise CheckpointError(
            f"{folder}: {GENERATION} names token {strange[0]}, and the model has {vocab_size}. {HINT}, or resave it."
        )


def _digest(folder: Path, shards: list[Path], settings: dict[str, Any]) -> str:
    """SHA-256 over the names and contents of everything that determines a score."""
    lines = [f"config.json {_sha256_settings(settings)}"]
    generation = read_generation(folder)
    if generation is not None:
        lines.append(f"{GENERATION} {_sha256_settings(generation)}")
    others = [folder / name for name in IDENTITY if name != WEIGHTS and (folder / name).is_file()]
    lines += [f"{path.name} {_sha256(path)}" for path in sorted({*shards, *others})]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _kept(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in VOLATILE}


def _sha256_settings(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(_kept(settings), sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    state = hashlib.sha256()
    for piece in pieces(path):
        state.update(piece)
    return state.hexdigest()
