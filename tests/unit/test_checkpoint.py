"""Admission: what is refused, with the cure, and what names a checkpoint. No torch here: files are made with numpy."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from evals.checkpoint import CheckpointError, admit
from schemas.errors import UsageError
from tests.helpers.tiny_checkpoint import make_tokenizer

VOCABULARY = 320
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": VOCABULARY, "rope_theta": 1e4}


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    make_tokenizer(path, VOCABULARY)
    return path


@pytest.fixture
def folder(tmp_path: Path, tokenizer_file: Path) -> Path:
    """A sound checkpoint of two tensors."""
    folder = tmp_path / "step-10"
    folder.mkdir()
    shutil.copy(tokenizer_file, folder / "tokenizer.json")
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    save_file(tensors(), folder / "model.safetensors")
    return folder


def tensors(rows: int = VOCABULARY) -> dict[str, np.ndarray]:
    return {"embed": np.ones((rows, 4), dtype=np.float32), "scale": np.full(4, 0.5, dtype=np.float16)}


def configure(folder: Path, **changes: Any) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}), encoding="utf-8")


def shard(folder: Path, **placed: str) -> None:
    """Two shards and an index in place of the one file; ``placed`` changes the index."""
    (folder / "model.safetensors").unlink()
    for number, (name, values) in enumerate(tensors().items(), start=1):
        save_file({name: values}, folder / f"model-{number}.safetensors")
    places = {"embed": "model-1.safetensors", "scale": "model-2.safetensors", **placed}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")


def test_a_sound_folder_is_admitted(folder: Path) -> None:
    found = admit(folder)
    assert (found.label, found.parameters, found.vocab_size, found.path) == ("step-10", 4 * VOCABULARY + 4, 320, folder)
    assert len(found.digest) == 32
    assert int(found.digest, 16) >= 0
    assert admit(folder, label="best").label == "best"


def test_shards_are_admitted(folder: Path) -> None:
    shard(folder)
    assert admit(folder).parameters == 4 * VOCABULARY + 4


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
        values = tensors()
        values["embed"] = values["embed"].astype(code)
        values["embed"][-1, -1] = value
        save_file(values, folder / "model.safetensors")

    spoil.__name__ = f"{kind}_{value}"
    return spoil


def save_bfloat16(folder: Path, word: int) -> None:
    """A file of ones, one of them replaced by ``word``; numpy has no such type, so the format is written out."""
    words = np.full(VOCABULARY * 4, 0x3F80, dtype="<u2")
    words[7] = word
    entry = {"dtype": "BF16", "shape": [VOCABULARY, 4], "data_offsets": [0, words.nbytes]}
    header = json.dumps({"embed": entry}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + words.tobytes())


def put_bfloat16(folder: Path) -> None:
    save_bfloat16(folder, 0x7FC0)  # a NaN


def lose_shard(folder: Path) -> None:
    shard(folder)
    (folder / "model-2.safetensors").unlink()


def misplace_tensor(folder: Path) -> None:
    shard(folder, scale="model-1.safetensors")


def leave_folder(folder: Path) -> None:
    shard(folder, scale="../model-2.safetensors")
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
    configure(folder, vocab_size=256)
    save_file(tensors(256), folder / "model.safetensors")


def fewer_tokens_than_rows(folder: Path) -> None:
    configure(folder, vocab_size=384)
    save_file(tensors(384), folder / "model.safetensors")


def odd_padding(folder: Path) -> None:
    configure(folder, vocab_size=321)
    save_file(tensors(321), folder / "model.safetensors")


def no_vocabulary(folder: Path) -> None:
    configure(folder, vocab_size=None)


def other_rows(folder: Path) -> None:
    save_file(tensors(256), folder / "model.safetensors")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (break_json, "config.json: this is not JSON"),
        (list_config, "config.json: this is not JSON"),
        (drop_config, "there is no config.json. Save the model with save_pretrained"),
        (drop_weights, "no model.safetensors"),
        (cut_weights, "no complete safetensors file"),
        (add_bytes, "no complete safetensors file"),
        (empty_weights, "no complete safetensors file"),
        (endless_header, "no complete safetensors file"),
        (put("float32", "<f4", np.nan), "embed holds a number that is not finite"),
        (put("float16", "<f2", np.inf), "embed holds a number that is not finite"),
        (put("float64", "<f8", -np.inf), "embed holds a number that is not finite"),
        (put_bfloat16, "embed holds a number that is not finite"),
        (lose_shard, "are missing: model-2.safetensors"),
        (misplace_tensor, "it lacks scale"),
        (leave_folder, "is no file name"),
        (drop_map, "no weight_map"),
        (pickle_weights, "pytorch_model.bin: pickled weights .* python -c .*save_pretrained"),
        (pickle_other, "model.PT: pickled weights"),
        (ask_for_code, "config.json asks for Python code of its own"),
        (ask_for_tokenizer_code, "tokenizer_config.json asks for Python code of its own"),
        (quantise, "quantised"),
        (adapt, "adapter"),
        (drop_tokenizer, "no tokenizer.json"),
        (break_tokenizer, "this is no tokenizer"),
        (more_tokens_than_rows, "the model has 256 tokens and tokenizer.json has 320"),
        (fewer_tokens_than_rows, "the model has 384 tokens and tokenizer.json has 320"),
        (odd_padding, "the model has 321 tokens and tokenizer.json has 320"),
        (no_vocabulary, "states no vocab_size"),
        (other_rows, "no weight has that many rows"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_faulty_folder_is_refused_with_the_cure(folder: Path, spoil: Callable[[Path], None], message: str) -> None:
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


def test_rows_that_round_the_vocabulary_up_are_allowed(folder: Path, tmp_path: Path) -> None:
    make_tokenizer(folder / "tokenizer.json", 300)
    assert admit(folder).vocab_size == 320


def test_bfloat16_weights_are_read(folder: Path) -> None:
    save_bfloat16(folder, 0x7F7F)  # the largest finite number
    assert admit(folder).parameters == VOCABULARY * 4


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
        "import sys, evals.checkpoint, evals.grading, evals.perplexity; "
        "print({'torch', 'transformers'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
