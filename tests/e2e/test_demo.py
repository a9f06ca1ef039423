"""The main job, on a smaller site: it ends, its numbers add up, and every page can be asked about."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.cli import DEMO_WORDS, Ended, data_files

Run = Callable[..., Ended]
FOUND_IN = {"personal", "secret"}
DOMAINS = {"code", "documentation", "mathematics", "prose"}


def query(run: Run, lake: Path, sql: str) -> list[dict[str, Any]]:
    ended = run("query", sql, "--lake", str(lake), "--json")
    assert ended.code == 0, ended.err
    rows: list[dict[str, Any]] = ended.json()
    return rows


def test_the_demo_prints_what_it_did(demo_lake: Path) -> None:
    out = demo_lake.with_suffix(".out").read_text(encoding="utf-8")
    for words in (
        "Funnel (records)",
        "Planted values found",
        "Mixtures (shares of the tokens; proportional and uniform under the same caps)",
        "Training loss",
        "Scores",
        "gristmill dashboard",
    ):
        assert words in out
    assert "Traceback" not in demo_lake.with_suffix(".err").read_text(encoding="utf-8")


def test_every_record_has_one_fate(run: Run, demo_lake: Path) -> None:
    stages = query(
        run,
        demo_lake,
        "select stage, sum(records_in) i, sum(kept) o, sum(rejected) r from funnel_stages group by stage",
    )
    assert {row["stage"] for row in stages} == {
        "ingest",
        "extract",
        "decide",
        "deduplicate",
        "clean",
        "review",
        "curate",
    }
    for row in stages:
        assert row["i"] == row["o"] + row["r"], row
    (curated,) = query(run, demo_lake, "select count(*) n, count(distinct domain) d from curated")
    assert curated["n"] == next(row["o"] for row in stages if row["stage"] == "curate") > 100
    assert curated["d"] == len(DOMAINS)


def test_both_mixtures_are_realised_as_they_were_asked_for(run: Run, demo_lake: Path) -> None:
    rows = query(run, demo_lake, "select mixture, domain, weight, realised, epochs, max_epochs from mixtures")
    assert {row["mixture"] for row in rows} == {"proportional", "doremi"}
    for mixture in ("proportional", "doremi"):
        mine = [row for row in rows if row["mixture"] == mixture]
        assert {row["domain"] for row in mine} == DOMAINS
        assert sum(row["realised"] for row in mine) == pytest.approx(1)
        for row in mine:
            assert row["realised"] == pytest.approx(row["weight"], abs=0.01)
            assert row["epochs"] <= row["max_epochs"] + 0.1
    trace = query(run, demo_lake, "select count(distinct step) steps from mixture_trace where mixture = 'doremi'")
    assert trace[0]["steps"] == 22  # 150 of 400,000 tokens, in proportion


def test_the_losses_fall_and_checkpoints_are_kept_on_the_way(run: Run, demo_lake: Path) -> None:
    for row in query(
        run, demo_lake, "select run, first(loss order by step) f, last(loss order by step) l from losses group by run"
    ):
        assert row["f"] > 8.0  # ln 4096 = 8.3: it knows nothing yet
        assert row["l"] < 7.5
    checkpoints = query(
        run, demo_lake, "select mixture, count(*) n, max(end_row) rows from checkpoints group by mixture"
    )
    assert {(row["mixture"], row["n"]) for row in checkpoints} == {("proportional", 2), ("doremi", 2)}


def test_every_checkpoint_has_every_score_with_its_error_bar(run: Run, demo_lake: Path) -> None:
    rows = query(run, demo_lake, "select * from scores")
    assert len({row["checkpoint"] for row in rows}) == 4
    assert {row["area"] for row in rows} == {"code", "mathematics", "reading", "perplexity"}
    for row in rows:
        assert row["low"] <= row["value"] <= row["high"], row
        assert row["n"] >= (40 if row["area"] != "perplexity" else 2)
        assert row["failures"] == 0, row
    bits = query(
        run,
        demo_lake,
        "select e.mixture, e.step, s.value from scores s join eval_runs e using (checkpoint, suite) "
        "where s.metric = 'bits_per_byte' and s.suite = 'heldout' and s.subset = 'all' order by e.mixture, e.step",
    )
    by_mixture: dict[str, list[float]] = {}
    for row in bits:
        by_mixture.setdefault(row["mixture"], []).append(row["value"])
    for values in by_mixture.values():
        assert values == sorted(values, reverse=True), "training lowers bits per byte"


@pytest.mark.parametrize(
    ("fate", "sql"),
    [
        ("kept", "select url from fates where fate = 'kept' order by url limit 1"),
        ("rejected", "select url from fates where fate = 'rejected' order by url limit 1"),
        ("duplicate", "select url from fates where fate = 'duplicate' order by url limit 1"),
        ("set_aside", "select url from fates where fate = 'set_aside' order by url limit 1"),
    ],
)
def test_why_answers_for_every_fate(run: Run, demo_lake: Path, fate: str, sql: str) -> None:
    (row,) = query(run, demo_lake, sql)
    told = run("why", row["url"], "--lake", str(demo_lake))
    assert told.code == 0, told.err
    ended = run("why", row["url"], "--lake", str(demo_lake), "--json")
    (story, *_) = ended.json()["records"]
    assert story["fate"] == fate
    assert story["summary"] in " ".join(told.out.split()) or story["summary"].split()[0] in told.out
    if fate == "set_aside":
        assert story["rule"] in told.out
    else:
        assert story["signals"]
        assert story["text"]
    if fate == "rejected":
        assert any(not verdict["kept"] and verdict["threshold"] for verdict in story["verdicts"])
    if fate == "duplicate":
        assert any(member["representative"] for member in story["cluster"])


def test_a_second_demo_finds_everything_done(run: Run, demo_lake: Path) -> None:
    before = data_files(demo_lake)
    again = run("demo", "--lake", str(demo_lake), *DEMO_WORDS, "--json")
    assert again.code == 0, again.err
    assert data_files(demo_lake) == before
    first = float(demo_lake.with_suffix(".processor").read_text())
    assert 0 < again.processor < first / 4
    result = json.loads(again.out)
    assert {"curate", "mix", "train", "scores", "planted"} <= result.keys()
    for row in result["planted"]:
        assert row["planted"] >= row["in_text"] >= row["found"] >= (1 if row["group"] in FOUND_IN else 0), row


def test_a_checkpoint_of_the_demo_is_scored_once_under_any_name(run: Run, demo_lake: Path, tmp_path: Path) -> None:
    (row,) = query(run, demo_lake, "select path, mixture, step from checkpoints order by mixture, step limit 1")
    link = tmp_path / "another name"
    link.symlink_to(demo_lake / row["path"])
    ended = run("evaluate", str(link), "--suite", "gristmill-reading", "--lake", str(demo_lake), "--json")
    assert ended.code == 0, ended.err
    assert "cached" in ended.err
    assert {score["mixture"] for score in ended.json()} == {row["mixture"]}


def test_two_checkpoints_of_the_demo_can_be_compared(run: Run, demo_lake: Path) -> None:
    labels = [row["label"] for row in query(run, demo_lake, "SELECT DISTINCT label FROM eval_runs ORDER BY label")]
    told = run("compare", labels[0], labels[-1], "--lake", str(demo_lake), "--json")
    assert told.code == 0, told.err
    answer = told.json()
    assert answer["refused"] == []
    assert {part["domain"] for part in answer["data"]} >= {"code", "prose"}
    suites = {suite["suite"]: suite["whole"] for suite in answer["suites"]}
    assert {"gristmill-code", "gristmill-mathematics", "gristmill-reading", "heldout"} <= set(suites)
    for whole in suites.values():
        assert whole["low"] <= whole["difference"] <= whole["high"]
        assert 0 < whole["p"] <= whole["p_holm"] <= 1
        assert whole["detectable"] > 0
