"""Mixtures side by side: shares of domains asked, capped and realised, at other caps, and what to know of them."""

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse

MOST_ROWS = 20_000
"""Rows of shares that are read at most: 500 mixtures of 40 domains."""
TRACE_POINTS = 240
"""Steps of a trace that are kept; between them it is averaged."""
WARNED = "parameters"
"""The check of the size of proxies, whose warning stands wherever weights or losses of trials are shown."""


class MixtureHead(BaseModel):
    """A mixture of a mix: how it was found, and what to be careful about."""

    mix: str = Field(description="name of the mix that it belongs to")
    mixture: str
    method: str
    digest: str = Field(description="digest of weights, plan and token store")
    target_tokens: int
    domains: int
    stages: int
    trials: int = Field(description="trials that it was found from, or that tried it")
    reused: int = Field(description="trials among them that were made for earlier data")
    traced: bool = Field(description="whether the method left a trace of its weights")
    parameters: int | None = Field(description="size of the smallest model of its trials")
    warnings: int = Field(description="checks that say not to trust it as it is")
    runs: int = Field(description="training runs of a mixture of this name in the mix")


class DomainShare(BaseModel):
    """A domain of a mixture, over the whole run."""

    mix: str
    mixture: str
    domain: str
    target_tokens: int = Field(description="tokens of the run")
    tokens: int | None = Field(description="training tokens of the domain; null for a mix of an earlier version")
    asked: float = Field(description="share that the method asked for")
    raw: float | None = Field(description="share without caps")
    capped: float = Field(description="share under the caps")
    low: float | None = Field(description="lower end of the 90 % interval of that share over bootstraps")
    high: float | None = Field(description="upper end of it")
    realised: float = Field(description="share of the rows of the plan")
    epochs: float = Field(description="times the domain is seen")
    cap: float = Field(description="most times that it may be seen")
    reason: str = Field(description="why it has that cap")
    proportional_raw: float | None = Field(description="share when proportional to tokens, without caps")
    proportional: float | None = Field(description="the same under the caps")
    uniform_raw: float | None = Field(description="share when equal for all domains, without caps")
    uniform: float | None = Field(description="the same under the caps")


class StageShare(BaseModel):
    """A domain in one stage of a mixture."""

    stage: int
    until_token: int
    domain: str
    asked: float
    capped: float
    realised: float
    epochs: float


class StageOrder(BaseModel):
    """One stage of a mixture: where it ends, and the order of its rows."""

    stage: int
    first_token: int
    until_token: int
    signal: str | None = Field(description="signal that its rows are sorted by; null when they are shuffled")
    descending: bool | None = Field(description="largest value first; null when shuffled")
    without_value: float | None = Field(description="share of its rows without a value, which come last")


class CapShare(BaseModel):
    """A domain of a mixture under another cap for all domains; shown, not trained."""

    cap: float
    domain: str
    weight: float
    epochs: float


class MixtureCheck(BaseModel):
    """One thing to know of a mixture."""

    name: str
    value: float = Field(description="1 and 0 for yes and no")
    detail: str
    warning: bool = Field(description="whether it says not to trust the mixture as it is")


class TracePoint(BaseModel):
    """The weight of a domain while a method looked for it, averaged around a step."""

    domain: str
    step: int
    weight: float
    excess_loss: float = Field(description="nats a token over the reference")


def mixture_heads(warehouse: Warehouse, mix: str | None = None) -> list[MixtureHead]:
    """Every mixture of every mix, or of one; the mix that was made last comes first."""
    rows = warehouse.query(
        """
        WITH heads AS (
            SELECT owner.mix, mixture, min(method) AS method, min(one.digest) AS digest,
                max(until_token) AS target_tokens, count(DISTINCT domain) AS domains, count(DISTINCT stage) AS stages
            FROM mixtures AS one
            JOIN mix_files AS owner ON owner.file = one.file
            WHERE $mix IS NULL OR owner.mix = $mix GROUP BY owner.mix, mixture
        ),
        tried AS (
            SELECT owner.mix, mixture, count(DISTINCT trial) AS trials,
                count(DISTINCT trial) FILTER (earlier) AS reused, min(parameters) AS parameters
            FROM trials AS one
            JOIN mix_files AS owner ON owner.file = one.file GROUP BY ALL
        ),
        checked AS (
            SELECT owner.mix, mixture, count(*) FILTER (warning) AS warnings FROM mixture_checks AS one
            JOIN mix_files AS owner ON owner.file = one.file GROUP BY ALL
        ),
        traced AS (
            SELECT DISTINCT owner.mix, mixture FROM mixture_trace AS one
            JOIN mix_files AS owner ON owner.file = one.file
        ),
        trained AS (
            SELECT owner.name AS mix, mixture, count(DISTINCT run) AS runs FROM runs AS one
            JOIN dataset_files AS owner ON owner.file = one.file AND owner.kind = 'training' GROUP BY ALL
        ),
        made AS (SELECT name AS mix, max(started_at) AS at FROM flow_runs WHERE flow = 'mix' GROUP BY name)
        SELECT heads.*, coalesce(trials, 0) AS trials, coalesce(reused, 0) AS reused, parameters,
            coalesce(warnings, 0) AS warnings, coalesce(runs, 0) AS runs, traced.mixture IS NOT NULL AS traced
        FROM heads
        LEFT JOIN tried USING (mix, mixture) LEFT JOIN checked USING (mix, mixture)
        LEFT JOIN traced USING (mix, mixture) LEFT JOIN trained USING (mix, mixture) LEFT JOIN made USING (mix)
        ORDER BY made.at DESC NULLS LAST, max(coalesce(trials, 0)) OVER (PARTITION BY mix) DESC, mix, mixture
        """,
        {"mix": mix},
    )
    return [MixtureHead.model_validate(row) for row in rows]


