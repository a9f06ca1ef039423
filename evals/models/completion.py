"""A server's answer to one prompt in OpenAI's completions protocol, parsed from the body of a reply.

A body is data: it is checked against the models below, and nothing in it is executed. Unknown keys are ignored, since
every server adds its own. Anything other than a completion is reported in a sentence.
"""

import json
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

FINISHED = ("stop", "length")
"""The finish reasons of real answers. Any other (abort, error, content_filter, tool_calls) comes from the server."""
MOST_TOKENS = (1 << 31) - 1
"""Largest plausible token count; the tables cannot store a larger one."""
NO_TEXT = "the text is null"
COMPLETIONS = (
    "Evaluation continues given texts (POST /v1/completions); a server that offers only chat cannot do that. Serve the "
    "checkpoint with vLLM, SGLang or llama.cpp's llama-server, or answer here: --backend hf"
)
SHOWN = 200
"""Characters of a body, or of a value in it, that a message repeats."""


Count = Annotated[int, Field(ge=0, le=MOST_TOKENS)]


class Usage(BaseModel):
    """Tokens that the server counted."""

    prompt_tokens: Count
    completion_tokens: Count | None = None


class Logprobs(BaseModel):
    """For every token of prompt and continuation; a prompt's first token has no probability."""

    token_logprobs: list[float | None]
    tokens: list[str] = []
    top_logprobs: list[dict[str, float | None] | None] | None = None
    text_offset: list[int] = []


class Choice(BaseModel):
    """One continuation."""

    text: str | None = None
    message: Any = None
    finish_reason: str | None = None
    stop_reason: Any = None
    logprobs: Logprobs | None = None


class Completion(BaseModel):
    """The answer to one prompt."""

    choices: Annotated[list[Choice], Field(min_length=1)]
    usage: Usage


def read(body: bytes, kind: str = "") -> Completion | str:
    """The completion in the ``body`` of a reply with content type ``kind``, or a sentence on what is there instead."""
    if kind.startswith("text/event-stream") or body.lstrip().startswith((b"data:", b"event:")):
        return "it streams events, although a whole answer was requested. Turn streaming off in the server or its proxy"
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return f"its answer is not JSON: {shown(body.decode(errors='replace'))}"
    if isinstance(values, dict) and values.get("error"):
        return f"an error instead of an answer: {shown(values['error'])}"
    try:
        return Completion.model_validate(_storable(values))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        if fault["type"] == "missing":
            return f"its answer is not a completion: it has no {where}"
        return f"its answer is not a completion: {where or 'it'} is {shown(fault['input'])}"


def unfinished(found: Completion) -> str | None:
    """Why a completion is not the model's answer: it has no text, or ended neither by itself nor at its limit.

    A server without a finish reason says only that it stopped, so its text may be half an answer.
    """
    choice = found.choices[0]
    if choice.text is None and choice.message is not None:
        return f"{NO_TEXT}, and there is a chat message in its place"
    if choice.finish_reason not in FINISHED:
        return f"the finish reason is {shown(choice.finish_reason or 'missing')}, which is neither stop nor length"
    return NO_TEXT if choice.text is None else None


def _storable(value: Any) -> Any:
    """JSON whose texts can be stored: half of a surrogate pair, which is not a character, becomes U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_storable(part) for part in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(part) for name, part in value.items()}
    return value


def shown(value: object) -> str:
    """The start of a value from a server, on one line, without terminal control characters."""
    text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[: SHOWN + 1])
    return text[:SHOWN] + ("..." if len(text) > SHOWN else "")
