"""The bytes of every format, against golden bytes and small readers of our own.

Layouts after the upstream sources named in each module; ``tests/golden/test_token_peers.py`` opens the same files with
the real readers where they are installed.
"""

import gzip
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from gristmill.tasks.mix.exports.datatrove import metric
from gristmill.tasks.mix.exports.export import ExportConfig, FormatName, export
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.batches import batch
from tests.helpers.small_tokens import doc_id, plan_for, random_store, write_folder

FLAT: dict[FormatName, str] = {"megatron": "bin", "datatrove": "ds", "olmo": "npy"}
CAPS = {"code": 9.0, "prose": 9.0}


def run(place: Path, store: TokenStore, plan: Plan, form: FormatName, mode: str) -> Path:
    (place / "tokenizer").mkdir(exist_ok=True)
    (place / "tokenizer" / "tokenizer.json").write_text("{}", encoding="utf-8")
    out = place / f"{form}-{mode}"
    config = ExportConfig.parse({"format": form, "mode": mode, "path_prefix": "/data/x"}, "test")
    export(plan, store, CAPS, config, place / "tokenizer", out, lambda done: None)
    return out


@pytest.fixture
def three(tmp_path: Path) -> TokenStore:
    """Three documents of one domain, of 3, 1 and 5 tokens with their ends."""
    documents = {
        ("code", "train"): [[5, 6], [], [7, 8, 9, 513]],
        ("prose", "train"): [[3] * 20],
        ("prose", "heldout"): [[4, 4]],
    }
    return TokenStore.open([write_folder(tmp_path / "s", documents)])


def test_the_golden_bytes_of_megatron(three: TokenStore, tmp_path: Path) -> None:
    out = run(tmp_path, three, plan_for(three, [(30, 0.5)], 3), "megatron", "blend")
    assert (out / "code" / "00000.bin").read_bytes() == bytes.fromhex("05000600 0000 0000 0700080009000102 0000")
    expected = b"MMIDIDX\0\0" + bytes.fromhex(
        "0100000000000000 08 0300000000000000 0400000000000000"  # version, u16, sequences, documents + 1
        "03000000 01000000 05000000"  # lengths
        "0000000000000000 0600000000000000 0800000000000000"  # where they begin, in bytes
        "0000000000000000 0100000000000000 0200000000000000 0300000000000000"
    )
    assert (out / "code" / "00000.idx").read_bytes() == expected


def test_the_golden_bytes_of_datatrove(three: TokenStore, tmp_path: Path) -> None:
    out = run(tmp_path, three, plan_for(three, [(30, 0.5)], 3), "datatrove", "blend")
    assert (out / "code" / "00000.ds").read_bytes() == (tmp_path / "s" / "code.train.tok").read_bytes()
    assert (out / "code" / "00000.ds.index").read_bytes() == struct.pack("<3Q", 3, 4, 9)
    lines = (out / "code" / "00000.ds.metadata").read_text(encoding="utf-8").split("\n")
    assert lines == [f"gristmill-{three.tokenizer[:16]}|2", "9", "9.00 T"]
    assert yaml.safe_load((out / "nanotron.yaml").read_text(encoding="utf-8")) == {
        "dataset": {
            "dataset_folder": ["/data/x/code", "/data/x/prose"],
            "dataset_weights": [0.5, 0.5],
            "tokenizer_name": f"gristmill-{three.tokenizer[:16]}",
            "vocab_size": 1000,
            "token_size_in_bytes": 2,
        }
    }


def test_counts_for_people_are_written_as_humanize_does() -> None:
    """The expected words are those of humanize.metric 4.12 with the unit T."""
    counts = (9, 12, 123, 1234, 12_345, 999_000, 1_000_000, 1_500_000_000)
    said = ["9.00 T", "12.0 T", "123 T", "1.23 kT", "12.3 kT", "999 kT", "1.00 MT", "1.50 GT"]
    assert [metric(count) for count in counts] == said


def test_the_golden_bytes_of_olmo(three: TokenStore, tmp_path: Path) -> None:
    out = run(tmp_path, three, plan_for(three, [(30, 0.5)], 3), "olmo", "blend")
    lines = gzip.decompress((out / "code" / "00000.csv.gz").read_bytes()).decode().splitlines()
    ids = [doc_id("s", "code", "train", number) for number in range(3)]
    assert lines == [f"0,3,{ids[0]}", f"3,4,{ids[1]}", f"4,9,{ids[2]}"]
    (code, _) = yaml.safe_load((out / "source_mixture.yaml").read_text(encoding="utf-8"))["sources"]
    assert code == {
        "source_name": "code",
        "target_ratio": 0.5,
        "paths": ["/data/x/code/00000.npy"],
        "max_repetition_ratio": 9.0,
    }


