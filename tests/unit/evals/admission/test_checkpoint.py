"""Admission: what is refused, with the hint, and what names a checkpoint. No torch here: files are made with numpy."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gristmill.core.errors import UsageError
from gristmill.evals.admission.checkpoint import CheckpointError, admit, is_padding
from tests.helpers.parity import LAYERS, VOCABULARY, WIDTH, make_parity_checkpoint

pytestmark = pytest.mark.usefixtures("quick_admission")

EMBEDDING, NORM = "model.embed_tokens.weight", "model.norm.weight"
PARAMETERS = 28_832


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_parity_checkpoint(tmp_path_factory.mktemp("models") / "step-10", begins=False)


@pytest.fixture
def folder(tmp_path: Path, sound: Path) -> Path:
    """A sound checkpoint."""
    return shutil.copytree(sound, tmp_path / "step-10")


def tensors(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


def save(folder: Path, values: dict[str, np.ndarray]) -> None:
    save_file(values, folder / "model.safetensors", metadata={"format": "pt"})


def embed(folder: Path, rows: int) -> None:
    """Another number of rows of the embedding, in weights and config."""
    values = tensors(folder)
    save(folder, values | {EMBEDDING: np.resize(values[EMBEDDING], (rows, WIDTH))})
    configure(folder, vocab_size=rows)


def configure(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}), encoding="utf-8")


def shard(folder: Path, **placed: str) -> None:
    """Two shards and an index in place of the one file; ``placed`` changes the index, by the shard's number."""
    values, places = tensors(folder), {}
    (folder / "model.safetensors").unlink()
    for number, chosen in ((1, {name for name in values if name != NORM}), (2, {NORM})):
        save_file({name: values[name] for name in chosen}, folder / f"model-{number}.safetensors")
        places |= dict.fromkeys(chosen, placed.get(f"shard{number}", f"model-{number}.safetensors"))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")


def test_a_sound_folder_is_admitted(folder: Path) -> None:
    found = admit(folder)
    assert (found.label, found.parameters, found.vocab_size, found.path) == ("step-10", PARAMETERS, VOCABULARY, folder)
    assert len(found.digest) == 32
    assert int(found.digest, 16) >= 0
    assert admit(folder, label="best").label == "best"


def test_shards_are_admitted(folder: Path) -> None:
    shard(folder)
    assert admit(folder).parameters == PARAMETERS


def break_json(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def drop_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def list_config(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 100_000, encoding="utf-8")


def drop_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def add_bytes(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes() + b"x")


def empty_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def endless_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 8 + b"{}")


def put(kind: str, code: str, value: float) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        values = tensors(folder)
        values[EMBEDDING] = values[EMBEDDING].astype(code)
        values[EMBEDDING][-1, -1] = value
        save(folder, values)

    spoil.__name__ = f"{kind}_{value}"
    return spoil


def save_bfloat16(folder: Path, word: int) -> None:
    """The embedding as bfloat16 ones, one replaced by ``word``; numpy has no such type, so it is written out."""
    values = tensors(folder)
    words = np.full(VOCABULARY * WIDTH, 0x3F80, dtype="<u2")
    words[7] = word
    del values[EMBEDDING]
    parts, header = [words.tobytes()], {"__metadata__": {"format": "pt"}}
    header[EMBEDDING] = {"dtype": "BF16", "shape": [VOCABULARY, WIDTH], "data_offsets": [0, words.nbytes]}
    at = words.nbytes
    for name, value in values.items():
        parts.append(value.astype("<f4").tobytes())
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + len(parts[-1])]}
        at += len(parts[-1])
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))


def put_bfloat16(folder: Path) -> None:
    save_bfloat16(folder, 0x7FC0)  # a NaN


def lose_shard(folder: Path) -> None:
    shard(folder)
    (folder / "model-2.safetensors").unlink()


def misplace_tensor(folder: Path) -> None:
    shard(folder, shard2="model-1.safetensors")


def leave_folder(folder: Path) -> None:
    shard(folder, shard2="../model-2.safetensors")
    (folder / "model-2.safetensors").rename(folder.parent / "model-2.safetensors")


def drop_map(folder: Path) -> None:
    shard(folder)
    (folder / "model.safetensors.index.json").write_text("{}", encoding="utf-8")


def pickle_weights(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")


def pickle_other(folder: Path) -> None:
    (folder / "model.PT").write_bytes(b"")


def ask_for_code(folder: Path) -> None:
    configure(folder, auto_map={"AutoModelForCausalLM": "modeling.Evil"})


def ask_for_tokenizer_code(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["t.Evil", None]}}))


def quantise(folder: Path) -> None:
    configure(folder, quantization_config={"quant_method": "gptq"})


