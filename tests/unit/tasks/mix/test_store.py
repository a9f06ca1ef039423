"""Tokenizer, token files and the store that reads them."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.table import conform
from gristmill.schemas.tables import Curated, TokenStats
from gristmill.tasks.mix.curated import SplitConfig, is_heldout
from gristmill.tasks.mix.heldout import HeldoutConfig, heldout_texts, write_heldout
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokenizer import TextTokenizer, TokenizerConfig, sample, train_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig, write_tokens
from tests.helpers.small_curated import document

TEXT = "the mill grinds grain into flour and water turns a wheel 1 2 34 while def return lambda x: naïve 水車"
WORDS = TEXT.split()
SMALL = TokenizerConfig(vocab_size=400, max_bytes=40_000)


def shard(path: Path, seed: int, documents: int = 120) -> Path:
    generator = random.Random(seed)
    rows = [
        document(
            f"{seed}-{number}",
            generator.choice(["code", "prose", "prose"]),
            " ".join(generator.choices(WORDS, k=generator.randint(1, 60))),
        )
        for number in range(documents)
    ]
    pq.write_table(conform(Curated, pa.Table.from_pylist(rows, schema=Curated.schema)), path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two curated shards, their tokenizer and their token folders."""
    base = tmp_path_factory.mktemp("store")
    shards = [shard(base / f"{name}.parquet", seed) for seed, name in enumerate("ab")]
    (base / "tokenizer").mkdir()
    train_tokenizer.function(shards, [], SMALL, base / "tokenizer")
    for path in shards:
        (base / path.stem).mkdir()
        write_tokens.function([path], [], [base / "tokenizer"], TokensConfig(heldout_share=0.1), base / path.stem)
    return base


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_document_comes_back_from_the_token_files_in_its_split(folder: Path) -> None:
    tokenizer = TextTokenizer.load(folder / "tokenizer").tokenizer
    store = TokenStore.open([folder / "a", folder / "b"])
    texts = {row["doc_id"]: row for name in "ab" for row in pq.read_table(folder / f"{name}.parquet").to_pylist()}
    seen = []
    for (domain, split), parts in store.parts.items():
        for part in parts:
            starts = [0, *part.ends[:-1].tolist()]
            for start, end, identity in zip(starts, part.ends.tolist(), part.doc_ids, strict=True):
                row = texts[identity.tobytes().hex()]
                tokens = part.tokens[start:end].tolist()
                assert tokens[-1] == store.eos_id
                assert store.eos_id not in tokens[:-1]
                assert tokenizer.decode(tokens[:-1]) == row["text"]
                assert row["domain"] == domain
                heldout = bool(is_heldout([row["doc_id"]], SplitConfig(heldout_share=0.1))[0])
                assert heldout == (split == "heldout")
                seen.append(row["doc_id"])
    assert sorted(seen) == sorted(texts)


def test_token_files_are_headless_little_endian_and_described_by_their_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "a" / "manifest.json").read_bytes())
    assert manifest["dtype"] == "<u2"
    assert manifest["tokenizer"] == TextTokenizer.load(folder / "tokenizer").digest
    entry = manifest["domains"]["prose"]["train"]
    raw = np.frombuffer((folder / "a" / "prose.train.tok").read_bytes(), dtype="<u2")
    ends = np.frombuffer((folder / "a" / "prose.train.ends").read_bytes(), dtype="<u8")
    assert len(raw) == entry["tokens"] == ends[-1]
    assert len(ends) == entry["documents"]
    assert np.flatnonzero(raw == manifest["eos_id"]).tolist() == (ends - 1).tolist()


def test_writing_again_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    tokenizer, tokens = tmp_path / "tokenizer", tmp_path / "tokens"
    tokenizer.mkdir()
    tokens.mkdir()
    train_tokenizer.function([folder / "a.parquet", folder / "b.parquet"], [], SMALL, tokenizer)
    write_tokens.function([folder / "a.parquet"], [], [tokenizer], TokensConfig(heldout_share=0.1), tokens)
    assert contents(tokenizer) == contents(folder / "tokenizer")
    assert contents(tokens) == contents(folder / "a")


