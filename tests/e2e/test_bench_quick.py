"""The benchmarks' smoke test: the runner measures a small input, names the peers it lacks, and writes no results."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_a_quick_run_measures_ours_and_names_absent_peers(shared: Path, tmp_path: Path) -> None:
    results = {path: path.read_bytes() for path in (PROJECT / "benchmarks" / "results").glob("*.json")}
    words = [
        "--quick",
        "--megabytes",
        "1",
        "--shared",
        str(shared),
        "--work",
        str(tmp_path / "work"),
        "dedup-datatrove",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.run", *words],
        cwd=PROJECT,
        env={**os.environ, "GRISTMILL_PEERS": str(tmp_path / "no peers")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert "datatrove is not installed: ours alone" in ended.stdout
    lines = ended.stdout.splitlines()
    [row] = [line.split("|") for line in lines if line.startswith("|") and "gristmill" in line]
    megabytes_per_second, documents_per_second, seconds, peak = (float(row[cell]) for cell in (4, 5, 6, 7))
    assert 0 < megabytes_per_second < 1000
    assert documents_per_second > 1
    assert seconds > 0.5
    assert 50 < peak < 8000
    [command] = [line for line in lines if line.startswith("- dedup-datatrove, gristmill: `python -m benchmarks.dedup")]
    assert str(tmp_path) not in command
    assert {path: path.read_bytes() for path in (PROJECT / "benchmarks" / "results").glob("*.json")} == results


def test_an_unknown_stage_is_refused_by_name() -> None:
    words = [sys.executable, "-m", "benchmarks.run", "warp"]
    ended = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert "no stage is called warp" in ended.stderr
