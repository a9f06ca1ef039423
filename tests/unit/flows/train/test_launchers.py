"""The launcher that settings name."""

from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.train.launchers import launcher_of
from gristmill.flows.train.settings import TrainSettings
from gristmill.tasks.launch.slurm import SlurmLauncher


@pytest.mark.parametrize("model", [TrainSettings, MixSettings])
def test_training_runs_and_trials_run_where_the_settings_say(
    tmp_path: Path, model: type[TrainSettings] | type[MixSettings]
) -> None:
    asked = {"launcher": "slurm", "slurm": {"partition": "gpu", "gpus": 8}}
    launcher = launcher_of(model.parse(asked, "train"), tmp_path)
    assert isinstance(launcher, SlurmLauncher)
    assert (launcher.name, launcher.config.partition, launcher.config.gpus) == ("slurm", "gpu", 8)
    assert launcher_of(model(), tmp_path).name == "local"


@pytest.mark.parametrize("model", [TrainSettings, MixSettings])
def test_where_jobs_run_is_part_of_no_key(model: type[TrainSettings] | type[MixSettings]) -> None:
    elsewhere = model.parse({"launcher": "slurm", "slurm": {"partition": "gpu"}}, "train")
    in_pods = model.parse({"launcher": "kubernetes", "kubernetes": {"image": "a", "claim": "b"}}, "train")
    assert elsewhere.lasting() == in_pods.lasting() == model().lasting()
    assert model.parse({"seed": 5}, "train").lasting() != model().lasting()


def test_a_wrong_key_is_told_with_the_right_one() -> None:
    with pytest.raises(UsageError, match=r'slurm\.partitoin: unknown key \(did you mean "partition"\?\)'):
        TrainSettings.parse({"slurm": {"partitoin": "gpu"}}, "train")
