"""Mixtures and their trials: shares over stages and beside baselines, rankings as scipy has them, what is stranded."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.mixing.going import trials_going
from gristmill.warehouse.queries.mixing.shares import (
    cap_shares,
    domain_shares,
    mixture_checks,
    mixture_heads,
    small_proxies,
    stage_orders,
    stage_shares,
    weight_trace,
)
from gristmill.warehouse.queries.mixing.trials import promises, stranding, trial_panel, trials_before
from tests.helpers.mixing_rows import report_rows, shares_rows, swarm_rows
from tests.helpers.small_lake import put

DOMAINS = ("code", "<b>散文</b>", "web")
SHARES, OTHER = (0.5, 0.3, 0.2), (0.2, 0.2, 0.6)
SIZES = (100_000, 300_000, 600_000)
TRIALS = 60


def commit_mix(lake: Lake, name: str, tables: dict[str, list[dict[str, object]]], settings: object = None) -> None:
    refs = {table: (put(lake, table, "swarm", rows),) for table, rows in tables.items()}
    config = {"settings": {"mixtures": settings or []}}
    lake.commit(Dataset(kind="mix", name=name, config=config, counts={}, tables=refs))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two mixes that both have a mixture called swarm; the one of ``first`` has two stages, trials and a trace."""
    lake = Lake.open(tmp_path_factory.mktemp("mixtures") / "lake")
    stages = shares_rows("swarm", "swarm", "d1", DOMAINS, SHARES)
    later = [
        {**row, "stage": 1, "until_token": 800_000, "weight": share, "weight_raw": share, "rows": round(share * 1000)}
        for row, share in zip(stages, OTHER, strict=True)
    ]
    trace = [
        {"mixture": "swarm", "step": step, "domain": domain, "weight": step / 1000, "excess_loss": 1 - step / 1000}
        for step in range(1000)
        for domain in DOMAINS
    ]
    stats = [
        {"domain": domain, "split": split, "documents": 3, "tokens": tokens, "bytes": tokens, "fingerprint": "f"}
        for domain, tokens in zip(DOMAINS, SIZES, strict=True)
        for split in ("train", "heldout")
    ]
    tables = {"mixtures": [*stages, *later], "mixture_trace": trace, "token_stats": stats}
    tables |= report_rows("swarm", DOMAINS, SHARES, SIZES) | swarm_rows("swarm", DOMAINS, TRIALS)
    tables["mixture_stages"] = [
        {"mixture": "swarm", "stage": 0, "first_token": 0, "until_token": 600_000, "rows": 4000},
        {"mixture": "swarm", "stage": 1, "first_token": 600_000, "until_token": 800_000, "rows": 1000}
        | {"signal": "quality", "descending": False, "without_value": 0.25},
    ]
    own = {"name": "swarm", "options": {"fit": {"metrics": {"code": 3.0, "web": 1.0}}}}
    commit_mix(lake, "first", tables, [own])
    before = [
        {"mixture": "swarm", "trial": f"t{number}", "role": "design", "stranded": bool(changed), "reused": reused}
        | {"changed": changed, "gone": []}
        for number, (changed, reused) in enumerate([(["web"], False), (["web"], False), ([], True), ([], False)])
    ]
    refs = {"trial_reuse": (put(lake, "trial_reuse", "first", before),)}
    lake.commit(Dataset(kind="trial_reuse", name="first", config={}, counts={}, tables=refs))
    commit_mix(lake, "second", {"mixtures": shares_rows("swarm", "swarm", "d2", DOMAINS, OTHER)})
    publish(lake)
    return Warehouse.open(lake.root)


def test_mixtures_of_one_name_stay_apart(warehouse: Warehouse) -> None:
    first, second = mixture_heads(warehouse)
    assert [first.mix, second.mix] == ["first", "second"]
    assert (first.trials, first.stages, first.traced, first.parameters) == (TRIALS, 2, True, 250_000)
    assert first.warnings == 2
    assert (second.trials, second.warnings, second.traced, second.parameters) == (0, 0, False, None)
    assert [head.mix for head in mixture_heads(warehouse, "second")] == ["second"]
    assert [share.asked for share in domain_shares(warehouse, "second")] == pytest.approx([0.2, 0.2, 0.6])
    assert mixture_checks(warehouse, "second", "swarm") == []
    assert trial_panel(warehouse, "second", "swarm").trials == []


def test_shares_are_over_all_stages_and_beside_baselines(warehouse: Warehouse) -> None:
    web, prose, code = domain_shares(warehouse, "first", "swarm")
    assert [one.domain for one in (web, prose, code)] == ["web", "<b>散文</b>", "code"], "the largest first"
    assert code.asked == pytest.approx(0.75 * 0.5 + 0.25 * 0.2), "stages count by their tokens"
    assert code.realised == pytest.approx((0.5 * 4000 + 0.2 * 1000) / 5000)
    assert sum(one.realised for one in (web, prose, code)) == pytest.approx(1)
    assert (code.cap, code.reason) == (4.0, "scarce and clean")
    assert (code.low, code.high) == (pytest.approx(0.45), pytest.approx(0.55))
    assert (code.proportional, code.uniform) == (pytest.approx(0.1), pytest.approx(1 / 3))
    assert code.tokens == 100_000, "training tokens alone"
    stages = stage_shares(warehouse, "first", "swarm")
    assert [(one.stage, one.until_token) for one in stages if one.domain == "code"] == [(0, 600_000), (1, 800_000)]
    assert stage_shares(warehouse, "second", "swarm") == []
    orders = [(one.signal, one.descending, one.without_value) for one in stage_orders(warehouse, "first", "swarm")]
    assert orders == [(None, None, None), ("quality", False, 0.25)]
    assert stage_orders(warehouse, "second", "swarm") == []
    assert sorted({one.cap for one in cap_shares(warehouse, "first", "swarm")}) == [4.0, 8.0, 16.0]
    (one,) = {share.proportional for share in domain_shares(warehouse, "second")}
    assert one is None, "a mix of an earlier version has no baselines"


