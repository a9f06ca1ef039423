"""Compiled byte-level BPE gives the tokens of the library, or leaves a text or a tokenizer to it."""

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram
from tokenizers.pre_tokenizers import ByteLevel, Digits, Metaspace, PreTokenizer, Split
from tokenizers.trainers import BpeTrainer

from gristmill.tasks.kernels.tokens import gpt_split
from gristmill.tasks.mix import byte_pairs
from gristmill.tasks.mix.byte_pairs import compiled
from gristmill.tasks.mix.tokenizer import EOS, TextTokenizer
from gristmill.tasks.mix.tokens import ColumnEncoder

LEARNT = [
    "It's the mill's grinding wheel, and they'll turn 1234 grains into 56 flours.",
    "def grind(corn):\n    return corn.lower()\n\n\nclass Mill:\n    pass\n",
    "磨坊在河边。水车整天转动，磨出面粉。水車小屋は川のそばにある。",
    "Die Mühle steht am Fluß. Мельница стоит у реки. " + "    " * 8,
]
PIECES = [
    *" '  \n\r\tsStTmMdDrReEvVlLaZ019.,-_ſéßẞ\u0301\u00a0\u3000\u2028\u0085½²٣水あ한👋नमK",
    "'s",
    "'LL",
    "'ſ",
    " \n",
    "\r\n",
]


def gpt4(digits: str) -> PreTokenizer:
    split = Split(Regex(byte_pairs.GPT4_PATTERN.replace("DIGITS", digits)), "isolated")
    return pre_tokenizers.Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])


PLAIN = ByteLevel(add_prefix_space=False)
CUTS = {
    "gpt2": PLAIN,
    "digits": pre_tokenizers.Sequence([Digits(individual_digits=True), PLAIN]),
    "llama3": gpt4("{1,3}"),
    "qwen": gpt4(""),
}


def learnt(cut: PreTokenizer, change: Callable[[dict[str, Any]], object] = lambda told: None) -> Tokenizer:
    """A tokenizer learnt from ``LEARNT``, its JSON changed."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = cut
    alphabet = sorted(ByteLevel.alphabet())
    trainer = BpeTrainer(vocab_size=420, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False)  # type: ignore[call-arg]
    tokenizer.train_from_iterator(LEARNT * 3, trainer)
    told = json.loads(tokenizer.to_str())
    change(told)
    return Tokenizer.from_str(json.dumps(told))


def text_tokenizer(tokenizer: Tokenizer) -> TextTokenizer:
    tokenizer.encode_special_tokens = True
    return TextTokenizer(tokenizer, EOS, tokenizer.token_to_id(EOS), tokenizer.get_vocab_size(), "")


def texts(seed: int = 0) -> list[str]:
    """Texts of all that the rules tell apart, and the first 70,000 characters of Unicode."""
    generator = random.Random(seed)
    made = ["".join(generator.choices(PIECES, k=generator.randint(0, 40))) for _ in range(1500)]
    letters = [chr(code) for code in range(0x11170) if not 0xD800 <= code < 0xE000]
    spread = ["".join(generator.choices(letters, k=20) + generator.choices(PIECES, k=10)) for _ in range(500)]
    every = [join.join(letters[at : at + 100]) for at in range(0, len(letters), 100) for join in ("", " ")]
    return [*LEARNT, *made, *spread, *every, "", f"a{EOS}b", EOS, "x" * 600 + " y", f"{EOS} " * 3]


def same(tokenizer: TextTokenizer, given: list[str]) -> None:
    """The compiled tokenizer gives the library's tokens."""
    tokens, ends = ColumnEncoder(tokenizer, in_kernels=True).encode(pa.array(given))
    expected = tokenizer.encode(given)
    assert [part.tolist() for part in np.split(tokens, ends[:-1])] == expected


def whole_pieces(told: dict[str, Any]) -> None:
    """Entries that only a whole piece becomes, as Llama 3 has them."""
    told["model"]["ignore_merges"] = True
    told["model"]["merges"] = [merge for number, merge in enumerate(told["model"]["merges"]) if number % 5]


