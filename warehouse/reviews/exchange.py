"""Documents under review as tasks of Label Studio and records of Argilla, and decisions from what they export.

Label Studio JSON (https://labelstud.io/guide/task_format): a task has ``data``, ``predictions`` (the findings) and
``annotations`` (decisions), whose results are of type ``choices`` (the decision), ``labels`` (spans) and ``textarea``
(the reason). Argilla 2 (``Record.to_dict``): ``fields``, ``metadata``, ``suggestions`` and ``responses`` by question.
The questions are ``decision``, ``spans`` and ``reason`` in both. A span's label is its kind, to redact it, or
``keep:KIND`` to leave it.

Offsets are code points. A span from outside that does not have the text it says it has is tried in UTF-16 units, which
browsers count in, and refused if that fails too. Nothing that is read is trusted: whatever is not as expected is told.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from gristmill.core.errors import UsageError
from gristmill.schemas.findings import FindingKind
from gristmill.schemas.reviews.decision import Choice, Decision, SpanChoice
from gristmill.warehouse.reviews.case import Case

Form = Literal["label-studio", "argilla"]
DETECTORS = "gristmill detectors"
KEEP = "keep:"
TO_NAME = "text"


class Told(BaseModel):
    """A decision as another tool tells it."""

    text_hash: str
    person: str
    choice: Choice
    reason: str
    spans: list[SpanChoice]


def exported(form: Form, case: Case, decisions: Iterable[Decision]) -> dict[str, Any]:
    """One document as a task or a record, with these decisions."""
    return label_studio_task(case, decisions) if form == "label-studio" else argilla_record(case, decisions)


def told_by(form: Form, row: Any, names: Mapping[str, str], text: str) -> list[Told]:
    """The decisions in a task or a record about ``text``. ``names``: the person behind a user of the other tool.

    Raises :class:`UsageError` for what cannot be understood.
    """
    try:
        return from_label_studio(row, names, text) if form == "label-studio" else from_argilla(row, names, text)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UsageError(f"this is not as {form} writes it ({type(error).__name__}: {error})") from error


def named_text(form: Form, row: Any) -> str:
    """The hash of the text that a task or a record is about. Raises :class:`UsageError` when it names none."""
    held = row.get("data" if form == "label-studio" else "metadata") if isinstance(row, dict) else None
    name = held.get("text_hash") if isinstance(held, dict) else None
    if not isinstance(name, str):
        raise UsageError("it names no text (text_hash): `gristmill review export` writes files that do")
    return name


def label_studio_task(case: Case, decisions: Iterable[Decision]) -> dict[str, Any]:
    """A task of Label Studio."""
    predicted = [
        _labels(number, case.text, finding.start, finding.end, finding.kind) | {"score": finding.score}
        for number, finding in enumerate(case.findings)
    ]
    score = min((finding.score for finding in case.findings), default=0.0)
    return {
        "data": {TO_NAME: case.text, **_about(case)},
        "predictions": [{"model_version": DETECTORS, "score": score, "result": predicted}] if predicted else [],
        "annotations": [
            {
                "completed_by": {"email": decision.person},
                "created_at": decision.at.isoformat(),
                "ground_truth": decision.arbiter,
                "was_cancelled": decision.decision is Choice.DEFER,
                "result": _results(case.text, decision),
            }
            for decision in decisions
        ],
    }


def argilla_record(case: Case, decisions: Iterable[Decision]) -> dict[str, Any]:
    """A record of Argilla."""
    made = list(decisions)
    spans = [{"start": each.start, "end": each.end, "label": each.kind} for each in case.findings]
    scores = [each.score for each in case.findings]
    return {
        "id": case.text_hash,
        "fields": {TO_NAME: case.text},
        "metadata": _about(case),
        "suggestions": {"spans": {"value": spans, "score": scores, "agent": DETECTORS}} if spans else {},
        "responses": {
            "decision": [{"value": each.decision.value, "user_id": each.person} for each in made],
            "spans": [
                {
                    "value": [{"start": span.start, "end": span.end, "label": _label(span)} for span in each.spans],
                    "user_id": each.person,
                }
                for each in made
            ],
            "reason": [{"value": each.reason, "user_id": each.person} for each in made],
        },
        "vectors": {},
    }


def from_label_studio(task: Any, names: Mapping[str, str], text: str) -> list[Told]:
    """The decisions in a task, in the order of its annotations; one that was cancelled is deferred."""
    found = []
    for annotation in task["annotations"]:
        who = annotation.get("completed_by")
        user = str(who.get("email") or who["id"]) if isinstance(who, dict) else str(who)
        choice: Choice | None = Choice.DEFER if annotation.get("was_cancelled") else None
        reason, spans = "", []
        for result in annotation["result"]:
            value = result["value"]
            if result["type"] == "choices" and choice is None:
                choice = Choice(value["choices"][0])
            elif result["type"] == "labels":
                spans += [
                    _span(text, value["start"], value["end"], label, value.get("text")) for label in value["labels"]
                ]
            elif result["type"] == "textarea":
                reason = " ".join(map(str, value["text"])) if isinstance(value["text"], list) else str(value["text"])
        if choice is not None:
            found.append(_told(named_text("label-studio", task), names, user, choice, reason, spans))
    return found


def from_argilla(record: Any, names: Mapping[str, str], text: str) -> list[Told]:
    """The decisions in a record, one for each user that answered the question ``decision``."""
    responses = record["responses"]
    reasons = {str(row["user_id"]): str(row["value"] or "") for row in responses.get("reason") or ()}
    marked = {str(row["user_id"]): row["value"] or [] for row in responses.get("spans") or ()}
    return [
        _told(
            named_text("argilla", record),
            names,
            str(row["user_id"]),
            Choice(row["value"]),
            reasons.get(str(row["user_id"]), ""),
            [_span(text, each["start"], each["end"], each["label"]) for each in marked.get(str(row["user_id"]), ())],
        )
        for row in responses.get("decision") or ()
    ]


def _about(case: Case) -> dict[str, Any]:
    told = case.model_dump(mode="json", include={"text_hash", "doc_id", "source", "url", "domain", "stratum"})
    return {name: value for name, value in told.items() if value is not None}


def _label(span: SpanChoice) -> str:
    return span.kind.value if span.decision == "redact" else f"{KEEP}{span.kind.value}"


def _labels(number: int, text: str, start: int, end: int, label: str) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": text[start:end], "labels": [label]}
    return {"id": f"span-{number}", "from_name": "spans", "to_name": TO_NAME, "type": "labels", "value": value}


def _results(text: str, decision: Decision) -> list[dict[str, Any]]:
    chosen = {"from_name": "decision", "to_name": TO_NAME, "type": "choices"}
    results: list[dict[str, Any]] = [chosen | {"value": {"choices": [decision.decision.value]}}]
    results += [_labels(n, text, span.start, span.end, _label(span)) for n, span in enumerate(decision.spans)]
    if decision.reason:
        why = {"from_name": "reason", "to_name": TO_NAME, "type": "textarea"}
        results.append(why | {"value": {"text": [decision.reason]}})
    return results


def _told(
    text_hash: str, names: Mapping[str, str], user: str, choice: Choice, reason: str, spans: list[SpanChoice]
) -> Told:
    return Told(text_hash=text_hash, person=names.get(user, user), choice=choice, reason=reason, spans=spans)


def _span(text: str, start: Any, end: Any, label: str, covered: str | None = None) -> SpanChoice:
    keep = label.startswith(KEEP)
    kind = FindingKind(label.removeprefix(KEEP))
    first, last = int(start), int(end)
    if covered is not None and text[first:last] != covered:
        units = text.encode("utf-16-le", "surrogatepass")
        before = units[: 2 * first].decode("utf-16-le", "replace")
        inside = units[2 * first : 2 * last].decode("utf-16-le", "replace")
        if inside != covered:
            raise ValueError(f"the span {first}-{last} does not have the text that it says it has")
        first, last = len(before), len(before) + len(inside)
    return SpanChoice.parse(
        {"start": first, "end": last, "kind": kind, "decision": "keep" if keep else "redact"}, "span"
    )
