"""The settings of the flow ``train``."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gristmill.core.flag import Flag
from gristmill.flows.train.launchers import LaunchSettings
from gristmill.tasks.train.recipe import recipe_names
from gristmill.tasks.train.schedule import ScheduleName


def _refuse_unknown(schema: dict[str, Any]) -> None:
    """Forms refuse a recipe that there is not; a file may be one that only the server sees."""
    names = "|".join(recipe_names())
    schema["pattern"] = rf"^({names}|.+\.ya?ml)$"


class TrainSettings(LaunchSettings):
    """One training run for each mixture."""

    recipe: Annotated[
        str, Flag("--recipe", "tiny, small or base; another trainer, such as megatron-lm or trl-sft; or a YAML file.")
    ] = Field(
        "tiny",
        description="Model and optimiser: tiny (1.4 M parameters, for CPU), small (16 M) or base (135 M); the name of "
        "another trainer's recipe; or a YAML file of your own.",
        json_schema_extra=_refuse_unknown,
    )
    data: Annotated[str, Flag("--data", "Another trainer: its export ({mixture}: its name), or its examples.")] = Field(
        "", description="What another trainer reads: an export of the mixture, or a file of examples."
    )
    base: Annotated[str, Flag("--base", "Another trainer: the model it starts from, as a folder or a name.")] = Field(
        "", description="The model that a recipe for fine-tuning starts from."
    )
    options: dict[str, str | int | float] = Field(
        default_factory=dict, description="Options of another trainer's recipe, such as steps or hidden."
    )
    arguments: tuple[str, ...] = Field((), description="More words for the command line of another trainer.")
    checkpoints: Annotated[int, Flag("--checkpoints", "Checkpoints to save.")] = Field(
        3, ge=1, le=50, description="Checkpoints saved, evenly spaced; the last is the end."
    )
    batch_rows: int = Field(16, ge=1, description="Rows of the plan in one optimiser step.")
    learning_rate: float | None = Field(
        None, gt=0, description="Peak learning rate; the recipe's (0.003 for tiny) when left out."
    )
    seed: int = Field(0, ge=0, description="Seed of the initial weights.")
    schedule: Annotated[ScheduleName, Flag("--schedule", "Learning rate: cosine, wsd or constant.")] = Field(
        "cosine", description="Learning rate after warm-up: cosine, wsd (stable, then decay) or constant."
    )
    decay_share: float = Field(0.2, gt=0, le=1, description="Share of the steps in which wsd decays.")
    accumulate: int = Field(1, ge=1, description="Parts that a step is computed in: less memory, the same result.")
    device: Annotated[Literal["cpu", "cuda"], Flag("--device", "What trains: cpu or cuda.")] = Field(
        "cpu", description="What trains: cpu in float32, or cuda in bfloat16."
    )
    precision: Literal["float32", "bfloat16"] | None = Field(
        None, description="Of matrix products; when left out, float32 on cpu and bfloat16 on cuda."
    )
    processes: Annotated[int, Flag("--processes", "Processes of a run, under torchrun; one for each GPU.")] = Field(
        1, ge=1, description="Processes of a run, under torchrun; one for each GPU."
    )
    heldout_every: int | None = Field(
        None, ge=0, description="Steps between measurements of the held-out loss: ten a run when left out, 0 for none."
    )

    unsigned: Annotated[bool, Flag("--unsigned", "Also on a corpus that nobody signed off; the result is marked.")] = (
        Field(False, description="Also train on a corpus that nobody signed off; what is made from it is marked.")
    )
    keep_last: int = Field(0, ge=0, description="Checkpoints kept at the end, while a run goes on; 0 keeps all.")
    keep_every: int = Field(0, ge=0, description="Keep every Nth checkpoint too. One that has scores is never deleted.")

    @model_validator(mode="after")
    def _nodes_are_equal(self) -> "TrainSettings":
        if self.processes % self.nodes:
            raise ValueError(f"processes ({self.processes}) must be a multiple of {self.launcher}.nodes ({self.nodes})")
        return self

    def run_options(self) -> dict[str, Any]:
        """The settings that :class:`gristmill.tasks.train.recipe.RunSettings` has under the same name."""
        names = {"schedule", "decay_share", "accumulate", "device", "processes", "heldout_every"}
        names |= {"keep_last", "keep_every"}
        default = "bfloat16" if self.device == "cuda" else "float32"
        return self.model_dump(include=names) | {"precision": self.precision or default}

    def lasting(self) -> dict[str, Any]:
        """What the result depends on: not where it was made."""
        return self.model_dump(mode="json", exclude={*LaunchSettings.model_fields, "data", "unsigned"})
