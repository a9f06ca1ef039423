"""The text that the tokens of a store stand for, document by document, from the vocabulary of its tokenizer.

A byte-level vocabulary names the bytes of each token, so whole files are put back together with array operations; any
other tokenizer decodes each document by itself. Cost: 50 MB of text a second with a byte-level vocabulary, 2 without.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gristmill.core.damage import lake_of
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.byte_pairs import characters
from gristmill.tasks.mix.token_store import ID_BYTES, MANIFEST
from gristmill.tasks.mix.tokenizer import FILE, TextTokenizer

DOCUMENTS_AT_ONCE = 256


@dataclass(frozen=True)
class Vocabulary:
    """The bytes of every token, one after another, and where each begins. None: the library has to decode."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    tokenizer: TextTokenizer
    by_bytes: bool

    @classmethod
    def of(cls, tokenizer: TextTokenizer) -> "Vocabulary":
        """From a tokenizer; only one that decodes bytes has the bytes of its tokens."""
        told = json.loads(tokenizer.tokenizer.to_str())
        by_bytes = (told.get("decoder") or {}).get("type") == "ByteLevel"
        pieces = [b""] * tokenizer.vocab_size
        if by_bytes:
            byte_of = {character: byte for byte, character in enumerate(characters())}
            for piece, number in tokenizer.tokenizer.get_vocab(with_added_tokens=True).items():
                known = all(character in byte_of for character in piece)
                pieces[number] = bytes(byte_of[character] for character in piece) if known else piece.encode()
            pieces[tokenizer.eos_id] = b""
        starts = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int64)
        return cls(np.frombuffer(b"".join(pieces), np.uint8), starts, tokenizer, by_bytes)

    def text(self, tokens: NDArray[np.integer]) -> bytes:
        """What the tokens stand for, as UTF-8; ends of text are left out."""
        if not self.by_bytes:
            eos = self.tokenizer.eos_id
            kept = [token for token in tokens.tolist() if token != eos]
            return str(self.tokenizer.tokenizer.decode(kept, skip_special_tokens=False)).encode()
        numbers = tokens.astype(np.int64)
        begins, sizes = self.starts[numbers], self.starts[numbers + 1] - self.starts[numbers]
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        places = np.repeat(begins - (ends - sizes), sizes) + np.arange(total)
        return self.data[places].tobytes()


def token_pieces(path: Path) -> Iterator[tuple[str, bytes]]:
    """The documents of a file of tokens and their text.

    Raises :class:`GristmillError` where no tokenizer of the lake made them.
    """
    folder = path.parent
    manifest = json.loads((folder / MANIFEST).read_bytes())
    vocabulary = Vocabulary.of(_tokenizer_of(path, manifest["tokenizer"]))
    tokens = np.memmap(path, dtype=manifest["dtype"], mode="r") if path.stat().st_size else np.empty(0, np.uint16)
    ends = np.fromfile(path.with_suffix(".ends"), dtype="<u8").astype(np.int64)
    doc_ids = path.with_suffix(".docs").read_bytes()
    start = 0
    for number, end in enumerate(ends.tolist()):
        identity = doc_ids[number * ID_BYTES : (number + 1) * ID_BYTES].hex()
        yield identity, vocabulary.text(np.asarray(tokens[start:end]))
        start = end


def _tokenizer_of(path: Path, digest: str) -> TextTokenizer:
    root = lake_of(path)
    folders = sorted({found.parent for found in (root / "data" / "files").rglob(FILE)}) if root else []
    for folder in folders:
        tokenizer = TextTokenizer.load(folder)
        if tokenizer.digest == digest:
            return tokenizer
    raise GristmillError(
        f"{path}: the tokenizer of these tokens is gone from the lake, so they cannot be read as text."
    )
