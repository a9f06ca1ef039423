"""Transformer classifiers by path, with a tiny model that the test makes."""

import json
from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.tasks.safety.harm.score import harm, harm_config
from tests.unit.tasks.safety.harm.test_train import documents


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("model")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "river", "mill", "filth", "你", "好"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        id2label={0: "neutral", 1: "Offensive", 2: "hate speech"},
        label2id={"neutral": 0, "Offensive": 1, "hate speech": 2},
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder, safe_serialization=True)
    return folder


def test_its_labels_become_kinds(model: Path) -> None:
    rows = harm.function(documents("river mill", "filth " * 500, "你好"), harm_config(model))
    for kind in ("toxicity", "hate"):
        assert all(0 < score < 1 for score in rows.column(kind).to_pylist())
    assert rows.column("violence").null_count == 3
    assert rows.equals(harm.function(documents("river mill", "filth " * 500, "你好"), harm_config(model)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id2label": {"0": "good", "1": "fair"}}, "none of its labels is a kind of harm: good, fair"),
        ({"auto_map": {"AutoModelForSequenceClassification": "code.Model"}}, "code of its own, which is never run"),
    ],
)
def test_what_is_refused(model: Path, tmp_path: Path, change: dict[str, object], message: str) -> None:
    for path in model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    described = json.loads((tmp_path / "config.json").read_text()) | change
    (tmp_path / "config.json").write_text(json.dumps(described))
    with pytest.raises(UsageError, match=message):
        harm_config(tmp_path)


def test_a_pickle_is_no_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(UsageError, match=r"there is no model.safetensors"):
        harm_config(tmp_path)
