"""Preflight through the command line, held against the run that it foretells, on real texts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.lake import Lake
from tests.helpers.cli import Ended

Run = Callable[..., Ended]
FILES = ("docs_es_react", "books_en_rust", "code_go")
TIME_FACTOR = 3  # docs/preflight.md: 2 on an idle machine; tests share theirs with other tests
Pair = tuple[Ended, Ended, Path]


@pytest.fixture(scope="module")
def inputs(shared: Path) -> list[str]:
    """340 real texts in three files, as options."""
    paths = [str(shared / "corpora" / "text" / f"{name}.jsonl.gz") for name in FILES]
    return [word for path in paths for word in ("--input", path)]


@pytest.fixture(scope="module")
def pair(inputs: list[str], run: Run, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """What preflight says of them from 150, the run itself, and its lake."""
    lake = tmp_path_factory.mktemp("preflight") / "lake"
    words = [*inputs, "--policy", "gopher", "--workers", "2", "--json"]
    done = run("curate", *words, "--source", "real", "--lake", str(lake))
    return run("preflight", *words, "--least", "150"), done, lake


def covers(estimate: dict[str, float], truth: float) -> bool:
    return estimate["low"] <= truth <= estimate["high"]


def test_counts_of_the_run_lie_in_the_intervals(pair: Pair) -> None:
    foretold, run, _ = pair
    assert (foretold.code, run.code) == (0, 0), foretold.err + run.err
    said, done = foretold.json(), run.json()
    assert 100 < said["sampled"] < done["records"]
    assert said["records"] == {"value": done["records"], "low": done["records"], "high": done["records"]}
    assert covers(said["kept"], done["kept"])
    (decide,) = [stage for stage in done["stages"] if stage["stage"] == "decide"]
    (copies,) = [stage for stage in done["stages"] if stage["stage"] == "deduplicate"]
    assert covers(said["near_duplicates"], sum(copies["rejected"].values()))
    rules = {row["rule"]: row["records"] for row in said["removed"] if row["stage"] == "decide"}
    assert set(decide["rejected"]) <= set(rules)
    outside = [rule for rule, estimate in rules.items() if not covers(estimate, decide["rejected"].get(rule, 0))]
    assert len(outside) <= 0.1 * len(rules), outside
    big = [rule for rule, count in decide["rejected"].items() if count > 40]
    assert len(big) >= 3
    assert all(covers(rules[rule], decide["rejected"][rule]) for rule in big)
    assert max(rules[rule]["high"] - rules[rule]["low"] for rule in big) < 0.2 * done["records"]


def test_time_memory_and_disk_of_the_run_are_near_what_was_said(pair: Pair) -> None:
    foretold, run, folder = pair
    said = foretold.json()
    # other tests make the clock's time longer, not the processor's
    assert said["seconds"]["value"] / TIME_FACTOR < run.seconds
    assert run.processor < said["seconds"]["value"] * TIME_FACTOR
    lake = Lake.open(folder)
    dataset = lake.dataset("curation", "real")
    assert dataset is not None
    stored = sum(path.stat().st_size for path in (folder / "data" / "tables").rglob("*.parquet"))
    assert said["disk_bytes"]["low"] * 0.7 < stored < said["disk_bytes"]["high"] * 1.3
    peak = max(cost["peak_rss_bytes"] for cost in costs(folder))
    assert said["memory_bytes"]["low"] / 2 < peak < said["memory_bytes"]["high"] * 1.5


def costs(lake: Path) -> list[dict[str, Any]]:
    """What the run itself logged of every step and shard."""
    import json

    return [json.loads(path.read_text(encoding="utf-8")) for path in (lake / "log" / "costs").rglob("*.json")]


def test_the_tables_name_what_matters(inputs: list[str], run: Run, tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text('{"text": "A text of a few words."}\n' * 3, encoding="utf-8")
    ended = run("preflight", "--input", str(few), "--policy", "gopher")
    assert ended.code == 0, ended.err
    for word in ("records", "kept", "peak memory", "disk of the lake", "gopher_", "95 %"):
        assert word in ended.out
    assert run("preflight", "--input", str(tmp_path / "nowhere"), "--policy", "gopher").code == 2
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text('{"text": ""}\n', encoding="utf-8")
    ended = run("preflight", "--input", str(nothing))
    assert (ended.code, "no record" in ended.err) == (2, True)
