"""Speed of a served model: AIPerf's metrics, from the times at which the pieces of streamed answers arrived.

The definitions are those of ``aiperf/metrics/types`` (ai-dynamo/aiperf). A request starts when it is sent. Only pieces
with text count, so an opening with just a role, the closing one with the usage, and ``[DONE]`` do not. For one request:

- time to first token: first piece - start; request latency: last piece - start
- inter-token latency: (latency - time to first token) / (output tokens - 1); undefined below 2 tokens
- inter-chunk latency: the gap between neighbouring pieces, however many tokens they have
- throughput per user: 1 / inter-token latency

For a measurement, over the answered requests: duration from the first start to the last piece, output tokens and
requests per duration, and goodput, the requests within every limit per duration; a request with an undefined metric is
not within a limit on it. Output and input tokens are the server's ``usage``. Failed requests are counted by reason, and
enter nothing else. Percentiles are numpy's linear ones. Times are seconds of one clock.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from gristmill.core.config import Config
from gristmill.evals.load_test.settings import Limited
from gristmill.evals.models.completion import FINISHED
from gristmill.evals.statistics.proportions import wilson

LARGER_IS_BETTER = ("per_user",)
DONE = b"[DONE]"
SHOWN = 160


@dataclass(frozen=True)
class Answered:
    """One answered request: ``chunks`` are the times at which its pieces of text arrived, at least one."""

    start: float
    chunks: tuple[float, ...]
    input_tokens: int
    output_tokens: int
    cached_tokens: int | None = None

    @property
    def ttft(self) -> float:
        """Time to first token, in seconds."""
        return self.chunks[0] - self.start

    @property
    def latency(self) -> float:
        """Request latency, in seconds."""
        return self.chunks[-1] - self.start

    @property
    def itl(self) -> float | None:
        """Inter-token latency, in seconds per token."""
        return None if self.output_tokens < 2 else (self.latency - self.ttft) / (self.output_tokens - 1)

    @property
    def per_user(self) -> float | None:
        """Output tokens per second that one user sees; undefined if all came at once."""
        return 1 / self.itl if self.itl else None

    @property
    def gaps(self) -> list[float]:
        """Inter-chunk latencies, in seconds; 0 for pieces that arrived in one read."""
        return [later - earlier for earlier, later in zip(self.chunks, self.chunks[1:], strict=False)]


@dataclass(frozen=True)
class Failed:
    """One request without a complete answer."""

    start: float
    reason: str


Exchange = Answered | Failed


class Distribution(Config):
    """The distribution of a metric over its requests (inter-chunk latency: over all gaps)."""

    n: int
    mean: float
    std: float
    min: float
    p50: float
    p90: float
    p99: float
    max: float


class Goodput(Config):
    """Requests within every limit."""

    limits: Annotated[dict[Limited, float], Field(description="seconds, or tokens per second for per_user")]
    requests: Annotated[int, Field(description="answered within all limits (count)")]
    per_second: float
    share: Annotated[float, Field(description="share of all requests, including failed ones")]
    low: Annotated[float, Field(description="lower end of the share's 95 % interval (Wilson)")]
    high: float


class Report(Config):
    """The result of a measurement, in seconds, tokens and requests per second. None for metrics without a value."""

    requests: int
    answered: int
    failures: Annotated[dict[str, int], Field(description="how many failed, by reason")]
    duration: float
    ttft: Distribution
    itl: Distribution | None
    icl: Distribution | None
    latency: Distribution
    per_user: Distribution | None
    input_tokens: Distribution
    output_tokens: Distribution
    cached_tokens: Annotated[Distribution | None, Field(description="prompt tokens found in the server's cache")]
    output_token_throughput: float
    request_throughput: float
    mean_concurrency: Annotated[float, Field(description="requests in flight, on average (Little's law)")]
    goodput: Goodput | None


def summarise(exchanges: Sequence[Exchange], limits: Mapping[Limited, float]) -> Report:
    """The metrics of a measurement. Raises ``ValueError`` when no request was answered."""
    answered = [entry for entry in exchanges if isinstance(entry, Answered)]
    if not answered:
        raise ValueError("no request was answered, so there is nothing to measure")
    duration = max(entry.chunks[-1] for entry in answered) - min(entry.start for entry in answered)
    good = sum(_keeps(entry, limits) for entry in answered)
    within = wilson(good, len(exchanges))
    return Report(
        requests=len(exchanges),
        answered=len(answered),
        failures=dict(sorted(Counter(entry.reason for entry in exchanges if isinstance(entry, Failed)).items())),
        duration=duration,
        ttft=_spread([entry.ttft for entry in answered]),
        itl=_defined([entry.itl for entry in answered]),
        icl=_defined([gap for entry in answered for gap in entry.gaps]),
        latency=_spread([entry.latency for entry in answered]),
        per_user=_defined([entry.per_user for entry in answered]),
        input_tokens=_spread([entry.input_tokens for entry in answered]),
        output_tokens=_spread([entry.output_tokens for entry in answered]),
        cached_tokens=_defined([entry.cached_tokens for entry in answered]),
        output_token_throughput=sum(entry.output_tokens for entry in answered) / duration,
        request_throughput=len(answered) / duration,
        mean_concurrency=sum(entry.latency for entry in answered) / duration,
        goodput=Goodput(
            limits=dict(limits),
            requests=good,
            per_second=good / duration,
            share=good / len(exchanges),
            low=within.low,
            high=within.high,
        )
        if limits
        else None,
    )


def _keeps(entry: Answered, limits: Mapping[Limited, float]) -> bool:
    values = {"ttft": entry.ttft, "itl": entry.itl, "latency": entry.latency, "per_user": entry.per_user}
    for name, limit in limits.items():
        value = values[name]
        if value is None or (value < limit if name in LARGER_IS_BETTER else value > limit):
            return False
    return True


def _defined(values: Sequence[float | None]) -> Distribution | None:
    found = [value for value in values if value is not None]
    return _spread(found) if found else None


def _spread(values: Sequence[float]) -> Distribution:
    array = np.array(values, dtype=np.float64)
    p50, p90, p99 = (float(value) for value in np.percentile(array, (50, 90, 99)))
    return Distribution(
        n=len(array),
        mean=float(array.mean()),
        std=float(array.std()),
        min=float(array.min()),
        p50=p50,
        p90=p90,
        p99=p99,
        max=float(array.max()),
    )


class _Details(BaseModel):
    cached_tokens: Annotated[int, Field(ge=0)] | None = None


class _Usage(BaseModel):
    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)] = 0
    prompt_tokens_details: _Details | None = None


class _Delta(BaseModel):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _StreamChoice(BaseModel):
    text: str | None = None
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Event(BaseModel):
    """One event of a stream of the completions or the chat endpoint. Other keys are ignored."""

    choices: list[_StreamChoice] = []
    usage: _Usage | None = None
    error: object = None


def read_stream(start: float, reads: Sequence[tuple[float, bytes]]) -> Exchange:
    """One streamed answer, from what was read and when; an event has the time of the read with its first byte.

    Parsed when the answer is over, so that parsing delays no clock. A stream that was cut off, reports an error, was
    ended by the server (``abort`` and the like), or has no text or no usage is a failure.
    """
    ends = np.cumsum([len(data) for _, data in reads]).tolist()
    chunks: list[float] = []
    usage: _Usage | None = None
    done, at = False, 0
    for line in b"".join(data for _, data in reads).splitlines(keepends=True):
        begin, at = at, at + len(line)
        data = line.strip()
        if not data.startswith(b"data:"):
            continue
        data = data.removeprefix(b"data:").strip()
        if data == DONE:
            done = True
            break
        try:
            event = _Event.model_validate_json(data)
        except ValidationError:
            shown = data.decode("utf-8", "replace")
            return Failed(start, f"an event of the stream is not a completion: {shown}"[:SHOWN])
        if event.error is not None:
            return Failed(start, f"the server said: {event.error}"[:SHOWN])
        ended = next((choice.finish_reason for choice in event.choices if choice.finish_reason), None)
        if ended not in (*FINISHED, None):
            return Failed(start, f"the finish reason is {ended}, which is neither stop nor length"[:SHOWN])
        usage = event.usage or usage
        if any(_has_text(choice) for choice in event.choices):
            chunks.append(reads[bisect_right(ends, begin)][0])
    if not done:
        return Failed(start, "the stream was cut off")
    if usage is None:
        return Failed(start, "the server gave no usage, so its tokens are unknown")
    if not chunks:
        return Failed(start, "the answer has no text")
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None
    return Answered(start, tuple(chunks), usage.prompt_tokens, usage.completion_tokens, cached)


def _has_text(choice: _StreamChoice) -> bool:
    return bool(choice.text or choice.delta.content or choice.delta.reasoning_content or choice.delta.reasoning)
