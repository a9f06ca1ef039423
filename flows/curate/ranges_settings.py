"""What ``gristmill curate`` is told: a curation, and the machines that do it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gristmill.core.flag import Flag
from gristmill.flows.curate.settings import CurateSettings
from gristmill.tasks.launch.slurm_script import SlurmConfig


class RangesSettings(CurateSettings):
    """A curation, and the machines that do it."""

    launcher: Annotated[
        Literal["local", "slurm"], Flag("--launcher", "local, or slurm: one batch job for each of --ranges.")
    ] = Field("local", description="What runs it: this machine, or batch jobs of Slurm.")
    ranges: Annotated[int, Flag("--ranges", "With --launcher slurm: jobs that the inputs are shared among.")] = Field(
        8, ge=1, le=100_000, description="Ranges of the inputs, a batch job each."
    )
    at_once: Annotated[int, Flag("--at-once", "With --launcher slurm: jobs that run at a time; 0: as many as fit.")] = (
        Field(0, ge=0, description="Batch jobs that run at the same time; 0 for as many as the cluster gives.")
    )
    slurm: SlurmConfig = Field(default_factory=SlurmConfig, description="What each batch job asks Slurm for.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.launcher == "slurm" and self.part is not None:
            raise ValueError("part and launcher do not go together: with slurm each job gets its part; leave part out")
        if self.slurm.nodes > 1:
            raise ValueError("slurm.nodes: a range runs on one node. Give more ranges")
        return self

    def plain(self) -> CurateSettings:
        """The curation without the machines."""
        own = set(RangesSettings.model_fields) - set(CurateSettings.model_fields)
        return CurateSettings.model_validate(self.model_dump(exclude=own, exclude_unset=True))
