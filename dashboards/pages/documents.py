"""Documents: search every record of every source."""

from asyncio import to_thread
from dataclasses import dataclass, replace
from typing import get_args

from fastapi import Request
from nicegui import ui

from dashboards.controls import choice, search_field, searched
from dashboards.layout import card, empty, frame, pager, title, tone, words
from dashboards.links import documents_url, record_url
from dashboards.services import Services
from dashboards.tables import Column, table
from warehouse import answers

PAGE = 50
ANY = "any"
FATES: tuple[answers.Fate, ...] = get_args(answers.Fate)


@dataclass(frozen=True)
class Search:
    """What the address of the page says."""

    query: str = ""
    source: str | None = None
    fate: answers.Fate | None = None
    rule: str | None = None
    host: str | None = None
    offset: int = 0

    @property
    def url(self) -> str:
        """The address that says this."""
        return documents_url(
            query=self.query,
            source=self.source,
            fate=self.fate,
            rule=self.rule,
            host=self.host,
            offset=self.offset,
        )


async def draw(services: Services, request: Request, search: Search) -> None:
    """The page at ``/documents``."""
    facets = await to_thread(answers.facets, services.warehouse)
    found = await to_thread(
        answers.documents,
        services.warehouse,
        query=search.query,
        source=search.source,
        fate=search.fate,
        rule=search.rule,
        host=search.host,
        limit=PAGE,
        offset=search.offset,
    )
    with frame("Documents", request, services.warehouse.version):
        title("Documents", "Every record of every crawl, kept or not. Open one to see why.")
        if not facets.sources:
            with card():
                empty("Nothing has been curated yet.", "gristmill curate --input PATH --source NAME")
            return
        _form(facets, search)
        with card():
            if found.documents:
                _results(found)
                shown = len(found.documents)
                pager(found.offset, shown, found.total, "records", PAGE, lambda at: replace(search, offset=at).url)
            else:
                empty("No record matches this search.", "Take away a filter, or search for a part of the URL.")


def _form(facets: answers.Facets, search: Search) -> None:
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


def _results(found: answers.Documents) -> None:
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
