"""``train``: one model for each mixture."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.tables import show_training
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.core.manifest import Dataset
    from gristmill.flows.train.settings import TrainSettings


def settings_model() -> "type[TrainSettings]":
    """The settings of the verb."""
    from gristmill.flows.train.settings import TrainSettings

    return TrainSettings


def train(
    context: typer.Context,
    mix: Annotated[str, typer.Option(help="Name of the mix to train on.")] = "default",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show commands, files and needs; start nothing.")] = False,
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Then score every checkpoint, and compare.")] = False,
    suite: Annotated[
        list[str] | None, typer.Option(help="With --evaluate: name of a suite, such as humaneval@50; repeatable.")
    ] = None,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Train one model for each mixture of a mix, following the jobs to their end."""
    if suite and not evaluate:
        raise UsageError("--suite says what --evaluate scores: give both")
    settings = settings_of(context, settings_model(), place_training)
    home = existing(lake)
    from gristmill.flows.train.planning import check_training, mix_for

    dataset = mix_for(settings, mix, home)
    scoring = None
    if evaluate:
        from gristmill.flows.checks import check_evaluation
        from gristmill.flows.evaluate.settings import EvaluateSettings

        scoring = EvaluateSettings.parse({"suites": tuple(suite)} if suite else {}, "--suite")
        check_evaluation(scoring.suites, scoring, home)
    if dry_run:
        show_preview(settings, dataset, home, json)
        return
    check_training(settings, dataset, home)
    from gristmill.flows.prefect.server import ensure_server

    ensure_server(home.root, beside=("gristmill.flows.train.flow",))
    from gristmill.flows.train.flow import train as flow

    counts = flow(str(home.root), settings, mix)
    name = dataset.name if dataset is not None else Path(settings.recipe).stem
    if not json:
        show_training(screen(), home, name)
    if scoring is not None and counts["checkpoints"]:
        from gristmill.flows.cli.models.train_scores import evaluate_and_compare

        counts |= evaluate_and_compare(home, name, scoring, quiet=json)
    if json:
        print_json(counts)


def place_training(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings as somebody wrote them, with a recipe file, data and a base folder as seen from ``folder``."""
    placed = dict(values)
    for name in ("recipe", "data", "base"):
        path = values.get(name)
        if not isinstance(path, str) or not path:
            continue
        here = folder / path
        # A recipe and a base model may be names, which are not files in that folder.
        if name == "data" or (name == "recipe" and here.is_file()) or (name == "base" and here.is_dir()):
            placed[name] = str(here)
    return placed


def show_preview(settings: "TrainSettings", mix: "Dataset | None", home: "Lake", json: bool) -> None:
    """What each run would start and write."""
    from dataclasses import asdict

    from gristmill.flows.train.preview import preview

    runs = preview(settings, mix, home)
    if json:
        print_json([asdict(run) for run in runs])
        return
    console = screen()

    def say(line: str, bold: bool = False) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True, style="bold" if bold else None)

    for run in runs:
        say(f"{run.run}: in {run.folder}", bold=True)
        if run.needs:
            say(f"needs {run.needs}")
        for line in run.careful:
            say(f"Careful: {line}")
        say(
            " ".join(
                [*(f"{name}={shlex.quote(value)}" for name, value in run.environment.items()), shlex.join(run.argv)]
            )
        )
        for name, text in run.files.items():
            say(f"\n{name}", bold=True)
            say(text)
