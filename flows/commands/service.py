"""``dashboard`` and ``serve``: the pages people look at, and the scheduled deployments."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.options import DEFAULT_LAKE, LakeOption
from schemas.lake import Lake


def dashboard(
    lake: LakeOption = DEFAULT_LAKE,
    host: Annotated[str, typer.Option(help="Address to listen on; keep it on loopback behind a proxy.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
) -> None:
    """Open the dashboards and the REST API (pages at /, API at /api, its description at /docs)."""
    from dashboards.app import run
    from evals.suite import suite_names
    from flows.submitting import submitter

    home = Lake.open(lake)
    Console(stderr=True).print(f"http://{host}:{port}  (stop with Ctrl-C)", markup=False, highlight=False)
    run(home.root, host=host, port=port, suites=suite_names(), on_submit=submitter(home.root))


def serve(
    lake: LakeOption = DEFAULT_LAKE,
    config: Annotated[Path | None, typer.Option(help="Pipeline file to run on its schedule.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the lake's Prefect server.")] = False,
) -> None:
    """Serve the deployments: the pipeline on its schedule, evaluate on demand. Runs until Ctrl-C."""
    from flows.server import ensure_server, stop_server

    console = Console(stderr=True)
    home = Lake.open(lake)
    if stop:
        stopped = stop_server(home.root)
        console.print("stopped the Prefect server" if stopped else "no Prefect server was running for this lake")
        return
    from flows.settings import load_pipeline

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    settings = load_pipeline(config) if config is not None else None
    server = ensure_server(home.root)
    from flows.deployments import serve_deployments

    say(f"Prefect: {server.ui_url}  (run forms, schedules, logs; stop with Ctrl-C)")
    serve_deployments(home.root, settings, config.stem if config else "default", say)
