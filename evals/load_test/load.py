"""A load for a served model: a number of concurrent users (closed), or requests that arrive at a rate (open, Poisson).

Closed: each user sends the next request when the last is answered. Open: gaps between requests are exponential with a
seed, and a request is sent when it is due, however many are in flight; requests keep arriving while others wait, so
this load shows when a server is overrun. Prompts are common words in a different order for each request, so that no two
share a prefix that the server could have cached; two probes find out, by the server's own count, how many words make
the requested input length. Requests before the measured ones warm the server up and are left out. One event loop sends
everything and does nothing else while answers arrive: ``lag`` says how late requests of an open load were sent, and a
lag near the latencies means that this machine was measured, not the server.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import httpx
import numpy as np

from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.load_test.metrics import SHOWN, Answered, Exchange, Failed, read_stream
from gristmill.evals.load_test.settings import WARM_UP_AT_ONCE, Load

VOCABULARY = (
    "the of and to in is it you that he was for on are with as his they at be this have from or one had by word but "
    "not what all were we when your can said there use an each which she do how their if will up other about out many "
    "then them these so some her would make like him into time has look two more write go see number no way could"
)
"""Words that are one token each in most tokenizers."""
PATHS = {"completions": "completions", "chat": "chat/completions"}

Progress = Callable[[int], None]
"""Called with the number of requests that have just ended."""


@dataclass(frozen=True)
class Measured:
    """The result of a load. ``lags`` are the seconds from due to sent, empty for a closed load."""

    server: str
    words: int
    exchanges: tuple[Exchange, ...]
    lags: tuple[float, ...]


def run_load(load: Load, key: str, progress: Progress) -> Measured:
    """Put a load on a server and collect the answers. ``key`` is the bearer token, if not empty.

    Raises :class:`UsageError` for a model that the server does not have, and :class:`GristmillError` when nothing
    answers there or a probe fails.
    """
    return asyncio.run(_run(load, key, progress))


async def _run(load: Load, key: str, progress: Progress) -> Measured:
    headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    url = load.url.rstrip("/") + "/"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=load.timeout, limits=limits) as client:
        server = await _identify(client, load)
        words = await _calibrate(client, load)
        at_once = load.concurrency or WARM_UP_AT_ONCE
        await _closed(client, [_body(load, words, f"warm-up {n}") for n in range(load.warmups)], load, at_once, _silent)
        bodies = [_body(load, words, str(number)) for number in range(load.requests)]
        if load.rate is None:
            return Measured(server, words, await _closed(client, bodies, load, at_once, progress), ())
        exchanges, lags = await _open(client, bodies, load, progress)
        return Measured(server, words, exchanges, lags)


def arrivals(rate: float, count: int, seed: int) -> list[float]:
    """Seconds from the start at which requests of an open load are due: a Poisson process from its first event."""
    draw = random.Random(f"{seed} arrivals")  # noqa: S311 - a load, not a secret
    return list(accumulate((draw.expovariate(rate) for _ in range(count - 1)), initial=0.0))


def prompt(words: int, seed: int, name: str) -> str:
    """A prompt of ``words`` words, different for each name."""
    return " ".join(random.Random(f"{seed} {name}").choices(VOCABULARY.split(), k=words))  # noqa: S311 - a load, not a secret


def _body(load: Load, words: int, name: str, osl: int | None = None) -> bytes:
    text = prompt(words, load.seed, name)
    asked: dict[str, Any] = {"prompt": text}
    if load.endpoint == "chat":
        asked = {"messages": [{"role": "user", "content": text}]}
    asked |= {"model": load.model, "max_tokens": osl or load.osl, "stream": True}
    asked["stream_options"] = {"include_usage": True}
    if load.ignore_eos:
        asked["ignore_eos"] = True
    return json.dumps(asked).encode()


async def _ask(client: httpx.AsyncClient, load: Load, body: bytes) -> Exchange:
    """One request. Reads the clock as soon as bytes arrive, before parsing them."""
    headers = {"Content-Type": "application/json"}
    reads: list[tuple[float, bytes]] = []
    start = time.perf_counter()
    try:
        async with (
            asyncio.timeout(load.timeout),
            client.stream("POST", PATHS[load.endpoint], content=body, headers=headers) as reply,
        ):
            if reply.status_code != httpx.codes.OK:
                said = " ".join((await reply.aread()).decode("utf-8", "replace").split())
                return Failed(start, f"status {reply.status_code}: {said}"[:SHOWN])
            async for data in reply.aiter_raw():
                reads.append((time.perf_counter(), data))
    except TimeoutError:
        return Failed(start, f"not answered within {load.timeout:g} s")
    except httpx.HTTPError as error:
        return Failed(start, f"{type(error).__name__}: {error}"[:SHOWN])
    return read_stream(start, reads)


async def _closed(
    client: httpx.AsyncClient, bodies: Sequence[bytes], load: Load, users: int, progress: Progress
) -> tuple[Exchange, ...]:
    waiting: Iterator[tuple[int, bytes]] = iter(enumerate(bodies))
    found: dict[int, Exchange] = {}

    async def user() -> None:
        for number, body in waiting:
            found[number] = await _ask(client, load, body)
            progress(1)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(users, len(bodies))):
            group.create_task(user())
    return tuple(found[number] for number in sorted(found))


async def _open(
    client: httpx.AsyncClient, bodies: Sequence[bytes], load: Load, progress: Progress
) -> tuple[tuple[Exchange, ...], tuple[float, ...]]:
    async def send(body: bytes) -> Exchange:
        found = await _ask(client, load, body)
        progress(1)
        return found

    begin = time.perf_counter()
    due = [begin + offset for offset in arrivals(load.rate or 1.0, len(bodies), load.seed)]
    async with asyncio.TaskGroup() as group:
        tasks = []
        for moment, body in zip(due, bodies, strict=True):
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            tasks.append(group.create_task(send(body)))
    exchanges = tuple(task.result() for task in tasks)
    lags = tuple(max(0.0, found.start - moment) for found, moment in zip(exchanges, due, strict=True))
    return exchanges, lags


async def _calibrate(client: httpx.AsyncClient, load: Load) -> int:
    """How many words make a prompt of the requested length; tokens are linear in words, so two probes suffice."""
    few = max(1, load.isl // 4)
    many = max(few + 8, load.isl // 2)
    counts = []
    for words in (few, many):
        probe = await _ask(client, load, _body(load, words, f"probe {words}", osl=2))
        if isinstance(probe, Failed):
            raise GristmillError(
                f"{load.url}, model {load.model}: the server did not answer a first request ({probe.reason}). Check "
                "--url, --model and --endpoint; for a server that refuses ignore_eos use --stop-at-eos."
            )
        counts.append(probe.input_tokens)
    slope = (counts[1] - counts[0]) / (many - few)
    if slope <= 0:
        raise GristmillError(
            f"{load.url}: the server counts {counts[0]} tokens in {few} words and {counts[1]} in {many}; its usage "
            "cannot be right, so no input length can be set"
        )
    return max(1, round((load.isl - counts[0]) / slope) + few)


async def _identify(client: httpx.AsyncClient, load: Load) -> str:
    """What the server says about itself. Raises as :func:`run_load`."""
    try:
        listed = await client.get("models")
    except httpx.TransportError as error:
        raise GristmillError(f"{load.url}: no server answers there ({type(error).__name__} {error})") from error
    models = _json(listed).get("data")
    found = {str(entry.get("id")): entry for entry in models if isinstance(entry, dict)} if models else {}
    if found and load.model not in found:
        raise UsageError(f"{load.url} has no model {load.model!r}: it has {', '.join(found)}")
    version = _json(await client.get(client.base_url.join("/version"))).get("version", "of unknown version")
    return f"{found.get(load.model, {}).get('owned_by', 'openai-compatible server')} {version}"[:SHOWN]


def _json(reply: httpx.Response) -> dict[str, Any]:
    """The JSON object in a reply; empty for anything else, since not every server has these pages."""
    if reply.status_code != httpx.codes.OK:
        return {}
    try:
        value = reply.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def lag_p99(measured: Measured) -> float | None:
    """The 99th percentile of the lags, in seconds; None for a closed load."""
    return float(np.percentile(measured.lags, 99)) if measured.lags else None


def failed_all(measured: Measured) -> str | None:
    """Why no request was answered; None if one was."""
    if any(isinstance(entry, Answered) for entry in measured.exchanges):
        return None
    return next((entry.reason for entry in measured.exchanges if isinstance(entry, Failed)), "nothing was asked")


def _silent(count: int) -> None:
    """No progress display."""