def test_the_golden_bytes_of_litdata(three: TokenStore, tmp_path: Path) -> None:
    out = run(tmp_path, three, plan_for(three, [(30, 0.5)], 3), "litdata", "blend")
    raw = (out / "code" / "chunk-0-0.bin").read_bytes()
    assert raw == struct.pack("<3I", 1, 12, 12 + 18) + (tmp_path / "s" / "code.train.tok").read_bytes()
    index = json.loads((out / "code" / "index.json").read_bytes())
    assert index["chunks"] == [{"chunk_bytes": 18, "chunk_size": 1, "dim": 9, "filename": "chunk-0-0.bin"}]
    assert index["config"]["data_format"] == ["no_header_tensor:20"]


def test_nanogpt_gets_rows_and_heldout_text(three: TokenStore, tmp_path: Path) -> None:
    plan = plan_for(three, [(30, 0.5)], 3)
    out = run(tmp_path, three, plan, "nanogpt", "stream")
    rows = np.fromfile(out / "train.bin", dtype="<u2").reshape(-1, 3)
    assert rows.tolist() == batch(plan, three, 0, len(plan)).tolist()
    assert np.fromfile(out / "val.bin", dtype="<u2").tolist() == [4, 4, 0]


def read_megatron(stem: Path) -> Iterator[list[int]]:
    """The documents of a ``.bin`` by its ``.idx``."""
    raw = stem.with_suffix(".idx").read_bytes()
    assert raw[:9] == b"MMIDIDX\0\0"
    version, code, count, documents = struct.unpack_from("<QBQQ", raw, 9)
    assert (version, documents) == (1, count + 1)
    kind = {8: "<u2", 4: "<i4"}[code]
    lengths = np.frombuffer(raw, "<i4", count, 34)
    pointers = np.frombuffer(raw, "<i8", count, 34 + 4 * count)
    assert np.frombuffer(raw, "<i8", documents, 34 + 12 * count).tolist() == list(range(documents))
    assert len(raw) == 34 + 12 * count + 8 * documents
    for length, pointer in zip(lengths.tolist(), pointers.tolist(), strict=True):
        yield np.fromfile(stem.with_suffix(".bin"), kind, length, offset=pointer).tolist()