def test_rows_and_reads_run_across_shards_whatever_the_order_of_the_folders(folder: Path, tmp_path: Path) -> None:
    store = TokenStore.open([folder / "a", folder / "b"])
    other = TokenStore.open([folder / "b", folder / "a"])
    whole = np.concatenate([part.tokens for part in store.parts["prose", "train"]])
    assert len(whole) == store.tokens("prose")
    assert np.array_equal(store.read("prose", 0, len(whole)), whole)
    assert store.rows("prose", 65) == len(whole) // 65
    for position in range(store.rows("prose", 65)):
        expected = whole[position * 65 : position * 65 + 65]
        assert np.array_equal(store.row("prose", position, 65), expected)
        assert np.array_equal(other.row("prose", position, 65), expected)
    assert other.digest == store.digest
    with pytest.raises(IndexError, match="prose"):
        store.row("prose", store.rows("prose", 65), 65)
    assert store.tokens("absent") == 0


def test_documents_of_a_token_range_are_those_that_overlap_it(folder: Path) -> None:
    store = TokenStore.open([folder / "a", folder / "b"])
    spans, base = [], 0
    for part in store.parts["prose", "train"]:
        starts = [0, *part.ends[:-1].tolist()]
        for start, end, identity in zip(starts, part.ends.tolist(), part.doc_ids, strict=True):
            spans.append((base + start, base + end, identity.tobytes().hex()))
        base += len(part.tokens)
    for start in range(0, base - 50, 37):
        expected = [identity for first, end, identity in spans if first < start + 50 and end > start]
        assert store.documents("prose", start, start + 50) == expected


def test_stats_fit_the_contract_and_add_up(folder: Path) -> None:
    store = TokenStore.open([folder / "a", folder / "b"])
    stats = conform(TokenStats, store.stats())
    rows = stats.to_pylist()
    assert {(row["domain"], row["split"]) for row in rows} == set(store.parts)
    assert sum(row["documents"] for row in rows) == 240
    text = sum(len(t.encode()) for n in "ab" for t in pq.read_table(folder / f"{n}.parquet")["text"].to_pylist())
    assert sum(row["bytes"] for row in rows) == text
    domains = store.domains(65)
    assert [domain.name for domain in domains] == ["code", "prose"]
    assert all(domain.tokens % 65 == 0 and domain.fingerprint == store.fingerprint(domain.name) for domain in domains)


