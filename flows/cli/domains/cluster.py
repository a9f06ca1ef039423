"""``domains cluster``: clusters of curated documents."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing


def cluster(
    k: Annotated[int, typer.Option("--k", help="How many clusters.")],
    model: Annotated[
        Path | None,
        typer.Option(callback=on_this_machine, help="Folder of a model2vec model; words are hashed without one."),
    ] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="Sources to divide; all when left out.")] = None,
    name: Annotated[str, typer.Option(help="What to call the clusters.")] = "clusters",
    documents: Annotated[int, typer.Option(help="Documents to sample, or all where there are fewer.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the sample, the starts and the batches.")] = 0,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Divide curated documents into clusters by their words, name them, and store them in the lake."""
    from gristmill.core.files.places import check_name
    from gristmill.flows.domains.learning import find_clusters
    from gristmill.tasks.domains.clustering.fit import ClusteringConfig

    config = ClusteringConfig.parse({"k": k, "documents": documents, "seed": seed}, "domains cluster")
    check_name(name, "--name")
    home = existing(lake)
    with Console(stderr=True).status("sampling documents") as status:
        files, card = find_clusters(source or (), config, model, name, home, status.update)
    if json:
        told = {"name": name, "digest": files.digest, "path": str(home.files_path(files))}
        print_json({**told, **card.model_dump(mode="json")})
        return
    from gristmill.flows.describe import table_of

    console = screen()
    order = sorted(card.clusters, key=lambda each: -each.texts)
    rows = [
        [each.number, each.name, each.texts, f"{each.texts / card.texts:.1%}", each.silhouette, " ".join(each.terms)]
        for each in order
    ]
    title = f"{card.k} clusters of {card.texts:,} documents"
    console.print(table_of(title, ["", "name", "documents", "share", "silhouette", "words that set it apart"], rows))
    near = [
        [each.name, found.url or found.record_uri, found.similarity, found.begins]
        for each in order
        for found in each.examples[:1]
    ]
    console.print(table_of("Nearest to the centre", ["cluster", "document", "similarity", "begins"], near))
    mean = "not measured" if card.silhouette is None else f"{card.silhouette:.3f}"
    console.print(
        f"Mean silhouette {mean} over {card.silhouette_texts:,} documents (1 apart, 0 overlapping); {card.passes} "
        f"passes over {card.texts:,} of {card.documents:,} documents. Stored as {name} ({files.digest[:12]}). In "
        f"rules: clusters: {name}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
