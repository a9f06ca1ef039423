"""Checkpoints of a run and the optimiser state beside them: both appear by rename, and the newest pair is resumed from.

::

    checkpoints/step-000065/    config.json, model.safetensors, tokenizer files, checkpoint.json
    state/step-000065.safetensors  optimiser moments

One that was asked for at a step where none is planned serves to resume from, and goes when the next is there.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from gristmill.core.errors import GristmillError
from gristmill.tasks.train.model import Llama
from gristmill.tasks.train.recipe import RunSettings
from gristmill.tasks.train.run_files import checkpoint_path, saved_step, saved_steps, state_path


def save(
    run_dir: Path,
    step: int,
    end_row: int,
    row_tokens: int,
    model: Llama,
    optimiser: torch.optim.Optimizer,
    tokenizer: Path,
    end_of_text: int,
) -> None:
    """Write optimiser state, then the checkpoint; a checkpoint that is visible can be resumed from."""
    state_dir = run_dir / "state"
    state_dir.mkdir(exist_ok=True)
    moments = {
        f"{number}.{name}": value.contiguous()
        for number, entry in optimiser.state_dict()["state"].items()
        for name, value in entry.items()
    }
    temporary_state = state_dir / f"step-{step:06d}.tmp"
    save_file(moments, temporary_state)
    temporary_state.replace(state_path(run_dir, step))

    target = checkpoint_path(run_dir, step)
    temporary = target.with_suffix(".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, temporary / "model.safetensors", metadata={"format": "pt"})  # which transformers asks for
    config = json.dumps(model.shape.config(end_of_text), indent=2, sort_keys=True)
    (temporary / "config.json").write_text(config + "\n", encoding="utf-8")
    for file in sorted(tokenizer.glob("*.json")):
        shutil.copyfile(file, temporary / file.name)
    facts = {"step": step, "tokens": end_row * row_tokens, "first_row": 0, "end_row": end_row}
    (temporary / "checkpoint.json").write_text(json.dumps(facts), encoding="utf-8")
    temporary.rename(target)


def discard_unplanned(run_dir: Path, settings: RunSettings, newest: int) -> None:
    """Remove checkpoints before ``newest`` that the settings do not ask for, each with its state."""
    for step in saved_steps(run_dir):
        if step < newest and step not in settings.checkpoint_steps:
            folder = checkpoint_path(run_dir, step)
            gone = folder.with_suffix(".gone")  # a folder that is emptied bit by bit must not look whole
            shutil.rmtree(gone, ignore_errors=True)
            folder.rename(gone)
            state_path(run_dir, step).unlink(missing_ok=True)
            shutil.rmtree(gone)


def resume(run_dir: Path, model: Llama, optimiser: torch.optim.Optimizer, settings: RunSettings) -> int:
    """Load the newest complete checkpoint if there is one; returns the steps already done."""
    done = saved_step(run_dir, settings)
    if done:
        load_weights(model, checkpoint_path(run_dir, done) / "model.safetensors")
        state = optimiser.state_dict()
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in load_file(state_path(run_dir, done)).items():
            number, _, kind = name.partition(".")
            moments.setdefault(int(number), {})[kind] = value
        optimiser.load_state_dict({"state": moments, "param_groups": state["param_groups"]})
    return done


def load_weights(model: Llama, path: Path) -> None:
    """Load safetensors weights. Raises :class:`GristmillError` when they are not those of such a model."""
    missing, unexpected = model.load_state_dict(load_file(path), strict=False)
    if missing or unexpected:
        raise GristmillError(f"{path} does not fit the recipe: missing {missing}, unexpected {unexpected}")