def test_a_trace_is_cut_down_to_means(warehouse: Warehouse) -> None:
    points = weight_trace(warehouse, "first", "swarm", 10)
    assert len(points) == 30
    code = [point for point in points if point.domain == "code"]
    assert [point.step for point in code] == list(range(99, 1000, 100))
    assert code[0].weight == pytest.approx(np.arange(100).mean() / 1000)
    assert len(weight_trace(warehouse, "first", "swarm", 5000)) == 3000


def test_rankings_are_those_of_scipy_over_mixtures(warehouse: Warehouse) -> None:
    panel = trial_panel(warehouse, "first", "swarm", "code")
    assert panel.metrics == ["objective", *sorted(DOMAINS)]
    assert len(panel.trials) == TRIALS
    groups: dict[str, list[tuple[float, float]]] = {}
    for trial in panel.trials:
        if trial.role not in ("held-out", "adaptive"):
            assert trial.measured is not None
            assert trial.predicted is not None
            name = json.dumps([[one.domain, round(one.weight, 9)] for one in trial.weights])
            groups.setdefault(name, []).append((trial.measured, trial.predicted))
    means = np.array([np.mean(pairs, axis=0) for pairs in groups.values()])
    assert panel.folds.mixtures == len(groups)
    assert panel.folds.trials == sum(map(len, groups.values())) > len(groups), "repeats are one mixture"
    assert panel.folds.spearman == pytest.approx(spearmanr(means[:, 0], means[:, 1]).statistic)
    errors = np.concatenate([np.diff(pairs, axis=1)[:, 0] for pairs in map(np.array, groups.values())])
    assert panel.folds.rmse == pytest.approx(float(np.sqrt((errors**2).mean())))
    assert panel.held_out.trials == sum(trial.role == "held-out" for trial in panel.trials) > 3


def test_the_objective_weighs_losses_as_the_settings_say(warehouse: Warehouse) -> None:
    by_metric = {
        name: {one.trial: one.measured for one in trial_panel(warehouse, "first", "swarm", name).trials}
        for name in ("objective", "code", "web")
    }
    name = next(iter(by_metric["code"]))
    code, web = by_metric["code"][name], by_metric["web"][name]
    assert code is not None
    assert web is not None
    assert by_metric["objective"][name] == pytest.approx((3 * code + web) / 4)
    unknown = trial_panel(warehouse, "first", "swarm", "no such domain")
    assert unknown.folds.spearman is None
    assert {trial.measured for trial in unknown.trials} == {None}


def test_a_trial_is_stranded_by_the_domains_that_it_reads(warehouse: Warehouse) -> None:
    found = {one.domain: one for one in stranding(warehouse, "first", "swarm")}
    assert {(one.stranded, one.kept) for one in found.values()} == {(TRIALS - 1, 1)}, "one deletion trial each"


def test_what_the_last_change_of_the_data_stranded(warehouse: Warehouse) -> None:
    found = [(one.fate, one.changed, one.trials) for one in trials_before(warehouse, "first", "swarm")]
    assert found == [("stranded", ["web"], 2), ("not asked for", [], 1), ("reused", [], 1)]
    assert trials_before(warehouse, "second", "swarm") == []


def test_what_was_promised_and_what_to_be_careful_about(warehouse: Warehouse) -> None:
    told = promises(warehouse, "first", "swarm")
    assert [(one.subject, one.metric) for one in told][-2:] == [("winner", "objective"), ("prior", "objective")]
    checks = mixture_checks(warehouse, "first", "swarm")
    assert [check.warning for check in checks] == sorted((check.warning for check in checks), reverse=True)
    assert [mixture for mixture, _ in small_proxies(warehouse)] == ["swarm"]


def test_trials_that_run_are_counted(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    assert trials_going(Warehouse.open(root)) is None
    told = {
        "job-1": {"state": "running", "heartbeat": time.time(), "step": 40, "steps": 240},
        "job-2": {"state": "running", "heartbeat": time.time() - 3600, "step": 10, "steps": 240},
        "job-3": {"state": "succeeded", "step": 240, "steps": 240},
    }
    for name, status in told.items():
        (root / "log" / "trials" / name).mkdir(parents=True)
        (root / "log" / "trials" / name / "status.json").write_text(json.dumps(status), encoding="utf-8")
    (root / "log" / "trials" / "trial").mkdir()
    (root / "log" / "trials" / "trial" / "outcome.json").write_text("{}", encoding="utf-8")
    going = trials_going(Warehouse.open(root))
    assert going is not None
    assert (going.jobs, going.stuck, going.step, going.steps, going.done) == (2, 1, 50, 480, 1)


def test_an_empty_lake_has_no_mixtures(tmp_path: Path) -> None:
    empty = Warehouse.open(Lake.open(tmp_path / "lake").root)
    assert mixture_heads(empty) == []
    assert domain_shares(empty, "x") == []
    assert trial_panel(empty, "x", "y").trials == []
    assert stranding(empty, "x", "y") == []
