"""What an export refuses, reports, and leaves behind."""

import errno
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.mix.exports.accounts import repacked
from gristmill.tasks.mix.exports.export import Export, ExportConfig, export
from gristmill.tasks.mix.exports.packing import pack
from gristmill.tasks.mix.mixers.mixer import Mixture, Order, Stage
from gristmill.tasks.mix.orders.sorting import sort_stages
from gristmill.tasks.mix.orders.values import DocumentValues
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.batches import batch
from tests.helpers.small_tokens import plan_for, random_store, write_folder

CAPS = {"code": 4.0, "prose": 4.0}


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "tokenizer.json").write_text("{}", encoding="utf-8")
    return random_store(tmp_path / "store")


def run(store: TokenStore, plan: Plan, out: Path, caps: dict[str, float] | None = None, /, **options: Any) -> Export:
    config = ExportConfig.parse({"format": "megatron", "path_prefix": "/x"} | options, "test")
    return export(plan, store, caps or CAPS, config, out.parent / "tokenizer", out, lambda done: None)


def test_a_run_that_repeats_a_domain_above_its_cap_is_refused(store: TokenStore, tmp_path: Path) -> None:
    plan = plan_for(store, [(3 * store.tokens("code"), 0.9)])
    run(store, plan, tmp_path / "ok")
    with pytest.raises(GristmillError, match=r"'code' would be seen 2\.7\d times .* its cap is 2\."):
        run(store, plan, tmp_path / "out", {"code": 2.0, "prose": 4.0})
    longer = 6 * store.tokens("code")
    with pytest.raises(GristmillError, match=r"'code' would be seen 5\.\d+ times .* Export fewer tokens"):
        run(store, plan, tmp_path / "out", target_tokens=longer)
    run(store, plan, tmp_path / "fewer", {"code": 2.0, "prose": 4.0}, target_tokens=store.tokens("code"))
    assert not (tmp_path / "out").exists()


