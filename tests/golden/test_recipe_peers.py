"""Every recipe of another trainer, as ``train --dry-run`` prints it, goes through that trainer's own parser.

Runs where the parsers are installed (``make test-peers``), else it is skipped. Those of torchtitan, nanotron,
Megatron-LM and OLMo-core are in their source trees (``python -m benchmarks.peers.checkouts``).
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.peers.checkouts import checked_out
from benchmarks.peers.venvs import installed
from gristmill.core.lake import Lake
from gristmill.flows.cli.app import app
from tests.helpers.training_inputs import BATCH, ROW, STEPS, make_inputs, mix_in

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "peers" / "recipe_parsers.py"
ROWS = 2 * BATCH
TUNERS = {
    "trl-sft": "trl",
    "trl-dpo": "trl",
    "trl-grpo": "trl",
    "llama-factory": "llama-factory",
    "axolotl-sft": "axolotl",
    "axolotl-lora": "axolotl",
    "verl": "verl",
}
RATES = {
    "trl-sft": 1e-5,
    "trl-dpo": 1e-6,
    "trl-grpo": 1e-6,
    "llama-factory": 1e-4,
    "axolotl-sft": 1e-5,
    "axolotl-lora": 2e-4,
    "verl": 1e-6,
}
EXPORTS = {"torchtitan": "parquet", "megatron-lm": "megatron", "nanotron": "datatrove", "olmo-core": "olmo"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a mix, made once there is a parser to try."""
    if installed("recipe-parsers") is None:
        pytest.skip("needs the trainers' parsers: python -m benchmarks.peers.venvs recipe-parsers")
    base = tmp_path_factory.mktemp("recipes")
    home = Lake.open(base / "lake")
    mix_in(home, make_inputs(base))
    return home.root


def gristmill(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def dry_run(recipe: str, lake: Path, run_dir: Path, *words: object) -> list[str]:
    """Write the files of a recipe to ``run_dir``; its command line."""
    common = ("--processes", 2, "--set", "accumulate=2", "--set", f"batch_rows={ROWS}", "--checkpoints", 2)
    (run,) = json.loads(gristmill("train", "--recipe", recipe, "--dry-run", "--json", "--lake", lake, *common, *words))
    run_dir.mkdir()
    for name, text in run["files"].items():
        (run_dir / name).write_text(text.replace("RUN_DIR", str(run_dir)), encoding="utf-8")
    told = json.loads((run_dir / "command.json").read_bytes())
    assert told["argv"] == [word.replace("RUN_DIR", str(run_dir)) for word in run["argv"]]
    return list(told["argv"])


def parsed(trainer: str, source: str, words: list[str], run_dir: Path) -> dict[str, Any]:
    """What the trainer's parser makes of a command line."""
    found = installed("recipe-parsers")
    assert found is not None
    ended = subprocess.run(
        [str(found.python), str(SCRIPT), trainer, source, *words],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=run_dir,
        env={**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize("recipe", TUNERS)
def test_a_recipe_that_tunes_is_what_its_trainer_understands(recipe: str, lake: Path, tmp_path: Path) -> None:
    base, data, run_dir = tmp_path / "base", tmp_path / "data.jsonl", tmp_path / "run"
    words = dry_run(recipe, lake, run_dir, "--base", base, "--data", data, "--set", "options.steps=40")
    found = parsed(TUNERS[recipe], "", words, run_dir)
    assert found["steps"] == 40
    assert found["learning_rate"] == pytest.approx(RATES[recipe])
    assert found["out"] == str(run_dir / "checkpoints")
    assert found["base"] == str(base)
    if recipe == "llama-factory":
        assert (found["data"], found["finetuning"]) == (str(data), "lora")
        assert found["messages"] == ["messages", "role", "content", "user"]
    else:
        assert found["data"] == str(data)
    if recipe.startswith("axolotl"):
        assert found["adapter"] == ("lora" if recipe == "axolotl-lora" else None)
    if recipe.startswith("trl"):
        assert (found["processes"], found["resume"]) == (2, None)
        again = json.loads((run_dir / "command.json").read_bytes())["resume"]
        assert parsed("trl", "", [*words, *again], run_dir)["resume"] == "{checkpoint}"


@pytest.mark.parametrize("recipe", EXPORTS)
def test_a_recipe_that_pretrains_is_what_its_trainer_understands(recipe: str, lake: Path, tmp_path: Path) -> None:
    source = checked_out(recipe)
    if source is None:
        pytest.skip(f"needs the sources of {recipe}: python -m benchmarks.peers.checkouts")
    export, run_dir = tmp_path / "export", tmp_path / "run"
    form = EXPORTS[recipe]
    asked = ("--mixture", "even", "--format", form, "--mode", "stream", "--out", export)
    gristmill("tokens", "export", "--unsigned", *asked, "--lake", lake)
    home = [] if recipe == "torchtitan" else ["--set", f"options.home={source}"]
    words = dry_run(recipe, lake, run_dir, "--data", export, *home)
    found = parsed(recipe, str(source), words, run_dir)
    assert found["steps"] == STEPS * BATCH // ROWS
    assert found["learning_rate"] == pytest.approx(1e-3 if recipe == "olmo-core" else 3e-4)
    assert found["out"] == str(run_dir / "checkpoints")
    assert found["data"].startswith(str(export))
    match recipe:
        case "torchtitan":
            assert (found["tokens"], found["seed"]) == (ROWS * (ROW - 1), 0)
        case "olmo-core":
            assert found["tokens"] == ROWS * (ROW - 1)
        case "megatron-lm":
            assert (found["rows"], found["processes"]) == (ROWS, 2)
        case _:
            again = json.loads((run_dir / "command.json").read_bytes())["resume"]
            resumed = parsed(recipe, str(source), [*words, *again], run_dir)
            assert resumed["resume"] == str(run_dir / "checkpoints")
