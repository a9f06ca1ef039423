"""One record as the pages Document and Why show it: its fate, every verdict and signal, its duplicates, and text."""

from asyncio import to_thread

from fastapi import HTTPException
from nicegui import ui

from gristmill.dashboards.components.cards import badge, card, explained, title
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import documents_url, record_url
from gristmill.dashboards.wording import count
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.why import Story, Verdict, Why, why

SHOWN_CHARACTERS = 20_000


def found_or_404(answer: Why) -> Why:
    """The answer, or 404 with its hint."""
    if not answer.records:
        raise HTTPException(404, answer.hint)
    return answer


async def draw_records(warehouse: Warehouse, question: str) -> None:
    """Every record with this URL, doc_id or record_uri, or a hint if there is none."""
    answer = await to_thread(why, warehouse, question)
    if not answer.records:
        title("Document", question)
        with card():
            explained(answer.hint or "No record.", ("Search the documents", documents_url(query=question[:4096])))
        return
    if len(answer.records) > 1:
        ui.label(f"{len(answer.records)} records have this address.").classes("page-about")
    for story in answer.records:
        _story(story)


def _story(story: Story) -> None:
    with ui.element("article").classes("story"):
        title(story.url or story.record_uri, "")
        with ui.element("div").classes("verdict-line"):
            badge(story.fate)
            ui.label(story.summary).classes("verdict-text")
        with ui.element("div").classes("columns side"):
            with ui.element("div"):
                _verdicts(story)
                _duplicates(story)
                _text(story)
                _findings(story)
                _signals(story)
                _candidates(story)
            with card("Record", classes="facts"):
                _facts(story)


def _facts(story: Story) -> None:
    facts = [
        ("doc_id", story.doc_id),
        ("Source", story.source),
        ("URL", story.url),
        ("Host", story.host),
        ("Fetched", story.fetched_at.strftime("%Y-%m-%d %H:%M:%S UTC") if story.fetched_at else None),
        ("Record", story.record_uri),
        ("Shard", story.shard),
        ("Extractor", story.extractor),
        ("Encoding", story.encoding),
        ("Characters", None if story.chars is None else count(story.chars)),
        ("Domain", story.domain),
        ("Tokens", None if story.tokens is None else count(story.tokens)),
        ("Redactions", None if story.redactions is None else count(story.redactions)),
    ]
    with ui.element("dl"):
        for name, value in facts:
            if value is not None:
                with ui.element("dt"):
                    ui.label(name)
                with ui.element("dd"):
                    ui.label(value)


def _verdicts(story: Story) -> None:
    if not story.verdicts:
        return
    columns = [
        Column("stage", "Stage"),
        Column("verdict", "Verdict", "badge"),
        Column("rule", "Rule"),
        Column("signal", "Signal", "mono"),
        Column("found", "Found"),
        Column("threshold", "Threshold"),
    ]
    rows = [
        {
            "stage": row.stage,
            "verdict": "kept" if row.kept else "failed",
            "verdict_tone": "good" if row.kept else "bad",
            "rule": row.rule,
            "signal": row.signal,
            "found": found(row),
            "threshold": row.threshold,
        }
        for row in story.verdicts
    ]
    with card("Verdicts", "From the ledger: each rule that it failed, and each stage that it passed."):
        table(columns, rows)


def found(verdict: Verdict) -> str | None:
    """What a rule found: the number, the text, or both."""
    number = None if verdict.value is None else f"{verdict.value:.4g}"
    return " · ".join(part for part in (number, verdict.value_text) if part) or None


def measured(value: bool | int | float | str | None) -> str:
    """The value of a signal in readable form."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _signals(story: Story) -> None:
    if not story.signals:
        return
    columns = [
        Column("name", "Signal", "mono"),
        Column("value", "Value"),
        Column("demands", "Policy demands", "wrap"),
        Column("held", "", "badge"),
        Column("about", "Meaning", "wrap"),
    ]
    rows = [
        {
            "name": f"{signal.table}.{signal.name}",
            "value": measured(signal.value),
            "demands": "; ".join(f"{demand.threshold} ({demand.rule})" for demand in signal.demands) or None,
            "held": "failed" if signal.failed else ("held" if signal.demands else None),
            "held_tone": "bad" if signal.failed else "good",
            "about": signal.about,
        }
        for signal in sorted(story.signals, key=lambda signal: (not signal.failed, not signal.demands))
    ]
    with card(
        "Signals",
        "What was measured. Demands are known only for signals on which at least one document of this source failed.",
    ):
        table(columns, rows)


def _duplicates(story: Story) -> None:
    if story.cluster:
        columns = [
            Column("url", "URL", "link"),
            Column("role", "Role", "badge"),
            Column("similarity", "Similarity", "score"),
            Column("record_uri", "Record", "mono"),
        ]
        rows = [
            {
                "url": member.url or member.record_uri,
                "url_href": None if member.itself else record_url(member.doc_id, member.record_uri),
                "role": ("kept" if member.representative else member.reason.replace("_", " "))
                + (" (this one)" if member.itself else ""),
                "role_tone": "good" if member.representative else "warn",
                "similarity": member.similarity,
                "record_uri": member.record_uri,
            }
            for member in story.cluster
        ]
        with card("Duplicates", "The cluster it belongs to. One document is kept; similarity is Jaccard, from 0 to 1."):
            table(columns, rows)


def _candidates(story: Story) -> None:
    if story.candidates:
        columns = [
            Column("url", "URL", "link"),
            Column("jaccard", "Jaccard", "score"),
            Column("verified", "Verdict", "badge"),
        ]
        rows = [
            {
                "url": row.url or row.doc_id,
                "url_href": record_url(row.doc_id, ""),
                "jaccard": row.jaccard,
                "verified": "near-duplicate" if row.verified else "different",
                "verified_tone": "warn" if row.verified else "plain",
            }
            for row in story.candidates
        ]
        with card("Compared with", "Documents that share a band with it, with their exact similarity."):
            table(columns, rows)


def _findings(story: Story) -> None:
    if not story.findings:
        return
    columns = [
        Column("kind", "Kind"),
        Column("start", "From", "number"),
        Column("end", "To", "number"),
        Column("score", "Confidence", "score"),
        Column("detector", "Found by"),
    ]
    with card("Personal data", "Positions are in characters of this text; curated text has placeholders there."):
        table(columns, [row.model_dump() for row in story.findings])


def _text(story: Story) -> None:
    if story.text is None:
        with card("Text"):
            ui.label(story.text_note or "").classes("muted")
        return
    shown = story.text[:SHOWN_CHARACTERS]
    rest = len(story.text) - len(shown)
    with card("Text", "As extracted, before redaction."):
        ui.label(shown).classes("document-text").props('lang=""')
        if rest:
            ui.label(
                f"{count(rest)} more characters; GET /api/documents/{story.doc_id} returns the whole text."
            ).classes("muted")