def test_epochs_of_a_longer_run_follow_the_last_stage(store: TokenStore, tmp_path: Path) -> None:
    plan = plan_for(store, [(850, 1.0), (1700, 0.5)])
    done = run(store, plan, tmp_path / "out", target_tokens=2550)
    code = plan.domains[0]
    assert done.domains["code"].epochs == pytest.approx((50 + 25 + 25) / code.rows, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "nanogpt"}, "Give --mode stream"),
        ({"packing": "best-fit"}, "only parquet and jsonl with --mode stream"),
        ({"format": "parquet", "packing": "best-fit"}, "only parquet and jsonl with --mode stream"),
        ({"overflow": "crop"}, "without --packing, a document runs on"),
        ({"mode": "stream", "target_tokens": 999_999}, "at most the plan's"),
        ({"mode": "stream", "target_tokens": 16}, "one row of 17 tokens or more"),
        ({"mode": "blend", "target_tokens": 16}, "one row of 17 tokens or more"),
    ],
)
def test_what_a_format_cannot_do_is_said(
    options: dict[str, object], said: str, store: TokenStore, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        run(store, plan_for(store, [(2000, 0.4)]), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_nanogpt_refuses_a_large_vocabulary(store: TokenStore, tmp_path: Path) -> None:
    large = random_store(tmp_path / "large", vocab_size=70_000)
    with pytest.raises(UsageError, match="16-bit tokens alone, and the tokenizer has 70,000 entries"):
        run(large, plan_for(large, [(2000, 0.4)]), tmp_path / "out", format="nanogpt", mode="stream")


def test_a_folder_that_holds_something_is_not_touched(store: TokenStore, tmp_path: Path) -> None:
    plan = plan_for(store, [(2000, 0.4)])
    (tmp_path / "out").mkdir()
    run(store, plan, tmp_path / "out")  # an empty one is taken
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="is not an empty folder"):
        run(store, plan, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_plan_of_other_tokens_is_refused(store: TokenStore, tmp_path: Path) -> None:
    other = random_store(tmp_path / "other", seed=9)
    with pytest.raises(GristmillError, match="are not those the plan was made for"):
        run(store, plan_for(other, [(2000, 0.4)]), tmp_path / "out")


def test_nothing_stays_behind_when_it_fails(store: TokenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="full"):
        run(store, plan_for(store, [(2000, 0.4)]), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "tokenizer"]


def test_a_disk_that_cannot_link_gets_copies(
    store: TokenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(store, [(2000, 0.4)])
    linked = run(store, plan, tmp_path / "linked")

    def refuse(source: object, target: object) -> None:
        raise OSError(errno.EXDEV, "other disk")

    monkeypatch.setattr(os, "link", refuse)
    copied = run(store, plan, tmp_path / "copied")
    assert copied.linked_bytes == 0 < linked.linked_bytes
    tokens = sum(store.tokens(domain) for domain in CAPS)
    assert linked.linked_bytes == 2 * tokens
    assert {path.name: path.read_bytes() for path in (tmp_path / "copied").rglob("*.bin")} == {
        path.name: path.read_bytes() for path in (tmp_path / "linked").rglob("*.bin")
    }


def test_a_tokenizer_that_is_rewritten_in_place_leaves_the_lakes_alone(store: TokenStore, tmp_path: Path) -> None:
    run(store, plan_for(store, [(2000, 0.4)]), tmp_path / "out")
    (tmp_path / "out" / "tokenizer" / "tokenizer.json").write_text("changed", encoding="utf-8")
    assert (tmp_path / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("form", ["megatron", "datatrove", "olmo", "litdata", "parquet", "jsonl"])
@pytest.mark.parametrize("mode", ["blend", "stream"])
def test_an_export_is_the_same_bytes_again(form: str, mode: str, store: TokenStore, tmp_path: Path) -> None:
    plan = plan_for(store, [(2000, 0.4)])
    found = []
    for name in "ab":
        run(store, plan, tmp_path / name, format=form, mode=mode)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        found.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert found[0] == found[1]


def test_the_account_of_windows(store: TokenStore, tmp_path: Path) -> None:
    plan = plan_for(store, [(2000, 0.4)])
    done = run(store, plan, tmp_path / "out", mode="stream")
    code = done.domains["code"]
    assert (code.rows, code.dropped) == divmod(store.tokens("code"), 17)
    ends = np.concatenate([[0], store.ends("code", 0, store.tokens("code"))])
    crossing = [a // 17 != (b - 1) // 17 for a, b in pairwise(ends)]
    assert code.split == sum(crossing) > 0
    assert done.tokens == len(plan) * 17
    assert code.share == pytest.approx(0.4)


def test_packed_rows_hold_whole_documents_and_their_padding_is_counted(store: TokenStore, tmp_path: Path) -> None:
    plan = plan_for(store, [(2000, 0.4)], 48)
    done = run(store, plan, tmp_path / "out", format="parquet", mode="stream", packing="best-fit")
    rows = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    assert len(rows) == done.rows == len(plan)
    documents = set()
    for domain in ("code", "prose"):
        for part in store.parts[domain, "train"]:
            ends = part.ends.tolist()
            documents |= {tuple(part.tokens[a:b].tolist()) for a, b in zip([0, *ends], ends, strict=False)}
    for row in rows:
        at = 0
        assert len(row["input_ids"]) == 48
        for length in row["seq_lengths"]:
            assert tuple(row["input_ids"][at : at + length]) in documents
            at += length
        assert row["input_ids"][at:] == [store.eos_id] * (48 - at)
    for name, account in done.domains.items():
        assert account.padded == account.rows * 48 - store.tokens(name)
        assert (account.cropped, account.dropped, account.split) == (0, 0, 0)


def test_rows_too_short_for_any_document_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    documents = {("code", "train"): [[5] * 9], ("prose", "train"): [[6] * 9, [7, 7]]}
    short = TokenStore.open([write_folder(tmp_path / "s", documents)])
    plan = plan_for(short, [(10, 0.5)], 5)
    options = {"format": "parquet", "mode": "stream", "packing": "best-fit"}
    with pytest.raises(GristmillError, match="no document of the domain 'code' fits in a row of 5 tokens"):
        run(short, plan, tmp_path / "out", overflow="drop", **options)
    done = run(short, plan, tmp_path / "out", overflow="crop", **options)
    assert [done.domains[name].cropped for name in ("code", "prose")] == [5, 5]


def test_a_short_stream_is_the_start_of_the_run(store: TokenStore, tmp_path: Path) -> None:
    plan = plan_for(store, [(2000, 0.4)])
    run(store, plan, tmp_path / "out", mode="stream", target_tokens=20 * 17 + 3)
    rows = np.fromfile(tmp_path / "out" / "train.bin", "<u2").reshape(-1, 17)
    assert rows.tolist() == batch(plan, store, 0, 20).tolist()


def read_ids(path: Path) -> list[list[int]]:
    rows: list[list[int]] = pq.read_table(path)["input_ids"].to_pylist()
    return rows


def sorted_plan(store: TokenStore) -> Plan:
    """30 rows shuffled, then 60 by the length of their documents, the longest last."""
    shares = {"code": 0.4, "prose": 0.6}
    stages = (Stage(30 * 17, shares, shares), Stage(90 * 17, shares, shares, Order("length")))
    plan = make_plan(Mixture(stages, "", ""), store.domains(17), row_tokens=17, block=8, seed=3, max_epochs=9)
    return sort_stages(plan, DocumentValues.open(store, []).rows(17))


def test_a_stream_has_the_order_of_sorted_stages(store: TokenStore, tmp_path: Path) -> None:
    plan = sorted_plan(store)
    run(store, plan, tmp_path / "out", format="parquet", mode="stream")
    rows = [row for path in sorted((tmp_path / "out").rglob("*.parquet")) for row in read_ids(path)]
    assert rows == batch(plan, store, 0, 90).tolist()


def test_packed_rows_of_sorted_stages_are_sorted_again(store: TokenStore, tmp_path: Path) -> None:
    plan = sorted_plan(store)
    run(store, plan, tmp_path / "out", format="jsonl", mode="stream", packing="best-fit", overflow="split")
    packed = {
        name: pack(np.diff(store.ends(name, 0, store.tokens(name)), prepend=0), 17, "split")
        for name in ("code", "prose")
    }
    again = repacked(plan, packed, DocumentValues.open(store, []))
    found = again.rows(30, 90)
    for number, name in enumerate(("code", "prose")):
        ends = store.ends(name, 0, store.tokens(name))
        sizes = np.diff(ends, prepend=0)
        rows = packed[name]
        means = []
        for row in range(len(rows)):
            pieces = slice(rows.offsets[row], rows.offsets[row + 1])
            owners = np.searchsorted(ends, rows.starts[pieces], side="right")
            means.append(np.average(sizes[owners], weights=rows.lengths[pieces]))
        mine = found.domain == number
        for epoch in np.unique(found.epoch[mine]):
            read = np.array(means)[found.position[mine & (found.epoch == epoch)]]
            assert len(read) > 1
            assert (np.diff(read) >= -1e-9).all()
