"""The tokens step: curated shards to token files. The format is described in ``gristmill.tasks.mix.token_store``.

Documents keep the order of the shard (by doc_id). Text that looks like a special token is spelt out in ordinary tokens,
so a crawled page cannot end a document. Cost: tokenising, some 25 MB of text a second and core where a tokenizer can be
compiled (:mod:`gristmill.tasks.mix.byte_pairs`), 3 MB where the library has to encode; memory one row group and about
100 MB, whatever the size of the shard.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from gristmill.core.digests import canonical_json
from gristmill.core.steps.files import Written, files_step
from gristmill.schemas.tables import Curated, Domains
from gristmill.tasks.mix.curated import SplitConfig, batches, check_domain, is_heldout
from gristmill.tasks.mix.permutation import pack_ids
from gristmill.tasks.mix.token_store import FORMAT, KINDS, MANIFEST
from gristmill.tasks.mix.tokenizer import TextTokenizer
from gristmill.tasks.text.slices import one_chunk

if TYPE_CHECKING:
    from gristmill.tasks.mix.byte_pairs import CompiledTokenizer

SLICE_BYTES = 1 << 20
SMALL_BYTES = 1 << 20
"""Less than that of Parquet the library encodes sooner than the tokenizer is compiled."""

COUNTS = ("documents", "tokens", "bytes", "words")


class TokensConfig(SplitConfig):
    """How the store is made: which documents are held out. The tokenizer is an input, not a setting."""


@files_step("tokens", version=2, reads=(Curated, Domains), folders=True)
def write_tokens(
    curated: list[Path], assigned: list[Path], tokenizers: list[Path], config: TokensConfig, out: Path
) -> Written:
    """Tokenise curated shards with the one tokenizer folder given; write token files and a manifest to ``out``.

    ``assigned``: their domains, or nothing where those of the curation stand.

    Facts: the vocabulary; documents, tokens and bytes for each domain and split, and with words for each language and
    domain, since languages differ most in the tokens a word takes (fertility). Raises :class:`GristmillError` for a
    domain whose name cannot name a file.
    """
    (folder,) = tokenizers
    tokenizer = TextTokenizer.load(folder)
    kind = "<u2" if tokenizer.vocab_size <= 1 << 16 else "<u4"
    writers: dict[tuple[str, str], _Writer] = {}
    counted: dict[tuple[str, str], NDArray[np.int64]] = {}
    encoder = ColumnEncoder(tokenizer, in_kernels=sum(path.stat().st_size for path in curated) >= SMALL_BYTES)
    columns = ["doc_id", "domain", "language", "tokens"]
    for batch in batches(curated, [*columns, "text"], assigned):
        doc_ids, domains, languages, words = (batch[name].to_pylist() for name in columns)
        texts = one_chunk(batch["text"])
        splits = np.where(is_heldout(doc_ids, config), "heldout", "train").tolist()
        groups: dict[tuple[str, str], list[int]] = {}
        for row, group in enumerate(zip(domains, splits, strict=True)):
            groups.setdefault(group, []).append(row)
        sizes = pc.binary_length(texts).to_pylist()
        encoded: list[NDArray[Any]] = []
        for first, last in _slices(sizes):
            tokens, ends = encoder.encode(texts.slice(first, last - first))
            ended = np.insert(tokens, ends, tokenizer.eos_id).astype(kind)
            encoded += np.split(ended, (ends + np.arange(1, len(ends) + 1))[:-1])
        for row, place in enumerate(zip(languages, domains, strict=True)):
            each = np.array([1, len(encoded[row]) - 1, sizes[row], words[row]], dtype=np.int64)
            counted[place] = counted.get(place, 0) + each
        for group, rows in groups.items():
            writer = writers.setdefault(group, _Writer(out, check_domain(group[0]), group[1]))
            documents = [encoded[row] for row in rows]
            writer.append([doc_ids[row] for row in rows], documents, sum(sizes[row] for row in rows))
    parts: dict[str, dict[str, Any]] = {}
    for (domain, split), writer in sorted(writers.items()):
        parts.setdefault(domain, {})[split] = writer.summary()
    manifest = {
        "format": FORMAT,
        "tokenizer": tokenizer.digest,
        "eos_id": tokenizer.eos_id,
        "vocab_size": tokenizer.vocab_size,
        "dtype": kind,
        "domains": parts,
    }
    (out / MANIFEST).write_bytes(canonical_json(manifest) + b"\n")
    counts = ("documents", "tokens", "bytes")
    domains = {
        domain: {split: {name: part[name] for name in counts} for split, part in splits_of.items()}
        for domain, splits_of in parts.items()
    }
    return Written({"vocab_size": tokenizer.vocab_size, "domains": domains, "languages": _by_language(counted)})


class ColumnEncoder:
    """Texts to tokens, in compiled kernels where that is asked for and the tokenizer can be: the same tokens."""

    def __init__(self, tokenizer: TextTokenizer, *, in_kernels: bool) -> None:
        self._tokenizer = tokenizer
        self._compiled: CompiledTokenizer | None = None
        if in_kernels:
            from gristmill.tasks.mix.byte_pairs import compiled  # starts the compiler: 0.6 s

            self._compiled = compiled(tokenizer.tokenizer)

    def encode(self, texts: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Token ids of all texts without ends of text, one after another, and for each text one past its last.

        Raises :class:`GristmillError` as :meth:`TextTokenizer.encode` does.
        """
        if self._compiled is None:
            return _flat([np.array(ids, dtype=np.int32) for ids in self._tokenizer.encode(texts.to_pylist())])
        tokens, ends, given = self._compiled.encode(texts)
        ending = np.searchsorted(ends, np.flatnonzero(tokens == self._tokenizer.eos_id), side="right")
        given[ending] = False  # a text spells the end of text
        if given.all():
            return tokens, ends
        parts = np.split(tokens, ends[:-1])
        again = np.flatnonzero(~given)
        for row, ids in zip(again.tolist(), self._tokenizer.encode(texts.take(again).to_pylist()), strict=True):
            parts[row] = np.array(ids, dtype=np.int32)
        return _flat(parts)


