"""``demo``: everything on an embedded default."""

import threading
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from gristmill.flows.cli.pipeline.whole import Extra, run_pipeline

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.flows.cli.pipeline.settings import DemoSettings

DEMO_FETCHED_AT = "2026-01-01T00:00:00Z"
PLANTED = "Planted values found (other: of templates and a seed that no detector was made with)"


def settings_model() -> "type[DemoSettings]":
    """The settings of the verb."""
    from gristmill.flows.cli.pipeline.settings import DemoSettings

    return DemoSettings


def demo(context: typer.Context, lake: LakeOption = DEFAULT_LAKE, json: JsonOption = False) -> None:
    """Everything on an embedded default: crawl, curate, mix, train, evaluate, publish."""
    asked = settings_of(context, settings_model())
    from gristmill.core.lake import Lake
    from gristmill.flows.prefect.server import ensure_server
    from gristmill.flows.settings import PipelineSettings

    home = Lake.open(lake)
    server: list[BaseException] = []

    def start_server() -> None:
        try:
            ensure_server(home.root)
        except BaseException as error:
            server.append(error)

    # The Prefect server takes some ten seconds to start; the crawl does not need it, so they run in parallel.
    starting = threading.Thread(target=start_server, name="prefect-server")
    starting.start()
    try:
        crawled = crawl_demo_site(home, asked.pages)
    finally:
        starting.join()
    if server:
        raise server[0]
    with resources.as_file(resources.files("gristmill.flows") / "configs" / "demo.yaml") as path:
        settings = PipelineSettings.load(path)
    curate = settings.curate.model_copy(update={"inputs": (str(crawled / "*.warc.gz"),), "workers": asked.workers})
    train = settings.train.model_copy(update={"checkpoints": asked.checkpoints})
    sized = settings.model_copy(update={"curate": curate, "mix": settings.mix.resized(asked.tokens), "train": train})
    run_pipeline(home, sized, "demo", lake, json, Extra("planted", PLANTED, planted_rows))


def planted_rows(home: "Lake") -> list[dict[str, Any]]:
    """How many of the values planted on the site the safety review found, by group and set of templates."""
    from dataclasses import asdict

    import polars as pl

    from gristmill.schemas.tables import Documents, HiddenSpans, Spans
    from gristmill.tasks.demo_site.planted.found import count_found
    from gristmill.tasks.demo_site.planted.plant import planted

    dataset = home.expect("curation", "demo")
    documents, spans = (
        pl.concat([pl.DataFrame(home.read(ref, columns)) for table in tables for ref in dataset.tables[table.name]])
        for tables, columns in (
            ((Documents,), ["doc_id", "text"]),
            ((Spans, HiddenSpans), ["doc_id", "kind", "start", "end"]),
        )
    )
    return [asdict(row) for row in count_found(planted(), documents, spans)]


def crawl_demo_site(home: "Lake", pages: int) -> Path:
    """Serve the demo site on loopback and crawl it into WARC files below the lake. Cached once it was crawled."""
    from gristmill.flows.reporter import Reporter
    from gristmill.tasks.crawl.crawler import REPORT, CrawlConfig, crawl
    from gristmill.tasks.demo_site.catalogue import SiteConfig
    from gristmill.tasks.demo_site.server import serve_site

    folder = home.root / "crawls" / f"demo-{pages}"
    with Reporter() as report, report.track("crawl", pages, "pages") as advance:
        if (folder / REPORT).is_file():
            advance(pages, "cached")
            return folder
        done = 0

        def progress(pages_done: int, _found: int) -> None:
            nonlocal done
            advance(pages_done - done)
            done = pages_done

        with serve_site(SiteConfig(pages=pages)) as site:
            config = CrawlConfig(max_pages=pages, fetched_at=DEMO_FETCHED_AT, prefix="demo", edition=site.digest)
            crawl([site.url], folder, config, resolve=site.resolve, progress=progress)
    return folder
