"""Checkpoints that ask for too much: refused by a process with limits, before this one opens any of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.evals.admission import examination as admission
from gristmill.evals.admission.checkpoint import admit
from gristmill.evals.admission.weights import CheckpointError
from tests.helpers.parity import make_parity_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_parity_checkpoint(tmp_path / "model", begins=False)


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are those of the code in kind, and shorter, so that what runs into them costs a test little."""
    monkeypatch.setitem(admission.CPU_SECONDS, "tokenizer", 3)
    monkeypatch.setitem(admission.MEMORY_BYTES, "tokenizer", 1 << 30)


def configure(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}), encoding="utf-8")


@pytest.mark.usefixtures("quick_admission")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 10**7, "intermediate_size": 10**7}, "differ in shape from config.json"),
        ({"num_hidden_layers": 10**9}, "asks for num_hidden_layers = 1000000000"),
        ({"text_config": {"n_layers": 10**6}}, "asks for n_layers = 1000000"),
        ({"vocab_size": 10**12}, "differ in shape"),
        (
            {"model_type": "gpt_neo", "max_position_embeddings": 10**6, "attention_types": [[["global"], 2]]},
            "tables take .* GiB",
        ),
        ({"model_type": "nonesuch"}, "nonesuch"),
        ({"model_type": "../../evil"}, "transformers cannot build a model from it"),
        ({"text_config": {"auto_map": {"AutoModel": "evil.Model"}}}, "its own Python code"),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": "x" * 10**5}}, "config.json"),
        ({"vocab_size": -1}, "config.json"),
    ],
)
def test_a_config_that_asks_for_too_much_is_refused(folder: Path, changes: dict[str, Any], message: str) -> None:
    configure(folder, **changes)
    with pytest.raises(CheckpointError, match=message) as refused:
        admit(folder)
    assert len(str(refused.value)) < 2000


def rewrite(folder: Path, **changes: Any) -> None:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}), encoding="utf-8")


def backtracking(pattern: str) -> Callable[[Path], None]:
    def attack(folder: Path) -> None:
        split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
        rewrite(folder, pre_tokenizer={"type": "Sequence", "pretokenizers": [split, byte_level]})

    attack.__name__ = pattern
    return attack


def growing(folder: Path) -> None:
    """Each rule makes ten characters of one: ten of them are 10 GB of a letter."""
    rules = [{"type": "Replace", "pattern": {"String": "z"}, "content": "z" * 10}] * 10
    rewrite(folder, normalizer={"type": "Sequence", "normalizers": rules})


def growing_once(folder: Path) -> None:
    rewrite(folder, normalizer={"type": "Replace", "pattern": {"String": "ц"}, "content": "ц" * 10_000})


def growing_regex(folder: Path) -> None:
    """A normaliser's pattern explodes as a splitter's does."""
    rewrite(folder, normalizer={"type": "Replace", "pattern": {"Regex": "(q|qq)+$"}, "content": ""})


def growing_decoder(folder: Path) -> None:
    rule = {"type": "Replace", "pattern": {"String": "e"}, "content": "e" * 1000}
    rewrite(folder, decoder={"type": "Sequence", "decoders": [{"type": "ByteLevel"}, rule, rule, rule]})


def deep(folder: Path) -> None:
    rewrite(folder)
    path = folder / "tokenizer.json"
    text = path.read_text(encoding="utf-8").replace(
        '"normalizer": null', f'"normalizer": {"[" * 100_000}{"]" * 100_000}'
    )
    path.write_text(text, encoding="utf-8")


def far_token(folder: Path) -> None:
    """One token whose number is 4 billion: a table of all of them would not fit."""
    path = folder / "tokenizer.json"
    stated = json.loads(path.read_bytes())
    stated["added_tokens"].append({**stated["added_tokens"][-1], "id": 2**32 - 2, "content": "<far>"})
    path.write_text(json.dumps(stated), encoding="utf-8")


@pytest.mark.parametrize(
    "attack",
    [
        backtracking(r"(a+)+$"),
        backtracking(r"(\s+)+\S\d"),
        backtracking(r"([^!]|[^?])+%$"),
        backtracking(r"(ж|жж)+$"),
        growing,
        growing_once,
        growing_regex,
        growing_decoder,
        deep,
        far_token,
    ],
    ids=lambda attack: attack.__name__,
)
def test_a_tokenizer_that_explodes_is_refused(folder: Path, attack: Callable[[Path], None]) -> None:
    attack(folder)
    with pytest.raises(CheckpointError, match=r"tokenizer") as refused:
        admit(folder)
    assert len(str(refused.value)) < 2000
