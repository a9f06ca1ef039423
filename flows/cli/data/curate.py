"""``curate``: crawl to curated text."""

from typing import Annotated

import typer

from gristmill.flows.cli.options import (
    DEFAULT_LAKE,
    AllowDamageOption,
    FollowLinksOption,
    JsonOption,
    LakeOption,
    MapOption,
    UnquotedOption,
    WorkersOption,
)
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.tables import show_curation


def curate(
    inputs: Annotated[
        list[str], typer.Option("--input", help="File, folder, glob or address (s3://, https://, cc://); repeatable.")
    ],
    source: Annotated[str, typer.Option(help="Name of the corpus; part of every doc_id.")],
    policy: Annotated[str, typer.Option(help="A preset's name, or the path of a policy file.")] = "fineweb@code",
    lake: LakeOption = DEFAULT_LAKE,
    workers: WorkersOption = 2,
    follow_links: FollowLinksOption = False,
    allow_damage: AllowDamageOption = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Exit code 0 although not one record was kept.")
    ] = False,
    columns: MapOption = "",
    unquoted: UnquotedOption = False,
    group_below: Annotated[
        str, typer.Option(help="Files smaller than this are read together; 0 gives each a shard of its own.")
    ] = "8MiB",
    shard_bytes: Annotated[str, typer.Option(help="Payload of one shard, at most.")] = "256MiB",
    extractor: Annotated[
        list[str] | None, typer.Option(help="resiliparse or trafilatura; the next is for what the first misses.")
    ] = None,
    signals: Annotated[str, typer.Option(help="policy: the common ones and the policy's; or all.")] = "policy",
    language_model: Annotated[str | None, typer.Option(help="A fastText language model; lid.176 by default.")] = None,
    detector: Annotated[str, typer.Option(help="fasttext, or both (py3langid too).")] = "fasttext",
    classifier: Annotated[str | None, typer.Option(help="A quality classifier to score with.")] = None,
    url_lists: Annotated[str | None, typer.Option(help="Folder of URL blocklists in UT1 layout.")] = None,
    decontaminate: Annotated[
        str | None, typer.Option(help="Index of evaluation items that `gristmill contamination` wrote.")
    ] = None,
    dedup: Annotated[str, typer.Option(help="MinHash preset.")] = "fineweb",
    threshold: Annotated[float, typer.Option(help="Jaccard similarity that makes two documents duplicates.")] = 0.75,
    max_loss: Annotated[float, typer.Option(help="Stop when near-duplicates would cost more of a source.")] = 0.9,
    dedup_url: Annotated[bool, typer.Option("--dedup-url", help="Of documents of one URL keep the newest.")] = False,
    dedup_lines: Annotated[
        int | None, typer.Option(min=2, help="Cut lines that this many documents share; off when left out.")
    ] = None,
    dedup_against: Annotated[
        list[str] | None, typer.Option(help="A source of the lake to deduplicate against; repeatable.")
    ] = None,
    keep_earlier: Annotated[
        bool, typer.Option("--keep-earlier", help="With --dedup-against: what it kept stays.")
    ] = False,
    memory: Annotated[str, typer.Option(help="Memory of each global step of deduplication.")] = "2GiB",
    engine: Annotated[str, typer.Option(help="local, or ray.")] = "local",
    ray_address: Annotated[str, typer.Option(help="The Ray cluster: host:port, auto, or local.")] = "auto",
    parts: Annotated[int, typer.Option(min=1, help="Runs that the join of all bands is cut into.")] = 1,
    part: Annotated[
        str | None, typer.Option(help="Only part i/n of the inputs, up to deduplication, for one machine of several.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Turn a crawl into curated Parquet, with a verdict for every record."""
    from gristmill.flows.checks import check_curation
    from gristmill.flows.prefect.server import ensure_server
    from gristmill.flows.settings import CurateSettings
    from gristmill.tasks.ingest.readers.rows.columns import parse_map

    settings = CurateSettings.parse(
        {
            "source": source,
            "inputs": inputs,
            "follow_links": follow_links,
            "allow_damage": allow_damage,
            "allow_empty": allow_empty,
            "policy": policy,
            "map": parse_map(columns).model_dump(),
            "unquoted": unquoted,
            "grouping": {"small_bytes": group_below},
            "shard_bytes": shard_bytes,
            "extract": {"extractors": extractor or ["resiliparse"]},
            "language_model": language_model,
            "detector": detector,
            "classifier": classifier,
            "url_lists": url_lists,
            "decontaminate": decontaminate,
            "signals": signals,
            "dedup": {
                "preset": dedup,
                "threshold": threshold,
                "max_loss": max_loss,
                "url": dedup_url,
                "lines": {"min_documents": dedup_lines} if dedup_lines else None,
                "against": dedup_against or [],
                "keep_earlier": keep_earlier,
                "parts": parts,
                "memory": memory,
            },
            "workers": workers,
            "engine": engine,
            "ray_address": ray_address,
            "part": part,
        },
        "curate",
    )
    from gristmill.core.lake import Lake

    home = Lake.open(lake)
    check_curation(settings, home)
    ensure_server(home.root, beside=("gristmill.flows.curate.flow",))
    from gristmill.flows.curate.flow import curate as flow
    from gristmill.flows.curate.result import LostInputError, NothingKeptError

    stopped: LostInputError | NothingKeptError | None = None
    try:
        counts = flow.with_options(flow_run_name=f"curate {source}")(str(home.root), settings)
    except (LostInputError, NothingKeptError) as error:
        stopped, counts = error, error.counts
    if json:
        print_json(counts)
    elif part is not None:
        screen().print(f"part {part}: {counts['shards']} shards are ready. Run every part, then once without --part.")
    else:
        show_curation(screen(), counts, lake)
    if stopped is not None:
        raise stopped
