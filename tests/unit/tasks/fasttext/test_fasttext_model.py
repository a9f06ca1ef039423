"""fastText models read and asked without the library: the library's answers, and no harm from a broken file."""

import random
from collections.abc import Callable
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gristmill.tasks.fasttext.files import read_model
from gristmill.tasks.fasttext.predict import CACHED_BYTES, predict
from gristmill.tasks.signals.language import language_config
from gristmill.tasks.signals.language import located as language_model

WORDS = (
    "the of mill grain water stone wheel mühle korn wasser stein rad 磨坊 谷物 水 石头 轮子 мельница зерно вода".split()  # noqa: SIM905
)
PIECES = [
    *WORDS,
    "a",
    "é",
    "</s>",
    "__label__x",
    "__label__",
    "\0",
    "\t",
    " ",
    "\r",
    "\x0b",
    "\x85",
    "\u3000",
    "𝔐",
    "x" * 70,
    "磨" * 40,
]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)
KINDS = {
    "words": {"wordNgrams": 1, "loss": "softmax"},
    "bigrams": {"wordNgrams": 2, "bucket": 500, "loss": "softmax"},
    "subwords": {"wordNgrams": 1, "minn": 2, "maxn": 4, "bucket": 700, "loss": "hs"},
    "everything": {"wordNgrams": 3, "minn": 1, "maxn": 3, "bucket": 300, "loss": "ova"},
}

Trained = Callable[[str], Path]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small model of each kind; ``quantised`` is ``subwords`` with pruned n-grams and norms apart."""
    folder = tmp_path_factory.mktemp("models")
    draw = random.Random(5)
    lines = [
        f"__label__{label} " + " ".join(draw.choice(WORDS[label : label + 8]) for _ in range(9))
        for label in range(len(WORDS) - 8)
        for _ in range(12)
    ]
    (folder / "texts").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, arguments in KINDS.items():
        model = fasttext.train_supervised(
            str(folder / "texts"), dim=10, epoch=6, lr=0.8, thread=1, verbose=0, minCount=1, **arguments
        )
        model.save_model(str(folder / f"{name}.bin"))
        if name == "subwords":
            model.quantize(qnorm=True, cutoff=300)
            model.save_model(str(folder / "quantised.bin"))
    return lambda name: folder / f"{name}.bin"


def same_as_the_library(path: Path, texts: list[str], k: int) -> None:
    """Labels and probabilities, to the bit; equally probable labels come in an order that means nothing."""
    model = read_model(path)
    labels, scores = predict(model, pa.array(texts, pa.string()), k)
    expected = fasttext.load_model(str(path)).predict([text.replace("\n", " ") for text in texts], k=k)
    for row, (names, values) in enumerate(zip(*expected, strict=True)):
        found = [model.labels[label] for label in labels[row] if label >= 0]
        probabilities = scores[row, : len(found)].tolist()
        assert probabilities == np.asarray(values, np.float32).tolist(), texts[row]
        assert not scores[row, len(found) :].any()
        if len(set(probabilities)) == len(probabilities):
            assert found == [str(name) for name in names], texts[row]
        elif len(found) == len(model.labels):
            theirs = zip(names, np.asarray(values, np.float32).tolist(), strict=True)
            assert dict(zip(found, probabilities, strict=True)) == {str(name): value for name, value in theirs}


@pytest.mark.parametrize("name", [*KINDS, "quantised"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
@example(texts=["", "\n", "</s> mill", "mill </s> grain", "__label__0 mill", "x" * (CACHED_BYTES + 1) + " mill"])
def test_answers_are_the_library_s(name: str, trained: Trained, texts: list[str]) -> None:
    same_as_the_library(trained(name), texts, k=len(WORDS) - 8 if name == "everything" else 2)


def test_answers_of_lid_176_are_the_library_s() -> None:
    draw = random.Random(7)
    texts = [" ".join(draw.choice(PIECES) for _ in range(draw.randrange(60))) for _ in range(300)]
    same_as_the_library(language_model(None), texts, k=2)
    same_as_the_library(language_model(None), texts[:20], k=9)


def test_a_text_does_not_depend_on_the_texts_around_it(trained: Trained) -> None:
    """Words met before are remembered; that must not show. 200,000 distinct words are more than are remembered."""
    model = read_model(trained("everything"))
    many = " ".join(f"w{number}" for number in range(200_000))
    texts = ["mill grain water", many, "mill grain water", "Wasser und Stein"]
    labels, scores = predict(model, pa.array(texts), k=3)
    for row, text in enumerate(texts):
        alone = predict(model, pa.array([text]), k=3)
        assert labels[row].tolist() == alone[0][0].tolist()
        assert scores[row].tolist() == alone[1][0].tolist()


def test_a_slice_of_an_array_and_large_strings(trained: Trained) -> None:
    model = read_model(trained("words"))
    texts = pa.array(["mill", "wasser stein", "水 石头", "grain"])
    whole = predict(model, texts, k=1)[1]
    assert predict(model, texts.slice(1, 2), k=1)[1].tolist() == whole[1:3].tolist()
    assert predict(model, texts.cast(pa.large_string()), k=1)[1].tolist() == whole.tolist()
    assert predict(model, texts.slice(4), k=1)[1].tolist() == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"short", "ends too early"),
        (b"PK\x03\x04" + bytes(200), "does not begin as a fastText model does"),
    ],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_model(tmp_path / "model.bin")


def test_word_vectors_are_no_classifier(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text(" ".join(WORDS * 10) + "\n", encoding="utf-8")
    model = fasttext.train_unsupervised(
        str(tmp_path / "texts"), dim=4, epoch=1, minCount=1, thread=1, verbose=0, bucket=20
    )
    model.save_model(str(tmp_path / "vectors.bin"))
    with pytest.raises(ValueError, match="holds word vectors"):
        read_model(tmp_path / "vectors.bin")


@pytest.mark.parametrize("name", ["subwords", "quantised"])
def test_a_broken_file_is_refused_or_harmless(name: str, trained: Trained, tmp_path: Path) -> None:
    """Cut short anywhere it is refused; with bytes changed it is refused or answers, and never reads astray."""
    whole, draw = trained(name).read_bytes(), random.Random(3)
    path = tmp_path / "broken.bin"
    for cut in sorted(draw.sample(range(len(whole)), 25)):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"^it |its "):
            read_model(path)
    refused = 0
    for _ in range(120):
        broken = bytearray(whole)
        for place in draw.sample(range(min(len(whole), 1500)), 3):
            broken[place] = draw.choice((0, 1, 127, 128, 255))
        path.write_bytes(broken)
        try:
            labels, _ = predict(read_model(path), pa.array(["mill grain 磨坊 " + "x" * 90, ""]), k=2)
        except ValueError:
            refused += 1
        else:
            assert labels.max() < len(WORDS)
    assert refused > 30


def test_the_config_of_a_model_elsewhere(trained: Trained) -> None:
    assert language_config(trained("subwords")).model == "subwords.bin"
