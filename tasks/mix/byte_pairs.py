"""Tokenizers of byte-level BPE as compiled kernels: the tokens of the library ``tokenizers``, some ten times as fast.

:func:`compiled` takes what the kernels can do (GPT-2's and GPT-4's regular expressions, digits apart or not, NFC or no
normaliser) and gives nothing for any other tokenizer, which the library then encodes. So are texts left to the library
that hold an added token or that NFC might change. The classes of characters are asked of the library itself, whose
tables of Unicode they must be, and a probe is encoded by both: a version of the library that cuts otherwise is left to
cut by itself.

Cost: 0.5 s once a process for the classes; 0.1 s and 20 MB a tokenizer.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, pre_tokenizers

from gristmill.tasks.kernels.tokens import gpt_split
from gristmill.tasks.kernels.tokens.byte_pairs import FREE, Merges, Pieces, encode, fill_merges, fill_pieces, holds
from gristmill.tasks.text.slices import utf8_of

GPT4_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
GPT4_PATTERNS = {GPT4_PATTERN.replace("DIGITS", told): digits for told, digits in (("", 1), ("{1,3}", 3))}
ASSIGNED = [range(first, first + 0x8000) for first in (*range(0, 0x40000, 0x8000), 0xE0000)]
"""Code points that Unicode has given out or soon may, in parts: the rest, private use among it, are of no class."""

KNOWN_PIECES, KNOWN_BYTES, KNOWN_IDS = 1 << 17, 1 << 21, 1 << 20
MOST_ADDED = 4000
"""Characters of added tokens in all: a search for more is slower than the library, and fails beyond some 100,000."""
PROBE = (
    "It's the mill's 1234 wheels; they'LL turn'd  12.5\t\n\n  a\r\n b\u00a0\u3000c 磨坊在河边。naïve don\u2019t "
    "½x²\u0661\u0662'ſ Grüße Мельница \U0001f44b\U0001f3fd --==>> x_y \u2028 \u0085 End.  "
)


@dataclass(frozen=True)
class Split:
    """How text is cut into pieces: a rule of the kernel, its longest number, and whether digits stand apart."""

    rule: int
    digits: int = 1
    apart: bool = False


@dataclass(frozen=True)
class CompiledTokenizer:
    """Byte-level BPE in kernels. Make with :func:`compiled`."""

    split: Split
    classes: NDArray[np.uint8]
    merges: Merges
    whole: Pieces
    known: Pieces
    normalised: bool
    added: str

    def encode(self, texts: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]]:
        """Token ids of all texts, one after another; for each text one past its last, and whether it has its tokens.

        Those without are left to the library: with a piece of more than 512 bytes (a long run of letters, say), with an
        added token, or not sure to be normalised. Raises ``ValueError`` when a text is null.
        """
        data, bounds = utf8_of(texts)
        out = np.empty(int(bounds[-1] - bounds[0]), dtype=np.int32)
        ends = np.empty(len(texts), dtype=np.int64)
        rules = (self.split.rule, self.split.digits)
        encode(data, bounds, self.classes, *rules, self.merges, self.whole, self.known, out, ends)
        given = ends >= 0
        ends[~given] = ~ends[~given]
        if self.normalised:
            given &= ~holds(data, bounds, changed_by_nfc())
        if self.added:
            given &= ~pc.match_substring_regex(texts, self.added).to_numpy(zero_copy_only=False)
        return out[: int(ends[-1]) if len(ends) else 0], ends, given


def compiled(tokenizer: Tokenizer) -> CompiledTokenizer | None:
    """A tokenizer that treats special tokens as text, in kernels; ``None`` where they cannot give its tokens."""
    told = json.loads(tokenizer.to_str())
    model, split = told["model"], split_of(told["pre_tokenizer"])
    if split is None or not _plain(told):
        return None
    vocabulary: dict[str, int] = model["vocab"]
    alphabet = characters()
    if not all(character in vocabulary for character in alphabet):
        return None
    merges = _merges(model["merges"], vocabulary, alphabet)
    if merges is None:
        return None
    whole = _vocabulary_pieces(vocabulary, alphabet) if model.get("ignore_merges") else _pieces(1, 1, 1)
    known = _pieces(KNOWN_PIECES, KNOWN_BYTES, KNOWN_IDS)
    normalised = told["normalizer"] is not None
    found = CompiledTokenizer(split, classes_of(split.apart), merges, whole, known, normalised, _added(told))
    return found if found.encode(pa.array([PROBE]))[0].tolist() == _ids(tokenizer, PROBE) else None


def split_of(told: Mapping[str, Any] | None) -> Split | None:
    """The cut that a pre-tokenizer (its JSON) makes, if the kernels have it."""
    if told is None:
        return None
    parts: list[Mapping[str, Any]] = told["pretokenizers"] if told["type"] == "Sequence" else [told]
    kinds = [part["type"] for part in parts]
    if kinds[-1:] != ["ByteLevel"] or parts[-1].get("add_prefix_space"):
        return None
    by_regex = parts[-1].get("use_regex", True)
    if kinds == ["ByteLevel"] and by_regex:
        return Split(gpt_split.GPT2)
    if kinds == ["Digits", "ByteLevel"] and by_regex and parts[0]["individual_digits"]:
        return Split(gpt_split.GPT2, apart=True)
    if kinds == ["Split", "ByteLevel"] and not by_regex:
        digits = GPT4_PATTERNS.get(parts[0]["pattern"].get("Regex", ""))
        if digits and parts[0]["behavior"] == "Isolated" and not parts[0]["invert"]:
            return Split(gpt_split.GPT4, digits)
    return None


@cache
def classes_of(digits_apart: bool) -> NDArray[np.uint8]:
    """The class of each code point, (0x110000,), by the library's own tables."""
    classes = np.zeros(0x110000, dtype=np.uint8)
    patterns = (gpt_split.LETTER, r"\p{L}+"), (gpt_split.NUMBER, r"\p{N}+"), (gpt_split.SPACE, r"\s+")
    finders = [(kind, pre_tokenizers.Split(Regex(told), "removed", invert=True)) for kind, told in patterns]
    for part in ASSIGNED:
        codes = np.array([code for code in part if not 0xD800 <= code < 0xE000])
        text = "".join(map(chr, codes))
        for kind, finder in finders:
            for _, (first, last) in finder.pre_tokenize_str(text):
                classes[codes[first:last]] = kind
        if digits_apart:
            runs = pre_tokenizers.Digits(individual_digits=False).pre_tokenize_str(f"a{text}")
            for _, (first, last) in runs[1::2]:  # letters and others first, then by turns
                classes[codes[first - 1 : last - 1]] = gpt_split.CUT
    return classes


