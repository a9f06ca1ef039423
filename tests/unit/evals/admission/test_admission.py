"""What the examiner finds: every tensor has its place and every place its tensor, by the rules of transformers."""

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from safetensors.numpy import load_file, save_file
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from gristmill.evals.admission import examination as admission
from gristmill.evals.admission.checkpoint import admit
from gristmill.evals.admission.examination import examine_tokenizer, refuse_odd_numbers, refuse_what_runs
from gristmill.evals.admission.examiner import examine_model
from gristmill.evals.admission.examiner import examine_tokenizer as examined_tokenizer
from gristmill.evals.admission.generation_config import context_of
from gristmill.evals.admission.weights import CheckpointError, check_weights
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.huggingface import load
from gristmill.evals.models.model import silent
from tests.helpers.families import FAMILIES
from tests.helpers.parity import LAYERS, VOCABULARY, WIDTH, make_parity_checkpoint
from tests.helpers.tiny_checkpoint import make_checkpoint, make_tokenizer

pytestmark = pytest.mark.usefixtures("quick_admission")

LAYER = ["input_layernorm.weight", "mlp.down_proj.weight", "mlp.gate_proj.weight", "mlp.up_proj.weight"]
LAYER += ["post_attention_layernorm.weight", *(f"self_attn.{name}_proj.weight" for name in "koqv")]


def last_layer(number: int) -> list[str]:
    return [f"model.layers.{number}.{name}" for name in LAYER]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_parity_checkpoint(tmp_path / "model", begins=False)


