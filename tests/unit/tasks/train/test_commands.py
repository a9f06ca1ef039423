"""Recipes of other trainers: every one renders, tells progress by its own lines, and is named by its content."""

import json
import re
from pathlib import Path

import pytest
import yaml

from gristmill.core.errors import UsageError
from gristmill.tasks.launch.progress import read_progress
from gristmill.tasks.train.commands import (
    TrainerRecipe,
    chosen_options,
    command_key,
    load_recipe,
    render,
)
from gristmill.tasks.train.recipe import recipe_names
from gristmill.tasks.train.start import command_of

HF = "{'loss': 2.345, 'grad_norm': 1.5, 'learning_rate': 1e-05, 'epoch': 0.1}"
BAR = "  2%|▏         | 5/200 [00:07<04:33,  1.40s/it]"
LINES = {
    "torchtitan": (
        "[rank0]:2026-01-01 00:00:00,000 - root - INFO - step:  5  loss: 10.50321  grad_norm:  1.4  memory: 0.5GiB"
        "(1.0%)  tps: 12,345  tflops: 1.20  mfu: 41.20%"
    ),
    "nanotron": (
        "01/01/2026 00:00:00 [INFO|DP=0]: iteration: 5 / 200 | consumed_tokens: 10.2K | time_per_iteration_ms: 80.1 | "
        "tokens_per_sec: 24.9K | tokens_per_sec_per_gpu: 24.9K | global_batch_size: 2.05K | lm_loss: 10.5 | lr: 3e-05"
    ),
    "megatron-lm": (
        " [2026-01-01 00:00:00.000000] iteration        5/     200 | consumed samples:           40 | elapsed time per "
        "iteration (ms): 80.1 | learning rate: 3.000000E-05 | global batch size:     8 | lm loss: 1.050000E+01 | loss "
        "scale: 1.0 | grad norm: 1.400 |"
    ),
    "olmo-core": (
        "2026-01-01 00:00:00.000\thost:0\tINFO\t[step=5/200,epoch=1,eta=1m]\n    optim/total grad norm=1.4\n"
        "    train/CE loss=10.50\n    train/PPL=36,315"
    ),
    "verl": "step:5 - global_seqlen/min:100 - actor/pg_loss:0.0123 - perf/throughput:812.3",
} | {name: f"{HF}\n{BAR}" for name in recipe_names() if name.startswith(("trl", "axolotl", "llama"))}
OTHERS = sorted(LINES)
PATHS = {
    "data": "/data/export",
    "tokenizer": "/data/tokenizer",
    "base": "/models/base",
    "run_dir": "/runs/a",
    "name": "a",
}
NUMBERS = ("steps", "row_tokens", "context", "batch_rows", "batch_tokens", "micro_tokens", "rows_per_gpu", "accumulate")
NUMBERS += ("processes", "nodes", "gpus", "seed", "learning_rate", "least_learning_rate", "warmup_steps", "decay_steps")
NUMBERS += ("save_every", "vocab_size", "eos_id", "token_bits", "token_bytes", "tokenizer_name")


def other(name: str) -> TrainerRecipe:
    recipe = load_recipe(name)[1]
    assert isinstance(recipe, TrainerRecipe)
    return recipe


def values(recipe: TrainerRecipe) -> dict[str, str | int | float]:
    return recipe.options | dict.fromkeys(NUMBERS, 8) | PATHS


def test_every_trainer_of_the_issue_has_a_recipe() -> None:
    assert set(recipe_names()) - set(OTHERS) == {"tiny", "small", "base"}
    trainers = ("torchtitan", "nanotron", "megatron-lm", "olmo-core", "llama-factory", "verl")
    assert set(OTHERS) == {*trainers, "axolotl-sft", "axolotl-lora", "trl-sft", "trl-dpo", "trl-grpo"}


@pytest.mark.parametrize("name", OTHERS)
def test_a_recipe_renders_to_files_that_parse(name: str) -> None:
    recipe = other(name)
    done = render(recipe, values(recipe))
    rendered = " ".join([*done.argv, *done.files.values()])
    assert "/data/export" in rendered
    assert ("/models/base" in rendered) == recipe.base
    assert "$" not in rendered
    for file, text in done.files.items():
        match Path(file).suffix:
            case ".py":
                compile(text, file, "exec")
            case ".json":
                json.loads(text)
            case _:
                assert isinstance(yaml.safe_load(text), dict)
    named = [word for word in done.argv if word in done.files]
    assert not done.files or named or "gristmill_titan.py" in done.files


