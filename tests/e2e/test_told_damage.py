"""A curation says last what it could not read, and ends well only when it read every input and kept something."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.core.lake import Lake
from gristmill.flows.upkeep.verify import verify
from tests.helpers.cli import Ended, data_files

Run = Callable[..., Ended]
WORDS = "Grain is milled between two stones, and the flour is sifted after the third pass through mill number"
POLICY = """name: keep
lineage: a test
about: Keeps what is long enough.
quality: gopher_quality.words
rules:
  - {name: words, signal: gopher_quality.words, min: MIN}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound rows, rows with damage, and a file that is no Parquet at all."""
    place = tmp_path_factory.mktemp("damage")
    lines = [json.dumps({"text": f"{WORDS} {n}. {' '.join(f'word{n}x{k}' for k in range(60))}"}) for n in range(8)]
    (place / "sound.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    stored = gzip.compress("\n".join(lines[:4]).encode() + b"\n{\n")
    (place / "cut.jsonl.gz").write_bytes(stored[:-12])
    (place / "broken.parquet").write_bytes(b"PAR1" + b"x" * 400)
    (place / "low.yaml").write_text(POLICY.replace("MIN", "2"), encoding="utf-8")
    (place / "high.yaml").write_text(POLICY.replace("MIN", "100000"), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def kept(place: Path, run: Run) -> Path:
    """A lake in which every sound row was kept. Tests work on copies of it."""
    ended = curate(run, place, place / "kept", "--input", str(place / "sound.jsonl"))
    assert ended.code == 0, ended.err
    return place / "kept"


def curate(run: Run, place: Path, lake: Path, *words: str, policy: str = "low") -> Ended:
    fixed = ("--source", "damaged", "--lake", str(lake), "--policy", str(place / f"{policy}.yaml"))
    return run("curate", *fixed, *words)


def test_a_named_input_that_cannot_be_read_ends_with_code_1_and_the_rest_is_kept(
    place: Path, tmp_path: Path, run: Run
) -> None:
    inputs = [word for name in ("sound.jsonl", "broken.parquet") for word in ("--input", str(place / name))]
    ended = curate(run, place, tmp_path / "lake", *inputs)
    assert ended.code == 1, ended.err
    assert "Input files not read: 1 (1 unreadable)" in ended.out
    assert "8 of 8 records kept" in ended.out.splitlines()[-1]
    assert f"nothing could be read of {place / 'broken.parquet'}" in ended.err
    assert "Traceback" not in ended.err
    allowed = curate(run, place, tmp_path / "lake", *inputs, "--allow-damage", "--json")
    assert allowed.code == 0, allowed.err
    assert allowed.json()["damage"]["files"] == {"unreadable": 1}
    assert allowed.json()["kept"] == 8
    asked = run(
        "query", "SELECT status, counts FROM flow_runs ORDER BY started_at", "--lake", str(tmp_path / "lake"), "--json"
    )
    assert [row["status"] for row in asked.json()] == ["failed", "succeeded"]


def test_damage_inside_a_folder_is_told_and_costs_no_exit_code(place: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("sound.jsonl", "cut.jsonl.gz", "broken.parquet"):
        (folder / name).write_bytes((place / name).read_bytes())
    ended = curate(run, place, tmp_path / "lake", "--input", str(folder))
    assert ended.code == 0, ended.err
    assert "Input files not read: 1 (1 unreadable)" in ended.out
    assert "Damaged byte ranges of inputs: 1 (1 cut_off)" in ended.out
    assert "cut.jsonl.gz@line:" in ended.out


def test_a_run_that_keeps_nothing_is_stopped_and_what_was_current_stays(
    place: Path, kept: Path, tmp_path: Path, run: Run
) -> None:
    lake, given = tmp_path / "lake", ("--input", str(place / "sound.jsonl"))
    shutil.copytree(kept, lake)
    before = (lake / "catalog" / "curation" / "damaged.json").read_bytes()
    ended = curate(run, place, lake, *given, policy="high")
    assert ended.code == 3, ended.err
    assert "none of 8 records was kept: words removed 8 (stage decide)" in " ".join(ended.err.split())
    assert "0 of 8 records kept" in ended.out
    assert (lake / "catalog" / "curation" / "damaged.json").read_bytes() == before
    asked = run(
        "query",
        "SELECT ok FROM gate_results WHERE gate = 'curated' AND expectation = 'there are rows'",
        "--lake", str(lake), "--json",
    )  # fmt: skip
    assert [row["ok"] for row in asked.json()] == [False]
    status = run(
        "query", "SELECT status, counts FROM flow_runs ORDER BY started_at DESC LIMIT 1", "--lake", str(lake), "--json"
    )
    assert status.json()[0]["status"] == "stopped_by_gate"
    assert json.loads(status.json()[0]["counts"])["kept"] == 0
    allowed = curate(run, place, lake, *given, "--allow-empty", policy="high")
    assert allowed.code == 0, allowed.err
    again = curate(run, place, lake, *given)  # nothing new: everything is cached
    assert again.code == 0, again.err


def test_what_verify_finds_damaged_the_same_command_makes_anew(
    place: Path, kept: Path, tmp_path: Path, run: Run
) -> None:
    lake, given = tmp_path / "lake", ("--input", str(place / "sound.jsonl"))
    shutil.copytree(kept, lake)
    before = data_files(lake)
    assert run("verify", "--lake", str(lake)).code == 0
    for path in (lake / "data" / "tables").rglob("*.parquet"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    ended = run("verify", "--lake", str(lake), "--json")
    assert ended.code == 1, ended.err
    assert len(ended.json()["damaged"]) == sum(name.endswith(".parquet") for name in before)
    assert "for the source damaged again" in " ".join(ended.err.split())
    assert curate(run, place, lake, *given).code == 0
    assert data_files(lake) == before
    assert verify(Lake.open(lake)).damaged == ()


def test_what_cannot_be_read_is_never_called_clean(place: Path, tmp_path: Path, run: Run) -> None:
    words = ("contamination", "--suite", "gristmill-reading", "--lake", str(tmp_path / "lake"))
    given = [word for name in ("sound.jsonl", "broken.parquet") for word in ("--corpus", str(place / name))]
    ended = run(*words, *given, "--name", "both")
    assert ended.code == 1, ended.err
    assert f"nothing could be read of {place / 'broken.parquet'}, so it cannot be called clean" in ended.err
    assert run(*words, *given, "--name", "both", "--allow-damage").code == 0
    (tmp_path / "none.csv").write_text("text\n", encoding="utf-8")
    empty = run(*words, "--corpus", str(tmp_path / "none.csv"))
    assert empty.code == 1, empty.err
    assert "has no documents" in empty.err
