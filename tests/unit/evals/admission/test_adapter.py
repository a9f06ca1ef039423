"""LoRA adapters: admitted only over a base that they fit, named by both, and scored as base plus B A."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gristmill.evals.admission.checkpoint import CheckpointError, admit
from gristmill.evals.models.huggingface import load
from gristmill.evals.models.model import silent
from tests.helpers.parity import WIDTH, make_parity_checkpoint

pytestmark = pytest.mark.usefixtures("quick_admission")

RANK = 4
SETTINGS = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "base_model_name_or_path": "../base",
    "r": RANK,
    "lora_alpha": 8,
    "lora_dropout": 0.05,
    "target_modules": ["q_proj", "down_proj"],
    "modules_to_save": None,
    "rank_pattern": {},
}
MODULES = {"model.layers.0.self_attn.q_proj": (WIDTH, WIDTH), "model.layers.1.mlp.down_proj": (2 * WIDTH, WIDTH)}
PAIRS = [("Question: What is 2 + 3?\nAnswer:", " 5"), ("The function", " returns a list of the items")]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_parity_checkpoint(tmp_path / "base", begins=False)


@pytest.fixture
def adapter(tmp_path: Path, base: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    configure(folder)
    save_file(matrices(), folder / "adapter_model.safetensors")
    return folder


def configure(folder: Path, **changes: Any) -> None:
    (folder / "adapter_config.json").write_text(json.dumps(SETTINGS | changes), encoding="utf-8")


def matrices(rank: int = RANK) -> dict[str, np.ndarray]:
    drawn = np.random.default_rng(0)
    found = {}
    for module, (inputs, outputs) in MODULES.items():
        found[f"base_model.model.{module}.lora_A.weight"] = drawn.normal(size=(rank, inputs)).astype(np.float32)
        found[f"base_model.model.{module}.lora_B.weight"] = drawn.normal(size=(outputs, rank)).astype(np.float32)
    return found


@pytest.mark.parametrize(("rank_stabilised", "scale"), [(False, 8 / 4), (True, 8 / 2)])
def test_an_adapter_scores_as_its_base_with_the_product_added(
    adapter: Path, base: Path, tmp_path: Path, rank_stabilised: bool, scale: float
) -> None:
    configure(adapter, use_rslora=rank_stabilised)
    merged = shutil.copytree(base, tmp_path / "merged")
    weights, change = load_file(merged / "model.safetensors"), matrices()
    for module in MODULES:
        down, up = (change[f"base_model.model.{module}.lora_{name}.weight"] for name in "AB")
        weights[f"{module}.weight"] = weights[f"{module}.weight"] + np.float32(scale) * (up @ down)
    save_file(weights, merged / "model.safetensors", metadata={"format": "pt"})
    ours, wanted, plain = (load(admit(folder)).loglikelihood(PAIRS, silent) for folder in (adapter, merged, base))
    for got, right, without in zip(ours, wanted, plain, strict=True):
        assert got.log_probability == pytest.approx(right.log_probability, rel=1e-5)
        assert abs(got.log_probability - without.log_probability) > 0.01


def test_the_digest_covers_base_and_adapter(adapter: Path, base: Path, tmp_path: Path) -> None:
    found = admit(adapter, "tuned")
    assert (found.path, found.base and found.base.resolve(), found.label) == (adapter, base.resolve(), "tuned")
    assert found.parameters == admit(base).parameters + sum(values.size for values in matrices().values())
    moved = shutil.copytree(base, tmp_path / "moved")
    configure(adapter, base_model_name_or_path=str(moved), lora_dropout=0.5, inference_mode=True)
    assert admit(adapter).digest == found.digest
    digests = {found.digest, admit(base).digest}
    configure(adapter, lora_alpha=9)
    digests.add(admit(adapter).digest)
    configure(adapter)
    changed = matrices()
    next(iter(changed.values()))[0, 0] += 1e-3
    save_file(changed, adapter / "adapter_model.safetensors")
    digests.add(admit(adapter).digest)
    config = json.loads((base / "config.json").read_bytes())
    (base / "config.json").write_text(json.dumps(config | {"rope_theta": 500.0}))
    digests.add(admit(adapter).digest)
    assert len(digests) == 5


def drop_matrix(folder: Path) -> None:
    left = matrices()
    del left["base_model.model.model.layers.1.mlp.down_proj.lora_A.weight"]
    save_file(left, folder / "adapter_model.safetensors")


def other_rank(folder: Path) -> None:
    save_file(matrices(rank=2), folder / "adapter_model.safetensors")


def other_base(folder: Path) -> None:
    renamed = {name.replace("layers.1", "layers.7"): values for name, values in matrices().items()}
    save_file(renamed, folder / "adapter_model.safetensors")


def diverged(folder: Path) -> None:
    values = matrices()
    next(iter(values.values()))[0, 0] = np.nan
    save_file(values, folder / "adapter_model.safetensors")


def pickled(folder: Path) -> None:
    (folder / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")


def pickled_base(folder: Path) -> None:
    (folder.parent / "base" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")


def other_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def adapter_as_base(folder: Path) -> None:
    (folder.parent / "base" / "adapter_config.json").write_text("{}")


def no_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop_matrix, "is not one of a pair of LoRA matrices"),
        (other_rank, "do not fit rank 4"),
        (other_base, "the base has no weight model.layers.7.mlp.down_proj.weight"),
        (diverged, "not finite"),
        (pickled, "adapter_model.bin: pickled weights"),
        (pickled_base, "pytorch_model.bin: pickled weights"),
        (other_tokenizer, "tokenizer.json next to the adapter differs from that of its base"),
        (adapter_as_base, "is an adapter too"),
        (no_weights, "there is no adapter_model.safetensors"),
    ],
)
def test_a_faulty_adapter_is_refused(adapter: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(adapter)
    with pytest.raises(CheckpointError, match=message):
        admit(adapter)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_dora": True}, "only plain LoRA adapters.*use_dora.*merge_and_unload"),
        ({"bias": "all"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"rank_pattern": {"q_proj": 8}}, "rank_pattern"),
        ({"peft_type": "IA3"}, "peft_type"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights"),
        ({"layer_replication": [[0, 2], [1, 2]]}, "layer_replication"),
        ({"base_model_name_or_path": "someone/base-7b"}, "base_model_name_or_path in adapter_config.json"),
        ({"base_model_name_or_path": None}, "base_model_name_or_path"),
    ],
)
def test_what_is_not_plain_lora_is_refused(adapter: Path, changes: dict[str, Any], message: str) -> None:
    configure(adapter, **changes)
    with pytest.raises(CheckpointError, match=message):
        admit(adapter)