def domain_shares(warehouse: Warehouse, mix: str, mixture: str | None = None) -> list[DomainShare]:
    """Every domain of every mixture of a mix, or of one mixture; domains with the most tokens first."""
    rows = warehouse.query(
        """
        SELECT * FROM mixture_shares WHERE mix = $mix AND ($mixture IS NULL OR mixture = $mixture)
        ORDER BY mixture, tokens DESC NULLS LAST, domain LIMIT $most
        """,
        {"mix": mix, "mixture": mixture, "most": MOST_ROWS},
    )
    return [DomainShare.model_validate(row) for row in rows]


def stage_shares(warehouse: Warehouse, mix: str, mixture: str) -> list[StageShare]:
    """Every domain in every stage of a mixture; empty for a mixture of one stage."""
    rows = warehouse.query(
        """
        SELECT stage, until_token, domain, weight_raw AS asked, weight AS capped, realised, epochs
        FROM mixtures AS one JOIN mix_files AS owner ON owner.file = one.file
        WHERE owner.mix = $mix AND mixture = $mixture ORDER BY domain, stage LIMIT $most
        """,
        {"mix": mix, "mixture": mixture, "most": MOST_ROWS},
    )
    found = [StageShare.model_validate(row) for row in rows]
    return found if any(row.stage for row in found) else []


def stage_orders(warehouse: Warehouse, mix: str, mixture: str) -> list[StageOrder]:
    """The stages of a mixture; empty for one stage of shuffled rows, and for a mix of an earlier version."""
    rows = warehouse.query(
        """
        SELECT stage, first_token, until_token, signal, descending, without_value
        FROM mixture_stages AS one JOIN mix_files AS owner ON owner.file = one.file
        WHERE owner.mix = $mix AND mixture = $mixture ORDER BY stage
        """,
        {"mix": mix, "mixture": mixture},
    )
    found = [StageOrder.model_validate(row) for row in rows]
    return found if len(found) > 1 or any(stage.signal for stage in found) else []


def cap_shares(warehouse: Warehouse, mix: str, mixture: str) -> list[CapShare]:
    """A mixture at several repetition caps."""
    rows = warehouse.query(
        """
        SELECT cap, domain, weight, epochs
        FROM mixture_caps AS one JOIN mix_files AS owner ON owner.file = one.file
        WHERE owner.mix = $mix AND mixture = $mixture ORDER BY domain, cap LIMIT $most
        """,
        {"mix": mix, "mixture": mixture, "most": MOST_ROWS},
    )
    return [CapShare.model_validate(row) for row in rows]


def mixture_checks(warehouse: Warehouse, mix: str, mixture: str) -> list[MixtureCheck]:
    """What to know of a mixture, warnings first."""
    rows = warehouse.query(
        """
        SELECT one.name, value, detail, warning
        FROM mixture_checks AS one JOIN mix_files AS owner ON owner.file = one.file
        WHERE owner.mix = $mix AND mixture = $mixture ORDER BY warning DESC, one.name
        """,
        {"mix": mix, "mixture": mixture},
    )
    return [MixtureCheck.model_validate(row) for row in rows]


def small_proxies(warehouse: Warehouse) -> list[tuple[str, str]]:
    """What the size of proxies says against mixtures, for the pages that show their weights: (mixture, warning)."""
    rows = warehouse.query(
        "SELECT DISTINCT mixture, detail FROM mixture_checks WHERE name = ? AND warning ORDER BY mixture", [WARNED]
    )
    return [(row["mixture"], row["detail"]) for row in rows]


def weight_trace(warehouse: Warehouse, mix: str, mixture: str, points: int = TRACE_POINTS) -> list[TracePoint]:
    """How a method found the weights, at most ``points`` steps a domain."""
    rows = warehouse.query(
        """
        WITH steps AS (
            SELECT step, row_number() OVER (ORDER BY step) - 1 AS place, count(*) OVER () AS n FROM (
                SELECT DISTINCT step FROM mixture_trace AS one
                JOIN mix_files AS owner ON owner.file = one.file
                WHERE owner.mix = $mix AND mixture = $mixture
            )
        )
        SELECT domain, max(one.step) AS step, avg(weight) AS weight, avg(excess_loss) AS excess_loss
        FROM mixture_trace AS one
        JOIN mix_files AS owner ON owner.file = one.file
        JOIN steps ON steps.step = one.step
        WHERE owner.mix = $mix AND mixture = $mixture
        GROUP BY domain, place * $points // greatest(n, $points) ORDER BY domain, step
        """,
        {"mix": mix, "mixture": mixture, "points": points},
    )
    return [TracePoint.model_validate(row) for row in rows]
