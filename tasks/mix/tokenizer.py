"""The tokenizer step: byte-level BPE learnt from a bounded, balanced sample of the curated training text.

The sample spends ``max_bytes`` evenly over the domains (what a small domain cannot use goes to the others), takes
documents in the order of a seeded hash of their identity, and leaves out held-out documents, so that bits per byte on
held-out text stay honest. Numbers are split into digits. The Rust trainer breaks ties by token id: the same bytes for
any number of threads. Cost: two passes over the text, memory for the sample; about 3 s for 8 MB.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.trainers import BpeTrainer

from gristmill.core.config import Config
from gristmill.core.digests import digest_file
from gristmill.core.errors import GristmillError
from gristmill.core.steps.files import Written, files_step
from gristmill.schemas.tables import Curated
from gristmill.tasks.mix.curated import SplitConfig, batches, is_heldout
from gristmill.tasks.mix.domains import water_fill
from gristmill.tasks.mix.permutation import hash_unit

EOS = "<|endoftext|>"
FILE = "tokenizer.json"
SAMPLE_SALT = 0x70C


class TokenizerConfig(Config):
    """How the tokenizer is learnt."""

    vocab_size: int = Field(4096, ge=300, le=1 << 20, description="tokens, the 256 bytes and end-of-text among them")
    max_bytes: int = Field(8_000_000, ge=1, description="UTF-8 bytes of the sample it is learnt from")
    max_document_chars: int = Field(20_000, ge=1, description="code points of a document that enter the sample")
    split: SplitConfig = SplitConfig()


@dataclass(frozen=True)
class TextTokenizer:
    """A tokenizer that treats text as text: what looks like a special token in a crawled page is spelt out."""

    tokenizer: Tokenizer
    eos_id: int
    vocab_size: int
    digest: str

    @classmethod
    def load(cls, folder: Path) -> "TextTokenizer":
        """Open a folder that :func:`train_tokenizer` wrote. Raises :class:`GristmillError` if it is not one."""
        path = folder / FILE
        if not path.is_file():
            raise GristmillError(f"{folder} holds no {FILE}. Name a folder that the tokenizer step wrote.")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.encode_special_tokens = True
        eos = tokenizer.token_to_id(EOS)
        if eos is None:
            raise GristmillError(f"{path} has no {EOS} token, which ends every document.")
        return cls(tokenizer, eos, tokenizer.get_vocab_size(), digest_file(path))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without an end of text."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


@files_step("tokenizer", version=1, reads=(Curated,))
def train_tokenizer(curated: list[Path], config: TokenizerConfig, out: Path) -> Written:
    """Learn the tokenizer; write ``tokenizer.json`` and ``tokenizer_config.json``, which transformers opens.

    Facts: vocabulary, documents and bytes of the sample. Raises :class:`GristmillError` when there is no text.
    """
    texts = sample(curated, config)
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = PreTokenizers([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=config.vocab_size,
        special_tokens=[EOS],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    (out / FILE).write_text(tokenizer.to_str(), encoding="utf-8")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": EOS,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    facts = {
        "vocab_size": tokenizer.get_vocab_size(),
        "documents": len(texts),
        "bytes": sum(len(text.encode("utf-8")) for text in texts),
    }
    return Written(facts)


def sample(curated: list[Path], config: TokenizerConfig) -> list[str]:
    """The texts to learn from, by domain and hash. Raises :class:`GristmillError` when there are none."""
    found = [_measure(batch, config) for batch in batches(curated, ["doc_id", "domain", "text"])]
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
