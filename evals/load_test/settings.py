"""What a load test asks of a server, how fast, and within which limits a request counts as good."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from gristmill.core.config import Config, Printable
from gristmill.core.errors import UsageError
from gristmill.core.flag import Flag

WARM_UP_AT_ONCE = 4
Limited = Literal["ttft", "itl", "latency", "per_user"]
LIMITED: tuple[Limited, ...] = ("ttft", "itl", "latency", "per_user")


def parse_limits(given: Any) -> Any:
    """``ttft=0.5,itl=0.05``, or a mapping, as numbers by metric. Raises :class:`UsageError` for wrong ones."""
    pairs = given.items() if isinstance(given, Mapping) else _pairs(given) if isinstance(given, str) else None
    if pairs is None:
        return given
    found: dict[Limited, float] = {}
    for name, value in pairs:
        metric = next((known for known in LIMITED if known == name), None)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = 0.0
        if metric is None or not 0 < number < float("inf"):
            told = f"{name}={value}" if value != "" else name
            raise UsageError(
                f"--slo {told}: give {', '.join(LIMITED)} and a positive number, such as ttft=0.5,itl=0.05"
            )
        found[metric] = number
    return found


def _pairs(text: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in text.split(",") if part.strip())
    return [(name.strip(), value.strip()) for name, _, value in parts]


class Traffic(Config):
    """Which requests are sent, and when."""

    model: Annotated[Printable, Flag("--model")] = Field(min_length=1, description="Name of the model on the server.")
    concurrency: Annotated[int | None, Flag("--concurrency")] = Field(
        None, ge=1, le=4096, description="Users at once, each waiting for its answer."
    )
    rate: Annotated[float | None, Flag("--rate")] = Field(
        None,
        gt=0,
        le=10_000,
        description="Requests a second, arriving at random (Poisson), instead of users at once.",
    )
    requests: Annotated[int, Flag("--requests")] = Field(
        64, ge=1, le=1_000_000, description="Requests that are measured."
    )
    warmup: Annotated[int | None, Flag("--warmup")] = Field(
        None, ge=0, description="Requests before those; as many as users when left out."
    )
    isl: Annotated[int, Flag("--isl")] = Field(128, ge=1, description="Input length in tokens, as the server counts.")
    osl: Annotated[int, Flag("--osl")] = Field(64, ge=1, description="Output length in tokens, at most.")
    endpoint: Annotated[Literal["completions", "chat"], Flag("--endpoint")] = Field(
        "completions", description="completions or chat."
    )
    seed: Annotated[int, Flag("--seed")] = Field(0, ge=0, description="Seed of prompts and arrivals.")
    timeout: Annotated[float, Flag("--timeout")] = Field(
        600.0, gt=0, description="Seconds after which a request has failed."
    )


class Load(Traffic):
    """What to ask which server, and how fast."""

    url: str = Field(pattern=r"^https?://", description="Address of the API, such as http://host:8000/v1.")
    ignore_eos: bool = Field(True, description="Ask for the whole output length, even if the model would stop.")

    @model_validator(mode="after")
    def one_load(self) -> Self:
        """Concurrent users or a rate, not both."""
        if (self.concurrency is None) == (self.rate is None):
            raise ValueError("give either concurrency or rate")
        return self

    @property
    def warmups(self) -> int:
        """Requests that warm the server up."""
        return (self.concurrency or WARM_UP_AT_ONCE) if self.warmup is None else self.warmup


class LoadTestSettings(Traffic):
    """The settings of ``speed``: the requests, the limits of goodput, and what the measurement is called."""

    slo: Annotated[
        dict[Limited, float],
        BeforeValidator(parse_limits),
        Flag(
            "--slo",
            "Limits for goodput, with commas: ttft, itl and latency in seconds at most, per_user in tokens a "
            "second at least; ttft=0.5,itl=0.05.",
        ),
    ] = Field(default_factory=dict, description="Limits for goodput, by metric.")
    stop_at_eos: Annotated[bool, Flag("--stop-at-eos")] = Field(
        False, description="Let the model end its answer; for servers without ignore_eos."
    )
    label: Annotated[Printable, Flag("--label")] = Field(
        "", description="How to call the model in the lake; its name when left out."
    )

    def at(self, url: str) -> Load:
        """The load for the server at ``url``: one user unless concurrency or rate is given.

        Raises :class:`UsageError` for a wrong address, and for both concurrency and rate.
        """
        values = {name: getattr(self, name) for name in Traffic.model_fields}
        if self.concurrency is None and self.rate is None:
            values["concurrency"] = 1
        return Load.parse(values | {"url": url, "ignore_eos": not self.stop_at_eos}, "speed")
