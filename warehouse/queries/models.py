"""Training runs, mixtures, checkpoints and their scores."""

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse

MOST_ROWS = 1000


class Score(BaseModel):
    """A score with its error bar and its origin."""

    run: str = Field(description="training run; external for a submitted checkpoint")
    mixture: str
    label: str
    step: int = Field(description="optimiser step")
    tokens: int = Field(description="tokens seen")
    checkpoint: str = Field(description="digest of weights and tokenizer")
    suite: str
    area: str
    metric: str
    convention: str = Field(description="how answers were graded")
    headline: bool = Field(description="this number stands for the suite")
    subset: str
    value: float
    low: float = Field(description="lower end of the 95 % interval")
    high: float = Field(description="upper end of the 95 % interval")
    n: int = Field(description="items or texts it is based on")
    chance: float | None = Field(description="score of guessing")
    centred: float | None = Field(
        default=None, description="0 for guessing, 1 for every item right; null if guessing has no score"
    )
    above_chance: float | None = Field(description="exact one-sided p-value against guessing")
    higher_is_better: bool
    method: str
    failures: int = Field(description="items without a score because the machine failed")
    jail_tier: str = Field(description="tier of the code jail; empty if no code ran")
    suite_digest: str = Field(default="", description="digest of items, prompts and settings")
    backend: str = Field(default="", description="adapter and version, dtype")


class Best(Score):
    """The best score of a suite, metric and subset."""

    tied: int = Field(default=1, description="checkpoints with this value, including this one")


class Checkpoint(BaseModel):
    """A saved model."""

    run: str
    mixture: str
    step: int
    tokens: int
    first_row: int
    end_row: int
    checkpoint: str
    path: str
    parameters: int


class Loss(BaseModel):
    """One point of a loss curve."""

    run: str
    mixture: str
    step: int
    tokens: int
    loss: float = Field(description="nats per token")


class Share(BaseModel):
    """A domain's share of a mixture."""

    mixture: str
    digest: str = Field(description="digest of weights, plan and token store")
    method: str
    stage: int
    domain: str
    weight_raw: float
    weight: float
    realised: float
    epochs: float


def checkpoints(warehouse: Warehouse) -> list[Checkpoint]:
    """Every checkpoint of our own runs."""
    return [
        Checkpoint.model_validate(row) for row in warehouse.query("SELECT * FROM checkpoints ORDER BY mixture, step")
    ]


def scores(
    warehouse: Warehouse, checkpoint: str | None = None, suite: str | None = None, limit: int = MOST_ROWS
) -> list[Score]:
    """Scores with their error bars, by suite, metric, convention, subset, mixture and step."""
    rows = warehouse.query(
        """
        SELECT * FROM score_trajectory
        WHERE ($checkpoint IS NULL OR starts_with(checkpoint, $checkpoint)) AND ($suite IS NULL OR suite = $suite)
        ORDER BY suite, metric, convention, subset, mixture, label, step LIMIT $limit
        """,
        {"checkpoint": checkpoint, "suite": suite, "limit": limit},
    )
    return [Score.model_validate(row) for row in rows]


def losses(warehouse: Warehouse, points: int = 400) -> list[Loss]:
    """Loss curves, thinned to about ``points`` points per run."""
    rows = warehouse.query(
        """
        SELECT loss.run, coalesce(run.mixture, '') AS mixture, loss.step, loss.tokens, loss.loss
        FROM (
            SELECT *, row_number() OVER (PARTITION BY run ORDER BY step) AS place, count(*) OVER (PARTITION BY run) AS n
            FROM losses
        ) AS loss
        LEFT JOIN (SELECT run, min(mixture) AS mixture FROM runs GROUP BY run) AS run ON run.run = loss.run
        WHERE loss.place % greatest(1, loss.n // ?) = 0 OR loss.place = loss.n OR loss.place = 1
        ORDER BY mixture, loss.run, loss.step
        """,
        [points],
    )
    return [Loss.model_validate(row) for row in rows]


def mixtures(warehouse: Warehouse) -> list[Share]:
    """The shares of every domain in every mixture."""
    return [
        Share.model_validate(row) for row in warehouse.query("SELECT * FROM mixtures ORDER BY mixture, stage, domain")
    ]
