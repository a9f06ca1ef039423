"""``review export``: documents under review for Label Studio or Argilla."""

import json as json_
from pathlib import Path
from typing import Annotated, Literal

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.review.people import SourceOption, warehouse_of
from gristmill.flows.existing_lake import existing

FormOption = Annotated[Literal["label-studio", "argilla"], typer.Option("--format", help="What reads the file.")]


def export(
    file: Annotated[Path, typer.Argument(callback=on_this_machine, help="JSON file to write.")],
    form: FormOption = "label-studio",
    source: SourceOption = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="With what was decided; a second reader must not see it.")
    ] = False,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Write every document that is held, sampled or decided, with its findings. The file has the text in clear."""
    from gristmill.core.files.atomic import write_whole
    from gristmill.warehouse.reviews.case import case
    from gristmill.warehouse.reviews.exchange import exported
    from gristmill.warehouse.reviews.queue import everything
    from gristmill.warehouse.reviews.store import Reviews

    if not file.parent.is_dir():
        raise UsageError(f"{file}: there is no folder {file.parent}. Create it first.")
    home = existing(lake)
    warehouse, reviews = warehouse_of(home), Reviews(home.root)
    by_text = reviews.by_text()
    rows = [
        exported(
            form,
            case(warehouse, reviews, row.doc_id, ""),
            by_text.get(row.text_hash, ()) if decisions else (),
        )
        for row in everything(warehouse, reviews, source)
    ]
    write_whole(file, json_.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    if json:
        print_json({"file": str(file), "documents": len(rows)})
        return
    screen().print(f"wrote {len(rows):,} documents to {file}", markup=False, highlight=False, soft_wrap=True)
