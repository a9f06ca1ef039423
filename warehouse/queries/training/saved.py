"""One checkpoint: where it stands in its run, what it scored, and what was measured beside it."""

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.models import Checkpoint, Score, scores


class CheckpointAnswer(BaseModel):
    """A checkpoint of our own, or one that was handed in, which has scores alone."""

    checkpoint: str = Field(description="digest of weights and tokenizer")
    label: str = Field(description="what it is called where scores are shown")
    mix: str = Field(description="the mix that its run is of; empty for one handed in")
    saved: Checkpoint | None = Field(description="null for one that was handed in")
    loss: float | None = Field(description="training loss of its step, nats a token")
    heldout: dict[str, float] = Field(description="held-out loss by domain, measured last up to its step")
    heldout_step: int | None = Field(description="the step at which that was measured")
    siblings: list[Checkpoint] = Field(description="all checkpoints of its run, by step")
    scores: list[Score]


def checkpoint_answer(warehouse: Warehouse, checkpoint: str) -> CheckpointAnswer | None:
    """What is known of the checkpoint of that digest, or whose digest alone begins so; None if there is none."""
    found = warehouse.query(
        """
        SELECT checkpoint FROM (SELECT checkpoint FROM checkpoints UNION SELECT checkpoint FROM eval_runs)
        WHERE $name <> '' AND starts_with(checkpoint, $name) LIMIT 2
        """,
        {"name": checkpoint},
    )
    if len(found) != 1:
        return None
    digest = found[0]["checkpoint"]
    rows = warehouse.query("SELECT * FROM checkpoints WHERE checkpoint = ? ORDER BY run, step", [digest])
    scored = scores(warehouse, digest)
    saved = Checkpoint.model_validate(rows[0]) if rows else None
    if saved is None:
        label = scored[0].label if scored else digest[:12]
        return CheckpointAnswer(
            checkpoint=digest, label=label, mix="", saved=None, loss=None, heldout={}, heldout_step=None, siblings=[],
            scores=scored,
        )  # fmt: skip
    at = {"run": saved.run, "step": saved.step}
    siblings = warehouse.query("SELECT * FROM checkpoints WHERE run = ? ORDER BY step", [saved.run])
    loss = warehouse.query("SELECT arg_max(loss, step) AS loss FROM losses WHERE run = $run AND step <= $step", at)
    measured = warehouse.query(
        """
        SELECT step, domain, loss FROM heldout_losses WHERE run = $run AND step = (
            SELECT max(step) FROM heldout_losses WHERE run = $run AND step <= $step
        ) ORDER BY domain
        """,
        at,
    )
    mixes = warehouse.query("SELECT mix FROM training_runs WHERE run = ?", [saved.run])
    return CheckpointAnswer(
        checkpoint=digest,
        label=f"{saved.mixture} {saved.step}".strip(),
        mix=mixes[0]["mix"] if mixes else "",
        saved=saved,
        loss=loss[0]["loss"],
        heldout={row["domain"]: row["loss"] for row in measured},
        heldout_step=measured[0]["step"] if measured else None,
        siblings=[Checkpoint.model_validate(row) for row in siblings],
        scores=scored,
    )
