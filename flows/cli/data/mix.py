"""``mix``: curated text to tokens and plans."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.flows.cli.layers import Values, settings_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.core.manifest import Ref
    from gristmill.flows.mix.settings import MixSettings


def settings_model() -> "type[MixSettings]":
    """The settings of the verb."""
    from gristmill.flows.mix.settings import MixSettings

    return MixSettings


def mix(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="What to call the mix.")] = "default",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is cached, which trials still count and how many would run.")
    ] = False,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Tokenise curated text, find domain weights, and plan the order of training."""
    from gristmill.flows.checks import curated_refs

    settings = settings_of(context, settings_model(), choose=_methods)
    home = existing(lake)
    curated = curated_refs(settings.sources, home)  # refuses what is missing before anything starts
    _check_domains(settings, curated, home)
    from gristmill.flows.mix.signals import check_signals

    check_signals(settings, home)
    if settings.tokenizer:
        from gristmill.tasks.mix.tokenizer_files import find_tokenizer

        find_tokenizer(Path(settings.tokenizer), settings.eos)
    if dry_run:
        from gristmill.flows.mix.preview import preview
        from gristmill.flows.mix.show import show_plan

        planned = preview(settings, name, home)
        if json:
            print_json(planned.as_json())
        else:
            show_plan(planned, screen())
        return
    from gristmill.flows.prefect.server import ensure_server

    ensure_server(home.root, beside=("gristmill.flows.mix.flow",))
    from gristmill.flows.mix.flow import mix as flow
    from gristmill.flows.mix.show import show_mixtures

    tables = flow(str(home.root), settings, name)
    if json:
        print_json(tables)
        return
    show_mixtures(tables, screen())


def _check_domains(settings: "MixSettings", curated: "Sequence[Ref]", lake: "Lake") -> None:
    """Refuse models that are missing, and domains that cannot be there, as far as that is known before text is read."""
    from gristmill.flows.domains.assigning import domains_in
    from gristmill.flows.domains.resolve import resolve
    from gristmill.flows.mix.domain_checks import check_names

    if settings.domains is None:
        check_names(settings, domains_in(curated, lake), "the curated text")
        return
    resolve(settings.domains, lake)
    if (known := settings.domains.known_domains()) is not None:
        check_names(settings, known, "the list of rules")


def _methods(path: Sequence[str], value: Any, described: Values) -> Any:
    """``--method`` takes the mixtures of the settings file that it names, with their settings."""
    from gristmill.flows.mix.settings import chosen

    listed = described.get("mixtures")
    return chosen(value, listed) if tuple(path) == ("mixtures",) and isinstance(listed, list) else value
