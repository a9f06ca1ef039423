"""Documents: search every record of every source."""

from asyncio import to_thread
from dataclasses import replace
from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request
from nicegui import ui
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, explained, no_such, pager, title
from gristmill.dashboards.components.controls import choice, search_field, searched
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import documents_url, record_url
from gristmill.dashboards.page import Limit, Offset, Page, Text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, tone, words
from gristmill.schemas.stages import StageName
from gristmill.warehouse import queries

ROWS = 50
ANY = "any"
FATES: tuple[queries.Fate, ...] = get_args(queries.Fate)


@dataclass(frozen=True)
class DocumentsQuery:
    """The parameters of the page's address."""

    query: Text = ""
    source: Text | None = None
    fate: queries.Fate | None = None
    rule: Text | None = None
    host: Text | None = None
    fails: Text | None = None
    stage: StageName | None = None
    passed: StageName | None = None
    offset: Offset = 0

    @property
    def url(self) -> str:
        """The address with these parameters."""
        return documents_url(
            query=self.query,
            source=self.source,
            fate=self.fate,
            rule=self.rule,
            host=self.host,
            fails=self.fails,
            stage=self.stage,
            passed=self.passed,
            offset=self.offset,
        )


async def draw(services: Services, request: Request, search: DocumentsQuery) -> None:
    """The page at ``/documents``."""
    facets = await to_thread(queries.facets, services.warehouse)
    found = await to_thread(
        queries.documents,
        services.warehouse,
        query=search.query,
        source=search.source,
        fate=search.fate,
        rule=search.rule,
        host=search.host,
        fails=search.fails,
        stage=search.stage,
        passed=search.passed,
        limit=ROWS,
        offset=search.offset,
    )
    title("Documents", "Every record of every crawl, kept or not. Open one to see why.")
    if not facets.sources:
        with card():
            command = services.warehouse.command("gristmill curate --input PATH --source NAME")
            empty("Nothing has been curated yet.", command)
        return
    _form(facets, search)
    _narrowed(search)
    with card():
        if found.documents:
            _results(found)
            shown = len(found.documents)
            pager(found.offset, shown, found.total, "records", ROWS, lambda at: replace(search, offset=at).url)
        else:
            _none(facets, search, found.total)


def _none(facets: queries.Facets, search: DocumentsQuery, total: int) -> None:
    """Why there is nothing to show."""
    if total:
        first = replace(search, offset=0).url
        explained(
            f"This search has {count(total)} records; there is nothing at offset {count(search.offset)}.",
            ("First page", first),
        )
        return
    unknown = [
        no_such(what, name, known)
        for what, name, known in (
            ("source", search.source, facets.sources),
            ("rule or reason", search.rule, facets.rules),
            ("failed rule", search.fails, facets.failing),
        )
        if name is not None and name not in known
    ]
    told = unknown or ["No record matches this search. Remove a filter, or search for part of the URL."]
    explained(" ".join(told), ("All records", "/documents"))


def _narrowed(search: DocumentsQuery) -> None:
    """The filters that the form has no field for, each with the address without it."""
    filters = (
        ("failed rule", search.fails, replace(search, fails=None, offset=0)),
        ("dropped at", search.stage, replace(search, stage=None, offset=0)),
        ("passed", search.passed, replace(search, passed=None, offset=0)),
    )
    if any(value for _, value, _ in filters):
        with ui.element("div").classes("answer-head"):
            for label, value, without in filters:
                if value:
                    ui.label(f"{label} {value}").classes("badge")
                    ui.link("Remove", without.url).classes("quiet-link")


def _form(facets: queries.Facets, search: DocumentsQuery) -> None:
    with ui.element("form").classes("controls").props('role="search"') as form:
        query = search_field("URL, doc_id or record", search.query, "wide")
        host = search_field("Host", search.host or "")
        source = choice("Source", facets.sources, search.source, clearable=True)
        fate = choice("Fate", {name: words(name) for name in FATES}, search.fate, clearable=True)
        rule = choice("Rule or reason", facets.rules, search.rule, clearable=True)

        def go() -> None:
            wanted = replace(
                search,
                query=searched(query),
                host=searched(host) or None,
                source=source.value,
                fate=fate.value,
                rule=rule.value,
                offset=0,
            )
            ui.navigate.to(wanted.url)

        ui.button("Search", icon="search").props("unelevated no-caps type=submit")
        ui.link("Clear", "/documents").classes("quiet-link")
        form.on("submit.prevent", go)


def _results(found: queries.Documents) -> None:
    columns = [
        Column("url", "URL", "link"),
        Column("fate", "Fate", "badge"),
        Column("rule", "Rule or reason"),
        Column("stage", "Dropped at"),
        Column("source", "Source"),
        Column("chars", "Characters", "number"),
    ]
    rows = [
        {
            "url": row.url or row.record_uri,
            "url_href": record_url(row.doc_id, row.record_uri),
            "fate": words(row.fate),
            "fate_tone": tone(row.fate),
            "rule": row.rule,
            "stage": row.stage,
            "source": row.source,
            "chars": row.chars,
        }
        for row in found.documents
    ]
    table(columns, rows).classes("results")


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get("/documents", tags=["data"], summary="Search the records", dependencies=[needs(Role.VIEWER)])
    def documents(
        query: Annotated[
            str, Query(max_length=4096, description="part of the URL or record_uri, or the start of the doc_id")
        ] = "",
        source: Annotated[str | None, Query(description="name of the source")] = None,
        fate: Annotated[queries.Fate | None, Query(description="what became of the record")] = None,
        rule: Annotated[str | None, Query(description="first failed rule, or the reason for setting aside")] = None,
        host: Annotated[str | None, Query(description="full host of the URL")] = None,
        fails: Annotated[str | None, Query(description="a rule that the record failed, first or not")] = None,
        stage: Annotated[StageName | None, Query(description="where the record was dropped")] = None,
        passed: Annotated[StageName | None, Query(description="a stage that the record passed")] = None,
        limit: Limit = 50,
        offset: Annotated[int, Query(ge=0, le=10_000_000, description="rows to skip")] = 0,
    ) -> queries.Documents:
        return queries.documents(
            warehouse,
            query=query,
            source=source,
            fate=fate,
            rule=rule,
            host=host,
            fails=fails,
            stage=stage,
            passed=passed,
            limit=limit,
            offset=offset,
        )


PAGE = Page("/documents", "Documents", DocumentsQuery, draw, routes=routes, role=Role.VIEWER)
