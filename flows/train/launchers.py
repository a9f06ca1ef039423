"""Where jobs run: what a person may choose, and the launcher that it stands for.

Training runs and the trials of mixing methods take the same settings, so a launcher that is added here serves both.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gristmill.core.config import Config
from gristmill.core.flag import Flag
from gristmill.tasks.launch.job import Launcher
from gristmill.tasks.launch.kubernetes_spec import KubernetesConfig
from gristmill.tasks.launch.slurm_script import SlurmConfig


class LaunchSettings(Config):
    """Where jobs run and what they ask for. It changes no result, so it is part of no key."""

    launcher: Annotated[
        Literal["local", "slurm", "kubernetes"],
        Flag("--launcher", "What starts the jobs: local, slurm or kubernetes."),
    ] = Field("local", description="What starts and follows jobs: this machine, Slurm or Kubernetes.")
    slurm: SlurmConfig = Field(default_factory=SlurmConfig, description="What each job asks Slurm for.")
    kubernetes: KubernetesConfig = Field(
        default_factory=KubernetesConfig, description="What each job asks Kubernetes for."
    )

    @model_validator(mode="after")
    def _asks_the_right_one(self) -> "LaunchSettings":
        """The flags ``--nodes``, ``--gpus`` and ``--cpus`` are Slurm's: with Kubernetes nothing would come of them."""
        if self.launcher != "kubernetes":
            return self
        for name in ("nodes", "gpus", "cpus"):
            asked, ours = getattr(self.slurm, name), getattr(self.kubernetes, name)
            if asked != getattr(SlurmConfig(), name) and ours == getattr(KubernetesConfig(), name):
                raise ValueError(f"slurm.{name} (--{name}) is for Slurm. Give --set kubernetes.{name}={asked}")
        missing = self.kubernetes.missing()
        if missing:
            raise ValueError(f"launcher kubernetes needs {missing}")
        return self

    @property
    def nodes(self) -> int:
        """Nodes of each job."""
        match self.launcher:
            case "local":
                return 1
            case "slurm":
                return self.slurm.nodes
            case "kubernetes":
                return self.kubernetes.nodes


def launcher_of(settings: LaunchSettings, root: Path) -> Launcher:
    """The launcher that the settings name; its jobs have their run directories below ``root``."""
    match settings.launcher:
        case "local":
            from gristmill.tasks.launch.local import LocalLauncher

            return LocalLauncher(root)
        case "slurm":
            from gristmill.tasks.launch.slurm import SlurmLauncher

            return SlurmLauncher(root, settings.slurm)
        case "kubernetes":
            from gristmill.tasks.launch.kubernetes import KubernetesLauncher

            # Jobs lie two folders below the lake: LAKE/log/training, LAKE/log/trials.
            return KubernetesLauncher(root, settings.kubernetes, settings.kubernetes.mount or root.parents[1])
