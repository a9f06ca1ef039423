"""``experiment run``: train every arm and the control for each seed, score them, and say what moved."""

from gristmill.flows.cli.experiment.options import FileArgument, NameOption
from gristmill.flows.cli.experiment.report import show
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing


def run(
    file: FileArgument, name: NameOption = None, lake: KnownLakeOption = DEFAULT_LAKE, json: JsonOption = False
) -> None:
    """Register an experiment, run the jobs that are not there yet, and print the effects. Resumes where it stopped."""
    from gristmill.flows.experiment.preview import check
    from gristmill.flows.experiment.settings import ExperimentSettings, experiment_name

    settings, home = ExperimentSettings.read(file), existing(lake)
    called = experiment_name(file, name)
    check(settings, home)
    from gristmill.flows.prefect.server import ensure_server

    ensure_server(home.root, beside=("gristmill.flows.experiment.flow",))
    from gristmill.flows.experiment.flow import experiment

    tables = experiment(str(home.root), settings, called)
    if json:
        print_json(tables)
        return
    show(screen(), called, settings.question, tables["effects"])
