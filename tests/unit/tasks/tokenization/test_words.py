"""What a token is, and the sums and hashes over the token table."""

import hashlib
import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from gristmill.tasks.kernels.tokens.whitespace_split import LETTER, SENTENCE_END
from gristmill.tasks.text.characters import PLANES, character_table
from gristmill.tasks.text.slices import map_slices, map_slices_to_many, slices
from gristmill.tasks.tokenization.special_cases import special_cases
from gristmill.tasks.tokenization.words import hash_word, is_one_token, tokenize, tokens_from_characters
from tests.helpers.plain_signals import column_words, documents_of

SPACY_CASES = (
    "18df6b0c572ac6208e83ee9c456c45808d55bf8e784ce832593a3975a738122c"  # of spaCy 3.8.18, made by its own rules
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("\n\t \u3000\x1c\u2028", []),
        ("word", ["word"]),
        ("Hello, world!!", ["Hello", ",", "world", "!", "!"]),
        ("(end).", ["(", "end", ")", "."]),
        ("well-known and/or black/white", ["well", "-", "known", "and/or", "black", "/", "white"]),
        ("rock--paper a — b a——b", ["rock", "--", "paper", "a", "—", "b", "a", "——", "b"]),
        ("don't John’s we'll CAN'T dont", ["do", "n't", "John", "’s", "we", "'ll", "CAN'T", "do", "nt"]),
        ("'tis rock'n'roll cannot id", ["'", "tis", "rock'n'roll", "can", "not", "i", "d"]),
        ("wait... so…yes .. .", ["wait", "...", "so", "…", "yes", "..", "."]),
        ("J. Smith of U.S. USA. ends.", ["J.", "Smith", "of", "U.S.", "USA", ".", "ends", "."]),
        ("Mr. Smith, e.g. vs. (Mr.) x", ["Mr.", "Smith", ",", "e.g.", "vs.", "(", "Mr.", ")", "x"]),
        ("end.Start a.b .txt 'a'.'B'", ["end", ".", "Start", "a.b", ".txt", "'", "a'", ".", "'B", "'"]),
        ("3.14 1,000 50% $5 5$ -1 2+2", ["3.14", "1,000", "50", "%", "$", "5", "5", "$", "-1", "2", "+", "2"]),
        ("5km 5km/h 12kg. 3m² 7pm x2m", ["5", "km", "5", "km/h", "12", "kg", ".", "3", "m²", "7", "pm", "x2", "m"]),
        ("US$5 5US$ C$ A$x", ["US$", "5", "5", "US$", "C$", "A$", "x"]),
        ("a,b 1,b", ["a", ",", "b", "1,b"]),
        ("f(x), obj.call(y)[0]", ["f(x", ")", ",", "obj.call(y)[0", "]"]),
        ("see https://example.org/a-b/c=d?e.", ["see", "https://example.org/a-b/c=d?e", "."]),
        ("(http://a.bc/c/d) me@a.bc/x-y", ["(", "http://a.bc/c/d", ")", "me@a.bc/x-y"]),
        ("see:http://a.bc/c-d http://a.b/c", ["see", ":", "http://a.bc", "/", "c", "-", "d", "http://a.b", "/", "c"]),
        ("8.8.8.8/a-b 10.0.0.1/a-b a.bc:80/x-y", ["8.8.8.8/a-b", "10.0.0.1", "/", "a", "-", "b", "a.bc:80/x-y"]),
        (":) x:) :-( x:-)) (8-) : )", [":)", "x", ":)", ":-(", "x:-", ")", ")", "(", "8-)", ":", ")"]),
        ("x:) ) 20°C. xa.m. 10a.m.", ["x", ":", ")", ")", "20", "°", "C", ".", "xa.m", ".", "10", "a.m."]),
        ("__init__ x_y", ["_", "_", "init", "_", "_", "x_y"]),
        ("----- ===== /// C:\\dir", ["-----", "=", "=", "=", "=", "=", "///", "C:\\dir"]),
        ("中文，测试。AB混", ["中文，测试。AB混"]),
        ("ひら カナ。 한글\u200bx", ["ひら", "カナ", "。", "한글\u200bx"]),
        ("สวัสดีครับ नमस्ते।", ["สวัสดีครับ", "नमस्ते", "।"]),
        ("hi😀there ★", ["hi", "😀", "there", "★"]),
        ("a\0b \x85 é\u0301", ["a\0b", "é\u0301"]),
    ],
)
def test_tokens(text: str, words: list[str]) -> None:
    assert column_words(text) == words


def test_special_cases_are_those_of_spacy() -> None:
    listed = sorted((case, list(tokens)) for case, tokens in special_cases().items())
    assert hashlib.sha256(json.dumps(listed).encode()).hexdigest() == SPACY_CASES


