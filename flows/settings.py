"""The settings of the whole pipeline: those of every flow, and the file that holds all of them.

The same models define the YAML of ``gristmill run``, the parameters of the flows and the run form of the Prefect
server, where their descriptions appear beside the fields and wrong values are refused before a run starts. A field that
has an option on the command line says so with a :class:`~gristmill.core.flag.Flag`.
"""

from pathlib import Path

from pydantic import Field

from gristmill.core.config import Config
from gristmill.flows.curate.settings import CurateSettings, place_curation
from gristmill.flows.evaluate.settings import EvaluateSettings, place_evaluation
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.train.settings import TrainSettings


class PipelineSettings(Config):
    """The whole way: curate, mix, train, evaluate, publish."""

    curate: CurateSettings = Field(description="What to read, what to call it, and how to decide.")
    mix: MixSettings = Field(default_factory=MixSettings, description="Tokenizer, goal and mixtures.")
    train: TrainSettings = Field(default_factory=TrainSettings, description="Recipe, launcher and checkpoints.")
    evaluate: EvaluateSettings = Field(default_factory=EvaluateSettings, description="Suites and held-out text.")
    schedule: str = Field("0 2 * * *", description="Cron expression of the scheduled pipeline, in UTC.")


def load_pipeline(path: Path) -> PipelineSettings:
    """Read a pipeline file; inputs, policy files and files of suites that are relative are relative to it.

    Raises :class:`UsageError` for a missing file, wrong YAML, an unknown key or a wrong value.
    """
    settings = PipelineSettings.load(path)
    folder = path.resolve().parent
    curate, evaluate = settings.curate, settings.evaluate
    return settings.model_copy(
        update={
            "curate": curate.model_copy(
                update=place_curation({"inputs": curate.inputs, "policy": curate.policy}, folder)
            ),
            "evaluate": evaluate.model_copy(
                update=place_evaluation({"suites": evaluate.suites, "data": evaluate.data}, folder)
            ),
        }
    )
