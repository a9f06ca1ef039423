"""Tokenizers made elsewhere, Unigram, and what the tokens step counts."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer
from tokenizers.models import Unigram, WordLevel
from tokenizers.pre_tokenizers import Whitespace, WhitespaceSplit

from gristmill.core.errors import UsageError
from gristmill.core.table import conform
from gristmill.schemas.tables import Curated
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokenizer import EOS, TextTokenizer, TokenizerConfig, settled, train_tokenizer
from gristmill.tasks.mix.tokenizer_files import find_tokenizer, take_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig, write_tokens
from tests.helpers.small_curated import document

STEMS = ("mill", "grind", "grain", "flour", "water", "wheel")
ENDINGS = ("", "s", "ing", "ed", "er", "ers")
WORDS = [*(stem + ending for stem in STEMS for ending in ENDINGS), "naïve", "水車", "2026"]


def curated(path: Path, texts: list[tuple[str, str]]) -> Path:
    """A curated shard of (language, text)."""
    rows = [document(str(n), "prose", text) | {"language": language} for n, (language, text) in enumerate(texts)]
    pq.write_table(conform(Curated, pa.Table.from_pylist(rows, schema=Curated.schema)), path)
    return path


def words_tokenizer(path: Path, vocabulary: dict[str, int], *, truncated: bool = False) -> Path:
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="?"))  # noqa: S106
    tokenizer.pre_tokenizer = Whitespace()
    if truncated:
        tokenizer.enable_truncation(2)
        tokenizer.enable_padding(length=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return path


def take(path: Path, out: Path, eos: str = "") -> TextTokenizer:
    config, context = find_tokenizer(path, eos)
    out.mkdir()
    take_tokenizer(context).function(config, out)
    return TextTokenizer.load(out)


def test_a_file_is_taken_without_its_truncation_and_padding(tmp_path: Path) -> None:
    path = words_tokenizer(tmp_path / "t.json", {"?": 0, "a": 1, "b": 2, "</s>": 3}, truncated=True)
    tokenizer = take(path, tmp_path / "out")
    assert (tokenizer.eos, tokenizer.eos_id, tokenizer.vocab_size) == ("</s>", 3, 4)
    assert tokenizer.encode(["a b a b a", "b"]) == [[1, 2, 1, 2, 1], [2]]


def test_a_folder_says_which_token_ends_a_text(tmp_path: Path) -> None:
    vocabulary = {"?": 0, "a": 1, "</s>": 2, "<|endoftext|>": 3, "STOP": 4}
    folder = words_tokenizer(tmp_path / "t" / "tokenizer.json", vocabulary).parent
    with pytest.raises(UsageError, match=r"which token ends a text.* both could.*--set eos=TOKEN"):
        find_tokenizer(folder)
    assert find_tokenizer(folder, "STOP")[0].eos == "STOP"
    settings = {"eos_token": {"content": "</s>"}, "auto_map": {"AutoTokenizer": "evil.py"}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    taken = take(folder, tmp_path / "out")
    assert taken.eos_id == 2
    assert "evil" not in (tmp_path / "out" / "tokenizer_config.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nothing/x", None, "there is no such file or folder"),
        ("slow/tokenizer.model", "x", "only the files of a slow tokenizer"),
        ("empty/readme.txt", "x", "the folder has no tokenizer.json"),
        ("broken/tokenizer.json", "{", "not a file of the library tokenizers"),
    ],
)
def test_what_is_no_tokenizer_says_what_to_do(name: str, content: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.parent.mkdir()
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        find_tokenizer(path.parent)


def test_an_unknown_or_missing_end_of_text_is_refused(tmp_path: Path) -> None:
    path = words_tokenizer(tmp_path / "t.json", {"?": 0, "a": 1})
    with pytest.raises(UsageError, match="none of the usual names is in it"):
        find_tokenizer(path)
    with pytest.raises(UsageError, match="it has no token 'X'"):
        find_tokenizer(path, "X")


def test_a_large_vocabulary_makes_a_store_of_32_bits(tmp_path: Path) -> None:
    vocabulary = {"?": 0, "</s>": 1, "mill": 70_000} | {f"w{n}": n for n in range(2, 100)}
    take(words_tokenizer(tmp_path / "t.json", vocabulary), tmp_path / "tokenizer")
    shard = curated(tmp_path / "a.parquet", [("en", "mill w5 mill"), ("en", "w7")])
    (tmp_path / "out").mkdir()
    write_tokens.function([shard], [], [tmp_path / "tokenizer"], TokensConfig(heldout_share=0), tmp_path / "out")
    store = TokenStore.open([tmp_path / "out"])
    assert (store.dtype, store.vocab_size, store.eos_id) == (np.dtype("<u4"), 70_001, 1)
    assert store.read("prose", 0, store.tokens("prose")).tolist() == [70_000, 5, 70_000, 1, 7, 1]


def test_a_piece_that_spells_the_end_of_text_is_cut_in_two(tmp_path: Path) -> None:
    pieces = [("<unk>", 0.0), ("</s>", -1.0), *[(letter, -5.0) for letter in "ab</s>"]]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(tmp_path / "t.json"))
    taken = take(tmp_path / "t.json", tmp_path / "out")
    assert taken.tokenizer.encode("a</s>b", add_special_tokens=False).ids.count(taken.eos_id) == 1
    (ids,) = taken.encode(["a</s>b</s>"])
    assert [taken.tokenizer.id_to_token(token) for token in ids] == list("a</s>b</s>")


def test_a_unigram_is_the_same_each_time_and_loses_nothing(tmp_path: Path) -> None:
    generator = random.Random(0)
    texts = [("en", " ".join(generator.choices(WORDS, k=40))) for _ in range(60)]
    shard = curated(tmp_path / "a.parquet", texts)
    made = []
    for name in "abc":
        (tmp_path / name).mkdir()
        train_tokenizer.function([shard], [], TokenizerConfig(model="unigram", vocab_size=330), tmp_path / name)
        made.append((tmp_path / name / "tokenizer.json").read_bytes())
    assert made[0] == made[1] == made[2]
    tokenizer = TextTokenizer.load(tmp_path / "a")
    assert (tokenizer.eos, tokenizer.eos_id) == (EOS, 0)
    text = f"grain 12 naïve 水車 \x00🙂 {EOS} \n\n end"
    (ids,) = tokenizer.encode([text])
    assert tokenizer.tokenizer.decode(ids) == text
    assert tokenizer.eos_id not in ids
    (milling,) = tokenizer.encode([" milling"])
    assert len(milling) <= 3


def test_what_hash_order_leaves_in_a_unigram_is_settled() -> None:
    learnt = [("the", -2.0), ("b", -9.0), ("c", -8.9999), ("a", -8.9998), ("d", -4.00000000001)]
    other = [("the", -2.0), ("d", -4.0), ("a", -9.0), ("b", -8.9999), ("c", -8.9998)]
    assert settled(learnt) == settled(other) == [("the", -2.0), ("d", -4.0), ("a", -9.0), ("b", -9.0), ("c", -9.0)]


def test_tokens_bytes_and_words_are_counted_by_language(tmp_path: Path) -> None:
    path = words_tokenizer(tmp_path / "t.json", {"?": 0, "a": 1, "</s>": 2})
    take(path, tmp_path / "tokenizer")
    shard = curated(tmp_path / "a.parquet", [("en", "a a"), ("de", "a ä a"), ("en", "a")])
    (tmp_path / "out").mkdir()
    facts = write_tokens.function([shard], [], [tmp_path / "tokenizer"], TokensConfig(), tmp_path / "out").facts
    assert facts["vocab_size"] == 3
    assert facts["languages"] == {
        "de": {"prose": {"documents": 1, "tokens": 3, "bytes": 6, "words": 3}},
        "en": {"prose": {"documents": 2, "tokens": 3, "bytes": 4, "words": 3}},
    }
