"""``curate``: from crawl to curated text."""

from typing import TYPE_CHECKING

import typer

from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.tables import show_curation

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.flows.curate.ranges_settings import RangesSettings


def settings_model() -> "type[RangesSettings]":
    """The settings of the verb."""
    from gristmill.flows.curate.ranges_settings import RangesSettings

    return RangesSettings


def curate(context: typer.Context, lake: LakeOption = DEFAULT_LAKE, json: JsonOption = False) -> None:
    """Turn a crawl into curated Parquet, with a verdict for every record."""
    from gristmill.flows.checks import check_curation
    from gristmill.flows.curate.settings import place_curation
    from gristmill.flows.prefect.server import ensure_server

    given = settings_of(context, settings_model(), place_curation)
    settings = given.plain()
    from gristmill.core.lake import Lake

    home = Lake.open(lake)
    check_curation(settings, home)
    if given.launcher != "local":
        curate_by_jobs(given, home, json)
        return
    ensure_server(home.root, beside=("gristmill.flows.curate.flow",))
    from gristmill.flows.curate.flow import curate as flow
    from gristmill.flows.curate.result import LostInputError, NothingKeptError

    stopped: LostInputError | NothingKeptError | None = None
    try:
        counts = flow.with_options(flow_run_name=f"curate {settings.source}")(str(home.root), settings)
    except (LostInputError, NothingKeptError) as error:
        stopped, counts = error, error.counts
    if json:
        print_json(counts)
    elif settings.part is not None:
        ready = f"part {settings.part}: {counts['shards']} shards are ready."
        screen().print(f"{ready} Run every part, then once without --part.")
    else:
        show_curation(screen(), counts, lake)
    if stopped is not None:
        raise stopped


def curate_by_jobs(settings: "RangesSettings", home: "Lake", json: bool) -> None:
    """A job for each range of the inputs, and one for the rest."""
    from gristmill.flows.curate.ranges import run_ranges
    from gristmill.flows.reporter import Reporter

    with Reporter() as report:
        counts = run_ranges(settings, home, report)
    if json:
        print_json(counts)
    else:
        show_curation(screen(), counts, home.root)
