"""The settings of the flow ``train``."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gristmill.core.flag import Flag
from gristmill.flows.train.launchers import LaunchSettings


class TrainSettings(LaunchSettings):
    """One training run for each mixture."""

    recipe: Annotated[Literal["tiny"], Flag("--recipe", "Model and optimiser: tiny.")] = Field(
        "tiny", description="Model and optimiser: tiny is 1.4 M parameters, for CPU."
    )
    checkpoints: Annotated[int, Flag("--checkpoints", "Checkpoints to save.")] = Field(
        3, ge=1, le=50, description="Checkpoints saved, evenly spaced; the last is the end."
    )
    batch_rows: int = Field(16, ge=1, description="Rows of the plan in one optimiser step.")
    learning_rate: float = Field(3e-3, gt=0, description="Peak learning rate.")
    seed: int = Field(0, ge=0, description="Seed of the initial weights.")

    def lasting(self) -> dict[str, Any]:
        """What the result depends on: not where it was made."""
        return self.model_dump(mode="json", exclude=set(LaunchSettings.model_fields))
