"""megatron-core, datatrove, OLMo-core, litdata and Grain read the tokens and document ends that were exported.

Runs where their environment is installed (``python -m benchmarks.peers.venvs token-readers``), else it is skipped;
``tests/unit/tasks/mix/exports/test_formats.py`` checks the same files with small readers of our own.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers.venvs import PEERS, installed
from gristmill.tasks.mix.exports.export import ExportConfig, export
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.batches import batch
from tests.helpers.small_tokens import plan_for, random_store

ROW = 17
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "peers" / "token_readers.py"


def read(form: str, store: TokenStore, path: Path) -> dict[str, Any]:
    """What the format's own reader gives; skips where it is not installed."""
    assert "token-readers" in PEERS
    found = installed("token-readers")
    if found is None:
        pytest.skip("needs the trainers' readers: python -m benchmarks.peers.venvs token-readers")
    numbers = [ROW, store.eos_id, store.vocab_size, store.dtype.itemsize]
    ended = subprocess.run(
        [str(found.python), str(SCRIPT), form, *map(str, numbers), str(path)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


def run(form: str, mode: str, store: TokenStore, place: Path) -> tuple[Path, list[list[int]]]:
    """An export, and the rows of its plan."""
    (place / "tokenizer").mkdir()
    plan = plan_for(store, [(2000, 0.4)], ROW)
    config = ExportConfig.parse({"format": form, "mode": mode, "path_prefix": "/x"}, "test")
    caps = {"code": 9.0, "prose": 9.0}
    export(plan, store, caps, config, place / "tokenizer", place / "out", lambda done: None)
    return place / "out", batch(plan, store, 0, len(plan)).tolist()


@pytest.fixture(params=[1000, 100_000], ids=["16 bits", "32 bits"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TokenStore:
    return random_store(tmp_path / "store", vocab_size=request.param)


def documents(store: TokenStore, domain: str, number: int) -> list[list[int]]:
    part = store.parts[domain, "train"][number]
    ends = part.ends.tolist()
    return [part.tokens[a:b].tolist() for a, b in zip([0, *ends], ends, strict=False)]


def test_megatron_reads_the_documents_of_a_blend(store: TokenStore, tmp_path: Path) -> None:
    out, _ = run("megatron", "blend", store, tmp_path)
    assert read("megatron", store, out / "prose" / "00001")["documents"] == documents(store, "prose", 1)


def test_the_weight_files_are_read_as_they_were_meant(tmp_path: Path) -> None:
    store = random_store(tmp_path / "store")
    (tmp_path / "a").mkdir()
    out, _ = run("megatron", "blend", store, tmp_path / "a")
    found = read("megatron-weights", store, out / "data_args.txt")
    assert found["prefixes"] == [f"/x/{domain}/0000{number}" for domain in ("code", "prose") for number in (0, 1)]
    assert sum(found["weights"][:2]) == pytest.approx(0.4)
    (tmp_path / "b").mkdir()
    out, _ = run("olmo", "blend", store, tmp_path / "b")
    found = read("olmo-weights", store, out / "source_mixture.yaml")
    assert found["weights"] == pytest.approx([0.4, 0.6])
    assert found["paths"] == [[f"/x/{domain}/0000{number}.npy" for number in (0, 1)] for domain in ("code", "prose")]


def test_datatrove_reads_rows_in_order_with_positions(store: TokenStore, tmp_path: Path) -> None:
    out, rows = run("datatrove", "stream", store, tmp_path)
    found = read("datatrove", store, out)
    assert found["rows"] == rows
    for row, positions in zip(rows, found["positions"], strict=True):
        starts = [0, *(np.flatnonzero(np.array(row[:-1]) == store.eos_id) + 1).tolist()]
        assert positions == [place - max(start for start in starts if start <= place) for place in range(ROW)]


def test_olmo_core_reads_documents_and_rows(store: TokenStore, tmp_path: Path) -> None:
    out, rows = run("olmo", "stream", store, tmp_path)
    found = read("olmo", store, out / "train.npy")
    assert found["rows"] == rows
    assert [token for document in found["documents"] for token in document] == [t for row in rows for t in row]


def test_olmo_core_reads_the_documents_of_a_blend(store: TokenStore, tmp_path: Path) -> None:
    out, _ = run("olmo", "blend", store, tmp_path)
    assert read("olmo", store, out / "code" / "00000.npy")["documents"] == documents(store, "code", 0)


def test_litdata_reads_rows_in_order(store: TokenStore, tmp_path: Path) -> None:
    out, rows = run("litdata", "stream", store, tmp_path)
    assert read("litdata", store, out)["rows"] == rows


def test_grain_reads_rows_in_order(store: TokenStore, tmp_path: Path) -> None:
    out, rows = run("parquet", "stream", store, tmp_path)
    assert read("parquet", store, out / "train.parquet")["rows"] == rows
