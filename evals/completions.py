"""The completions protocol of OpenAI as a client: one request, tried again while its fault may pass, or an error.

What fails on the way (no connection, timeout, 429, 5xx) is asked again with growing pauses; other refusals, and answers
that are no completions, end the run. What the server sends is checked against the models below and nothing of it is
executed. Keys that are not named there are ignored: every server adds its own.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import httpx
from pydantic import BaseModel, Field, ValidationError

from schemas.config import Config
from schemas.errors import GristmillError

BUSY = 429
LONGEST_PAUSE = 30.0
SHOWN = 300
"""Characters of a server's message that an error repeats."""


class ServerConfig(Config):
    """A server, and how it is asked."""

    url: Annotated[str, Field(pattern=r"^https?://", description="where the protocol begins, such as .../v1")]
    model: Annotated[str, Field(description="its name there; the only one of the server when left out")] = ""
    concurrency: Annotated[int, Field(ge=1, le=1024, description="requests under way at once")] = 8
    timeout: Annotated[float, Field(gt=0, description="longest silence of the server, seconds")] = 600.0
    attempts: Annotated[int, Field(ge=1, description="how often a request is tried")] = 6
    pause: Annotated[float, Field(ge=0, description="seconds before the second attempt; doubles")] = 0.5
    overlap: Annotated[float, Field(ge=0, lt=1, description="share of the context read again in long texts")] = 0.25
    prompts: Annotated[Literal["tokens", "text"], Field(description="what the server takes")] = "tokens"


class Usage(BaseModel):
    """Tokens that the server counted."""

    prompt_tokens: int
    completion_tokens: int | None = None


class Logprobs(BaseModel):
    """Of every token of prompt and continuation; the first of a prompt has no probability."""

    token_logprobs: list[float | None]
    tokens: list[str] = []
    top_logprobs: list[dict[str, float] | None] | None = None
    text_offset: list[int] = []


class Choice(BaseModel):
    """One continuation."""

    text: str
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    logprobs: Logprobs | None = None


class Completion(BaseModel):
    """What the server answers to one prompt. Keys that are not named here are ignored."""

    choices: Annotated[list[Choice], Field(min_length=1)]
    usage: Usage


class Client:
    """A server and the name of a model there. Safe to use from several threads."""

    def __init__(self, http: httpx.Client, name: str, config: ServerConfig) -> None:
        self._http, self._name, self._config = http, name, config

    @property
    def place(self) -> str:
        """Server and model, for messages."""
        return f"{self._config.url}, model {self._name}"

    def ask(self, payload: Mapping[str, Any]) -> Completion:
        """One request, tried again while the fault may pass. Raises :class:`GristmillError`, never gives half a one."""
        problem, pause = "", self._config.pause
        for attempt in range(self._config.attempts):
            if attempt:
                time.sleep(min(pause, LONGEST_PAUSE))
                pause *= 2
            try:
                reply = self._http.post("completions", json={"model": self._name, **payload})
            except httpx.TransportError as error:  # refused, reset, timed out
                problem = f"{type(error).__name__} {error}".strip()
                continue
            if reply.status_code == httpx.codes.OK:
                return self._read(reply)
            problem = f"status {reply.status_code}: {reply.text[:SHOWN]}"
            if reply.status_code != BUSY and reply.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                raise GristmillError(f"{self.place}: the server refused a request, {problem}")
            pause = max(pause, _seconds(reply.headers.get("Retry-After")))
        raise GristmillError(
            f"{self.place}: no answer after {self._config.attempts} attempts ({problem}). Nothing was scored for it. "
            "See that the server runs, and run again: what was answered is kept."
        )

    def _read(self, reply: httpx.Response) -> Completion:
        try:
            return Completion.model_validate_json(reply.content)
        except ValidationError as error:
            raise GristmillError(f"{self.place}: the server's answer is no completion: {error}") from error


def _seconds(header: str | None) -> float:
    """A ``Retry-After`` in seconds; a date, or none, is no more than the usual pause."""
    return float(header) if header and header.isdigit() else 0.0


def models_of(http: httpx.Client, config: ServerConfig) -> dict[str, dict[str, Any]]:
    """The server's models by name; empty for a server that keeps no list."""
    try:
        reply = http.get("models")
        reply.raise_for_status()
        found = reply.json()["data"]
        return {str(entry["id"]): entry for entry in found}
    except httpx.TransportError as error:
        raise GristmillError(f"{config.url}: no server answers there ({type(error).__name__} {error})") from error
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError):
        return {}


def describe(http: httpx.Client, name: str, served: Mapping[str, Any]) -> str:
    """What the server says of itself. Its number format and batches are its own affair, so they are named as such."""
    try:
        version = str(http.get(http.base_url.join("/version")).raise_for_status().json()["version"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        version = "of unknown version"
    maker = served.get("owned_by") or "openai-compatible server"
    return f"{maker} {version}, model {name}, dtype and batches as the server has them"
