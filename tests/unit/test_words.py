"""What a token is, and the sums and hashes over the token table."""

import numpy as np
import pyarrow as pa
import pytest

from tasks.slices import map_slices, slices
from tasks.words import hash_word, is_one_token, token_hashes, tokenize
from tests.helpers.plain_signals import column_words, documents_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("\n\t \u200b\ufeff\u3000", []),
        ("word", ["word"]),
        ("Hello, world!!", ["Hello", ",", "world", "!", "!"]),
        ("(end).", ["(", "end", ")", "."]),
        ("well-known and/or", ["well", "-", "known", "and", "/", "or"]),
        ("rock--paper a — b", ["rock", "--", "paper", "a", "—", "b"]),
        ("don't John’s we'll CAN'T", ["do", "n't", "John", "’s", "we", "'ll", "CA", "N'T"]),
        ("'tis rock'n'roll", ["'", "tis", "rock'n'roll"]),
        ("wait... so…yes .. .", ["wait", "...", "so", "…", "yes", "..", "."]),
        ("J. Smith of U.S. ends.", ["J.", "Smith", "of", "U.S.", "ends", "."]),
        ("end.Start a.b .txt", ["end", ".", "Start", "a.b", ".txt"]),
        ("3.14 1,000 50% $5 5$ -1 2+2", ["3.14", "1,000", "50", "%", "$", "5", "5", "$", "-1", "2", "+", "2"]),
        ("a,b 1,b", ["a", ",", "b", "1,b"]),
        ("f(x), obj.call(y)[0]", ["f(x", ")", ",", "obj.call(y)[0", "]"]),
        ("see https://example.org/a-b/c=d?e.", ["see", "https://example.org/a-b/c=d?e", "."]),
        ("(http://a.b/c/d) see:http://a.b/c", ["(", "http://a.b/c/d", ")", "see", ":", "http://a.b", "/", "c"]),
        ("__init__ x_y", ["_", "_", "init", "_", "_", "x_y"]),
        ("----- ===== /// C:\\dir", ["-----", "=", "=", "=", "=", "=", "///", "C:\\dir"]),
        ("中文，测试。AB混", ["中", "文", "，", "测", "试", "。", "AB", "混"]),
        ("ひら カナ 한글", ["ひ", "ら", "カ", "ナ", "한", "글"]),
        ("สวัสดีครับ नमस्ते", ["สวัสดีครับ", "नमस्ते"]),
        ("hi😀there ★", ["hi", "😀", "there", "★"]),
        ("a\0b \x85 é\u0301", ["a\0b", "é\u0301"]),
    ],
)
def test_tokens(text: str, words: list[str]) -> None:
    assert column_words(text) == words


def test_documents_do_not_touch() -> None:
    tokens = tokenize(pa.array(["rock", "--", "", "paper.", "."]))
    assert tokens.offsets.tolist() == [0, 1, 2, 2, 4, 5]
    assert tokens.counts.tolist() == [1, 1, 0, 2, 1]
    assert tokens.document().tolist() == [0, 1, 3, 3, 4]


def test_no_documents() -> None:
    tokens = tokenize(pa.array([], pa.string()))
    assert tokens.documents == 0
    assert tokens.total(tokens.is_word).tolist() == []


def test_flags_and_totals() -> None:
    tokens = tokenize(pa.array(["a1 22 , € _ été", ""]))
    assert tokens.is_alphabetic.tolist() == [True, False, False, False, False, True]
    assert tokens.is_word.tolist() == [True, True, False, True, False, True]  # € is no symbol upstream
    assert tokens.total(tokens.lengths).tolist() == [2 + 2 + 1 + 1 + 1 + 3, 0]


def test_equal_tokens_have_equal_hashes_wherever_they_stand() -> None:
    tokens = tokenize(pa.array(["the cat and the hat", "ab ba the"]))
    hashes = token_hashes(tokens)
    assert hashes[0] == hashes[3] == hashes[7] == hash_word("the")
    assert len(np.unique(hashes)) == 6  # the cat and hat ab ba
    assert token_hashes(tokens, np.array([3])).tolist() == [hash_word("the")]


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
