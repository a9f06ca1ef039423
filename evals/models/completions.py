"""A client of OpenAI's completions protocol: one request, retried while its fault may be temporary.

A request that fails on the way (no connection, timeout, 408, 429, 5xx, a damaged body, an error instead of an answer)
is retried with growing pauses and then ends the run; other refusals end it at once. A completion that is not the
model's (:class:`gristmill.evals.models.model.Unanswered`: aborted, filtered, without text or numbers) is retried too;
if that does not help it is returned as such, and the caller continues with the other requests.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Literal, NamedTuple

import httpx
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.models.completion import COMPLETIONS, Completion, read, shown, unfinished
from gristmill.evals.models.model import Unanswered

NOT_THERE = (404, 405, 501)
"""Status codes of servers without that page."""
PASSING = (408, 425, 429)
"""Status codes, besides 5xx, that may be temporary."""
LONGEST_PAUSE = 30.0
LARGEST = 256 << 20
"""Bytes of the largest body; the log-probabilities of a million-token prompt take about 150 MB."""
REPEATS = 3
"""Attempts for a request whose answers are not the model's."""

Judge = Callable[[Completion], str | None]
"""Why a completion is not the model's answer; None when it is."""


class ServerConfig(Config):
    """A server, and how to ask it."""

    url: Annotated[str, Field(pattern=r"^https?://", description="base of the protocol, such as .../v1")]
    model: Annotated[str, Field(description="its name there; not needed if the server has only one")] = ""
    concurrency: Annotated[int, Field(ge=1, le=1024, description="requests in flight at once")] = 8
    timeout: Annotated[float, Field(gt=0, description="how long the server may stay silent, in seconds")] = 600.0
    attempts: Annotated[int, Field(ge=1, description="how often a request is tried")] = 6
    pause: Annotated[float, Field(ge=0, description="seconds before the second attempt; doubles")] = 0.5
    overlap: Annotated[
        float, Field(ge=0, lt=1, description="share of the context that windows of long texts overlap by")
    ] = 0.25
    prompts: Annotated[Literal["tokens", "text"], Field(description="the form of prompts that the server takes")] = (
        "tokens"
    )
    plain: Annotated[
        bool, Field(description="vLLM was told to ignore generation_config.json, so requests say what ends an answer")
    ] = False


class Client:
    """A server and the name of a model there. Safe to use from several threads."""

    def __init__(self, http: httpx.Client, name: str, config: ServerConfig) -> None:
        self._http, self._name, self._config = http, name, config

    @property
    def place(self) -> str:
        """Server and model, for messages."""
        return f"{self._config.url}, model {shown(self._name)}"

    def ask(self, payload: Mapping[str, Any], judge: Judge = unfinished) -> Completion | Unanswered:
        """One request, retried while the fault may be temporary.

        Raises :class:`GristmillError` when there is no completion. One that ``judge`` rejects every time is returned as
        :class:`Unanswered`.
        """
        problem, pause, faults = "", self._config.pause, 0
        for attempt in range(self._config.attempts):
            if attempt:
                time.sleep(min(pause, LONGEST_PAUSE))
                pause *= 2
            try:
                reply, body = exchange(
                    self._http, "POST", "completions", {"model": self._name, "stream": False, **payload}
                )
            except httpx.DecodingError as error:
                problem = f"the body of its answer cannot be read: {error}"
                continue
            except httpx.RequestError as error:  # refused, reset, timed out
                problem = f"{type(error).__name__} {error}".strip()
                continue
            if reply.status_code == httpx.codes.OK:
                found = read(body, reply.headers.get("Content-Type", ""))
                if isinstance(found, str):
                    problem = found
                    continue
                fault = judge(found)
                if fault is None:
                    return found
                problem, faults = fault, faults + 1
                if faults == min(REPEATS, self._config.attempts):
                    return Unanswered(fault)
                continue
            problem = f"status {reply.status_code}: {shown(body.decode(errors='replace')) or 'and no more'}"
            if reply.status_code not in PASSING and reply.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                unknown = reply.status_code in NOT_THERE and b"model" not in body.lower()
                hint = f". {COMPLETIONS}." if unknown else ""
                raise GristmillError(f"{self.place}: the server refused a request, {problem}{_elsewhere(reply)}{hint}")
            pause = max(pause, _seconds(reply.headers))
        raise GristmillError(
            f"{self.place}: no answer after {self._config.attempts} attempts ({problem}). Nothing was scored for it. "
            "Make sure that the server runs, and run again: earlier answers are kept."
        )


