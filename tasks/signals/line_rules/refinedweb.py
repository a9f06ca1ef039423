"""RefinedWeb's edits of lines, as DCLM's baseline makes them: which lines are cut, which lose a few words, and why.

Source: DCLM ``dclm_baseline_refinedweb.yaml`` and baselines/mappers/modifiers.py; Penedo et al. 2023, appendix G.2.
Before a page is judged, web addresses and runs of blank lines go (``url``, ``ip_address``, ``blank_line``). After that,
a line goes when more than half of its characters are capitals (``uppercase``), all are digits (``numeric``), it is a
counter such as "3 likes" (``counter``), or it has fewer than two words (``short_line``). From a line of at most ten
words "items in cart", "Read more" and three characters after it (upstream's dots stand for any) at its end, and
"Sign-in" at its front are removed; if nothing is left, the line is cut.

One thing differs: upstream strips the page after each edit, so that white space around a line that has become the first
or last is not counted there. Cost: about 70 ns a byte; memory: a row a line of the slice.
"""

import re
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from gristmill.tasks.text.lines import frame, split
from gristmill.tasks.text.web_addresses import web_addresses, without

WORD = r"[^\s\x1C-\x1F]+"
DIGITS = (
    r"\p{Nd}\u{b2}-\u{b3}\u{b9}\u{1369}-\u{1371}\u{19da}\u{2070}\u{2074}-\u{2079}\u{2080}-\u{2089}\u{2460}-\u{2468}"
    r"\u{2474}-\u{247c}\u{2488}-\u{2490}\u{24ea}\u{24f5}-\u{24fd}\u{24ff}\u{2776}-\u{277e}\u{2780}-\u{2788}"
    r"\u{278a}-\u{2792}\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}"
)  # str.isdigit
COUNTER = (
    r"^\W*\d(?:,|\.|\d)*(?:k|m|b)?\s+(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes"
    r"|downloads|views|followers)\W*$"
)
SHORT_LINE_WORDS, EDITED_LINE_WORDS = 2, 10
EDITS = (
    ("items_in_cart", re.compile(r"\s?(?:items in cart)", re.IGNORECASE)),
    ("read_more", re.compile(r"\s?(?:read more...)$", re.IGNORECASE)),
    ("sign_in", re.compile(r"^(?:sign-in)\s?", re.IGNORECASE)),
)
MAY_BE_EDITED = r"(?i)items in cart|read more|sign-in"
BLANK_LINE, MAX_UPPERCASE = "blank_line", 0.5
CUTS = {"document": pl.UInt32, "first": pl.Int64, "end": pl.Int64, "reason": pl.String, "lines": pl.Int32}
CHANGED = {"number": pl.get_index_type(), "edited": pl.String, "emptied_by": pl.String}


@dataclass(frozen=True)
class Edited:
    """What the edits find in the texts of a slice.

    ``judged``: ``document`` and ``text``, the pages without addresses and runs of blank lines, as they are judged.
    ``lines``: a row a line of ``judged``, in order: ``document``, ``line``, ``reason`` (null where the line stays) and
    ``left``, the line as it stays (null where it goes).
    ``cuts``: ``document``, ``start``, ``end`` (code points of the text as it came), ``lines``, ``reason``; ascending.
    """

    judged: pl.DataFrame
    lines: pl.DataFrame
    cuts: pl.DataFrame


def edit_lines(texts: pa.Array) -> Edited:
    """Judge every line of ``texts`` (Arrow strings in one chunk, no nulls)."""
    came = frame(texts)
    addresses = web_addresses(came)
    lines = split(_without(came, addresses), pl.col("text"))
    length = pl.col("line").str.len_chars().cast(pl.Int64)
    lines = lines.with_row_index("number").with_columns(
        first=(length + 1).cum_sum().over("document") - length - 1,
        end=(length + 1).cum_sum().over("document"),
        reason=_reason(length),
    )
    changed, parts = _edit(lines.filter(pl.col("reason").is_null()))
    lines = lines.join(changed, on="number", how="left", maintain_order="left").with_columns(
        reason=pl.coalesce("reason", "emptied_by")
    )
    whole = lines.filter(pl.col("reason").is_not_null()).select(
        "document", "first", "end", "reason", lines=pl.lit(1, pl.Int32)
    )
    stays = pl.when(pl.col("reason").is_null()).then(pl.coalesce("edited", "line"))
    judged = lines.filter(pl.col("reason").ne_missing(BLANK_LINE)).group_by("document", maintain_order=True)
    return Edited(
        judged=judged.agg(text=pl.col("line").str.join("\n")),
        lines=lines.select("document", "line", "reason", left=stays),
        cuts=_as_it_came(pl.concat([whole, parts.select(whole.columns)]), addresses, came),
    )


