"""``run``: the whole pipeline on your input."""

from pathlib import Path
from typing import Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from gristmill.flows.cli.pipeline.whole import run_pipeline


def run(
    config: Annotated[Path, typer.Argument(help="Pipeline file (YAML); flows/configs/demo.yaml shows every key.")],
    lake: LakeOption = DEFAULT_LAKE,
    name: Annotated[str | None, typer.Option(help="What to call the run; the file's name when left out.")] = None,
    json: JsonOption = False,
) -> None:
    """The whole pipeline on your input: curate, mix, train, evaluate, publish."""
    from gristmill.flows.checks import check_pipeline
    from gristmill.flows.prefect.server import ensure_server
    from gristmill.flows.settings import load_pipeline

    settings = load_pipeline(config)
    from gristmill.core.lake import Lake

    home = Lake.open(lake)
    check_pipeline(settings, home)
    ensure_server(home.root, beside=("gristmill.flows.pipeline",))
    run_pipeline(home, settings, name or config.stem, lake, json)
