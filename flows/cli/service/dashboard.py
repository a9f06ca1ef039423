"""``dashboard``: the web pages, and the REST API."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gristmill.core.errors import UsageError
from gristmill.core.hosts import bracketed
from gristmill.flows.cli.accounts.options import AccountsOption, store_of
from gristmill.flows.cli.options import DEFAULT_LAKE, KnownLakeOption
from gristmill.flows.existing_lake import existing


def dashboard(
    lake: KnownLakeOption = DEFAULT_LAKE,
    host: Annotated[str, typer.Option(help="Address to listen on; keep it on loopback behind a proxy.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name under which a proxy or another machine reaches the pages, such as data.example.org; repeatable. "
            "Loopback names and --host are always allowed; requests under any other name are refused.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    root: Annotated[
        list[Path] | None,
        typer.Option(help="Folder that checkpoints and data are taken from; repeatable; any folder when left out."),
    ] = None,
    accounts: AccountsOption = None,
    server: Annotated[
        list[str] | None,
        typer.Option(help="Address of a model server that a submission may name; repeatable; none otherwise."),
    ] = None,
) -> None:
    """Open the dashboards and the REST API (pages at /, API at /api, its description at /docs)."""
    from gristmill.dashboards.app import run
    from gristmill.dashboards.guard import Names
    from gristmill.dashboards.services import Intake
    from gristmill.evals.suites.settings import restricted_suites, suite_names
    from gristmill.flows.evaluate.submitting import problems, submitter

    names = Names.parse(host, allow_host or ())
    home = existing(lake)
    intake = Intake(
        suites=tuple(suite_names()),
        licences=restricted_suites(),
        roots=tuple(existing_folder(folder) for folder in root or ()),
        servers=tuple(server_address(address) for address in server or ()),
        check=problems,
        on_submit=submitter(home.root),
    )
    Console(stderr=True).print(f"http://{bracketed(host)}:{port}  (stop with Ctrl-C)", markup=False, highlight=False)
    run(home.root, names, port=port, intake=intake, store=None if accounts is None else store_of(home.root, accounts))


def existing_folder(folder: Path) -> Path:
    """The absolute path of a folder. Raises :class:`UsageError` when there is none."""
    if not folder.is_dir():
        raise UsageError(f"--root {folder}: there is no such folder.")
    return folder.resolve()


def server_address(address: str) -> str:
    """The address as submissions are compared with it. Raises :class:`UsageError` for anything else."""
    from gristmill.schemas.evaluation import BackendSettings

    backend = BackendSettings.parse({"name": address}, "--server")
    if not backend.remote:
        raise UsageError(f"--server {address}: give the address of a server, such as http://127.0.0.1:8000/v1")
    return backend.name
