"""``trace``: spans of a text that stand verbatim in training tokens."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.tasks.lineage.passages import Passage

TEXT_SHOWN = 300


def trace(
    text: Annotated[str, typer.Argument(help="The text; leave out with --run and --item.")] = "",
    run: Annotated[
        str, typer.Option("--run", help="Label or digest (its start) of an evaluated checkpoint whose answer to trace.")
    ] = "",
    item: Annotated[str, typer.Option("--item", help="The item that it answered.")] = "",
    suite: Annotated[str, typer.Option("--suite", help="The suite of the item, where several have it.")] = "",
    repeat: Annotated[int, typer.Option("--repeat", min=0, help="Which of several answers to the item.")] = 0,
    prompt: Annotated[bool, typer.Option("--prompt", help="Trace the prompt of the item, not the answer.")] = False,
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", help="Also say how often this checkpoint read each span.")
    ] = "",
    mix: Annotated[str, typer.Option("--mix", help="Look through the training tokens of this mix.")] = "",
    least: Annotated[int, typer.Option("--min-tokens", min=1, help="Tokens of the shortest span.")] = 10,
    documents: Annotated[int, typer.Option("--documents", min=1, help="Documents to name for each span.")] = 5,
    spans: Annotated[int, typer.Option("--spans", min=1, help="Spans to show, the longest first.")] = 10,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Find spans of a text, or of an answer, that stand verbatim in training tokens. An overlap, not a cause."""
    if bool(text) == bool(run or item):
        raise UsageError("give a text, or the answer of a checkpoint with --run and --item.")
    if bool(run) != bool(item):
        raise UsageError("--run and --item go together: the checkpoint, and the item that it answered.")
    from gristmill.flows.reporter import Reporter
    from gristmill.flows.train.lineage import corpus_of, mix_read, named_checkpoint
    from gristmill.tasks.lineage.passages import LABEL, find_passages
    from gristmill.tasks.lineage.trained import all_trained

    home = existing(lake)
    trained = named_checkpoint(checkpoint, home) if checkpoint else None
    if run:
        digest, text = _answer(run, item, suite, repeat, prompt, home)
        if trained is None:
            # One that was trained on examples has no mix of its own: --mix or the only one is looked through.
            trained = next((entry for entry in all_trained(home) if entry.digest == digest and entry.on_mix), None)
    read = mix_read(trained, mix, home)
    if trained is not None and (trained.mix, trained.mix_key) != (read.name, read.key):
        raise UsageError(f"{trained.label} was trained on another mix than {read.name}: leave --mix out.")
    with Reporter() as report:
        corpus = corpus_of(read, trained, home, report)
    found = find_passages(text, corpus, least, documents, home)
    if json:
        of = {"mix": read.name, "checkpoint": trained.digest if trained else None}
        print_json({"label": LABEL, "text": text, **of, "spans": [asdict(passage) for passage in found]})
        return
    _print(found, text, read.name, least, spans, LABEL)


def _answer(run: str, item: str, suite: str, repeat: int, prompt: bool, lake: "Lake") -> tuple[str, str]:
    """The checkpoint of an answer and the answer, or its prompt."""
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.answered import answer_of
    from gristmill.warehouse.queries.compare import find_side

    warehouse = Warehouse.open(lake.root)
    side = find_side(warehouse, run)
    row = answer_of(warehouse, side, item, suite, repeat)
    return side.checkpoint, str(row["prompt" if prompt else "text"])


def _print(found: "list[Passage]", text: str, mix: str, least: int, spans: int, label: str) -> None:
    from gristmill.core.printable import printable
    from gristmill.flows.describe import table_of

    console = screen()
    if not found:
        told = f"No {least} tokens in a row of this text stand in the training tokens of the mix {mix}."
        console.print(f"{told} Shorter spans: --min-tokens.", markup=False, highlight=False)
        return
    covered = _covered(found)
    share = covered / max(len(text), 1)
    told = f"{_counted(len(found), 'span')}, {share:.0%} of the text, found in the mix {mix}: {label}."
    console.print(told, markup=False, highlight=False)
    for passage in found[:spans]:
        words = passage.text if len(passage.text) <= TEXT_SHOWN else passage.text[:TEXT_SHOWN] + " ..."
        console.print(f"\n“{printable(' '.join(words.split()))}”", markup=False, highlight=False, soft_wrap=True)
        occurs, held = _counted(passage.occurrences, "occurrence"), _counted(passage.documents, "document")
        times = f"{_counted(passage.tokens, 'token')}, {occurs} in {held}"
        console.print(table_of(times, ("times", "read", "domain", "source", "url", "doc_id"), _rows(passage)))
    if len(found) > spans:
        console.print(f"{len(found) - spans} shorter spans: --spans, or --json for all.", markup=False, highlight=False)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _covered(found: "list[Passage]") -> int:
    """Code points of the text inside any span."""
    covered = end = 0
    for passage in sorted(found, key=lambda passage: passage.start):
        covered += max(0, passage.end - max(end, passage.start))
        end = max(end, passage.end)
    return covered


def _rows(passage: "Passage") -> list[list[Any]]:
    rows: list[list[Any]] = [
        [holder.times, holder.times_read, holder.domain, holder.source, holder.url or holder.record_uri, holder.doc_id]
        for holder in passage.holders
    ]
    return rows
