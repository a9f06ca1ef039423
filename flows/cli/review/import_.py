"""``review import``: decisions from Label Studio or Argilla."""

import json as json_
from pathlib import Path
from typing import Annotated, Any

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.review.export import FormOption
from gristmill.flows.cli.review.people import warehouse_of
from gristmill.flows.existing_lake import existing

SHOWN = 20


def import_(
    file: Annotated[Path, typer.Argument(help="JSON file that Label Studio or Argilla wrote.")],
    form: FormOption = "label-studio",
    reader: Annotated[
        list[str] | None, typer.Option(metavar="USER=NAME", help="Who a user of the other tool is; repeatable.")
    ] = None,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Take over decisions. What is there already is not stored twice; what cannot be taken is told."""
    from gristmill.warehouse.reviews.importing import import_decisions
    from gristmill.warehouse.reviews.store import Reviews

    home = existing(lake)
    names = dict(_pair(word) for word in reader or ())
    found = import_decisions(warehouse_of(home), Reviews(home.root), form, _rows(file), names)
    if json:
        print_json(found.model_dump(mode="json"))
        return
    console = screen()
    console.print(f"{found.stored:,} decisions stored, {found.known:,} known already, {len(found.refused):,} refused")
    for line in found.refused[:SHOWN]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _rows(file: Path) -> list[Any]:
    try:
        rows = json_.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: this is not JSON: {error}") from error
    if not isinstance(rows, list):
        raise UsageError(f"{file}: this is not a list of tasks or records")
    return rows


def _pair(word: str) -> tuple[str, str]:
    user, separator, name = word.partition("=")
    if not separator or not user or not name.strip():
        raise UsageError(f"--reader {word}: write USER=NAME, such as 7=ann")
    return user, name.strip()
