"""A suffix array over the training tokens of a shard, so that any text in them is found by binary search.

For each folder of a token store::

    <domain>.sa      i32: the positions of a block of tokens, sorted by the text that follows them; block after block
    suffixes.json    for each domain the tokens, and where its blocks begin

A block is some 2**25 tokens of whole documents, so memory is bounded whatever the shard: about 550 MB, and 750 MB with
a vocabulary above 65536. Tokens are written most significant byte first, so that the order of bytes is the order of
tokens; libdivsufsort (Mori 2015, by way of pydivsufsort, MIT) sorts the suffixes of the bytes, and those that begin
inside a token are dropped. Held-out text is left out. Cost: 3.7 million tokens a second; 4 bytes a token on disk.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import canonical_json
from gristmill.core.errors import GristmillError
from gristmill.core.steps.files import Written, files_step
from gristmill.tasks.mix.token_store import Part, Tokens, TokenStore

FORMAT = 1
FILE = "suffixes.json"
CHUNK = 1 << 22

Positions = NDArray[np.int32]


class SuffixConfig(Config):
    """How the tokens are cut into blocks."""

    block_tokens: int = Field(1 << 25, ge=1, le=1 << 29, description="tokens sorted at once")


@files_step("suffixes", version=1, folders=True)
def write_suffixes(folders: list[Path], config: SuffixConfig, out: Path) -> Written:
    """Sort the suffixes of the training tokens of one folder of tokens.

    Facts: tokens. Raises :class:`GristmillError` for a document too long to be sorted (2**29 tokens).
    """
    store = TokenStore.open(folders)
    domains: dict[str, dict[str, Any]] = {}
    for (domain, split), parts in store.parts.items():
        if split == "train":
            (part,) = parts
            cuts = list(blocks_of(part, config.block_tokens))
            with (out / f"{domain}.sa").open("wb") as file:
                for low, high in cuts:
                    # Read, not mapped: mapped pages would stay in memory until the end of the shard.
                    tokens = np.fromfile(part.path, store.dtype, high - low, offset=low * store.dtype.itemsize)
                    suffix_array(tokens, store.vocab_size).astype("<i4", copy=False).tofile(file)
            domains[domain] = {"tokens": len(part.tokens), "blocks": [low for low, _ in cuts]}
    (out / FILE).write_bytes(canonical_json({"format": FORMAT, "domains": domains}) + b"\n")
    return Written({"tokens": sum(entry["tokens"] for entry in domains.values())})


def suffix_array(tokens: Tokens, vocab_size: int) -> Positions:
    """The positions of ``tokens`` in the order of what follows them: shape (n,). An end comes before every token."""
    from pydivsufsort import divsufsort

    width = max(1, (max(vocab_size - 1, 1).bit_length() + 7) // 8)
    size = 2 if width <= 2 else 4
    whole = tokens.astype(f">u{size}").view(np.uint8).reshape(len(tokens), size)
    order = divsufsort(np.ascontiguousarray(whole[:, size - width :]).ravel())
    positions = np.empty(len(tokens), dtype=np.int32)
    filled = 0
    for first in range(0, len(order), CHUNK):
        part = order[first : first + CHUNK]
        kept = part[part % width == 0] // width
        positions[filled : filled + len(kept)] = kept
        filled += len(kept)
    return positions


def open_suffixes(folder: Path) -> dict[str, list[tuple[int, Positions]]]:
    """For each domain where its blocks begin, and their positions, counted from there. Memory maps, no loading.

    Raises :class:`GristmillError` when the folder is not one that the step wrote.
    """
    path = folder / FILE
    if not path.is_file():
        raise GristmillError(f"{folder} holds no {FILE}. Remove the folder and run `gristmill trace` again.")
    domains: dict[str, dict[str, Any]] = json.loads(path.read_bytes())["domains"]
    found: dict[str, list[tuple[int, Positions]]] = {}
    for domain, entry in domains.items():
        positions = np.asarray(np.memmap(folder / f"{domain}.sa", dtype="<i4", mode="r"))
        starts = [*entry["blocks"], entry["tokens"]]
        found[domain] = [(low, positions[low:high]) for low, high in pairwise(starts)]
    return found


def blocks_of(part: Part, tokens: int) -> Iterator[tuple[int, int]]:
    """Ranges of whole documents of about ``tokens`` tokens, so that no text is cut; a longer document is a block."""
    low = 0
    while low < len(part.tokens):
        last = int(np.searchsorted(part.ends, low + tokens, side="right")) - 1
        high = int(part.ends[last]) if last >= 0 and part.ends[last] > low else int(part.ends[last + 1])
        if high - low > 1 << 29:
            raise GristmillError(f"a document of {high - low} tokens is too long to be sorted; cut it when curating.")
        yield low, high
        low = high
