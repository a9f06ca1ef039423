"""The trainer, as a process: it learns, survives SIGKILL bit for bit, and saves what any Llama reader opens."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
import torch
import transformers

from gristmill.evals.admission.checkpoint import admit
from gristmill.flows.train.jobs import ENVIRONMENT, follow
from gristmill.tasks.launch.job import Job
from gristmill.tasks.launch.local import LocalLauncher
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.batches import batch
from gristmill.tasks.train.model import Llama, LlamaShape
from gristmill.tasks.train.recipe import checkpoint_steps
from gristmill.tasks.train.run_files import checkpoint_path
from gristmill.tasks.train.saving import save
from tests.helpers.training_inputs import BATCH, ROW, STEPS, Inputs, make_inputs

KEPT = checkpoint_steps(STEPS, 3)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """A token store of two domains and a plan over it."""
    return make_inputs(tmp_path_factory.mktemp("inputs"))


def command(run_dir: Path) -> list[str]:
    return [sys.executable, "-u", "-m", "gristmill.tasks.train.trainer", str(run_dir)]


@pytest.fixture(scope="module")
def undisturbed(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The run directory of a job that ran through the local launcher, and the progress it told."""
    root = tmp_path_factory.mktemp("jobs")
    run_dir = inputs.write_run(root / "whole")
    told: list[str] = []
    job = Job(key="whole", argv=tuple(command(run_dir)), environment=ENVIRONMENT)
    follow(LocalLauncher(root), job, "the test run", lambda status: told.append(status.progress))
    return run_dir, told


def results(run_dir: Path) -> dict[str, bytes]:
    """What a run gives: its losses, and every file of every checkpoint and optimiser state."""
    files = [
        run_dir / "losses.jsonl",
        run_dir / "heldout.jsonl",
        *(run_dir / "checkpoints").rglob("*"),
        *(run_dir / "state").rglob("*"),
    ]
    return {str(path.relative_to(run_dir)): path.read_bytes() for path in files if path.is_file()}


def losses(run_dir: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run_dir / "losses.jsonl").read_text(encoding="utf-8").splitlines()]


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.002)


def test_the_launcher_follows_a_run_that_learns(undisturbed: tuple[Path, list[str]]) -> None:
    run_dir, told = undisturbed
    found = losses(run_dir)
    assert len(found) == STEPS
    assert fmean(found[-5:]) < fmean(found[:5]) - 1.0
    assert re.fullmatch(
        rf"step {STEPS} of {STEPS} loss {found[-1]:.3f} tokens {STEPS * BATCH * ROW} at [\d,]+ tokens/s", told[-1]
    )
    assert (run_dir / "DONE").is_file()


def test_a_killed_run_goes_on_to_the_same_bytes(
    inputs: Inputs, undisturbed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    run_dir = inputs.write_run(tmp_path / "killed")
    log = tmp_path / "log"
    first = run_dir / "checkpoints" / f"step-{KEPT[0]:06d}"
    with log.open("wb") as output, subprocess.Popen(command(run_dir), stdout=output, stderr=output) as process:
        try:
            wait_until(lambda: first.is_dir() or process.poll() is not None, 120)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, log.read_text(encoding="utf-8")
    assert not (run_dir / "checkpoints" / f"step-{STEPS:06d}").exists()

    # What a kill at a worse moment leaves behind: a line cut off by a full buffer, half a checkpoint.
    with (run_dir / "losses.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 11, "tok')
    half = run_dir / "checkpoints" / f"step-{KEPT[1]:06d}.tmp"
    half.mkdir(exist_ok=True)
    (half / "left-over.safetensors").write_bytes(b"half")

    again = subprocess.run(command(run_dir), capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr
    steps = [int(line.split()[1]) for line in again.stdout.splitlines() if line.startswith("step ")]
    assert min(steps) > KEPT[0]  # it went on, it did not begin again
    assert results(run_dir) == results(undisturbed[0])


def test_every_checkpoint_is_admitted_and_is_the_model_of_its_step(
    inputs: Inputs, undisturbed: tuple[Path, list[str]]
) -> None:
    """The loss of step n is taken before its update, so the model saved at n gives the loss of step n + 1 again."""
    run_dir, _ = undisturbed
    found = losses(run_dir)
    plan, store = Plan.load(inputs.plan), TokenStore.open([inputs.tokens])
    digests = set()
    for step in KEPT:
        folder = run_dir / "checkpoints" / f"step-{step:06d}"
        checkpoint = admit(folder)
        digests.add(checkpoint.digest)
        assert checkpoint.vocab_size == store.vocab_size
        assert json.loads((folder / "checkpoint.json").read_text(encoding="utf-8")) == {
            "step": step,
            "tokens": step * BATCH * ROW,
            "first_row": 0,
            "end_row": step * BATCH,
        }
        model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        assert model.config.eos_token_id == store.eos_id
        assert sum(value.numel() for value in model.parameters()) == checkpoint.parameters
        if step < STEPS:
            rows = torch.from_numpy(batch(plan, store, step * BATCH, (step + 1) * BATCH))
            with torch.inference_mode():
                logits = model(input_ids=rows[:, :-1]).logits
                loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
            assert float(loss) == pytest.approx(found[step], abs=1e-4)
    assert len(digests) == len(KEPT)


def test_fewer_heads_of_keys_give_the_logits_of_transformers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = LlamaShape(vocabulary=50, context=40, hidden=24, layers=2, heads=6, kv_heads=2, feed_forward=40, spread=0.3)
    model = Llama(shape)
    optimiser = torch.optim.AdamW(model.parameters())
    (tmp_path / "tokenizer").mkdir()
    save(tmp_path, 1, 4, 41, model, optimiser, tmp_path / "tokenizer", end_of_text=7)
    opened = transformers.LlamaForCausalLM.from_pretrained(checkpoint_path(tmp_path, 1), dtype=torch.float32)
    assert opened.config.eos_token_id == 7
    tokens = torch.randint(50, (3, 40))
    with torch.inference_mode():
        assert torch.allclose(model(tokens), opened(input_ids=tokens).logits, atol=1e-5)


def test_a_run_that_diverges_says_so_and_saves_no_checkpoint_of_it(inputs: Inputs, tmp_path: Path) -> None:
    run_dir = inputs.write_run(tmp_path / "diverging", learning_rate=1e30)
    ended = subprocess.run(command(run_dir), capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 1
    assert "the run diverged. Lower train.learning_rate (1e+30)" in ended.stderr.splitlines()[-1]
    assert not (run_dir / "checkpoints").exists()
