"""``regrade``: grade stored answers again under other conventions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.models.grading import SHOWN, cores, interval, place_grading, suite_of
from gristmill.flows.cli.options import DEFAULT_LAKE, EvaluatedArgument, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    import pyarrow as pa

    from gristmill.core.lake import Lake
    from gristmill.evals.scoring.settings import RegradeSettings
    from gristmill.evals.suites.suite import Suite
    from gristmill.flows.reporter import Reporter


def settings_model() -> "type[RegradeSettings]":
    """The settings of the verb."""
    from gristmill.evals.scoring.settings import RegradeSettings

    return RegradeSettings


def regrade(
    context: typer.Context,
    checkpoint: EvaluatedArgument,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Grade stored answers once again under every convention that fits, and show which answers flip."""
    settings = settings_of(context, settings_model(), place_grading)
    from gristmill.evals.scoring.grading import grade as grade_responses
    from gristmill.evals.scoring.regrading import fitting, flips, refuse_other_prompts, refuse_unfitting
    from gristmill.evals.scoring.scores import score
    from gristmill.flows.reporter import Reporter
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.compare import find_side

    home = existing(lake)
    side = find_side(Warehouse.open(home.root), checkpoint)
    found: list[dict[str, Any]] = []
    with Reporter() as report:
        for name, asked, responses in stored_suites(home, side.checkpoint, settings, report):
            refuse_unfitting(asked, settings.conventions)
            refuse_other_prompts(asked, responses)
            chosen = settings.conventions or fitting(asked)
            with report.track(f"regrade {name}", len(chosen) * responses.num_rows, "answers") as advance:
                samples = grade_responses(
                    asked, responses, chosen, jail_workers=cores(), progress=lambda what, done, total: advance(1)
                )
            scores = [row for row in score(asked, samples).to_pylist() if row["subset"] == "all"]
            found.append({"suite": name, "scores": scores, "flips": flips(samples, chosen)})
    if json:
        print_json({"checkpoint": side.checkpoint, "label": side.label, "suites": found})
        return
    for result in found:
        show_regraded(side.label, result)


def stored_suites(
    lake: "Lake", checkpoint: str, settings: "RegradeSettings", report: "Reporter"
) -> list[tuple[str, "Suite", "pa.Table"]]:
    """The suites that a checkpoint was asked, by name, each with its stored responses; those of the settings, if any.

    A user's own suite is stored under its name and found only by its file. If it is not named it is left out, with a
    message. Raises :class:`UsageError` when nothing is left, and for a suite that the checkpoint was not asked.
    """
    from gristmill.evals.suites.settings import split_limit, suite_names
    from gristmill.schemas.submission import suite_file

    named = settings.suites
    own = [suite_of(word, settings) for word in named if suite_file(word)]
    files = {suite.name: suite for suite in own}
    stored = responses_of(lake, checkpoint, [*(word for word in named if not suite_file(word)), *files])
    unknown = [name for name in stored if name not in files and split_limit(name)[0] not in suite_names()]
    if unknown:
        told = (
            f"not known by name: {', '.join(unknown)}. Name the YAML file of a suite of your own: --suite ./mine.yaml"
        )
        if named or len(unknown) == len(stored):
            raise UsageError(told)
        report.say(told)
    return [
        (name, files[name] if name in files else suite_of(name, settings), responses)
        for name, responses in stored.items()
        if name not in unknown
    ]


def responses_of(lake: "Lake", checkpoint: str, suites: Sequence[str]) -> dict[str, "pa.Table"]:
    """The stored responses of a checkpoint by suite. Raises :class:`UsageError` for a suite it was not asked."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from gristmill.core.config import did_you_mean

    dataset = lake.dataset("evaluation", checkpoint)
    refs = dataset.tables.get("responses", ()) if dataset else ()
    if not refs:
        raise UsageError(f"the lake has no answers of {checkpoint}: it was evaluated before answers were kept.")
    table = pa.concat_tables([lake.read(ref) for ref in refs])
    names = sorted(set(table.column("suite").to_pylist()))
    for name in suites:
        if name not in names:
            raise UsageError(f"{checkpoint} was not asked the suite {name!r}{did_you_mean(name, names)}")
    return {name: table.filter(pc.equal(table.column("suite"), name)) for name in names if not suites or name in suites}


def show_regraded(label: str, result: dict[str, Any]) -> None:
    """The scores of one suite under every convention, and the first answers that flip."""
    from gristmill.flows.describe import table_of

    columns = ["convention", "metric", "value", "95 % interval", "n"]
    rows = [[row["convention"], row["metric"], row["value"], interval(row), row["n"]] for row in result["scores"]]
    screen().print(table_of(f"{result['suite']}, answers of {label}", columns, rows))
    flipped = result["flips"]
    if not flipped:
        screen().print("No answer flips.", markup=False, highlight=False)
        return
    conventions = list(flipped[0]["verdicts"])
    lines = [[flip["item"], flip["repeat"], *flip["verdicts"].values()] for flip in flipped[:SHOWN]]
    title = f"Answers that flip: {len(flipped)}, the first {len(lines)}"
    screen().print(table_of(title, ["item", "sample", *conventions], lines))
