"""Compiled byte-level BPE gives the tokens of the library on real text: Chinese, code, mathematics, 40 languages.

From each file of the shared corpora some 12 kB, with a tokenizer of 8,000 entries learnt from them.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Regex, Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits, PreTokenizer, Split
from tokenizers.trainers import BpeTrainer

from gristmill.tasks.mix.byte_pairs import GPT4_PATTERN, compiled
from gristmill.tasks.mix.tokenizer import EOS

EACH = 12_000
GPT4 = Split(Regex(GPT4_PATTERN.replace("DIGITS", "{1,3}")), "isolated")


def texts(path: Path) -> Iterator[str]:
    """The first texts of a file."""
    left = EACH
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)["text"][:6000]
            yield text
            left -= len(text)
            if left <= 0:
                return


@pytest.mark.parametrize(
    "cut",
    [
        pre_tokenizers.Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]),
        pre_tokenizers.Sequence([GPT4, ByteLevel(add_prefix_space=False, use_regex=False)]),
    ],
    ids=["gpt2", "gpt4"],
)
def test_the_tokens_of_real_text_are_those_of_the_library(shared: Path, cut: PreTokenizer) -> None:
    files = sorted((shared / "corpora" / "text").glob("*.jsonl.gz"))
    found = {path.name: list(texts(path)) for path in files}
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = cut
    alphabet = sorted(ByteLevel.alphabet())
    trainer = BpeTrainer(vocab_size=8000, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False)  # type: ignore[call-arg]
    tokenizer.train_from_iterator((text[:2000] for part in found.values() for text in part), trainer)
    tokenizer.encode_special_tokens = True
    fast = compiled(tokenizer)
    assert fast is not None
    assert len(found) > 50
    for name, part in found.items():
        tokens, ends, given = fast.encode(pa.array(part))
        assert given.all(), name
        expected = tokenizer.encode_batch_fast(part, add_special_tokens=False)
        assert [ids.tolist() for ids in np.split(tokens, ends[:-1])] == [encoding.ids for encoding in expected], name