def exchange(
    http: httpx.Client, method: str, url: str, payload: Mapping[str, Any] | None = None
) -> tuple[httpx.Response, bytes]:
    """A reply and its body, unpacked no further than ``LARGEST``: a small body can unpack to any number of zeros.

    Raises :class:`httpx.RequestError`; a body that is damaged or too large is a :class:`httpx.DecodingError`.
    """
    body = bytearray()
    with http.stream(method, url, json=payload) as reply:
        for piece in reply.iter_bytes():
            body += piece
            if len(body) > LARGEST:
                raise httpx.DecodingError(f"it is larger than {LARGEST >> 20} MiB")
    return reply, bytes(body)


def _elsewhere(reply: httpx.Response) -> str:
    """Where a redirect leads. It is not followed, because that would send the key there."""
    return (
        f". It redirects to {shown(reply.headers['Location'])}: use that address."
        if reply.has_redirect_location
        else ""
    )


def _seconds(headers: httpx.Headers) -> float:
    """A ``Retry-After`` in seconds; a date is relative to the server's clock. 0 without one."""
    header = headers.get("Retry-After", "")
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        then = parsedate_to_datetime(header)
        now = parsedate_to_datetime(headers["Date"]) if "Date" in headers else datetime.now(UTC)
        return (then - now).total_seconds()
    except (ValueError, TypeError):  # not a date, or one without a zone
        return 0.0


def models_of(http: httpx.Client, config: ServerConfig) -> dict[str, dict[str, Any]]:
    """The server's models by name; empty for a server without a list.

    Raises :class:`GristmillError` when nothing answers, the server is not ready yet, or it wants a key.
    """
    try:
        reply, body = exchange(http, "GET", "models")
        reply.raise_for_status()
        found = json.loads(body)["data"]
        return {str(entry["id"]): entry for entry in found}
    except httpx.DecodingError as error:
        raise GristmillError(f"{config.url}: its list of models cannot be read: {error}") from error
    except httpx.RequestError as error:
        raise GristmillError(f"{config.url}: no server answers there ({type(error).__name__} {error})") from error
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status == httpx.codes.UNAUTHORIZED:
            raise GristmillError(
                f"{config.url}: the server wants a key (status {status}): set OPENAI_API_KEY"
            ) from error
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise GristmillError(f"{config.url}: the server is not ready (status {status}). Try again later") from error
        return {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


class Server(NamedTuple):
    """A server, the name of a model there, and that model's entry in the server's list."""

    http: httpx.Client
    client: Client
    name: str
    listed: Mapping[str, Any]


@contextmanager
def reach(config: ServerConfig, key: str = "") -> Iterator[Server]:
    """A connection to a server and its model. ``key`` is sent as the bearer token.

    Raises :class:`UsageError` for a model that the server does not have, and :class:`GristmillError` when nothing
    answers.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = config.url.rstrip("/") + "/"
    limits = httpx.Limits(max_connections=config.concurrency, max_keepalive_connections=config.concurrency)
    with httpx.Client(base_url=url, headers=headers, timeout=config.timeout, limits=limits) as http:
        listed = models_of(http, config)
        name = config.model or (next(iter(listed)) if len(listed) == 1 else "")
        if not name or (listed and name not in listed):
            there = ", ".join(map(shown, listed)) or "no model that it names"
            raise UsageError(f"{config.url}: name the model to ask with --model: the server has {there}")
        yield Server(http, Client(http, name, config), name, listed.get(name, {}))