def test_every_special_case_alone_becomes_its_tokens() -> None:
    tokens = tokenize(pa.array(list(special_cases())))
    ends = tokens.offsets.tolist()
    words = [tokens.data[a:b].tobytes().decode() for a, b in zip(tokens.start, tokens.end, strict=True)]
    assert [tuple(words[a:b]) for a, b in pairwise(ends)] == list(special_cases().values())


def test_documents_do_not_touch() -> None:
    tokens = tokenize(pa.array(["rock", "--", "", "paper.", "."]))
    assert tokens.offsets.tolist() == [0, 1, 2, 2, 4, 5]
    assert tokens.counts.tolist() == [1, 1, 0, 2, 1]


def test_no_documents() -> None:
    tokens = tokenize(pa.array([], pa.string()))
    assert tokens.documents == 0
    assert tokens.total(tokens.is_word).tolist() == []


def test_flags_and_totals() -> None:
    tokens = tokenize(pa.array(["a1 22 , € _ été", ""]))
    assert tokens.is_alphabetic.tolist() == [True, False, False, False, False, True]
    assert tokens.is_word.tolist() == [True, True, False, True, False, True]  # € is no symbol upstream
    assert tokens.total(tokens.length).tolist() == [2 + 2 + 1 + 1 + 1 + 3, 0]


def test_equal_tokens_have_equal_hashes_wherever_they_stand() -> None:
    tokens = tokenize(pa.array(["the cat, and the hat", "ab ba (the) e.g. x:)", ":) ,"]))
    words = "the cat , and the hat ab ba ( the ) e.g. x :) :) ,".split()  # noqa: SIM905
    hashes = dict(zip(words, tokens.hashes.tolist(), strict=True))
    assert hashes == {word: hash_word(word) for word in hashes}
    assert len(set(tokens.hashes.tolist())) == len(hashes) == 12


def test_sliced_columns_are_the_same() -> None:
    texts = pa.array(["not this", "but (this)", "", "and that."])
    tokens = tokenize(texts.slice(1, 2))
    assert [tokens.data[a:b].tobytes() for a, b in zip(tokens.start, tokens.end, strict=True)] == [
        b"but",
        b"(",
        b"this",
        b")",
    ]
    assert tokens.offsets.tolist() == [0, 4, 4]


def test_nulls_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be null"):
        tokenize(pa.array(["a", None]))


def test_tokens_from_other_boundaries() -> None:
    texts = pa.array(["", "我们 é。x", "日本"])
    tokens = tokens_from_characters(texts, np.array([0, 3, 4, 5, 0]), np.array([2, 4, 5, 6, 1]), np.array([0, 0, 4, 5]))
    words = [tokens.data[a:b].tobytes().decode() for a, b in zip(tokens.start, tokens.end, strict=True)]
    assert words == ["我们", "é", "。", "x", "日"]
    assert tokens.length.tolist() == [2, 1, 1, 1, 1]
    assert tokens.hashes.tolist() == [hash_word(word) for word in words]
    assert [bool(flags & LETTER) for flags in tokens.flags] == [True, True, False, True, True]
    assert [bool(flags & SENTENCE_END) for flags in tokens.flags] == [False, False, True, False, False]
    assert tokens.counts.tolist() == [0, 4, 1]


def test_the_table_ends_with_what_is_beyond() -> None:
    assert len(character_table()) == PLANES + 1
    assert column_words("\U000e0001 \U0010ffff.") == ["\U000e0001", "\U0010ffff."]


@pytest.mark.parametrize(
    ("word", "whole"), [("the", True), ("的", True), ("don't", False), ("of the", False), ("", False)]
)
def test_is_one_token(word: str, whole: bool) -> None:
    assert is_one_token(word) is whole


def test_slices_cover_every_document_once() -> None:
    documents = documents_of(["a" * 5, "", "b" * 20, "c", "d"])
    assert list(slices(documents, 6)) == [(0, 3), (3, 2)]
    assert list(slices(documents, 1)) == [(0, 1), (1, 2), (3, 1), (4, 1)]
    assert list(slices(documents, 1000)) == [(0, 5)]


def test_map_slices_keeps_order_and_calls_once_for_nothing() -> None:
    documents = documents_of(["x", "y", "z"])
    assert map_slices(lambda part: part, documents, 1).equals(documents)
    assert map_slices(lambda part: part.select(["doc_id"]), documents.slice(0, 0)).num_rows == 0


def test_map_slices_to_many_keeps_tables_apart() -> None:
    documents = documents_of(["x", "y", "z"])
    texts, ids = map_slices_to_many(lambda part: (part.select(["text"]), part.select(["doc_id"])), documents, 1)
    assert texts.equals(documents.select(["text"]))
    assert ids.equals(documents.select(["doc_id"]))
    assert [table.num_rows for table in map_slices_to_many(lambda part: (part, part), documents.slice(0, 0))] == [0, 0]