def adapt(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")


def drop_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def more_tokens_than_rows(folder: Path) -> None:
    embed(folder, 256)


def fewer_tokens_than_rows(folder: Path) -> None:
    embed(folder, 448)


def no_vocabulary(folder: Path) -> None:
    configure(folder, vocab_size=None)


def other_rows(folder: Path) -> None:
    configure(folder, vocab_size=321)


def half_the_layers(folder: Path) -> None:
    configure(folder, num_hidden_layers=LAYERS - 1)


def drop_tensor(folder: Path) -> None:
    values = tensors(folder)
    del values["model.layers.1.mlp.up_proj.weight"]
    save(folder, values)


def two_models(folder: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder.parent / "kept")
    shard(folder)
    shutil.copy(folder.parent / "kept", folder / "model.safetensors")


def lose_index(folder: Path) -> None:
    shard(folder)
    (folder / "model.safetensors.index.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (break_json, "config.json: this is not JSON"),
        (list_config, "config.json: this is not JSON"),
        (drop_config, "there is no config.json. Save the model with save_pretrained"),
        (drop_weights, "no model.safetensors"),
        (cut_weights, "not a complete safetensors file"),
        (add_bytes, "not a complete safetensors file"),
        (empty_weights, "not a complete safetensors file"),
        (endless_header, "not a complete safetensors file"),
        (put("float32", "<f4", np.nan), "embed_tokens.weight has a number that is not finite"),
        (put("float16", "<f2", np.inf), "embed_tokens.weight has a number that is not finite"),
        (put("float64", "<f8", -np.inf), "embed_tokens.weight has a number that is not finite"),
        (put_bfloat16, "embed_tokens.weight has a number that is not finite"),
        (lose_shard, "are missing: model-2.safetensors"),
        (misplace_tensor, "it lacks model.norm.weight"),
        (leave_folder, "is not a file name"),
        (drop_map, "no weight_map"),
        (pickle_weights, "pytorch_model.bin: pickled weights .* python -c .*save_pretrained"),
        (pickle_other, "model.PT: pickled weights"),
        (ask_for_code, "config.json asks for its own Python code"),
        (ask_for_tokenizer_code, "tokenizer_config.json asks for its own Python code"),
        (quantise, "quantised"),
        (adapt, "adapter"),
        (drop_tokenizer, "no tokenizer.json"),
        (break_tokenizer, "this is not a tokenizer"),
        (more_tokens_than_rows, "the model has 256 tokens and tokenizer.json has 320"),
        (fewer_tokens_than_rows, "the model has 448 tokens and tokenizer.json has 320, which is more than padding"),
        (no_vocabulary, "vocab_size"),
        (other_rows, "differ in shape from config.json: model.embed_tokens.weight"),
        (half_the_layers, r"config.json lacks: model.layers.1.input_layernorm.weight, .* and 4 more"),
        (drop_tensor, "the weights lack model.layers.1.mlp.up_proj.weight"),
        (two_models, "there are two models"),
        (lose_index, r"there are weights \(model-1.safetensors, model-2.safetensors\), but no model.safetensors"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_faulty_folder_is_refused_with_the_hint(folder: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(folder)
    with pytest.raises(CheckpointError, match=message):
        admit(folder)


def test_a_path_that_is_no_folder_is_a_usage_error(folder: Path) -> None:
    for path in (folder / "nothing", folder / "config.json"):
        with pytest.raises(UsageError, match="there is no such folder"):
            admit(path)


def test_the_state_of_a_trainer_may_lie_beside_the_weights(folder: Path) -> None:
    before = admit(folder)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "rng_state_0.pth", "training_args.bin", "scaler.pt"):
        (folder / name).write_bytes(b"never opened")
    assert admit(folder) == before


def test_rows_that_pad_the_vocabulary_are_allowed(folder: Path) -> None:
    embed(folder, 321)
    assert admit(folder).vocab_size == 321


@pytest.mark.parametrize(
    ("tokens", "rows", "allowed"),
    [
        (50_257, 50_257, True),
        (4_096, 4_136, True),
        (50_257, 50_400, True),  # GPT-J
        (50_295, 51_200, True),  # Phi-2
        (200_019, 201_088, True),  # gpt-oss
        (100_015, 102_400, True),  # DeepSeek-Coder
        (151_665, 152_064, True),  # Qwen2.5
        (32_000, 50_257, False),
        (320, 512, False),
    ],
)
def test_padding_is_told_from_another_vocabulary(tokens: int, rows: int, allowed: bool) -> None:
    assert is_padding(rows - tokens, tokens) is allowed


def test_bfloat16_weights_are_read(folder: Path) -> None:
    save_bfloat16(folder, 0x7F7F)  # the largest finite number
    assert admit(folder).parameters == PARAMETERS


def test_the_digest_is_of_the_content(folder: Path, tmp_path: Path) -> None:
    digest = admit(folder).digest
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    configure(moved, transformers_version="4.0", _name_or_path="/home/someone")
    (moved / "README.md").write_text("words")
    assert admit(moved).digest == digest


@pytest.mark.parametrize("what", ["weight", "config", "tokenizer"])
def test_the_digest_changes_with_all_that_changes_a_score(folder: Path, what: str) -> None:
    digest = admit(folder).digest
    if what == "weight":
        put("float32", "<f4", 1.0000001)(folder)
    elif what == "config":
        configure(folder, rope_theta=5e5)
    else:
        tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        tokenizer["model"]["merges"][0], tokenizer["model"]["merges"][1] = tokenizer["model"]["merges"][1::-1]
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    assert admit(folder).digest != digest


def test_admission_and_grading_need_no_torch() -> None:
    program = (
        "import sys, gristmill.evals.admission.checkpoint; "
        "import gristmill.evals.scoring.grading, gristmill.evals.scoring.perplexity; "
        "print({'torch', 'transformers'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
