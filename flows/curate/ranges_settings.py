"""What ``gristmill curate`` is told: a curation, and the machines that do it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gristmill.core.flag import Flag
from gristmill.flows.curate.settings import CurateSettings
from gristmill.tasks.launch.kubernetes_spec import KubernetesConfig
from gristmill.tasks.launch.slurm_script import SlurmConfig


class RangesSettings(CurateSettings):
    """A curation, and the machines that do it."""

    launcher: Annotated[
        Literal["local", "slurm", "kubernetes"],
        Flag("--launcher", "local; slurm or kubernetes: one job for each of --ranges."),
    ] = Field("local", description="What runs it: this machine, or jobs of Slurm or Kubernetes.")
    ranges: Annotated[int, Flag("--ranges", "With another --launcher: jobs that the inputs are shared among.")] = Field(
        8, ge=1, le=100_000, description="Ranges of the inputs, a job each."
    )
    at_once: Annotated[
        int, Flag("--at-once", "With another --launcher: jobs that run at a time; 0: as many as fit.")
    ] = Field(0, ge=0, description="Jobs that run at the same time; 0 for as many as the cluster gives.")
    slurm: SlurmConfig = Field(default_factory=SlurmConfig, description="What each job asks Slurm for.")
    kubernetes: KubernetesConfig = Field(
        default_factory=KubernetesConfig, description="What each job asks Kubernetes for."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.launcher != "local" and self.part is not None:
            raise ValueError(
                f"part and launcher do not go together: with {self.launcher} each job gets its part; leave part out"
            )
        if self.slurm.nodes > 1:
            raise ValueError("slurm.nodes: a range runs on one node. Give more ranges")
        if self.kubernetes.kind != "job":
            raise ValueError("kubernetes.kind: a range is a job. Give more ranges")
        if self.launcher == "kubernetes":
            missing = self.kubernetes.missing()
            if missing:
                raise ValueError(f"launcher kubernetes needs {missing}")
            if self.slurm.cpus and not self.kubernetes.cpus:
                raise ValueError(f"slurm.cpus (--cpus) is for Slurm. Give --set kubernetes.cpus={self.slurm.cpus}")
        return self

    def plain(self) -> CurateSettings:
        """The curation without the machines."""
        own = set(RangesSettings.model_fields) - set(CurateSettings.model_fields)
        return CurateSettings.model_validate(self.model_dump(exclude=own, exclude_unset=True))
