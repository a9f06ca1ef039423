"""``tokens``: what a tokenizer made of the text, and the token files that trainers read."""

from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.core.manifest import Dataset, FilesRef

FormatName = Literal["megatron", "datatrove", "olmo", "nanogpt", "litdata", "parquet", "jsonl"]
MixOption = Annotated[str, typer.Option("--mix", help="Name of the mix.")]


def report(mix: MixOption = "default", lake: KnownLakeOption = DEFAULT_LAKE, json: JsonOption = False) -> None:
    """What the tokenizer made of the text: vocabulary, bytes a token, and tokens a word by language and domain."""
    from gristmill.flows.checks import mix_of
    from gristmill.flows.mix.tokens import token_report

    home = existing(lake)
    found = token_report(mix_of(mix, home), home)
    if json:
        print_json(found)
        return
    from gristmill.flows.describe import table_of

    console = screen()
    console.print(f"Tokenizer {found['tokenizer'][:16]}: {found['vocab_size']:,} entries, {found['dtype']} tokens")
    for what, title in (("languages", "By language"), ("domains", "By domain")):
        rows = [
            [row["name"], row["documents"], row["tokens"], row["bytes_per_token"], row["tokens_per_word"]]
            for row in found[what]
        ]
        console.print(table_of(title, [what[:-1], "documents", "tokens", "bytes a token", "tokens a word"], rows))


def export(
    form: Annotated[FormatName, typer.Option("--format", help="What the trainer reads.")],
    out: Annotated[
        Path, typer.Option("--out", callback=on_this_machine, help="Folder to write; it must be empty or not exist.")
    ],
    mix: MixOption = "default",
    mixture: Annotated[str, typer.Option(help="Name of the mixture; may be left out when there is one.")] = "",
    mode: Annotated[
        Literal["blend", "stream"], typer.Option(help="Files of each domain with weights, or rows in their order.")
    ] = "blend",
    packing: Annotated[
        Literal["none", "best-fit"], typer.Option(help="Pack whole documents into rows (parquet and jsonl streams).")
    ] = "none",
    overflow: Annotated[
        Literal["split", "crop", "drop"], typer.Option(help="With packing: what becomes of a document above one row.")
    ] = "split",
    target_tokens: Annotated[
        int, typer.Option(min=0, help="Tokens of the run, for the check of repetition; those of the plan if left out.")
    ] = 0,
    path_prefix: Annotated[
        str, typer.Option(help="What paths in weight files begin with, where the trainer sees the folder elsewhere.")
    ] = "",
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Also of a corpus that nobody signed off; the answer says so.")
    ] = False,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Write a mixture as the files that a trainer reads, and say how it opens them."""
    from gristmill.flows.checks import mix_of
    from gristmill.flows.mix.tokens import export_mixture
    from gristmill.tasks.mix.exports.export import ExportConfig

    home = existing(lake)
    dataset = mix_of(mix, home)
    from gristmill.flows.review.signing import check_signed

    marked = check_signed(dataset, home, unsigned=unsigned)
    config = ExportConfig(
        format=form,
        mode=mode,
        packing=packing,
        overflow=overflow,
        target_tokens=target_tokens,
        path_prefix=path_prefix.rstrip("/") or out.resolve().as_posix(),
    )
    done = export_mixture(dataset, plan_of(dataset, mixture, home), config, out, home)
    if marked:
        about = {"about": "nobody signed off these corpora when this was written", "sources": marked}
        (out / "UNSIGNED.json").write_text(dumps(about, indent=1) + "\n", encoding="utf-8")
    answer: dict[str, Any] = asdict(done) | {"out": str(out), "unsigned": marked}
    if json:
        print_json(answer)
        return
    from gristmill.flows.describe import table_of
    from gristmill.flows.sizes import size_text

    columns = ["domain", "tokens", "share", "epochs", "cap", "rows", "padded", "cropped", "dropped", "split documents"]
    rows = [
        [name, a.tokens, a.share, a.epochs, a.cap, a.rows, a.padded, a.cropped, a.dropped, a.split]
        for name, a in done.domains.items()
    ]
    console = screen()
    console.print(table_of(f"{done.format}, {done.mode}: {done.tokens:,} tokens of a run", columns, rows))
    console.print(
        f"{out}: {done.files} files, {size_text(done.bytes)}, of which {size_text(done.linked_bytes)} share the lake's "
        f"disk space (do not change them). Documents above one row: {done.overflow}.",
        markup=False,
    )
    if marked:
        console.print(f"Unsigned: nobody signed off {', '.join(marked)}.", markup=False, highlight=False)
    console.print(f"Open it: {done.opening.replace('DIR', str(out))}", markup=False, highlight=False)


def plan_of(dataset: "Dataset", mixture: str, lake: "Lake") -> "FilesRef":
    """The plan of a mixture. Raises :class:`UsageError` for a name that the mix does not have."""
    plans = {ref.shard: ref for ref in dataset.files["plan"]}
    if not mixture and len(plans) == 1:
        return next(iter(plans.values()))
    if mixture not in plans:
        asked = f"no mixture called {mixture!r}" if mixture else "several mixtures"
        raise UsageError(f"the mix {dataset.name!r} has {asked}. Name one with --mixture: {', '.join(plans)}.")
    return plans[mixture]
