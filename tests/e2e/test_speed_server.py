"""``gristmill speed`` against a real HTTP server that streams at known moments: every metric is near its closed form.

Moments cannot come early, so the closed form is a lower bound; how late they may be is what a busy machine needs.
"""

from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.load_test.load import run_load
from gristmill.evals.load_test.settings import Load
from gristmill.flows.evaluate.load_test import measure
from gristmill.flows.reporter import Reporter
from gristmill.warehouse.connection import Warehouse
from tests.helpers.cli import gristmill
from tests.helpers.model_server import Pace, model_server

LATE = 0.15
EARLY = 0.002
REQUESTS, ISL, OSL = 12, 40, 9
SIZES = {"requests": REQUESTS, "isl": ISL, "osl": OSL}


def near(value: float, exact: float, late: float = LATE) -> bool:
    return exact - EARLY <= value <= exact + late


def test_users_at_once_and_what_the_lake_keeps(tmp_path: Path) -> None:
    """Three users, 9 tokens in pieces of 2: four gaps of 50 ms after 200 ms, so 0.2 / 8 s a token."""
    pace = Pace(first=0.2, gap=0.05, tokens=2)
    lake = tmp_path / "lake"
    with model_server(pace) as url:
        words = ("--concurrency", "3", "--slo", "ttft=1.5,itl=0.2", "--lake", str(lake), "--label", "mine", "--json")
        sizes = [word for name, value in SIZES.items() for word in (f"--{name}", str(value))]
        ended = gristmill("speed", url, "--model", "tiny", *sizes, *words, timeout=120)
    assert ended.code == 0, ended.err
    found = ended.json()
    gaps = 4
    exact = 0.2 + gaps * 0.05
    assert (found["requests"], found["answered"], found["failures"]) == (REQUESTS, REQUESTS, {})
    assert near(found["ttft"]["p50"], 0.2)
    assert near(found["latency"]["p50"], exact)
    assert near(found["itl"]["p50"], gaps * 0.05 / (OSL - 1), LATE / (OSL - 1))
    assert (found["icl"]["n"], near(found["icl"]["p50"], 0.05, 0.03)) == (gaps * REQUESTS, True)
    assert near(1 / found["per_user"]["p50"], gaps * 0.05 / (OSL - 1), LATE / (OSL - 1))
    rounds = REQUESTS / 3
    assert near(found["duration"], rounds * exact, 2 * rounds * LATE)
    assert found["output_token_throughput"] == pytest.approx(REQUESTS * OSL / found["duration"])
    assert found["request_throughput"] == pytest.approx(REQUESTS / found["duration"])
    assert 2.0 < found["mean_concurrency"] <= 3.0 + EARLY
    assert found["goodput"]["requests"] == REQUESTS
    assert found["goodput"]["per_second"] == pytest.approx(found["request_throughput"])
    assert (found["input_tokens"]["min"], found["input_tokens"]["max"]) == (ISL, ISL)
    assert found["output_tokens"]["mean"] == OSL
    assert (found["server"], found["load"]["warmup"], found["lag_p99"]) == ("paced 1.2", 3, None)

    assert pace.most_at_once == 3
    assert len(pace.asked) == 2 + 3 + REQUESTS  # probes, warm-ups, measured
    measured_ones = pace.asked[5:]
    assert {(body["path"], body["max_tokens"], body["ignore_eos"]) for body in measured_ones} == {
        ("/v1/completions", OSL, True)
    }
    assert all(body["stream_options"] == {"include_usage": True} for body in measured_ones)
    assert len({body["prompt"] for body in pace.asked}) == len(pace.asked)

    sql = "SELECT model, measurement, metric, unit, value, p99, concurrency, limits FROM speed WHERE metric = 'ttft'"
    (row,) = Warehouse.open(lake).ask(sql).to_pylist()
    assert (row["model"], row["measurement"], row["unit"], row["concurrency"]) == ("mine", 1, "s", 3)
    assert row["limits"] == "itl=0.2,ttft=1.5"
    assert (row["value"], row["p99"]) == pytest.approx((found["ttft"]["mean"], found["ttft"]["p99"]))


def test_requests_that_arrive_at_a_rate_do_not_wait_for_each_other() -> None:
    """20 a second, each of 0.42 s, so some eight at once; the chat form; two fail and are in no mean."""
    pace = Pace(first=0.1, gap=0.04, refused=frozenset({6}), cut=frozenset({9}))
    with model_server(pace) as url:
        load = Load(url=url, model="tiny", endpoint="chat", rate=20, warmup=1, ignore_eos=False, **SIZES)
        measurement = measure(load, {"ttft": 5.0}, "", Reporter())
    found = measurement.report
    assert (found.requests, found.answered) == (REQUESTS, REQUESTS - 2)
    reasons = sorted(found.failures)
    assert [found.failures[reason] for reason in reasons] == [1, 1]
    assert any("status 500" in reason and "out of memory" in reason for reason in reasons)
    assert any("RemoteProtocolError" in reason for reason in reasons)
    assert near(found.ttft.p50, 0.1)
    assert found.itl is not None
    assert near(found.itl.p50, 0.04, LATE / (OSL - 1))
    assert pace.most_at_once > 3
    assert measurement.lag is not None
    assert measurement.lag < LATE
    assert found.goodput is not None
    assert (found.goodput.requests, found.goodput.share) == (REQUESTS - 2, (REQUESTS - 2) / REQUESTS)
    assert {(body["path"], body.get("ignore_eos")) for body in pace.asked} == {("/v1/chat/completions", None)}
    assert (found.input_tokens.min, found.input_tokens.max) == (ISL, ISL)


def test_nothing_answers_or_nothing_can_be_counted() -> None:
    pace = Pace(first=0.0, gap=0.0, usage=False)
    with model_server(pace) as url:
        load = Load(url=url, model="tiny", concurrency=2, **SIZES)
        with pytest.raises(GristmillError, match="the server gave no usage"):
            run_load(load, "", ignore)
        with pytest.raises(UsageError, match="it has tiny"):
            run_load(load.model_copy(update={"model": "tine"}), "", ignore)
        pace.usage, pace.asked[:], pace.refused = True, [], frozenset(range(2, 99))
        with pytest.raises(GristmillError, match=r"no request was answered: status 500.*Nothing was measured"):
            measure(load, {}, "", Reporter())
    with pytest.raises(GristmillError, match="no server answers there"):
        run_load(load, "", ignore)


def ignore(count: int) -> None:
    """No progress display."""
