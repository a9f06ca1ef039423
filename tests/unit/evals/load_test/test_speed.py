"""Metrics of speed against their closed forms, and streams as servers send them, whole, torn and wrong."""

import json

import numpy as np
import pytest

from gristmill.core.errors import UsageError
from gristmill.evals.load_test.load import arrivals, prompt
from gristmill.evals.load_test.metrics import Answered, Exchange, Failed, read_stream, summarise
from gristmill.evals.load_test.settings import Load, LoadTestSettings, parse_limits


def even(start: float, first: float, gap: float, pieces: int, tokens: int) -> Answered:
    """An answer whose pieces come at even gaps."""
    return Answered(start, tuple(start + first + gap * piece for piece in range(pieces)), 10, tokens)


def test_every_metric_has_its_closed_form() -> None:
    """Two requests of 5 and 9 tokens in pieces of 2 tokens and more; one failure that no mean may hold."""
    found: list[Exchange] = [
        even(100.0, 0.5, 0.25, 3, 5),
        even(101.0, 0.25, 0.5, 5, 9),
        Failed(99.0, "status 500"),
        Failed(99.0, "status 500"),
    ]
    report = summarise(found, {"ttft": 0.3, "itl": 0.25})
    assert (report.requests, report.answered, report.failures) == (4, 2, {"status 500": 2})
    assert report.duration == pytest.approx(103.25 - 100.0)  # the failures' start is not the first
    assert report.ttft.mean == pytest.approx((0.5 + 0.25) / 2)
    assert report.latency.mean == pytest.approx((1.0 + 2.25) / 2)
    assert report.itl is not None
    assert (report.itl.min, report.itl.max) == pytest.approx((0.5 / 4, 2.0 / 8))
    assert report.icl is not None
    assert (report.icl.n, report.icl.mean) == (6, pytest.approx((2 * 0.25 + 4 * 0.5) / 6))
    assert report.per_user is not None
    assert report.per_user.mean == pytest.approx((8.0 + 4.0) / 2)  # a mean of rates, not the rate of the mean
    assert report.output_token_throughput == pytest.approx(14 / 3.25)
    assert report.request_throughput == pytest.approx(2 / 3.25)
    assert report.mean_concurrency == pytest.approx(3.25 / 3.25)
    assert report.goodput is not None
    assert (report.goodput.requests, report.goodput.share) == (1, 0.25)
    assert report.goodput.per_second == pytest.approx(1 / 3.25)
    assert report.goodput.low < 0.25 < report.goodput.high
    assert report.input_tokens.mean == 10
    assert report.cached_tokens is None


def test_one_token_has_no_inter_token_latency_and_keeps_no_limit_on_it() -> None:
    report = summarise([even(0.0, 0.1, 0.0, 1, 1)], {"itl": 10.0})
    assert (report.itl, report.icl, report.per_user) == (None, None, None)
    assert report.goodput is not None
    assert report.goodput.requests == 0
    kept = summarise([even(0.0, 0.1, 0.0, 1, 1)], {"ttft": 0.1}).goodput
    assert kept is not None
    assert kept.requests == 1


def test_per_user_is_a_limit_from_below() -> None:
    answers = [even(0.0, 0.1, 0.1, 11, 11), even(0.0, 0.1, 0.2, 11, 11)]  # 10 and 5 tokens a second
    goodput = summarise(answers, {"per_user": 8.0}).goodput
    assert goodput is not None
    assert goodput.requests == 1


def test_percentiles_are_linear() -> None:
    spread = summarise([even(0.0, 0.1 * (n + 1), 0.0, 1, 1) for n in range(5)], {}).ttft
    values = np.arange(1, 6) / 10
    assert (spread.p50, spread.p90, spread.p99) == pytest.approx(tuple(np.percentile(values, (50, 90, 99))))
    assert spread.std == pytest.approx(values.std())


def test_nothing_answered_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="nothing to measure"):
        summarise([Failed(0.0, "status 500")], {})


def event(**values: object) -> bytes:
    return b"data: " + json.dumps(values).encode() + b"\n\n"


USAGE = event(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 3})
DONE = b"data: [DONE]\n\n"


def test_an_event_is_as_old_as_its_first_byte() -> None:
    """Three pieces: one alone, one torn over two reads, one in the read that brings its neighbour's end."""
    one, two, three = (event(choices=[{"text": text}]) for text in "abc")
    reads = [(1.0, one), (2.0, two[:9]), (3.0, two[9:] + three), (4.0, USAGE), (5.0, DONE)]
    assert read_stream(0.5, reads) == Answered(0.5, (1.0, 2.0, 3.0), 7, 3)


