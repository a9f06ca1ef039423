"""A small token store written by hand: every token and document end is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gristmill.core.digests import canonical_json, digest_file, digest_text
from gristmill.tasks.mix.mixers.mixer import Mixture, Stage
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import TokenStore

EOS = 0
Documents = Mapping[tuple[str, str], Sequence[Sequence[int]]]


def write_folder(folder: Path, documents: Documents, vocab_size: int = 1000) -> Path:
    """Write the documents of each domain and split, an end of text after each, as the tokens step would."""
    folder.mkdir(parents=True)
    kind = "<u2" if vocab_size <= 1 << 16 else "<u4"
    domains: dict[str, dict[str, object]] = {}
    for (domain, split), each in documents.items():
        stem = f"{domain}.{split}"
        tokens = np.array([token for document in each for token in (*document, EOS)], dtype=kind)
        ends = np.cumsum([len(document) + 1 for document in each]).astype("<u8")
        doc_ids = [doc_id(folder.name, domain, split, number) for number in range(len(each))]
        (folder / f"{stem}.tok").write_bytes(tokens.tobytes())
        (folder / f"{stem}.ends").write_bytes(ends.tobytes())
        (folder / f"{stem}.docs").write_bytes(b"".join(bytes.fromhex(one) for one in doc_ids))
        digests = {name: digest_file(folder / f"{stem}.{name}") for name in ("tok", "ends", "docs")}
        entry = {"documents": len(each), "tokens": len(tokens), "bytes": 4 * len(tokens), "digests": digests}
        domains.setdefault(domain, {})[split] = entry
    manifest = {
        "format": 1,
        "tokenizer": digest_text("tokenizer"),
        "eos_id": EOS,
        "vocab_size": vocab_size,
        "dtype": kind,
        "domains": domains,
    }
    (folder / "manifest.json").write_bytes(canonical_json(manifest) + b"\n")
    return folder


def doc_id(shard: str, domain: str, split: str, number: int) -> str:
    """The doc_id of a document of :func:`write_folder`."""
    return digest_text(f"{shard}/{domain}/{split}/{number}")


def random_store(folder: Path, seed: int = 0, vocab_size: int = 1000, shards: int = 2) -> TokenStore:
    """Shards of two domains, ``code`` and ``prose``, with documents of 0 to 39 tokens and some held out."""
    generator = np.random.default_rng(seed)

    def texts(count: int) -> list[list[int]]:
        sizes = generator.integers(0, 40, count).tolist()
        return [generator.integers(1, vocab_size, size).tolist() for size in sizes]

    folders = [
        write_folder(
            folder / f"shard-{number}",
            {("code", "train"): texts(30), ("prose", "train"): texts(50), ("prose", "heldout"): texts(3)},
            vocab_size,
        )
        for number in range(shards)
    ]
    return TokenStore.open(folders)


def plan_for(store: TokenStore, stages: Sequence[tuple[int, float]], row_tokens: int = 17, epochs: float = 9) -> Plan:
    """A plan over ``code`` and ``prose``: for each stage the token that ends it and the share of ``code``."""
    weights = [(until, {"code": code, "prose": 1 - code}) for until, code in stages]
    mixture = Mixture(tuple(Stage(until, shares, shares) for until, shares in weights), "static", "", {})
    return make_plan(mixture, store.domains(row_tokens), row_tokens=row_tokens, block=8, seed=3, max_epochs=epochs)
