"""The token store: headerless little-endian token files with document ends, of many shards, read as one.

For each domain and split (``train``, ``heldout``) of a shard::

    <domain>.<split>.tok    tokens, u16 when the vocabulary has at most 65536 entries, else u32; one EOS a document
    <domain>.<split>.ends   u64, where each document ends, in tokens from the file's start, its EOS included
    <domain>.<split>.docs   16 bytes a document: its doc_id, for lineage
    manifest.json           tokenizer digest, EOS id, vocabulary, type, and for each file counts and digests

The token file is byte-identical to what Megatron, datatrove, OLMo-core and nanoGPT read; only their side indexes
differ. Folders are opened as one logical store, ordered by content, so neither paths nor the order in which shards
finished matters. ``gristmill.tasks.mix.tokens`` writes them. Cost: memory maps, no loading.
"""

import json
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gristmill.core.digests import digest_bytes, digest_digests
from gristmill.core.errors import GristmillError
from gristmill.schemas.tables import TokenStats
from gristmill.tasks.mix.domains import Domain

FORMAT = 1
MANIFEST = "manifest.json"
KINDS = ("tok", "ends", "docs")
ID_BYTES = 16

Tokens = NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True)
class Part:
    """The files of one domain and split in one folder, mapped into memory. ``path`` is the file of tokens."""

    path: Path
    tokens: Tokens
    ends: NDArray[np.uint64]
    doc_ids: NDArray[np.void]
    bytes: int
    digest: str

    def release(self) -> None:
        """Give back the memory of the tokens that were read: pages of a file count as the process's until then."""
        if isinstance(self.tokens.base, mmap.mmap):
            self.tokens.base.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True)
class TokenStore:
    """Many shards' token files as one sequence of tokens for each domain and split. Open with :meth:`open`."""

    tokenizer: str
    eos_id: int
    vocab_size: int
    dtype: np.dtype[Any]
    parts: dict[tuple[str, str], tuple[Part, ...]]

    @classmethod
    def open(cls, folders: Sequence[Path]) -> "TokenStore":
        """Map the folders that the tokens step wrote. Their order does not matter: parts are ordered by content.

        Raises :class:`GristmillError` for no folder, a missing manifest, a file that is missing or of another length
        than its manifest says, and folders made with different tokenizers.
        """
        manifests = sorted((_read_manifest(folder) for folder in folders), key=lambda entry: entry[0])
        if not manifests:
            raise GristmillError("a token store needs at least one folder that the tokens step wrote; none was given.")
        made_with = {
            (entry["tokenizer"], entry["eos_id"], entry["vocab_size"], entry["dtype"]) for _, entry, _ in manifests
        }
        if len(made_with) > 1:
            raise GristmillError(
                f"the token folders were made with {len(made_with)} tokenizers; tokenise them all again."
            )
        tokenizer, eos_id, vocab_size, kind = next(iter(made_with))
        dtype = np.dtype(kind)
        parts: dict[tuple[str, str], list[Part]] = {}
        for _, manifest, folder in manifests:
            for domain, splits in manifest["domains"].items():
                for split, entry in splits.items():
                    parts.setdefault((domain, split), []).append(_map(folder, domain, split, dtype, entry))
        return cls(tokenizer, eos_id, vocab_size, dtype, {name: tuple(parts[name]) for name in sorted(parts)})

    def domains(self, row_tokens: int) -> tuple[Domain, ...]:
        """The domains that hold at least one training row, by name; ``tokens`` counts what fits in whole rows."""
        names = sorted({domain for domain, split in self.parts if split == "train" and self.rows(domain, row_tokens)})
        return tuple(
            Domain(
                name,
                self.rows(name, row_tokens) * row_tokens,
                sum(part.bytes for part in self.parts[name, "train"]),
                self.fingerprint(name),
                self.fingerprint(name, "heldout") if self.tokens(name, "heldout") else "",
            )
            for name in names
        )

    def tokens(self, domain: str, split: str = "train") -> int:
        """Tokens of a domain, 0 when the store has none."""
        return int(self._ends(domain, split)[-1])

    def rows(self, domain: str, row_tokens: int, split: str = "train") -> int:
        """Whole disjoint rows of ``row_tokens`` tokens; the rest of the last row is not used."""
        return self.tokens(domain, split) // row_tokens

    def row(self, domain: str, position: int, row_tokens: int, split: str = "train") -> Tokens:
        """Row ``position``: shape (row_tokens,). Raises ``IndexError`` outside the domain's rows."""
        return self.read(domain, position * row_tokens, (position + 1) * row_tokens, split)

    def read(self, domain: str, start: int, stop: int, split: str = "train") -> Tokens:
        """Tokens ``start`` to ``stop`` of a domain: shape (stop - start,); a view when they lie in one shard."""
        if not 0 <= start <= stop <= self.tokens(domain, split):
            raise IndexError(f"tokens {start} to {stop} of {domain} ({split}), which has {self.tokens(domain, split)}")
        pieces = [part.tokens[low:high] for part, low, high in self._overlaps(domain, split, start, stop)]
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate([np.empty(0, dtype=self.dtype), *pieces])

    def documents(self, domain: str, start: int, stop: int, split: str = "train") -> list[str]:
        """The doc_ids of the documents that have a token between ``start`` and ``stop``, in order."""
        found: list[str] = []
        for part, low, high in self._overlaps(domain, split, start, stop):
            first = int(np.searchsorted(part.ends, low, side="right"))
            last = int(np.searchsorted(part.ends, high, side="left"))
            found += [doc_id.tobytes().hex() for doc_id in part.doc_ids[first : last + 1]]
        return found

    def ends(self, domain: str, start: int, stop: int, split: str = "train") -> NDArray[np.int64]:
        """Where documents end between tokens ``start`` (left out) and ``stop``, counted from ``start``, in order."""
        found, base = [np.empty(0, dtype=np.int64)], 0
        for part, low, high in self._overlaps(domain, split, start, stop):
            first, last = np.searchsorted(part.ends, [low, high], side="right")
            found.append(part.ends[first:last].astype(np.int64) - low + base)
            base += high - low
        return np.concatenate(found)

    def fingerprint(self, domain: str, split: str = "train") -> str:
        """Digest of the digests of the token files of a domain, in their order."""
        return digest_digests(part.digest for part in self.parts.get((domain, split), ()))

    @property
    def digest(self) -> str:
        """Digest of the tokenizer and of all token files."""
        named = [f"{domain}.{split}={self.fingerprint(domain, split)}" for domain, split in self.parts]
        return digest_digests([self.tokenizer, *named])

    def stats(self) -> pa.Table:
        """Rows of the table ``token_stats``: one for each domain and split."""
        rows = [
            {
                "domain": domain,
                "split": split,
                "documents": sum(len(part.ends) for part in parts),
                "tokens": self.tokens(domain, split),
                "bytes": sum(part.bytes for part in parts),
                "fingerprint": self.fingerprint(domain, split),
            }
            for (domain, split), parts in self.parts.items()
        ]
        return pa.Table.from_pylist(rows, schema=TokenStats.schema)

    def _overlaps(self, domain: str, split: str, start: int, stop: int) -> Iterator[tuple[Part, int, int]]:
        """The parts that hold tokens ``start`` to ``stop``, with the range inside each."""
        ends = self._ends(domain, split)
        place = int(np.searchsorted(ends, start, side="right"))  # ends[0] is 0: the first part that ends after start
        while start < stop:
            base = int(ends[place - 1])
            high = min(stop, int(ends[place]))
            yield self.parts[domain, split][place - 1], start - base, high - base
            start, place = high, place + 1

    def _ends(self, domain: str, split: str) -> NDArray[np.int64]:
        """Where each part of a domain ends in its sequence of tokens, after a 0."""
        return self._all_ends.get((domain, split), np.zeros(1, dtype=np.int64))

    @cached_property
    def _all_ends(self) -> dict[tuple[str, str], NDArray[np.int64]]:
        sizes = {name: [0, *(len(part.tokens) for part in parts)] for name, parts in self.parts.items()}
        return {name: np.cumsum(size, dtype=np.int64) for name, size in sizes.items()}


