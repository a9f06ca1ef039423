"""Submit: submit a checkpoint for evaluation, and see the status of earlier submissions."""

from asyncio import Lock, to_thread
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar, get_args

from fastapi import APIRouter, HTTPException, Request
from nicegui import ui
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gristmill.core.errors import GristmillError
from gristmill.dashboards.accounts.access import SESSION, address_of
from gristmill.dashboards.accounts.people import Role, person_of
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, title
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.page import Limit, NoQuery, Page, wanted
from gristmill.dashboards.services import Intake, Services
from gristmill.dashboards.wording import tone
from gristmill.schemas.evaluation import HERE, VLLM, BackendSettings
from gristmill.schemas.submission import StoredSubmission, Submission, limited
from gristmill.warehouse import queries

REFRESH_SECONDS = 5.0
MESSAGES = {
    "string_too_short": "Give the path of a folder.",
    "string_pattern_mismatch": "A suite's name may contain only letters, digits and . _ @ = + -",
    "too_short": "Choose at least one suite.",
}
Field = TypeVar("Field", ui.input, ui.select, ui.number)
FIELDS = {**Submission.model_fields, **BackendSettings.model_fields}
BACKENDS = {HERE: "Here, on the CPU (hf)", VLLM: "A vLLM server for the run (vllm)"}


async def draw(services: Services, request: Request, _asked: NoQuery) -> None:
    """The page at ``/submit``."""
    scored = await to_thread(queries.scores, services.warehouse)
    known = services.intake.suites or tuple(sorted({row.suite for row in scored}))

    command = services.warehouse.command("gristmill submit CHECKPOINT")
    one_at_a_time = Lock()

    @ui.refreshable
    def rows(submissions: list[StoredSubmission]) -> None:
        _rows(submissions, command)

    async def refresh() -> None:
        """Read, then draw at once: two that drew what they waited for would draw two tables."""
        async with one_at_a_time:
            rows.refresh(await to_thread(services.state.submissions))

    title("Submit", "Submit a checkpoint. It is queued, checked and scored, and then appears under Checkpoints.")
    with ui.element("div").classes("columns form"):
        with card("A checkpoint"):
            _form(services, known, request, refresh)
        with card("Submissions", "Newest first. Times are UTC."):
            rows(await to_thread(services.state.submissions))
    ui.timer(REFRESH_SECONDS, refresh)


def _form(
    services: Services, known: tuple[str, ...], request: Request, stored_one: Callable[[], Awaitable[None]]
) -> None:
    form = _Form(services.intake, known)

    async def submit() -> None:
        button.disable()  # a second try would forget and show problems in the middle of this one
        try:
            if await _submit(services, form, request):
                form.clear()
                await stored_one()
        finally:
            button.enable()

    button = ui.button("Submit", on_click=submit).props("unelevated no-caps")


async def _submit(services: Services, form: "_Form", request: Request) -> bool:
    """Check what is filled in, show what is wrong with it or store it; whether it was stored."""
    form.forget_problems()
    try:
        submission = Submission.model_validate(form.values())
    except ValidationError as error:
        form.show({_place(fault["loc"]): message(fault) for fault in error.errors()})
        return False
    problems = await to_thread(services.intake.problems, submission)
    if problems:
        form.show(problems)
        return False
    try:
        stored = await to_thread(_store, services, submission, request, "form")
    except GristmillError as error:
        ui.notify(str(error), type="negative", close_button=True, timeout=0)
        return False
    if stored.error:
        ui.notify(f"Stored as {stored.id[:8]}, but not started: {stored.error}", type="warning", close_button=True)
    else:
        ui.notify(f"Stored as {stored.id[:8]}: {stored.status}.", type="positive")
    return True


def _store(services: Services, submission: Submission, request: Request, way: str) -> StoredSubmission:
    """Store what came by ``way``, under the name of an account, or where there are none under the address."""
    person, address = person_of(request), address_of(request)
    name = f"{way}, {address}" if request.scope.get(SESSION) is None else person.name
    return services.submit(submission, name, person, address)