def examined(folder: Path, **changes: Any) -> dict[str, Any]:
    """What the examiner says, in this process, with ``changes`` to config.json and the weights of the folder."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}), encoding="utf-8")
    shapes = {name: shape for file in folder.glob("*.safetensors") for name, shape in check_weights(file).items()}
    return examine_model({"folder": str(folder), "shapes": shapes})


def rename(folder: Path, prefix: str) -> None:
    weights = {prefix + name: values for name, values in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


SOUND: dict[str, Any] = {"vocab_size": VOCABULARY, "missing": [], "unexpected": [], "mismatched": [], "unconverted": []}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {}),
        ({"num_hidden_layers": LAYERS - 1}, {"unexpected": last_layer(LAYERS - 1)}),
        ({"num_hidden_layers": LAYERS + 1}, {"missing": last_layer(LAYERS)}),
        ({"tie_word_embeddings": False}, {"missing": ["lm_head.weight"]}),
        ({"attention_bias": True, "num_hidden_layers": 0}, {"unexpected": last_layer(0) + last_layer(1)}),
        ({"vocab_size": 321}, {"mismatched": ["model.embed_tokens.weight"], "vocab_size": 321}),
        (
            {"intermediate_size": WIDTH},
            {"mismatched": [f"model.layers.{n}.mlp.{k}_proj.weight" for n in (0, 1) for k in ("down", "gate", "up")]},
        ),
    ],
)
def test_tensors_and_places_are_compared(folder: Path, changes: dict[str, Any], found: dict[str, Any]) -> None:
    assert examined(folder, **changes) == {**SOUND, **found}


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "base_model.model."])
def test_a_wrapper_of_the_trainer_is_seen(folder: Path, prefix: str) -> None:
    """As a parallel or compiled module saves itself: transformers would draw every weight anew, and say so in a log."""
    rename(folder, prefix)
    found = examined(folder)
    assert len(found["unexpected"]) == 9 * LAYERS + 2
    assert len(found["missing"]) == 9 * LAYERS + 3  # the head too, which is tied to what is missing


def test_shards_count_together(tmp_path: Path) -> None:
    sharded = make_checkpoint(tmp_path / "sharded", shard_size="40KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    assert examined(sharded)["unexpected"] == []
    assert examined(sharded, num_hidden_layers=1)["unexpected"] == last_layer(1)


def test_what_transformers_does_not_need_may_be_there(folder: Path) -> None:
    """Buffers that old versions saved, and a head that is tied to the embedding and saved again."""
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = np.ones(4, dtype=np.float32)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].copy()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert examined(folder) == SOUND


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "nonesuch"}, "nonesuch"),
        ({"model_type": None}, "transformers cannot build a model from it"),
        ({"model_type": "clip_vision_model"}, "no causal language model of type clip_vision_model"),
        ({"hidden_size": "many"}, "transformers cannot build a model from it"),
        ({"max_position_embeddings": "256"}, "expected int, got str"),
        ({"num_attention_heads": 0}, "transformers cannot build a model from it"),
    ],
)
def test_a_config_that_is_no_model_is_said(folder: Path, changes: dict[str, Any], message: str) -> None:
    assert message in examined(folder, **changes)["fault"]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_fits_itself(tmp_path: Path, name: str) -> None:
    """What save_pretrained writes: experts apart, names of old, tied heads."""
    ids = {"vocab_size": VOCABULARY, "eos_token_id": 0, "bos_token_id": None, "pad_token_id": None}
    config = transformers.AutoConfig.for_model(name.split()[0], **(ids | FAMILIES[name]))
    model: Any = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(tmp_path)
    assert examined(tmp_path) == SOUND
    longest = 2048 if name in ("mamba", "mamba2", "bloom", "falcon alibi") else 256
    if name != "recurrent_gemma":
        assert (context_of(model.config.to_dict()) or 2048) == longest


def test_a_model_inside_a_wrapper_is_scored(tmp_path: Path) -> None:
    """Multimodal wrappers say everything of the language model under ``text_config``."""
    text = {**FAMILIES["gemma3_text"], "vocab_size": VOCABULARY, "eos_token_id": 7, "pad_token_id": 0}
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**small, "image_size": 28, "patch_size": 14}
    config = transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=1)
    torch.manual_seed(0)
    transformers.Gemma3ForConditionalGeneration(config).save_pretrained(tmp_path)
    make_tokenizer(tmp_path / "tokenizer.json", VOCABULARY)
    (tmp_path / "generation_config.json").unlink()
    stated = json.loads((tmp_path / "config.json").read_bytes())
    assert "vocab_size" not in stated
    assert context_of(stated) == 256
    checkpoint = admit(tmp_path)
    assert checkpoint.vocab_size == VOCABULARY
    model = load(checkpoint)
    (output,) = model.generate(["def add("], [0], Generation(max_new_tokens=4), silent)
    assert output.tokens > 0
    assert model.loglikelihood([("a", " b")], silent)[0].log_probability < 0


def test_a_tokenizer_is_examined_once_wherever_it_lies(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of the checkpoints of one training run, which are equal. A refusal is not remembered."""
    path, copy = folder / "tokenizer.json", tmp_path / "tokenizer.json"
    tokens = examine_tokenizer(path)
    copy.write_bytes(path.read_bytes())
    with monkeypatch.context() as patched:
        patched.setattr(admission, "run", lambda *_: subprocess.CompletedProcess([], 1, b"", b"nobody is here"))
        assert examine_tokenizer(copy) == tokens
        copy.write_bytes(path.read_bytes() + b"\n")
        for _ in range(2):
            with pytest.raises(CheckpointError, match=r"tokenizer\.json: it could not be examined: nobody is here"):
                examine_tokenizer(copy)
    assert examine_tokenizer(copy) == tokens


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text_config": {"auto_map": {"AutoConfig": "evil.Config"}}}, "its own Python code"),
        ({"layers": [{"deep": {"auto_map": {"AutoModel": "evil.Model"}}}]}, "its own Python code"),
        ({"text_config": {"quantization_config": {"quant_method": "gptq"}}}, "quantised"),
        ({"transformers_weights": "other.safetensors"}, "transformers_weights"),
        ({"attn_implementation": "someone/kernel"}, "kernel from a hub"),
        ({"text_config": {"_attn_implementation": {"": "someone/kernel"}}}, "kernel from a hub"),
        ({"_experts_implementation": "someone/kernel"}, "kernel from a hub"),
    ],
)
def test_what_would_run_or_stand_in_is_refused_at_any_depth(folder: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        refuse_what_runs(folder / "config.json", values)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.json", '"max_position_embeddings": 0', "max_position_embeddings is 0. It is how many tokens"),
        ("config.json", '"max_position_embeddings": -1', "max_position_embeddings is -1"),
        ("config.json", '"max_position_embeddings": 1000000000000', "whole number .* from 1 to 134,217,728"),
        ("config.json", '"max_position_embeddings": true', "max_position_embeddings is True"),
        ("config.json", '"n_ctx": 2048.0', "n_ctx is 2048.0"),
        ("config.json", '"text_config": {"n_positions": 0}', "n_positions is 0"),
        ("config.json", '"rms_norm_eps": Infinity', "rms_norm_eps is inf, which cannot be computed with"),
        ("config.json", '"rms_norm_eps": 1e999', "rms_norm_eps is inf"),
        ("config.json", '"rope_scaling": {"factors": [[1.0, NaN]]}', "factors is nan"),
        ("config.json", '"time_step_limit": [NaN, Infinity]', "time_step_limit is nan"),
        ("generation_config.json", '"top_p": NaN', "generation_config.json: top_p is nan"),
    ],
)
def test_a_number_that_is_none_is_refused_with_its_key(folder: Path, file: str, text: str, message: str) -> None:
    values = json.loads((folder / file).read_bytes()) if (folder / file).is_file() else {}
    values.pop("max_position_embeddings", None)
    (folder / file).write_text(f"{json.dumps(values)[:-1]}{', ' if values else ''}{text}}}", encoding="utf-8")

    with pytest.raises(CheckpointError, match=message):
        admit(folder)


def test_a_range_may_be_open(folder: Path) -> None:
    """Mamba-2 has no longest step of time."""
    refuse_odd_numbers(folder / "config.json", {"time_step_limit": [0.0, math.inf], "rms_norm_eps": 1e-6})


def test_what_runs_nothing_is_not_refused(folder: Path) -> None:
    refuse_what_runs(
        folder / "config.json", {"auto_map": {}, "attn_implementation": "sdpa", "quantization_config": None}
    )


@pytest.mark.parametrize(("pattern", "fault"), [("a*a*(?<=b)", "it takes more than"), (r"\s+(?!\S)|\s+", "")])
def test_a_pattern_that_is_slow_at_every_place_of_a_long_run_is_refused(
    tmp_path: Path, pattern: str, fault: str
) -> None:
    """Within its bound at each place, and a thousand times that for a text."""
    tokenizer = tokenizers.Tokenizer(WordLevel({"a": 0, "?": 1}, unk_token="?"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = Split(tokenizers.Regex(pattern), "isolated")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert examined_tokenizer(str(tmp_path / "tokenizer.json")).get("fault", "").startswith(fault)
