"""The trainer's options, with a model of a few thousand parameters: they change how a run computes, or what it tells.

That a killed run gives the same bytes is in ``tests/e2e/test_training.py``.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gristmill.core.errors import GristmillError
from gristmill.flows.train.jobs import ENVIRONMENT, module_job
from gristmill.tasks.launch.job import PREEMPTED_EXIT, SAVE
from gristmill.tasks.mix.mixers.mixer import Mixture, Order, Stage
from gristmill.tasks.mix.orders.sorting import sort_stages
from gristmill.tasks.mix.orders.values import DocumentValues
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train import trainer
from gristmill.tasks.train.loop import Taken
from gristmill.tasks.train.ranks import Ranks
from gristmill.tasks.train.recipe import own_recipe
from gristmill.tasks.train.trainer import build_model, main, train
from tests.helpers.training_inputs import BATCH, ROW, Inputs, make_inputs

SHAPE = {"hidden": 16, "layers": 1, "heads": 2, "kv_heads": 1, "feed_forward": 32}
STEPS = 6


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Any:
    """The trainer is a process of its own elsewhere, and sets what holds for a whole process."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(strict)


def run(inputs: Inputs, run_dir: Path, **settings: Any) -> list[dict[str, float]]:
    """The losses of a run in this process."""
    inputs.write_run(run_dir, recipe="own", shape=SHAPE, steps=STEPS, **settings)
    train(run_dir)
    return read(run_dir / "losses.jsonl")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def losses(rows: list[dict[str, float]]) -> list[float]:
    return [row["loss"] for row in rows]


