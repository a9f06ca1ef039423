"""Open a stranger's tokenizer and config in a process with limits before opening them here.

A config can demand terabytes, a pattern can take years, a normaliser can fill all memory.
:mod:`gristmill.evals.admission.examiner` opens them first; a file that it does not survive is refused. Cost: 0.3 s for
a tokenizer and 4 s of processor time for a model, each once per process: checkpoints of one training run have equal
tokenizers, configs and shapes.
"""

import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from gristmill.core.hints import some_of
from gristmill.evals.admission.weights import CheckpointError

EXAMINER = Path(__file__).with_name("examiner.py")
CPU_SECONDS = {"tokenizer": 30, "model": 60}
MEMORY_BYTES = {"tokenizer": 2 << 30, "model": 8 << 30}
PATIENCE = 10
"""Wall-clock seconds allowed for each second of processor time, on a busy machine."""
ALONE = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", **ALONE}
TOKENIZER_BYTES = 256 << 20
UNLIMITED = ("time_step_limit",)
"""Keys whose values may be infinite: Mamba-2 clamps its time steps to a range."""
IMPLEMENTATIONS = ("attn_implementation", "experts_implementation")
SHOWN = 5
"""How many names of tensors a message repeats."""
ANOTHER_MODEL = "Save config.json and the weights from the same model"


def examine_tokenizer(path: Path) -> int:
    """The tokens of a tokenizer.json (largest id plus one). Raises :class:`CheckpointError` for an unsafe one."""
    if path.stat().st_size > TOKENIZER_BYTES:
        raise CheckpointError(f"{path}: it is larger than {TOKENIZER_BYTES >> 20} MiB. Save the tokenizer again.")
    with path.open("rb") as file:
        return _tokens(_Content(hashlib.file_digest(file, "sha256").hexdigest(), path))


def examine_model(folder: Path, config: Mapping[str, Any], shapes: Mapping[str, list[int]]) -> int:
    """The vocabulary size of the model that ``config`` describes, once its tensors have been matched.

    ``shapes`` are those of all stored tensors. Raises :class:`CheckpointError` for a config that transformers does not
    know or that asks for too much, and for tensors that are missing, left over or of another shape.
    """
    _check_layers(folder, config, len(shapes))
    asked = json.dumps([config, shapes], sort_keys=True)
    found = json.loads(_examined(asked))
    if "fault" in found:
        raise CheckpointError(f"{folder}: config.json: {found['fault']}. {ANOTHER_MODEL}, or upgrade transformers.")
    words = {
        "missing": "the weights lack",
        "unexpected": "the weights have tensors that the model of config.json lacks:",
        "mismatched": "weights differ in shape from config.json:",
        "unconverted": "transformers cannot convert weights:",
    }
    wrong = [f"{words[kind]} {_named(found[kind])}" for kind in words if found.get(kind)]
    if wrong:
        raise CheckpointError(f"{folder}: config.json and the weights do not fit: {'; '.join(wrong)}. {ANOTHER_MODEL}.")
    size = found["vocab_size"]
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise CheckpointError(f"{folder}: config.json states no vocab_size. Save the model with save_pretrained.")
    return size


def _check_layers(folder: Path, config: Mapping[str, Any], tensors: int) -> None:
    """Refuse at once more layers than tensors: building them is slow, and each layer has at least one tensor."""
    for key, value in _entries(config):
        if "layer" in key and isinstance(value, int) and value > tensors:
            raise CheckpointError(f"{folder}: config.json asks for {key} = {value}; there are {tensors} tensors.")


def refuse_what_runs(path: Path, values: Mapping[str, Any]) -> None:
    """Raise :class:`CheckpointError` for keys, at any depth, that ask for code, other files or quantised weights."""
    for key, value in _entries(values):
        if key == "auto_map" and value:
            raise CheckpointError(
                f"{path.parent}: {path.name} asks for its own Python code (auto_map), which is never run. Save the "
                "model under an architecture that transformers has, and remove auto_map."
            )
        if key == "quantization_config" and value:
            raise CheckpointError(
                f"{path.parent}: the weights are quantised. Dequantise them and save them as safetensors."
            )
        if key == "transformers_weights" and value:
            raise CheckpointError(
                f"{path.parent}: {path.name} names its own file of weights (transformers_weights). Remove the key "
                "and save the weights with save_pretrained."
            )
        if key.lstrip("_") in IMPLEMENTATIONS and "/" in str(value):
            raise CheckpointError(
                f"{path.parent}: {path.name} asks for a kernel from a hub ({key} = {value!r}), which is never run. "
                "Remove the key."
            )


def refuse_odd_numbers(path: Path, values: Mapping[str, Any]) -> None:
    """Raise :class:`CheckpointError` for numbers, at any depth, that no model can use: NaN, and infinity unless it
    switches a limit off."""
    for key, value in _entries(values):
        waiting = [value]
        while waiting:
            number = waiting.pop()
            if isinstance(number, list):
                waiting += number
            elif isinstance(number, float) and (math.isnan(number) or (math.isinf(number) and key not in UNLIMITED)):
                raise CheckpointError(
                    f"{path}: {key} is {number}, which cannot be computed with. Write the value that the model "
                    "was trained with."
                )


def _entries(values: Any) -> Iterator[tuple[str, Any]]:
    """Every key of nested objects and lists with its value."""
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from value.items()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _named(names: list[str]) -> str:
    return some_of(names, SHOWN)


@dataclass(frozen=True)
class _Content:
    """A file that equals every other file with the same bytes, whatever its path."""

    digest: str
    path: Path = field(compare=False)


@lru_cache(maxsize=16)
def _tokens(file: _Content) -> int:
    found = _ask("tokenizer", {"path": str(file.path)})
    if "fault" in found:
        raise CheckpointError(f"{file.path}: {found['fault']}. Save the tokenizer that the model was trained with.")
    return int(found["tokens"])


@lru_cache(maxsize=16)
def _examined(asked: str) -> str:
    """The examiner's answer to ``[config, shapes]``, which depends on nothing else."""
    config, shapes = json.loads(asked)
    with tempfile.TemporaryDirectory(prefix="gristmill-admission-") as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return json.dumps(_ask("model", {"folder": folder, "shapes": shapes}))


def _ask(what: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """The examiner's answer; ``fault`` says why there is none."""
    seconds, memory = CPU_SECONDS[what], MEMORY_BYTES[what]
    try:
        done = run(what, json.dumps({**question, "cpu_seconds": seconds, "memory_bytes": memory}).encode())
    except subprocess.TimeoutExpired:
        return {"fault": f"examining it did not finish within {PATIENCE * seconds} s"}
    if done.returncode < 0:  # by a signal: the kernel's at a limit, or its own when memory ran out
        return {"fault": f"examining it takes more than {seconds} s of processor or {memory >> 30} GiB of memory"}
    if done.returncode:
        return {"fault": f"it could not be examined: {done.stderr.decode(errors='replace')[-300:].strip()}"}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run(what: str, question: bytes) -> "subprocess.CompletedProcess[bytes]":
    """Run the examiner's process to its end. Raises :class:`subprocess.TimeoutExpired`."""
    return subprocess.run(
        [sys.executable, "-s", "-P", str(EXAMINER), what],
        input=question,
        capture_output=True,
        env={**os.environ, **QUIET},
        timeout=PATIENCE * CPU_SECONDS[what],
        check=False,
    )