def test_a_store_of_changed_or_cut_files_is_refused(folder: Path, tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        target = tmp_path / name
        target.mkdir()
        for path in (folder / "a").iterdir():
            (target / path.name).write_bytes(path.read_bytes())
        return target

    cut = copy("cut")
    tok = cut / "prose.train.tok"
    tok.write_bytes(tok.read_bytes()[:-2])
    with pytest.raises(GristmillError, match="cut off"):
        TokenStore.open([cut])
    other = copy("other")
    manifest = json.loads((other / "manifest.json").read_bytes())
    (other / "manifest.json").write_text(json.dumps({**manifest, "tokenizer": "another"}))
    with pytest.raises(GristmillError, match="2 tokenizers"):
        TokenStore.open([folder / "a", other])
    (other / "manifest.json").unlink()
    with pytest.raises(GristmillError, match="holds no manifest"):
        TokenStore.open([other])
    with pytest.raises(GristmillError, match="at least one folder"):
        TokenStore.open([])


def test_text_that_spells_the_end_of_text_token_does_not_end_a_document(folder: Path, tmp_path: Path) -> None:
    text = "before <|endoftext|> after"
    rows = pa.Table.from_pylist([document("hostile", "prose", text)], schema=Curated.schema)
    pq.write_table(rows, tmp_path / "hostile.parquet")
    (tmp_path / "out").mkdir()
    config = TokensConfig(heldout_share=0)
    write_tokens.function([tmp_path / "hostile.parquet"], [], [folder / "tokenizer"], config, tmp_path / "out")
    store = TokenStore.open([tmp_path / "out"])
    tokens = store.read("prose", 0, store.tokens("prose")).tolist()
    assert tokens.count(store.eos_id) == 1
    assert TextTokenizer.load(folder / "tokenizer").tokenizer.decode(tokens[:-1]) == text


def test_transformers_opens_the_tokenizer_and_agrees(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    opened = transformers.AutoTokenizer.from_pretrained(str(folder / "tokenizer"), local_files_only=True)
    own = TextTokenizer.load(folder / "tokenizer")
    text = "the mill naïve 水車 12 def\n<|endoftext|>"
    assert opened(text, add_special_tokens=False)["input_ids"] == own.encode([text])[0]
    assert opened.eos_token_id == own.eos_id
    assert opened.decode(own.encode([text])[0]) == text


def test_a_tokenizer_needs_training_text(tmp_path: Path) -> None:
    pq.write_table(Curated.schema.empty_table(), tmp_path / "empty.parquet")
    with pytest.raises(GristmillError, match="no curated training text"):
        train_tokenizer.function([tmp_path / "empty.parquet"], [], SMALL, tmp_path)


def test_a_tokenizer_never_reads_heldout_text_and_balances_its_sample(folder: Path, tmp_path: Path) -> None:
    config = TokenizerConfig(vocab_size=400, max_bytes=4000, split=SplitConfig(heldout_share=0.5))
    rows = pq.read_table(folder / "a.parquet").to_pylist()
    heldout = {row["text"] for row in rows if is_heldout([row["doc_id"]], config.split)[0]}
    chosen = sample([folder / "a.parquet"], config)
    domain_of = {row["text"]: row["domain"] for row in rows}
    sizes = {"code": 0, "prose": 0}
    for text in chosen:
        sizes[domain_of[text]] += len(text.encode())
    assert not heldout & set(chosen)
    assert all(1500 < size <= 2000 for size in sizes.values())


def test_heldout_texts_are_bounded_whole_and_of_heldout_documents(folder: Path, tmp_path: Path) -> None:
    config = HeldoutConfig(split=SplitConfig(heldout_share=0.3), max_bytes=1500)
    paths = [folder / "a.parquet", folder / "b.parquet"]
    texts = {row["doc_id"]: row["text"] for path in paths for row in pq.read_table(path).to_pylist()}
    found = heldout_texts(paths, config)
    assert set(found) == {"code", "prose"}
    for documents in found.values():
        assert all(texts[doc_id] == text for doc_id, text in documents)
        assert is_heldout([doc_id for doc_id, _ in documents], config.split).all()
        assert 0 < sum(len(text.encode()) for _, text in documents) <= 1500
    assert heldout_texts(paths[::-1], config) == found
    facts = write_heldout.function(paths, [], config, tmp_path).facts
    lines = [json.loads(line) for line in (tmp_path / "prose.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["doc_id"], line["text"]) for line in lines] == found["prose"]
    assert facts["domains"]["prose"]["documents"] == len(lines)


def test_the_heldout_split_is_near_its_share_and_monotone() -> None:
    doc_ids = [digest_text(str(number)) for number in range(20_000)]
    few, many = (is_heldout(doc_ids, SplitConfig(heldout_share=share)) for share in (0.03, 0.1))
    assert abs(few.mean() - 0.03) < 0.005
    assert not (few & ~many).any()
    with pytest.raises(GristmillError, match="32 hexadecimal digits"):
        is_heldout(["not an id"], SplitConfig())


def test_the_steps_run_in_a_lake_and_are_found_done(folder: Path, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    refs: list[Ref] = []
    for name in "ab":
        refs.append(lake.write_table(Curated, f"shard-{name}", "key", pq.read_table(folder / f"{name}.parquet")))
    tokenizer = train_tokenizer.run(lake, "all", Inputs(refs=tuple(refs)), SMALL).manifest.files[0]
    config = TokensConfig(heldout_share=0.1)
    inputs = [Inputs(refs=(ref,), files=(tokenizer,)) for ref in refs]
    first = [write_tokens.run(lake, ref.shard, entry, config) for ref, entry in zip(refs, inputs, strict=True)]
    again = [write_tokens.run(lake, ref.shard, entry, config) for ref, entry in zip(refs, inputs, strict=True)]
    assert [outcome.cached for outcome in first + again] == [False, False, True, True]
    store = TokenStore.open([lake.files_path(outcome.manifest.files[0]) for outcome in first])
    assert store.digest == TokenStore.open([folder / "a", folder / "b"]).digest