def part_digests(folder: Path, split: str) -> dict[str, str]:
    """For each domain that a folder has in ``split``, the digest of its tokens and doc_ids.

    Raises :class:`GristmillError` for what is no folder of tokens.
    """
    _, manifest, _ = _read_manifest(folder)
    found = {domain: entry[split]["digests"] for domain, entry in manifest["domains"].items() if split in entry}
    return {domain: digest_digests([digests["tok"], digests["docs"]]) for domain, digests in found.items()}


def _read_manifest(folder: Path) -> tuple[str, dict[str, Any], Path]:
    """The digest of a folder's manifest, the manifest, the folder."""
    path = folder / MANIFEST
    if not path.is_file():
        raise GristmillError(f"{folder} holds no {MANIFEST}. Name a folder that the tokens step wrote.")
    data = path.read_bytes()
    try:
        manifest: dict[str, Any] = json.loads(data)
    except ValueError as error:
        raise GristmillError(f"{path} is not JSON: {error}. Run the mix flow again.") from error
    if manifest.get("format") != FORMAT:
        raise GristmillError(f"{folder} is not a token store of format {FORMAT}, which this version reads.")
    return digest_bytes(data), manifest, folder


def _map(folder: Path, domain: str, split: str, dtype: np.dtype[Any], entry: dict[str, Any]) -> Part:
    """Map the three files of a domain and split; they must be as long as the manifest says."""
    paths = {kind: folder / f"{domain}.{split}.{kind}" for kind in KINDS}
    sizes = {
        "tok": entry["tokens"] * dtype.itemsize,
        "ends": entry["documents"] * 8,
        "docs": entry["documents"] * ID_BYTES,
    }
    for kind, path in paths.items():
        if not path.is_file() or path.stat().st_size != sizes[kind]:
            raise GristmillError(
                f"{path} is missing or cut off: it should have {sizes[kind]} bytes. Run the mix flow again."
            )
    tokens = np.memmap(paths["tok"], dtype=dtype, mode="r")
    ends = np.memmap(paths["ends"], dtype="<u8", mode="r")
    doc_ids = np.memmap(paths["docs"], dtype=f"V{ID_BYTES}", mode="r")
    return Part(paths["tok"], tokens, ends, doc_ids, entry["bytes"], entry["digests"]["tok"])