@pytest.mark.parametrize("change", [lambda told: None, whole_pieces], ids=["merges", "whole"])
@pytest.mark.parametrize("cut", CUTS)
def test_the_tokens_are_those_of_the_library(cut: str, change: Callable[[dict[str, Any]], None]) -> None:
    tokenizer = text_tokenizer(learnt(CUTS[cut], change))
    found = compiled(tokenizer.tokenizer)
    assert found is not None
    given = texts()
    assert found.encode(pa.array(given))[2].tolist() == [len(text) != 602 for text in given]
    same(tokenizer, given)


def test_texts_that_may_be_normalised_or_hold_added_tokens_are_left_to_the_library() -> None:
    tokenizer = learnt(CUTS["qwen"])
    tokenizer.normalizer = normalizers.NFC()  # type: ignore[assignment] # as its stubs have it
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("水車")])
    given = ["naïve 磨坊 한국 Ёлка", "nai\u0308ve", "a <tool> b", "水車", "\u1100\u1161\u11a8", "\u0344 \u212b", "1 2"]
    found = compiled(tokenizer)
    assert found is not None
    assert found.encode(pa.array(given))[2].tolist() == [True, *[False] * 5, True]
    same(text_tokenizer(tokenizer), [*given, *texts(1)])


def test_forgetting_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KNOWN_PIECES": 8, "KNOWN_BYTES": 200, "KNOWN_IDS": 100}.items():
        monkeypatch.setattr(byte_pairs, name, value)
    same(text_tokenizer(learnt(CUTS["gpt2"])), texts(2))


@pytest.mark.parametrize(
    "cut",
    [
        ByteLevel(add_prefix_space=True),
        ByteLevel(add_prefix_space=False, use_regex=False),
        pre_tokenizers.Sequence([Digits(individual_digits=False), PLAIN]),
        pre_tokenizers.Sequence([Split(Regex(r"\s+"), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]),
        Metaspace(),
        pre_tokenizers.Sequence([]),
    ],
    ids=["prefix", "uncut", "numbers", "pattern", "metaspace", "none"],
)
def test_other_cuts_are_left_to_the_library(cut: PreTokenizer) -> None:
    tokenizer = learnt(cut)
    assert compiled(tokenizer) is None
    same(text_tokenizer(tokenizer), LEARNT)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["model"].update(dropout=0.5),
        lambda told: told["model"].update(end_of_word_suffix="</w>"),
        lambda told: told.update(normalizer={"type": "Lowercase"}),
        lambda told: told["model"]["vocab"].pop("Ā"),
    ],
    ids=["dropout", "suffix", "lower", "bytes"],
)
def test_other_models_are_left_to_the_library(change: Callable[[dict[str, Any]], object]) -> None:
    assert compiled(learnt(CUTS["gpt2"], change)) is None


def test_a_unigram_and_a_tokenizer_without_cuts_are_left_to_the_library() -> None:
    assert compiled(Tokenizer(Unigram([("a", 0.0)]))) is None
    assert compiled(Tokenizer(BPE())) is None


@pytest.mark.parametrize(
    "tokens",
    [["cafe\u0301"], [f"<word {number:06}>" for number in range(5000)]],
    ids=["not normalised", "too many"],
)
def test_added_tokens_that_cannot_be_searched_for_are_left_to_the_library(tokens: list[str]) -> None:
    tokenizer = learnt(CUTS["qwen"])
    tokenizer.normalizer = normalizers.NFC()  # type: ignore[assignment] # as its stubs have it
    tokenizer.add_tokens([AddedToken(token, normalized=True) for token in tokens])
    assert compiled(tokenizer) is None
    same(text_tokenizer(tokenizer), [*LEARNT, "a caf\u00e9 b", tokens[-1]])


def test_only_digits_stand_apart() -> None:
    """Five characters that are no digits have one on either side in Unicode, as \u3250 has \u324f and \u3251."""
    apart = np.flatnonzero(byte_pairs.classes_of(digits_apart=True) == gpt_split.CUT)
    same(text_tokenizer(learnt(CUTS["digits"])), [f"        {chr(code)}" for code in apart] + ["        \u3250"])


def test_a_library_that_cuts_otherwise_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = byte_pairs.classes_of(digits_apart=False).copy()
    wrong[ord("h")] = 0
    monkeypatch.setattr(byte_pairs, "classes_of", lambda digits_apart: wrong)
    assert compiled(learnt(CUTS["gpt2"])) is None
