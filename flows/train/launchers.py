"""Where jobs run: what a person may choose, and the launcher that it stands for.

Training runs and the trials of mixing methods take the same settings, so a launcher that is added here serves both.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.flag import Flag
from gristmill.tasks.launch.job import Launcher
from gristmill.tasks.launch.slurm_script import SlurmConfig


class LaunchSettings(Config):
    """Where jobs run and what they ask for. It changes no result, so it is part of no key."""

    launcher: Annotated[Literal["local", "slurm"], Flag("--launcher", "What starts the jobs: local, or slurm.")] = (
        Field("local", description="What starts and follows jobs: this machine, or Slurm.")
    )
    slurm: SlurmConfig = Field(default_factory=SlurmConfig, description="What each job asks Slurm for.")

    @property
    def nodes(self) -> int:
        """Nodes of each job."""
        return self.slurm.nodes if self.launcher == "slurm" else 1


def launcher_of(settings: LaunchSettings, root: Path) -> Launcher:
    """The launcher that the settings name; its jobs have their run directories below ``root``."""
    match settings.launcher:
        case "local":
            from gristmill.tasks.launch.local import LocalLauncher

            return LocalLauncher(root)
        case "slurm":
            from gristmill.tasks.launch.slurm import SlurmLauncher

            return SlurmLauncher(root, settings.slurm)