class _Form:
    """The fields of a submission. Rarely needed ones are folded away; ones that do not apply are hidden."""

    def __init__(self, intake: Intake, known: tuple[str, ...]) -> None:
        self.intake = intake
        self.path = _field(ui.input(), "checkpoint")
        self.suites = _field(
            ui.select(list(known), multiple=True, value=[], on_change=self._ask_for_licences).props("use-chips"),
            "suites",
        )
        if not intake.suites:
            self.suites.props("use-input new-value-mode=add-unique")
        self.licences = _field(ui.select([], multiple=True, value=[]).props("use-chips"), "accept_licences")
        self.licences.set_visibility(False)
        self.label = _field(ui.input(), "label")
        backends = BACKENDS | {server: server for server in intake.servers}
        self.backend = _field(ui.select(backends, value=HERE), "name", "What runs the model.")
        self.model = _field(ui.input(), "model")
        self.model.bind_visibility_from(self.backend, "value", lambda name: name not in BACKENDS)
        with ui.element("details").classes("folded") as self.more:
            with ui.element("summary"):
                ui.label("More")
            self.limit = _field(
                ui.number("Items of each suite", min=1, precision=0, format="%d"),
                "limit",
                "A fixed subset of this size; all items if empty.",
            )
            self.data = _field(ui.input(), "data")
            formats = list(get_args(FIELDS["dtype"].annotation))
            self.dtype = _field(ui.select(formats, value=FIELDS["dtype"].default), "dtype")
            self.dtype.bind_visibility_from(self.backend, "value", lambda name: name in BACKENDS)
            least, most = bounds(FIELDS["threads"])
            threads = ui.number(value=FIELDS["threads"].default, min=least, max=most, precision=0, format="%d")
            self.threads = _field(threads, "threads")
            self.threads.bind_visibility_from(self.backend, "value", lambda name: name == HERE)
            self.download = ui.checkbox(str(FIELDS["download"].description).rstrip("."))
            self.download.props("dense").classes("field")
            self.fresh = ui.checkbox(str(FIELDS["fresh"].description).rstrip("."))
            self.fresh.props("dense").classes("field")
        self.fields: dict[str, ui.input | ui.select | ui.number] = {
            "checkpoint": self.path,
            "suites": self.suites,
            "accept_licences": self.licences,
            "label": self.label,
            "backend": self.backend,
            "model": self.model,
            "data": self.data,
            "dtype": self.dtype,
            "threads": self.threads,
        }
        self.folded = (self.data, self.dtype, self.threads)

    def values(self) -> dict[str, object]:
        """What was filled in, as the fields of a submission."""
        suites = [str(suite) for suite in self.suites.value or []]
        if self.limit.value:
            suites = [limited(suite, int(self.limit.value)) for suite in suites]
        backend = {
            "name": self.backend.value,
            "model": self.model.value or "" if self.model.visible else "",
            "dtype": self.dtype.value,
            "threads": int(self.threads.value or 1),
        }
        return {
            "checkpoint": self.path.value or "",
            "suites": suites,
            "label": self.label.value or "",
            "data": self.data.value or "",
            "download": self.download.value,
            "fresh": self.fresh.value,
            "accept_licences": self.licences.value or [],
            "backend": backend,
        }

    def show(self, problems: Mapping[str, str]) -> None:
        """Each problem at its field, which is unfolded."""
        for name, problem in problems.items():
            field = self.fields[name]
            field.error = problem
            if field in self.folded:
                self.more.props("open")

    def forget_problems(self) -> None:
        """Before the next try."""
        for field in self.fields.values():
            field.error = None

    def clear(self) -> None:
        """For the next checkpoint; the backend stays as chosen."""
        self.path.value, self.label.value, self.suites.value = "", "", []

    def _ask_for_licences(self) -> None:
        """Offer the licences that the chosen suites need accepted."""
        chosen = (str(suite).partition("@")[0] for suite in self.suites.value or [])
        needed = sorted({self.intake.licences[suite] for suite in chosen if suite in self.intake.licences})
        self.licences.set_options(needed, value=[name for name in self.licences.value or [] if name in needed])
        self.licences.set_visibility(bool(needed))


def message(fault: ErrorDetails) -> str:
    """What is wrong with a field, in a sentence."""
    told = wanted(fault)
    kind = fault["type"]
    if kind == "too_short" and isinstance(fault["input"], str):  # text with a validator of its own
        kind = "string_too_short"
    return MESSAGES.get(kind, f"{told[0].upper()}{told[1:]}.")


def bounds(field: FieldInfo) -> tuple[int | None, int | None]:
    """The least and the greatest number that a field of the model takes."""
    least = next((mark.ge for mark in field.metadata if hasattr(mark, "ge")), None)
    most = next((mark.le for mark in field.metadata if hasattr(mark, "le")), None)
    return least, most


def _place(location: tuple[int | str, ...]) -> str:
    """The field of the form that a fault of the model belongs to."""
    inside = location[1:2] if location[0] == "backend" else ()
    return str(inside[0]) if inside and inside[0] != "name" else str(location[0])


def _field(field: Field, name: str, about: str = "") -> Field:
    """Outline a field, name it as the model does, and describe it below; a message replaces that line."""
    known = FIELDS.get(name)
    if known is not None:
        field.props["label"] = str(known.title)
    field.props("outlined dense").classes("field")
    field.props["hint"] = about or str(known.description if known is not None else "")
    return field


def _rows(submissions: list[StoredSubmission], submit: str) -> None:
    if not submissions:
        empty("Nothing has been submitted yet.", submit)
        return
    columns = [
        Column("label", "Label"),
        Column("status", "Status", "badge"),
        Column("suites", "Suites"),
        Column("error", "Problem", "wrap"),
        Column("created", "Submitted", "mono"),
        Column("submitted_by", "By"),
        Column("backend", "Runs on"),
        Column("checkpoint", "Folder", "mono"),
    ]
    rows = [
        {
            "label": row.label or row.checkpoint.rstrip("/").rpartition("/")[2],
            "status": row.status,
            "status_tone": tone(row.status),
            "suites": ", ".join(row.suites),
            "backend": f"{row.backend.name} {row.backend.model}".rstrip(),
            "created": row.created_at.strftime("%Y-%m-%d %H:%M"),
            "submitted_by": row.submitted_by,
            "checkpoint": row.checkpoint,
            "error": row.error,
        }
        for row in submissions
    ]
    table(columns, rows, page=25)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""

    @api.get("/submissions", tags=["models"], summary="Submissions, newest first", dependencies=[needs(Role.VIEWER)])
    def submissions(limit: Limit = 200) -> list[StoredSubmission]:
        return services.state.submissions(limit)

    @api.post(
        "/submissions",
        tags=["models"],
        summary="Submit a checkpoint for evaluation",
        status_code=201,
        dependencies=[needs(Role.EVALUATOR)],
    )
    def submit(submission: Submission, request: Request) -> StoredSubmission:
        problems = services.intake.problems(submission)
        if problems:
            raise HTTPException(
                422, [{"type": "value_error", "loc": ["body", name], "msg": text} for name, text in problems.items()]
            )
        return _store(services, submission, request, "API")


PAGE = Page("/submit", "Submit", NoQuery, draw, routes=routes, role=Role.EVALUATOR)
