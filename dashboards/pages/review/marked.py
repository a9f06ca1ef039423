"""A text with its findings marked, drawn as text nodes only, with characters that nobody sees spelled out."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nicegui import ui

from gristmill.warehouse.reviews.case import CaseFinding

MOST = 20_000
MOST_PIECES, MOST_MARKED = 1_000, 400
SHOWN_AS_THEY_ARE = "\n\t"


@dataclass(frozen=True)
class Piece:
    """A part of the text that the same findings cover. ``numbers``: those of the findings."""

    text: str
    numbers: tuple[int, ...]


def pieces(text: str, findings: Sequence[CaseFinding], most: int = MOST) -> list[Piece]:
    """The first ``most`` characters in parts that begin and end where findings do."""
    end = min(len(text), most)
    inside = [(number, each) for number, each in enumerate(findings[:MOST_MARKED]) if each.start < end]
    bounds = sorted({0, end, *(min(place, end) for _, each in inside for place in (each.start, each.end))})
    found = []
    for start, stop in pairwise(bounds):
        numbers = tuple(number for number, each in inside if each.start <= start and each.end >= stop)
        found.append(Piece(text[start:stop], numbers))
    return found[:MOST_PIECES]


def spelled(text: str) -> str:
    """``text`` with every character that is not shown (zero width, direction, control) as its code point."""
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter in SHOWN_AS_THEY_ARE or unicodedata.category(letter) not in ("Cf", "Cc", "Cs", "Co", "Zl", "Zp")
        else f"⟨U+{ord(letter):04X}⟩"
        for letter in text
    )


def draw_text(text: str, findings: Sequence[CaseFinding], chosen: int) -> None:
    """The text, its findings marked; ``chosen`` is the number of the finding that the keys act on."""
    with ui.element("div").classes("document-text review-text").props('lang=""'):
        for piece in pieces(text, findings):
            label = ui.label(spelled(piece.text)).classes("piece")
            if piece.numbers:
                kinds = ", ".join(findings[number].kind for number in piece.numbers)
                label.classes("found").tooltip(kinds)
                label.props(f'data-finding="{piece.numbers[0]}"')
                if chosen in piece.numbers:
                    label.classes("chosen")
    if len(text) > MOST:
        ui.label(f"{len(text) - MOST:,} more characters are not shown here.").classes("muted")
