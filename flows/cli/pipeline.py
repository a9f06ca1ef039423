"""``demo``, ``run`` and ``train``: the whole way of the data, on the embedded default or on your own input."""

import threading
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from gristmill.flows.cli.corpus import show_curation
from gristmill.flows.cli.look import existing
from gristmill.flows.cli.options import (
    DEFAULT_LAKE,
    JsonOption,
    KnownLakeOption,
    LakeOption,
    WorkersOption,
    print_json,
    screen,
)

if TYPE_CHECKING:
    from gristmill.core.lake import Lake

REACH = (
    "Each mixture was trained once, with one seed, and the intervals cover the choice of test items only. So a\n"
    "difference says which model did better on these items; it does not show that the data made the difference."
)
DEMO_FETCHED_AT = "2026-01-01T00:00:00Z"


def demo(
    lake: LakeOption = DEFAULT_LAKE,
    pages: Annotated[int, typer.Option(min=200, max=20_000, help="Pages of the demo site to crawl.")] = 3000,
    tokens: Annotated[
        int,
        typer.Option(
            min=50_000, help="Tokens that each of the two models is trained on; DoReMi's proxies in proportion."
        ),
    ] = 400_000,
    checkpoints: Annotated[int, typer.Option(min=1, max=50, help="Checkpoints of each model to save and score.")] = 3,
    workers: WorkersOption = 2,
    json: JsonOption = False,
) -> None:
    """Everything on an embedded default: crawl, curate, mix, train, evaluate, publish."""
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

    # The Prefect server takes some ten seconds to start; the crawl needs none, so they go side by side.
    starting = threading.Thread(target=start_server, name="prefect-server")
    starting.start()
    try:
        crawled = crawl_demo_site(home, pages)
    finally:
        starting.join()
    if server:
        raise server[0]
    with resources.as_file(resources.files("gristmill.flows") / "configs" / "demo.yaml") as path:
        settings = PipelineSettings.load(path)
    curate = settings.curate.model_copy(update={"inputs": (str(crawled / "*.warc.gz"),), "workers": workers})
    train = settings.train.model_copy(update={"checkpoints": checkpoints})
    sized = settings.model_copy(update={"curate": curate, "mix": settings.mix.resized(tokens), "train": train})
    run_pipeline(home, sized, "demo", lake, json)


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


def train(
    mix: Annotated[str, typer.Option(help="Name of the mix to train on.")] = "default",
    recipe: Annotated[str, typer.Option(help="Model and optimiser: tiny.")] = "tiny",
    launcher: Annotated[str, typer.Option(help="What starts the job: local.")] = "local",
    checkpoints: Annotated[int, typer.Option(min=1, max=50, help="Checkpoints to save.")] = 3,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Train one model for each mixture of a mix, following the jobs to their end."""
    from gristmill.flows.checks import mix_of
    from gristmill.flows.settings import TrainSettings

    settings = TrainSettings.parse({"recipe": recipe, "launcher": launcher, "checkpoints": checkpoints}, "train")
    home = existing(lake)
    mix_of(mix, home)  # refuses one that is missing before anything starts
    from gristmill.flows.prefect.server import ensure_server

    ensure_server(home.root, beside=("gristmill.flows.train.flow",))
    from gristmill.flows.train.flow import train as flow

    counts = flow(str(home.root), settings, mix)
    if json:
        print_json(counts)
    else:
        show_training(screen(), home, mix)


def crawl_demo_site(home: "Lake", pages: int) -> Path:
    """Serve the demo site on loopback and crawl it into WARC files below the lake. Found done when it was crawled."""
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


def run_pipeline(home: "Lake", settings: Any, name: str, shown_lake: Path, json: bool) -> None:
    """Run the pipeline flow and show what came of it."""
    from gristmill.flows.curate.result import LostInputError, NothingKeptError
    from gristmill.flows.pipeline import pipeline

    try:
        result = pipeline(str(home.root), settings, name)
    except (LostInputError, NothingKeptError) as error:
        if json:
            print_json({"curate": error.counts})
        else:
            show_curation(screen(), error.counts, shown_lake)
        raise
    if json:
        print_json(result)
        return
    console = screen()
    show_curation(console, result["curate"], shown_lake)
    show_mix(console, home, name)
    show_training(console, home, name)
    show_scores(console, result["scores"])
    console.print(f"\n{REACH}", markup=False, highlight=False)
    console.print(f"\nLook at it: gristmill dashboard --lake {shown_lake}", markup=False, highlight=False)


def show_mix(console: Console, home: "Lake", name: str) -> None:
    """Requested and realised shares of every mixture."""
    from gristmill.flows.describe import mixture_table

    dataset = home.dataset("mix", name)
    if dataset is not None:
        console.print(mixture_table([row for ref in dataset.tables["mixtures"] for row in home.read(ref).to_pylist()]))


def show_training(console: Console, home: "Lake", name: str) -> None:
    """The loss curve of every run."""
    from gristmill.flows.describe import loss_curve

    dataset = home.dataset("training", name)
    if dataset is None:
        return
    console.print(Text("Training loss", style="bold"))
    for ref in dataset.tables["losses"]:
        rows = home.read(ref).to_pylist()
        console.print(loss_curve(ref.shard, [(row["tokens"], row["loss"]) for row in rows]))
    console.print()


def show_scores(console: Console, rows: list[dict[str, Any]]) -> None:
    """Scores with intervals."""
    from gristmill.flows.describe import scores_table

    console.print(scores_table(rows))
