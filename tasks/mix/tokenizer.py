"""The tokenizer step: byte-level BPE or Unigram learnt from a bounded, balanced sample of the curated training text.

The sample spends ``max_bytes`` evenly over the domains (what a small domain cannot use goes to the others), takes
documents in the order of a seeded hash of their identity, and leaves out held-out documents, so that bits per byte on
held-out text stay honest. Numbers are split into digits, and both models are over bytes, so every text has tokens and
comes back unchanged. Equal text gives equal bytes for any number of threads: the trainer of BPE breaks ties by
token id, and :func:`settled` undoes what hash order leaves in a Unigram. Cost: two passes over the text,
memory for the sample; about 3 s for 8 MB with BPE. A tokenizer made elsewhere: ``gristmill.tasks.mix.tokenizer_files``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE, Unigram
from tokenizers.pre_tokenizers import ByteLevel, Digits
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.trainers import BpeTrainer, UnigramTrainer

from gristmill.core.config import Config
from gristmill.core.digests import digest_file
from gristmill.core.errors import GristmillError
from gristmill.core.steps.files import Written, files_step
from gristmill.schemas.tables import Curated, Domains
from gristmill.tasks.mix.curated import SplitConfig, batches, is_heldout
from gristmill.tasks.mix.domains import water_fill
from gristmill.tasks.mix.permutation import hash_unit

EOS = "<|endoftext|>"
FILE = "tokenizer.json"
SETTINGS = "tokenizer_config.json"
SAMPLE_SALT = 0x70C
SCORE_DIGITS = 6
PENALTY = 1e-4


class TokenizerConfig(Config):
    """How the tokenizer is learnt."""

    model: Literal["bpe", "unigram"] = Field("bpe", description="both over bytes")
    vocab_size: int = Field(4096, ge=300, le=1 << 20, description="tokens, the 256 bytes and end-of-text among them")
    max_bytes: int = Field(8_000_000, ge=1, description="UTF-8 bytes of the sample it is learnt from")
    max_document_chars: int = Field(20_000, ge=1, description="code points of a document that enter the sample")
    split: SplitConfig = SplitConfig()


@dataclass(frozen=True)
class TextTokenizer:
    """A tokenizer that treats text as text: what looks like a special token in a crawled page is spelt out."""

    tokenizer: Tokenizer
    eos: str
    eos_id: int
    vocab_size: int
    digest: str

    @classmethod
    def load(cls, folder: Path) -> "TextTokenizer":
        """Open a folder that a tokenizer step wrote. Raises :class:`GristmillError` if it is not one."""
        path, settings = folder / FILE, folder / SETTINGS
        if not path.is_file() or not settings.is_file():
            raise GristmillError(f"{folder} holds no {FILE} with its {SETTINGS}. Name a folder that `mix` wrote.")
        eos = json.loads(settings.read_bytes())["eos_token"]
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.encode_special_tokens = True
        eos_id = tokenizer.token_to_id(eos)
        if eos_id is None:
            raise GristmillError(f"{path} has no {eos} token, which ends every document.")
        return cls(tokenizer, eos, eos_id, max(tokenizer.get_vocab().values()) + 1, digest_file(path))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without an end of text, and without its id where a text spells it.

        Raises :class:`GristmillError` for a tokenizer that ends a text on anything but the name of that token.
        """
        found = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
        for place, ids in enumerate(found):
            if self.eos_id in ids:  # a model may know the name as an ordinary piece
                found[place] = self._spelt_out(texts[place])
        return found

    def _spelt_out(self, text: str) -> list[int]:
        """Token ids of a text, cut inside every spelling of the end of text, so that no piece holds it whole."""
        head, tail = self.eos[: len(self.eos) // 2], self.eos[len(self.eos) // 2 :]
        parts = text.split(self.eos)
        last = len(parts) - 1
        cut = [(tail if place else "") + part + (head if place < last else "") for place, part in enumerate(parts)]
        pieces = self.tokenizer.encode_batch_fast(cut, add_special_tokens=False)
        ids = [token for piece in pieces for token in piece.ids]
        if self.eos_id in ids:
            raise GristmillError(
                f"the tokenizer gives {self.eos!r} for ordinary text, so it cannot end documents. "
                "Name another: --set eos=TOKEN"
            )
        return ids


@files_step("tokenizer", version=2, reads=(Curated, Domains))
def train_tokenizer(curated: list[Path], assigned: list[Path], config: TokenizerConfig, out: Path) -> Written:
    """Learn the tokenizer; write ``tokenizer.json`` and ``tokenizer_config.json``, which transformers opens.

    Facts: vocabulary, documents and bytes of the sample. Raises :class:`GristmillError` when there is no text.
    """
    texts = sample(curated, config, assigned)
    alphabet = sorted(ByteLevel.alphabet())
    tokenizer: Tokenizer
    trainer: BpeTrainer | UnigramTrainer
    if config.model == "bpe":
        tokenizer = byte_level(BPE())
        trainer = BpeTrainer(
            vocab_size=config.vocab_size, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
    else:
        tokenizer = byte_level(Unigram())
        trainer = UnigramTrainer(
            vocab_size=config.vocab_size, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
        learnt = json.loads(tokenizer.to_str())["model"]["vocab"]
        tokenizer = byte_level(Unigram([(EOS, 0.0), *settled([entry for entry in learnt if entry[0] != EOS])]))
        tokenizer.add_special_tokens([EOS])
    write_tokenizer(tokenizer, EOS, out)
    facts = {
        "vocab_size": tokenizer.get_vocab_size(),
        "documents": len(texts),
        "bytes": sum(len(text.encode("utf-8")) for text in texts),
    }
    return Written(facts)


def byte_level(model: Any) -> Tokenizer:
    """A tokenizer over bytes, with numbers split into digits."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = PreTokenizers([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = ByteLevelDecoder()
    return tokenizer


def settled(pieces: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """The pieces of a Unigram in an order, and with scores, that do not depend on the trainer's hash order.

    The trainer sums scores in hash order (so the last digits differ from run to run) and ends with the bytes it hardly
    saw, each 1e-4 above the one before, in hash order too: those all get the least score.
    """
    least = min(score for _, score in pieces)
    found = []
    for piece, score in pieces:
        steps = (score - least) / PENALTY
        unseen = len(piece) == 1 and steps < len(ByteLevel.alphabet()) and abs(steps - round(steps)) < PENALTY
        found.append((piece, round(least if unseen else score, SCORE_DIGITS)))
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))


def write_tokenizer(tokenizer: Tokenizer, eos: str, out: Path) -> None:
    """Write the two files that transformers, and :meth:`TextTokenizer.load`, open."""
    (out / FILE).write_text(tokenizer.to_str(), encoding="utf-8")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": eos,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,
    }
    (out / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def sample(curated: list[Path], config: TokenizerConfig, assigned: Sequence[Path] = ()) -> list[str]:
    """The texts to learn from, by domain and hash. Raises :class:`GristmillError` when there are none."""
    found = [_measure(batch, config) for batch in batches(curated, ["doc_id", "domain", "text"], assigned)]
    rows = pa.concat_tables(found) if found else None
    if rows is None or rows.num_rows == 0:
        raise GristmillError(
            "there is no curated training text to learn a tokenizer from: every document was rejected."
        )
    rows = rows.sort_by([("domain", "ascending"), ("order", "ascending"), ("doc_id", "ascending")])
    sizes = rows.group_by("domain").aggregate([("bytes", "sum")]).sort_by("domain")
    held = sizes["bytes_sum"].to_numpy().astype(np.float64)
    budget = min(float(config.max_bytes), float(held.sum()))
    quotas = water_fill(np.ones(len(held)), np.zeros(len(held)), held, budget)
    chosen: list[str] = []
    for domain, quota in zip(sizes["domain"].to_pylist(), quotas, strict=True):
        part = rows.filter(pc.equal(rows["domain"], domain))
        taken = max(int(np.searchsorted(np.cumsum(part["bytes"].to_numpy()), quota, side="right")), 1)
        chosen += part["doc_id"].slice(0, taken).to_pylist()
    return _texts(curated, chosen, config)


def _measure(batch: pa.Table, config: TokenizerConfig) -> pa.Table:
    """doc_id, domain, bytes and sample order of the training documents of a batch."""
    doc_ids = batch["doc_id"].to_pylist()
    train = pa.array(~is_heldout(doc_ids, config.split))
    text = pc.utf8_slice_codeunits(batch["text"], 0, config.max_document_chars)
    order = pa.array(hash_unit(doc_ids, SAMPLE_SALT))
    columns = {"doc_id": batch["doc_id"], "domain": batch["domain"], "bytes": pc.binary_length(text), "order": order}
    return pa.table(columns).filter(train)


def _texts(curated: list[Path], doc_ids: list[str], config: TokenizerConfig) -> list[str]:
    """The texts of these documents, cut to the longest allowed, in the given order."""
    wanted = pa.array(doc_ids, pa.string())
    found: dict[str, str] = {}
    for batch in batches(curated, ["doc_id", "text"]):
        part = batch.filter(pc.is_in(batch["doc_id"], wanted))
        cut = pc.utf8_slice_codeunits(part["text"], 0, config.max_document_chars)
        found.update(zip(part["doc_id"].to_pylist(), cut.to_pylist(), strict=True))
    return [found[doc_id] for doc_id in doc_ids]
