"""``serve``: the scheduled deployments."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gristmill.flows.cli.options import DEFAULT_LAKE, LakeOption
from gristmill.flows.existing_lake import existing


def serve(
    lake: LakeOption = DEFAULT_LAKE,
    config: Annotated[Path | None, typer.Option(help="Pipeline file to run on its schedule.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the lake's Prefect server.")] = False,
) -> None:
    """Serve the deployments: the pipeline on its schedule, evaluate on demand. Runs until Ctrl-C."""
    from gristmill.flows.prefect.home import credential_path
    from gristmill.flows.prefect.server import connect_server, stop_server

    console = Console(stderr=True)
    if stop:
        home = existing(lake)
        stopped = stop_server(home.root)
        console.print("stopped the Prefect server" if stopped else "no Prefect server was running for this lake")
        return
    from gristmill.core.lake import Lake

    home = Lake.open(lake)
    from gristmill.flows.checks import check_schedule
    from gristmill.flows.settings import load_pipeline

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    settings = load_pipeline(config) if config is not None else None
    if settings is not None:
        check_schedule(settings, home)
    server = connect_server(home.root, held=True, beside=("gristmill.flows.prefect.deployments",))
    from gristmill.flows.prefect.deployments import serve_deployments

    say(f"Prefect: {server.ui_url}  (run forms, schedules, logs; stop with Ctrl-C)")
    if server.credential is not None:
        # not into the log of a service manager, which others may read
        shown = server.credential if console.is_terminal else f"the line in {credential_path(home.root)}"
        say(f"Its pages ask for a login: {shown}")
    serve_deployments(home.root, server, settings, config.stem if config else "default", say)