def cut(tokens: list[int], ends: list[int]) -> list[list[int]]:
    return [tokens[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def read_flat(form: str, stem: Path, kind: str) -> list[list[int]]:
    """The documents of a flat file by the index of its format."""
    if form == "megatron":
        return list(read_megatron(stem))
    if form == "datatrove":
        ends = np.fromfile(stem.with_suffix(".ds.index"), "<u8").tolist()
        return cut(np.fromfile(stem.with_suffix(".ds"), kind).tolist(), ends)
    with gzip.open(stem.with_suffix(".csv.gz"), "rt") as lines:
        bounds = [line.split(",") for line in lines]
    tokens = np.fromfile(stem.with_suffix(".npy"), kind).tolist()
    return [tokens[int(start) : int(end)] for start, end, *_ in bounds]


def stored(store: TokenStore, domain: str, number: int) -> list[list[int]]:
    part = store.parts[domain, "train"][number]
    return cut(part.tokens.tolist(), part.ends.tolist())


@pytest.mark.parametrize("vocab_size", [1000, 100_000])
@pytest.mark.parametrize("form", FLAT)
def test_a_flat_blend_shares_the_bytes_and_gives_the_documents(
    form: FormatName, vocab_size: int, tmp_path: Path
) -> None:
    store = random_store(tmp_path / "store", vocab_size=vocab_size)
    out = run(tmp_path, store, plan_for(store, [(2000, 0.4)]), form, "blend")
    for domain in ("code", "prose"):
        for number, part in enumerate(store.parts[domain, "train"]):
            stem = out / domain / f"{number:05d}"
            assert stem.with_suffix(f".{FLAT[form]}").samefile(part.path)
            assert read_flat(form, stem, store.dtype.str) == stored(store, domain, number)


@pytest.mark.parametrize("form", FLAT)
def test_a_flat_stream_has_the_rows_of_the_plan_and_ends_documents_in_them(form: FormatName, tmp_path: Path) -> None:
    store = random_store(tmp_path / "store")
    plan = plan_for(store, [(2000, 0.4)])
    out = run(tmp_path, store, plan, form, "stream")
    rows = batch(plan, store, 0, len(plan))
    pieces = read_flat(form, out / "train", store.dtype.str)
    assert [token for piece in pieces for token in piece] == rows.reshape(-1).tolist()
    ends = np.cumsum([len(piece) for piece in pieces])
    own = np.flatnonzero(rows.reshape(-1) == store.eos_id) + 1
    assert sorted(ends.tolist()) == sorted({*own.tolist(), *range(17, rows.size + 1, 17)})


@pytest.mark.parametrize("vocab_size", [1000, 100_000])
def test_litdata_gives_rows_of_a_block(vocab_size: int, tmp_path: Path) -> None:
    store = random_store(tmp_path / "store", vocab_size=vocab_size)
    plan = plan_for(store, [(2000, 0.4)])
    out = run(tmp_path, store, plan, "litdata", "stream")
    index = json.loads((out / "index.json").read_bytes())
    (code,) = index["config"]["data_format"]
    rows: list[list[int]] = []
    for chunk in index["chunks"]:
        kind = {"no_header_tensor:20": "<u2", "no_header_tensor:15": "<i4"}[code]
        tokens = np.fromfile(out / chunk["filename"], kind, offset=4 * (2 + chunk["chunk_size"]))
        assert (len(tokens), tokens.nbytes) == (chunk["dim"], chunk["chunk_bytes"])
        rows += tokens.reshape(-1, 17).tolist()
    assert rows == batch(plan, store, 0, len(plan)).tolist()


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_lists_of_tokens_in_both_modes(form: FormatName, tmp_path: Path) -> None:
    store = random_store(tmp_path / "store")
    plan = plan_for(store, [(2000, 0.4)])

    def rows_of(path: Path) -> list[dict[str, object]]:
        if form == "parquet":
            return pq.read_table(path).to_pylist()  # type: ignore[no-any-return] # pyarrow has no types
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    blend, stream = (run(tmp_path, store, plan, form, mode) for mode in ("blend", "stream"))
    documents = rows_of(blend / "prose" / f"00001.{form}")
    assert [row["input_ids"] for row in documents] == stored(store, "prose", 1)
    ids = [entry.tobytes().hex() for entry in store.parts["prose", "train"][1].doc_ids]
    assert [row["doc_id"] for row in documents] == ids
    rows = rows_of(stream / f"train.{form}")
    assert [row["input_ids"] for row in rows] == batch(plan, store, 0, len(plan)).tolist()
    assert [row["domain"] for row in rows] == [plan.row(number)[0] for number in range(len(plan))]
    assert all(sum(row["seq_lengths"]) == 17 for row in rows)  # type: ignore[call-overload] # a list of integers


def test_megatron_weights_are_split_over_the_files_of_a_domain(tmp_path: Path) -> None:
    store = random_store(tmp_path / "store")
    out = run(tmp_path, store, plan_for(store, [(2000, 0.4)]), "megatron", "blend")
    words = (out / "data_args.txt").read_text(encoding="utf-8").split()
    weights = dict(zip(words[1::2], map(float, words[::2]), strict=True))
    assert sorted(weights) == [f"/data/x/{domain}/0000{n}" for domain in ("code", "prose") for n in (0, 1)]
    assert weights["/data/x/code/00000"] + weights["/data/x/code/00001"] == pytest.approx(0.4, abs=1e-8)
    tokens = [len(part.tokens) for part in store.parts["code", "train"]]
    assert weights["/data/x/code/00000"] == pytest.approx(0.4 * tokens[0] / sum(tokens), abs=1e-8)


def test_a_mixture_of_stages_has_a_weight_file_for_each(tmp_path: Path) -> None:
    store = random_store(tmp_path / "store")
    out = run(tmp_path, store, plan_for(store, [(1000, 0.4), (2000, 0.9)]), "megatron", "blend")
    assert sorted(path.name for path in out.glob("*.txt")) == ["data_args.stage-0.txt", "data_args.stage-1.txt"]
    stages = json.loads((out / "weights.json").read_bytes())["stages"]
    assert [stage["domains"]["code"]["weight"] for stage in stages] == pytest.approx([0.4, 0.9], abs=1e-8)


def test_weights_by_documents_give_the_shares_of_tokens(tmp_path: Path) -> None:
    store = random_store(tmp_path / "store")
    out = run(tmp_path, store, plan_for(store, [(2000, 0.4)]), "parquet", "blend")
    domains = json.loads((out / "weights.json").read_bytes())["stages"][0]["domains"]
    means = {name: store.tokens(name) / sum(len(part.ends) for part in store.parts[name, "train"]) for name in domains}
    drawn = {name: domains[name]["example_weight"] * means[name] for name in domains}
    assert sum(entry["example_weight"] for entry in domains.values()) == pytest.approx(1)
    assert drawn["code"] / sum(drawn.values()) == pytest.approx(0.4, abs=1e-8)
