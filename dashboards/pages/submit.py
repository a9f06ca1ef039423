"""Submit: hand in a checkpoint for evaluation, and see what became of those handed in."""

from asyncio import to_thread
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from nicegui import ui
from pydantic import ValidationError

from dashboards.api import client
from dashboards.layout import card, empty, frame, title, tone
from dashboards.services import Services
from dashboards.tables import Column, table
from schemas.errors import GristmillError
from schemas.submission import StoredSubmission, Submission
from warehouse import answers

REFRESH_SECONDS = 5.0
MESSAGES = {
    "string_too_short": "Give the path of a folder.",
    "string_too_long": "This is too long.",
    "string_pattern_mismatch": "A suite's name has letters, digits and . _ @ = + - only.",
    "too_short": "Choose at least one suite.",
}
Field = TypeVar("Field", ui.input, ui.select)
FIELDS = Submission.model_fields


async def draw(services: Services, request: Request) -> None:
    """The page at ``/submit``."""
    scored = await to_thread(answers.scores, services.warehouse)
    known = services.suites or tuple(sorted({row.suite for row in scored}))

    @ui.refreshable
    async def rows() -> None:
        _rows(await to_thread(services.state.submissions))

    with frame("Submit", request, services.warehouse.version):
        title("Submit", "Hand in a checkpoint. It is queued, admitted, scored, and shows up under Checkpoints.")
        with ui.element("div").classes("columns form"):
            with card("A checkpoint"):
                _form(services, known, f"form, {client(request)}", rows.refresh)
            with card("Handed in", "Newest first. Times are UTC."):
                await rows()
        ui.timer(REFRESH_SECONDS, rows.refresh)


def _form(services: Services, known: tuple[str, ...], submitted_by: str, stored_one: Callable[[], object]) -> None:
    path = _help(ui.input(str(FIELDS["checkpoint"].title)), str(FIELDS["checkpoint"].description))
    suites = _help(
        ui.select(list(known), label=str(FIELDS["suites"].title), multiple=True, value=[]).props("use-chips"),
        str(FIELDS["suites"].description),
    )
    if not services.suites:
        suites.props("use-input new-value-mode=add-unique")
    label = _help(ui.input(str(FIELDS["label"].title)), str(FIELDS["label"].description))
    fields: dict[str, ui.input | ui.select] = {"checkpoint": path, "suites": suites, "label": label}

    async def hand_in() -> None:
        values = {"checkpoint": path.value or "", "suites": suites.value or [], "label": label.value or ""}
        for field in fields.values():
            field.error = None
        try:
            submission = Submission.model_validate(values)
        except ValidationError as error:
            problems = {str(fault["loc"][0]): MESSAGES.get(fault["type"], fault["msg"]) for fault in error.errors()}
        else:
            problems = await to_thread(services.problems, submission)
        for name, problem in problems.items():
            fields[name].error = problem
        if problems:
            return
        button.disable()
        try:
            stored = await to_thread(services.submit, submission, submitted_by)
        except GristmillError as error:
            ui.notify(str(error), type="negative", close_button=True, timeout=0)
            return
        finally:
            button.enable()
        if stored.error:
            ui.notify(f"Stored as {stored.id[:8]}, but not started: {stored.error}", type="warning", close_button=True)
        else:
            ui.notify(f"Stored as {stored.id[:8]}: {stored.status}.", type="positive")
        path.value, label.value, suites.value = "", "", []
        stored_one()

    button = ui.button("Submit", on_click=hand_in).props("unelevated no-caps")


def _help(field: Field, text: str) -> Field:
    """Outline a field and say below it what it takes; a message takes that line's place."""
    field.props("outlined dense").classes("field")
    field.props["hint"] = text
    return field


def _rows(submissions: list[StoredSubmission]) -> None:
    if not submissions:
        empty("Nothing has been handed in yet.", "gristmill submit CHECKPOINT")
        return
    columns = [
        Column("label", "Label"),
        Column("status", "Status", "badge"),
        Column("suites", "Suites"),
        Column("error", "Problem", "wrap"),
        Column("created", "Handed in", "mono"),
        Column("submitted_by", "By"),
        Column("checkpoint", "Folder", "mono"),
    ]
    rows = [
        {
            "label": row.label or row.checkpoint.rstrip("/").rpartition("/")[2],
            "status": row.status,
            "status_tone": tone(row.status),
            "suites": ", ".join(row.suites),
            "created": row.created_at.strftime("%Y-%m-%d %H:%M"),
            "submitted_by": row.submitted_by,
            "checkpoint": row.checkpoint,
            "error": row.error,
        }
        for row in submissions
    ]
    table(columns, rows, page=25)
