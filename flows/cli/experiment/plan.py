"""``experiment plan``: what an experiment would run, and what it could show."""

from typing import TYPE_CHECKING

from gristmill.flows.cli.experiment.options import FileArgument, NameOption
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.flows.experiment.preview import ExperimentPreview


def plan(
    file: FileArgument, name: NameOption = None, lake: KnownLakeOption = DEFAULT_LAKE, json: JsonOption = False
) -> None:
    """Show how many jobs an experiment takes and the smallest effects that its seeds can show. Nothing is run."""
    from gristmill.flows.experiment.preview import preview
    from gristmill.flows.experiment.settings import ExperimentSettings, experiment_name

    settings = ExperimentSettings.read(file)
    planned = preview(experiment_name(file, name), settings, existing(lake))
    if json:
        print_json(planned.as_json())
        return
    _print(planned)


def _print(planned: "ExperimentPreview") -> None:
    from gristmill.flows.describe import table_of

    console = screen()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    say(
        f"{planned.name}: {planned.arms} data sets (the control and {planned.arms - 1} arms) x {planned.seeds} seeds = "
        f"{planned.jobs} jobs of {planned.steps:,} steps, {planned.tokens:,} tokens in all"
    )
    say(
        f"registered at {planned.registered}"
        if planned.registered
        else "not registered yet: `experiment run` writes the design, primary outcomes and predictions down first"
    )
    rows = [
        [
            power.outcome,
            "primary" if power.primary else "exploratory",
            f"{power.noise:.4g}",
            power.source,
            f"{power.shown:.4g}",
            "" if power.smallest is None else f"{power.smallest:.4g}",
            _needed(power.smallest, power.needed),
        ]
        for power in planned.powers
    ]
    columns = ["outcome", "", "noise", "noise from", "smallest effect shown", "smallest that matters", "seeds for it"]
    console.print(table_of("What the seeds can show (80 % power, 5 % level over the primary cells)", columns, rows))


def _needed(smallest: float | None, needed: int | None) -> str:
    if smallest is None:
        return ""
    return "no number is enough" if needed is None else f"{needed:,}"
