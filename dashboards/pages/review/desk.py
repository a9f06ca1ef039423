"""What a reviewer has in hand: one document, the finding that the keys act on, and what was chosen for each span."""

from collections.abc import Callable

from nicegui import ui

from gristmill.dashboards.pages.review.marked import spelled
from gristmill.schemas.findings import FindingKind
from gristmill.schemas.reviews.decision import SpanChoice
from gristmill.warehouse.reviews.case import Case

MOST_FINDINGS = 200
MOST_VALUE = 80
MOST_MARKS = 100
AS_DECIDED = "as the document"


class Desk:
    """The state of one open page."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.chosen = 0
        self._choices: dict[tuple[int, int, str], str] = {}
        self._listeners: list[Callable[[], object]] = []

    def on_change(self, listener: Callable[[], object]) -> None:
        """Call ``listener`` after each change."""
        self._listeners.append(listener)

    def spans(self) -> list[SpanChoice]:
        """The spans that were decided apart from the document."""
        return [
            SpanChoice.parse({"start": start, "end": end, "kind": kind, "decision": decision}, "span")
            for (start, end, kind), decision in sorted(self._choices.items())
        ]

    def next_finding(self) -> None:
        """Go to the next finding, after the last to the first."""
        if self.case.findings:
            self.choose((self.chosen + 1) % len(self.case.findings))

    def choose(self, number: int) -> None:
        """Go to one finding."""
        self.chosen = number
        self._changed()

    def turn_finding(self) -> None:
        """Change what becomes of the chosen finding: as the document, redact, keep, and round again."""
        if not self.case.findings:
            return
        found = self.case.findings[self.chosen]
        place = (found.start, found.end, found.kind)
        now = self._choices.pop(place, None)
        if now is None:
            self._choices[place] = "redact"
        elif now == "redact":
            self._choices[place] = "keep"
        self._changed()

    def mark(self, text: str, kind: str) -> int:
        """Redact every place of ``text`` that is not marked yet; how many there are."""
        start, marked = self.case.text.find(text) if text else -1, 0
        while start >= 0 and marked < MOST_MARKS:
            self._choices[start, start + len(text), kind] = "redact"
            marked += 1
            start = self.case.text.find(text, start + len(text))
        self._changed()
        return marked

    def draw_findings(self) -> None:
        """A line for each finding, which chooses it, and one for each span that was marked by hand."""
        if not (self.case.findings or self._choices):
            ui.label("No detector found anything.").classes("muted")
        for number, found in enumerate(self.case.findings[:MOST_FINDINGS]):
            line = ui.element("button").classes("review-finding").props('type="button"')
            line.on("click", lambda number=number: self.choose(number))
            if number == self.chosen:
                line.classes("chosen")
            value = spelled(self.case.text[found.start : found.end])[:MOST_VALUE]
            choice = self._choices.get((found.start, found.end, found.kind), AS_DECIDED)
            with line:
                ui.label(found.kind).classes("badge tone-warn")
                ui.label(value).classes("review-value").props('lang=""')
                ui.label(f"{found.score:.2f} {found.detector}, policy: {found.suggestion}").classes("muted")
                ui.label(choice).classes("review-choice")
        of_detectors = {(found.start, found.end, found.kind) for found in self.case.findings}
        for (start, end, kind), decision in sorted(self._choices.items()):
            if (start, end, kind) not in of_detectors:
                value = spelled(self.case.text[start:end])[:MOST_VALUE]
                ui.label(f"marked by you: {kind} “{value}”, {decision}")

    def draw_marking(self) -> None:
        """The line with which a reviewer marks what no detector found."""
        with ui.element("div").classes("controls"):
            text = ui.input("Text that was missed").props("outlined dense").classes("control")
            kind = ui.select([*FindingKind], value=str(FindingKind.PERSON_NAME), label="Kind")
            kind.props("outlined dense").classes("control")

            def mark() -> None:
                marked = self.mark(str(text.value or ""), str(kind.value))
                ui.notify(f"{marked} places will be redacted." if marked else "This text does not occur.")

            ui.button("Redact it", on_click=mark).props("flat no-caps")

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()