def _flat(parts: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The parts in a row, and one past the last of each."""
    return np.concatenate(parts), np.cumsum([len(part) for part in parts], dtype=np.int64)


def _slices(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs of documents, first and one past the last, of about ``SLICE_BYTES`` of text: tokens take some four times the
    bytes of the text while it is encoded (ten in the library's lists), and only those of one run are held."""
    first = held = 0
    for place, size in enumerate(sizes):
        held += size
        if held >= SLICE_BYTES or place == len(sizes) - 1:
            yield first, place + 1
            first, held = place + 1, 0


def _by_language(counted: Mapping[tuple[str, str], NDArray[np.int64]]) -> dict[str, dict[str, dict[str, int]]]:
    """Documents, tokens (without ends of text), bytes and words, by language and domain."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for (language, domain), counts in sorted(counted.items()):
        found.setdefault(language, {})[domain] = dict(zip(COUNTS, counts.tolist(), strict=True))
    return found


@dataclass
class _Writer:
    """Appends the documents of one domain and split to its three files and keeps their digests as it goes."""

    folder: Path
    domain: str
    split: str
    documents: int = 0
    tokens: int = 0
    text_bytes: int = 0
    states: dict[str, xxhash.xxh3_128] = field(default_factory=lambda: {kind: xxhash.xxh3_128() for kind in KINDS})

    def append(self, doc_ids: list[str], tokens: list[NDArray[Any]], size: int) -> None:
        ends = self.tokens + np.cumsum([len(document) for document in tokens], dtype="<u8")
        self._write("tok", np.concatenate(tokens).tobytes())
        self._write("ends", ends.astype("<u8").tobytes())
        self._write("docs", pack_ids(doc_ids))
        self.documents += len(doc_ids)
        self.tokens = int(ends[-1])
        self.text_bytes += size

    def summary(self) -> dict[str, Any]:
        digests = {kind: state.hexdigest() for kind, state in self.states.items()}
        return {"documents": self.documents, "tokens": self.tokens, "bytes": self.text_bytes, "digests": digests}

    def _write(self, kind: str, data: bytes) -> None:
        with (self.folder / f"{self.domain}.{self.split}.{kind}").open("ab") as file:
            file.write(data)
        self.states[kind].update(data)