@pytest.mark.parametrize("width", [1, 2, 7, 10_000])
def test_how_a_stream_is_cut_changes_no_count(width: int) -> None:
    """Carriage returns, comments, a role without text, reasoning, an empty piece, and cached tokens."""
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    stream = b": ping\r\n\r\n"
    for delta in (
        {"role": "assistant", "content": ""},
        {"reasoning_content": "r"},
        {"content": "é"},
        {"content": None},
    ):
        stream += event(choices=[{"delta": delta, "finish_reason": None}]).replace(b"\n", b"\r\n")
    stream += event(choices=[], usage=usage) + DONE
    reads = [(float(at), stream[at : at + width]) for at in range(0, len(stream), width)]
    found = read_stream(0.0, reads)
    assert isinstance(found, Answered)
    assert (len(found.chunks), found.input_tokens, found.output_tokens, found.cached_tokens) == (2, 7, 3, 4)


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"data: [1]\n\n" + USAGE + DONE, "not a completion: [1]"),
        (event(choices=[{"text": "a"}]) + USAGE, "the stream was cut off"),
        (event(choices=[{"text": "a"}]) + DONE, "no usage"),
        (USAGE + DONE, "has no text"),
        (b"data: {\n\n" + USAGE + DONE, "not a completion"),
        (event(error={"message": "overloaded"}), "overloaded"),
        (event(choices=[{"text": "a", "finish_reason": "abort"}]) + USAGE + DONE, "the finish reason is abort"),
        (event(choices=[{"text": "a"}]) + event(choices=[{"finish_reason": "error"}]) + USAGE + DONE, "is error"),
        (b"", "cut off"),
        (event(choices=[{"text": "a"}], usage={"prompt_tokens": -1}) + DONE, "not a completion"),
    ],
)
def test_half_an_answer_is_a_failure(stream: bytes, reason: str) -> None:
    found = read_stream(0.0, [(1.0, stream)] if stream else [])
    assert isinstance(found, Failed)
    assert reason in found.reason


def test_arrivals_are_a_seeded_poisson_process() -> None:
    times = np.array(arrivals(4.0, 4001, seed=3))
    gaps = np.diff(times)
    assert times[0] == 0
    assert gaps.mean() == pytest.approx(0.25, rel=0.05)
    assert gaps.std() == pytest.approx(0.25, rel=0.05)  # exponential: as wide as its mean
    assert arrivals(4.0, 50, seed=3) == times[:50].tolist()
    assert arrivals(4.0, 50, seed=4) != times[:50].tolist()


def test_prompts_are_seeded_and_differ() -> None:
    texts = {prompt(60, 1, str(number)) for number in range(100)}
    assert len(texts) == 100
    assert prompt(60, 1, "5") in texts
    assert prompt(60, 2, "5") not in texts


@pytest.mark.parametrize(("concurrency", "rate"), [(None, None), (2, 3.0)])
def test_a_load_is_users_or_a_rate(concurrency: int | None, rate: float | None) -> None:
    with pytest.raises(UsageError, match="either concurrency or rate"):
        Load.parse({"url": "http://h/v1", "model": "m", "concurrency": concurrency, "rate": rate}, "speed")


def test_limits_are_read_and_wrong_ones_refused() -> None:
    assert parse_limits("ttft=0.5, itl=0.05") == {"ttft": 0.5, "itl": 0.05}
    assert parse_limits("") == {}
    for wrong in ("ttft", "tttf=1", "itl=0", "itl=nan", "latency=-1", "itl=inf"):
        with pytest.raises(UsageError, match="--slo"):
            parse_limits(wrong)


def test_the_settings_of_speed_make_a_load() -> None:
    """One user unless users or a rate are given; the limits are words or a mapping."""
    words = {"model": "m", "slo": "ttft=0.5", "stop_at_eos": True}
    settings = LoadTestSettings.parse(words, "speed")
    load = settings.at("http://h/v1")
    assert (load.concurrency, load.rate, load.ignore_eos, load.warmups) == (1, None, False, 1)
    assert settings.slo == LoadTestSettings.parse(words | {"slo": {"ttft": 0.5}}, "speed").slo == {"ttft": 0.5}
    assert LoadTestSettings.parse(words | {"rate": 2}, "speed").at("http://h/v1").concurrency is None
    with pytest.raises(UsageError, match="speed: url"):
        settings.at("h/v1")
    with pytest.raises(UsageError, match="--slo ttft=fast: give ttft"):
        LoadTestSettings.parse(words | {"slo": {"ttft": "fast"}}, "speed")