@pytest.fixture(scope="module")
def whole(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    """The losses of a run with every step in one part, in one process."""
    return run(inputs, tmp_path_factory.mktemp("whole") / "run")


def test_a_step_in_parts_gives_the_losses_of_one_big_batch(
    inputs: Inputs, whole: list[dict[str, float]], tmp_path: Path
) -> None:
    parts = run(inputs, tmp_path / "run", accumulate=4)
    assert losses(parts) == pytest.approx(losses(whole), abs=2e-5)
    assert losses(whole)[-1] < losses(whole)[0] - 0.01  # so that equal is not standing still


def test_two_processes_give_the_losses_of_one(inputs: Inputs, whole: list[dict[str, float]], tmp_path: Path) -> None:
    run_dir = inputs.write_run(
        tmp_path / "run", recipe="own", shape=SHAPE, steps=STEPS, processes=2, accumulate=2, checkpoint_steps=(3, 6)
    )
    job = module_job("run", "gristmill.tasks.train.trainer", run_dir, processes=2)
    done = subprocess.run(
        job.argv, env=os.environ | ENVIRONMENT, cwd=run_dir, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert losses(read(run_dir / "losses.jsonl")) == pytest.approx(losses(whole), abs=2e-5)
    said = [line for line in done.stdout.splitlines() if line.startswith("step ")]
    assert [line.split()[1] for line in said] == ["5", "6"]  # one of the two speaks
    assert sorted(path.name for path in (run_dir / "checkpoints").iterdir()) == ["step-000003", "step-000006"]


def files_of(run_dir: Path) -> dict[str, bytes]:
    """What two runs of a key have alike."""
    weights = {path.parent.name: path.read_bytes() for path in run_dir.glob("checkpoints/*/model.safetensors")}
    return weights | {name: (run_dir / name).read_bytes() for name in ("losses.jsonl", "heldout.jsonl")}


def at_step(number: int, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something while step ``number`` runs."""
    plain = trainer.loss_entry

    def entry(taken: Taken) -> dict[str, float]:
        if taken.number == number:
            act()
        return plain(taken)

    monkeypatch.setattr(trainer, "loss_entry", entry)


@pytest.mark.parametrize("how", ["file", "signal"])
def test_a_run_that_is_asked_to_save_goes_on(
    how: str, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(inputs, tmp_path / "plain", checkpoint_steps=(4, 6))
    run_dir, seen = tmp_path / "asked", []

    def ask() -> None:
        if how == "file":
            (run_dir / SAVE).touch()
        else:
            signal.raise_signal(signal.SIGUSR1)

    plain = trainer.save

    def saved(*words: Any) -> None:
        plain(*words)
        seen.append(sorted(path.name for path in run_dir.glob("checkpoints/*")))

    monkeypatch.setattr(trainer, "save", saved)
    at_step(2, ask, monkeypatch)
    run(inputs, run_dir, checkpoint_steps=(4, 6))
    assert seen[:2] == [["step-000002"], ["step-000002", "step-000004"]]
    assert not (run_dir / SAVE).exists()
    # The one that was not planned is gone, with its state, and changed nothing.
    assert files_of(run_dir) == files_of(tmp_path / "plain")
    assert sorted(path.name for path in (run_dir / "state").iterdir()) == [
        "step-000004.safetensors",
        "step-000006.safetensors",
    ]


def test_a_run_that_is_told_to_end_saves_and_goes_on_to_the_same_bytes(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(inputs, tmp_path / "plain", checkpoint_steps=(6,))
    run_dir = tmp_path / "ended"
    # Not always the default: Ray leaves a handler of its own in a process that once held a node.
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        at_step(3, lambda: signal.raise_signal(signal.SIGTERM), patched)
        with pytest.raises(SystemExit) as ended:
            run(inputs, run_dir, checkpoint_steps=(6,))
    assert ended.value.code == PREEMPTED_EXIT
    assert [path.name for path in run_dir.glob("checkpoints/*")] == ["step-000003"]
    assert signal.getsignal(signal.SIGTERM) == before
    train(run_dir)
    assert files_of(run_dir) == files_of(tmp_path / "plain")


@dataclass(frozen=True)
class Others(Ranks):
    """The first of two processes, of which the other was told to end at step ``told``."""

    told: int = 0
    asked: list[bool] = field(default_factory=list)

    def agreed(self, asked: bool) -> bool:
        self.asked.append(asked)
        return asked or len(self.asked) == self.told


def test_a_run_ends_when_another_of_its_processes_is_told_to(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = Others(told=2)
    monkeypatch.setattr(trainer, "joined", lambda *_: nullcontext(others))
    with pytest.raises(SystemExit) as ended:
        run(inputs, tmp_path / "run", checkpoint_steps=(6,))
    assert ended.value.code == PREEMPTED_EXIT
    assert [path.name for path in (tmp_path / "run").glob("checkpoints/*")] == ["step-000002"]
    assert others.asked == [False, False, False], "they do not wait for the first to have saved"


def test_a_run_of_two_processes_started_alone_says_how_to_start_it(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    inputs.write_run(tmp_path / "run", recipe="own", shape=SHAPE, processes=2)
    with pytest.raises(GristmillError, match="torchrun --nproc-per-node 2"):
        train(tmp_path / "run")


def test_bfloat16_trains_and_keeps_weights_in_float32(
    inputs: Inputs, whole: list[dict[str, float]], tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    rounded = run(inputs, tmp_path / "run", precision="bfloat16")
    assert losses(rounded) != losses(whole)
    assert losses(rounded) == pytest.approx(losses(whole), abs=0.05)
    weights = load_file(tmp_path / "run" / "checkpoints" / f"step-{STEPS:06d}" / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float32}


def test_the_schedule_is_that_of_the_settings(inputs: Inputs, tmp_path: Path) -> None:
    rates = [row["learning_rate"] for row in run(inputs, tmp_path / "run", schedule="wsd", decay_share=0.5)]
    assert rates == pytest.approx([3e-3, 3e-3, 3e-3, 1.5e-3, 0.8787e-3, 0.4019e-3], rel=1e-3)


def test_the_held_out_loss_is_measured_by_domain_and_changes_no_weight(
    inputs: Inputs, whole: list[dict[str, float]], tmp_path: Path
) -> None:
    measured = run(inputs, tmp_path / "run", heldout_every=4)
    assert measured == whole
    found = read(tmp_path / "run" / "heldout.jsonl")
    assert [(row["step"], row["domain"]) for row in found] == [(4, "code"), (4, "prose"), (6, "code"), (6, "prose")]
    assert all(found[place + 2]["loss"] < found[place]["loss"] for place in (0, 1))

    run(inputs, tmp_path / "none", heldout_every=0)
    assert read(tmp_path / "none" / "heldout.jsonl") == []


def test_a_run_without_a_gpu_says_so(inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    inputs.write_run(tmp_path / "run", device="cuda", precision="bfloat16")
    with pytest.raises(SystemExit, match="cuda and torch sees no GPU here"):
        main(tmp_path / "run")


@pytest.mark.parametrize("name", ["tiny", "small", "base"])
def test_parameters_are_counted_without_the_model(inputs: Inputs, name: str) -> None:
    recipe, vocabulary = own_recipe(name), TokenStore.open([inputs.tokens]).vocab_size
    assert len(Plan.load(inputs.plan)) == 30 * BATCH
    with torch.device("meta"):
        model = build_model(recipe, vocabulary, ROW)
    assert recipe.parameters(vocabulary) == sum(value.numel() for value in model.parameters())


def test_a_run_reads_its_stages_in_their_order(inputs: Inputs, tmp_path: Path) -> None:
    """Three steps shuffled, then three with the longest documents last: another order of the same rows."""
    store = TokenStore.open([inputs.tokens])
    shares, domains = {"code": 0.5, "prose": 0.5}, store.domains(ROW)

    def trained(name: str, order: Order | None) -> list[float]:
        ends = (STEPS // 2 * BATCH * ROW, STEPS * BATCH * ROW)
        stages = (Stage(ends[0], shares, shares), Stage(ends[1], shares, shares, order))
        plan = make_plan(Mixture(stages, "", ""), domains, row_tokens=ROW, block=64, seed=1, max_epochs=16)
        base = tmp_path / name
        base.mkdir()
        sort_stages(plan, DocumentValues.open(store, []).rows(ROW)).write(base / "plan.json")
        return losses(run(replace(inputs, plan=base / "plan.json"), base / "run"))

    shuffled, by_length = trained("shuffled", None), trained("sorted", Order("length"))
    half = STEPS // 2
    assert by_length[:half] == shuffled[:half]
    assert all(one != two for one, two in zip(by_length[half:], shuffled[half:], strict=True))