@pytest.mark.parametrize("name", OTHERS)
def test_a_line_of_the_trainer_tells_step_and_loss(name: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"starting\n{LINES[name]}\nother words\n", encoding="utf-8")
    found = read_progress(log, other(name).log_pattern)
    assert found.step == 5
    assert found.loss in (10.5, 10.50321, 2.345, 0.0123)
    if name in ("nanotron", "torchtitan"):
        assert (found.tokens_per_second, found.mfu) in ((24_900.0, None), (None, pytest.approx(0.412)))


def test_the_key_is_of_content_and_not_of_places() -> None:
    recipe = other("trl-sft")
    digests = {"data": "d1", "base": "b1"}
    key = command_key(recipe, values(recipe), digests, {})
    moved = values(recipe) | {"data": "/elsewhere", "base": "/models/moved", "run_dir": "/runs/b", "name": "b"}
    assert command_key(recipe, moved, digests, {}) == key
    assert command_key(recipe, values(recipe), digests | {"data": "d2"}, {}) != key
    assert command_key(recipe, values(recipe) | {"steps": 9}, digests, {}) != key
    assert command_key(recipe.model_copy(update={"about": "other words"}), values(recipe), digests, {}) == key


def test_an_option_that_the_recipe_does_not_have_is_refused_with_the_near_one() -> None:
    assert chosen_options(other("trl-sft"), {"steps": 5}, "train")["steps"] == 5
    with pytest.raises(UsageError, match=re.escape('options.setps: unknown option (did you mean "steps"?)')):
        chosen_options(other("trl-sft"), {"setps": 5}, "train")


def test_a_path_that_a_trainer_could_misread_is_refused() -> None:
    recipe = other("axolotl-sft")
    with pytest.raises(UsageError, match="data is '/my data': use letters, digits"):
        render(recipe, values(recipe) | {"data": "/my data"})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("argv: [run, $nothing]", "uses $nothing, which has no value"),
        ("log_pattern: 'loss (?P<loss>.*)'", "no group called step"),
        ("log_pattern: '('", "not a regular expression"),
        ("files: {../out: x}", "is not inside the run directory"),
        ("kind: other", "neither embedded nor command"),
        ("reads: csv", "reads"),
    ],
)
def test_a_recipe_of_ones_own_that_is_wrong_says_where(change: str, told: str, tmp_path: Path) -> None:
    lines = {
        "kind": "kind: command",
        "about": "about: mine",
        "source": "source: mine",
        "reads": "reads: chat",
        "learning_rate": "learning_rate: 0.1",
        "argv": "argv: [run, $data]",
        "log_pattern": "log_pattern: 'step (?P<step>.*)'",
        "checkpoint_glob": "checkpoint_glob: '*/config.json'",
    }
    path = tmp_path / "mine.yaml"
    path.write_text("\n".join(lines.values()), encoding="utf-8")
    assert load_recipe(str(path))[0] == "mine"
    path.write_text("\n".join((lines | {change.partition(":")[0]: change}).values()), encoding="utf-8")
    with pytest.raises(UsageError, match=re.escape(told)):
        render(load_recipe(str(path))[1], PATHS)  # type: ignore[arg-type]


def test_an_unknown_recipe_is_refused_with_the_near_one() -> None:
    with pytest.raises(UsageError, match="there is no recipe 'torchtitn' \\(did you mean \"torchtitan\"\\?\\)"):
        load_recipe("torchtitn")


def test_a_run_goes_on_only_when_there_is_a_checkpoint(tmp_path: Path) -> None:
    told = {"argv": ["run", "a.yaml"], "resume": ["b.yaml"], "checkpoint_glob": "checkpoints/*/done"}
    (tmp_path / "command.json").write_text(json.dumps(told), encoding="utf-8")
    assert command_of(tmp_path) == ["run", "a.yaml"]
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    (tmp_path / "checkpoints" / "5" / "done").touch()
    assert command_of(tmp_path) == ["run", "a.yaml", "b.yaml"]
    told["resume"] = ["--from", "{checkpoint}"]
    (tmp_path / "command.json").write_text(json.dumps(told), encoding="utf-8")
    (tmp_path / "checkpoints" / "10").mkdir()
    (tmp_path / "checkpoints" / "10" / "done").touch()
    assert command_of(tmp_path) == ["run", "a.yaml", "--from", str(tmp_path / "checkpoints" / "10")]


def test_a_small_number_is_a_number_to_yaml() -> None:
    recipe = other("nanotron")
    told = yaml.safe_load(render(recipe, values(recipe) | {"least_learning_rate": 3e-05}).files["config.yaml"])
    assert told["optimizer"]["learning_rate_scheduler"]["min_decay_lr"] == 3e-05