@cache
def changed_by_nfc() -> NDArray[np.uint8]:
    """1 for each code point that normalisation to NFC might change, reorder or join to the one before it, (0x110000,).

    A text of others is in NFC by every version of Unicode, since what is assigned keeps its normal form.
    """
    marked = np.ones(0x110000, dtype=np.uint8)
    seconds: set[int] = set()
    for code in chain.from_iterable(ASSIGNED):
        character = chr(code)
        parts = unicodedata.decomposition(character)
        if parts and parts[0] != "<":
            seconds.update(int(part, 16) for part in parts.split()[1:])
        kept = unicodedata.category(character) != "Cn" and not unicodedata.combining(character)
        if kept and unicodedata.is_normalized("NFC", character):
            marked[code] = 0
    marked[[*seconds, *range(0x1160, 0x1200)]] = 1  # those, and the jamo that end a syllable
    return marked


def _plain(told: Mapping[str, Any]) -> bool:
    """Whether a tokenizer does nothing else to a text than cut it and merge bytes."""
    model = told["model"]
    extras = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    return (
        model["type"] == "BPE"
        and not any(model.get(name) for name in extras)
        and not any(told[name] for name in ("truncation", "padding"))
        and told["normalizer"] in (None, {"type": "NFC"})
        and len(_added(told)) <= MOST_ADDED
        and unicodedata.is_normalized("NFC", _added(told))  # else the library looks for them in another form
    )


def _added(told: Mapping[str, Any]) -> str:
    """A regular expression of the added tokens that are not special; empty for none."""
    return "|".join(re.escape(token["content"]) for token in told["added_tokens"] if not token["special"])


def characters() -> list[str]:
    """The character that stands for each byte in a byte-level vocabulary (GPT-2's ``bytes_to_unicode``)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _merges(told: list[Any], vocabulary: Mapping[str, int], characters: list[str]) -> Merges | None:
    """The hash table of a model's merges; ``None`` where one names no entry."""
    pairs = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in told]
    ids = [
        (vocabulary.get(left, -1), vocabulary.get(right, -1), vocabulary.get(left + right, -1)) for left, right in pairs
    ]
    table = np.array(ids, dtype=np.int64).reshape(-1, 3)
    if np.any(table < 0):
        return None
    room = 1 << max(2 * len(table), 4).bit_length()
    merges = Merges(
        np.array([vocabulary[character] for character in characters], dtype=np.int32),
        np.zeros(room, dtype=np.uint64),
        np.full(room, FREE, dtype=np.int32),
        np.zeros(room, dtype=np.int32),
    )
    keys = table[:, 0].astype(np.uint64) << np.uint64(32) | table[:, 1].astype(np.uint64)
    fill_merges(keys, table[:, 2].astype(np.int32), merges)
    return merges


def _vocabulary_pieces(vocabulary: Mapping[str, int], characters: list[str]) -> Pieces:
    """The entries of a vocabulary that are bytes (special tokens are not)."""
    byte_of = {character: byte for byte, character in enumerate(characters)}
    entries = [
        (bytes(byte_of[character] for character in entry), number)
        for entry, number in vocabulary.items()
        if all(character in byte_of for character in entry)
    ]
    data = np.frombuffer(b"".join(entry for entry, _ in entries), dtype=np.uint8)
    bounds = np.cumsum([0, *(len(entry) for entry, _ in entries)])
    pieces = _pieces(len(entries) + 1, len(data), len(entries) + 1)
    fill_pieces(data, bounds, np.array([number for _, number in entries], dtype=np.int32), pieces)
    return pieces


def _pieces(entries: int, data: int, ids: int) -> Pieces:
    """An empty table with room for so many pieces, their bytes and their tokens."""
    return Pieces(
        np.zeros(1 << (2 * entries).bit_length(), dtype=np.int32),
        np.zeros(entries + 1, dtype=np.uint64),
        np.zeros(data, dtype=np.uint8),
        np.zeros(entries + 1, dtype=np.int32),
        np.zeros(ids, dtype=np.int32),
        np.zeros(entries + 1, dtype=np.int32),
        np.zeros(1, dtype=np.int32),
    )


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    found: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return found