def _without(texts: pl.DataFrame, addresses: pl.DataFrame) -> pl.DataFrame:
    """``texts`` without the spans of ``addresses``."""
    spans = addresses.group_by("document").agg(pl.struct("start", "end"))
    found = texts.join(spans, on="document")
    bare = [
        (document, without(text, _merged([(span["start"], span["end"]) for span in struct])))
        for document, text, struct in found.iter_rows()
    ]
    changed = pl.DataFrame(bare, schema={"document": pl.UInt32, "bare": pl.String}, orient="row")
    joined = texts.join(changed, on="document", how="left", maintain_order="left")
    return joined.select("document", text=pl.coalesce("bare", "text"))


def _reason(length: pl.Expr) -> pl.Expr:
    """Why a line goes as a whole; null where it stays or is only edited."""
    line = pl.col("line")
    blank = (line == "") & (line.shift(1).over("document") == "").fill_null(False)
    return (
        pl.when(blank)
        .then(pl.lit(BLANK_LINE))
        .when((line != "") & (line.str.count_matches(r"\p{Uppercase}") / length > MAX_UPPERCASE))
        .then(pl.lit("uppercase"))
        .when(line.str.contains(f"^[{DIGITS}]+$"))
        .then(pl.lit("numeric"))
        .when(line.str.to_lowercase().str.contains(COUNTER))
        .then(pl.lit("counter"))
        .when((line != "") & (line.str.count_matches(WORD) < SHORT_LINE_WORDS))
        .then(pl.lit("short_line"))
    )


def _edit(lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the substring edits make of ``lines``: by ``number`` the line ``edited`` and what ``emptied_by``, and the
    spans that go from the lines that stay. A loop over the few lines that hold one of the phrases."""
    short = pl.col("line").str.count_matches(WORD) <= EDITED_LINE_WORDS
    changed: list[tuple[int, str, str | None]] = []
    parts: list[tuple[int, int, int, str, int]] = []
    for number, document, first, line in (
        lines.filter(pl.col("line").str.contains(MAY_BE_EDITED), short)
        .select("number", "document", "first", "line")
        .iter_rows()
    ):
        edited, emptied_by, gone = _edited(line)
        changed.append((number, edited, emptied_by))
        if emptied_by is None:
            parts += [(document, first + start, first + end, reason, 0) for start, end, reason in gone]
    return pl.DataFrame(changed, schema=CHANGED, orient="row"), pl.DataFrame(parts, schema=CUTS, orient="row")


def _edited(line: str) -> tuple[str, str | None, list[tuple[int, int, str]]]:
    """The line after the three edits, which edit emptied it, and the removed spans, in places of the line."""
    places = list(range(len(line)))  # of the characters that are left
    gone = []
    for reason, phrase in EDITS:
        left = "".join(line[place] for place in places)
        if len(left.split()) > EDITED_LINE_WORDS:
            continue
        found = [match.span() for match in phrase.finditer(left) if match.end() > match.start()]
        gone += [(places[start], places[end - 1] + 1, reason) for start, end in found]
        for start, end in reversed(found):
            del places[start:end]
        if not "".join(line[place] for place in places).strip():
            return "", reason, gone
    return "".join(line[place] for place in places), None, gone


def _as_it_came(cuts: pl.DataFrame, addresses: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """``cuts``, in places of the texts without addresses, and the addresses, both in places of the texts as they came.

    Nothing reaches past the end of its text (the last line has no line feed), and nothing is empty.
    """
    merged = pl.DataFrame(
        [
            (document, start, end)
            for (document,), found in addresses.group_by("document", maintain_order=True)
            for start, end in _merged(found.select("start", "end").rows())
        ],
        schema={"document": pl.UInt32, "from": pl.Int64, "to": pl.Int64},
        orient="row",
    )
    size = pl.col("to") - pl.col("from")
    gone = merged.with_columns(
        at=pl.col("from") - size.cum_sum().over("document") + size, before=size.cum_sum().over("document")
    ).sort("at")

    def moved(place: pl.Expr, name: str) -> pl.DataFrame:
        at = cuts.with_row_index("cut").select("cut", "document", at=place).sort("at")
        joined = at.join_asof(
            gone.select("document", "at", "before"), on="at", by="document", strategy="backward", check_sortedness=False
        )
        return joined.select("cut", (pl.col("at") + pl.col("before").fill_null(0)).alias(name))

    lengths = texts.select("document", chars=pl.col("text").str.len_chars().cast(pl.Int64))
    placed = (
        cuts.with_row_index("cut")
        .join(moved(pl.col("first"), "start"), on="cut")
        .join(moved(pl.col("end") - 1, "last"), on="cut")
        .join(lengths, on="document")
        .select("document", "start", pl.min_horizontal(pl.col("last") + 1, "chars").alias("end"), "lines", "reason")
    )
    whole = addresses.select("document", "start", "end", "reason", lines=pl.lit(0, pl.Int32)).select(placed.columns)
    return pl.concat([placed, whole]).filter(pl.col("end") > pl.col("start")).sort("document", "start", "end", "reason")


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending spans without overlaps."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
