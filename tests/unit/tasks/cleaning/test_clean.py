"""Line cleaning: cuts with their reasons, one verdict a document, and what is left equals what the lineage leaves."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.digests import digest_text
from gristmill.core.table import conform
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Cuts, Redacted, Redactions, Verdicts
from gristmill.tasks.cleaning.c4_cuts import c4_cuts
from gristmill.tasks.cleaning.clean import RULE, CleanConfig, clean, count_cuts
from gristmill.tasks.cleaning.redact import RedactConfig, redact
from gristmill.tasks.filtering.decide import kept_by
from gristmill.tasks.filtering.policy import Policy
from gristmill.tasks.text.editing import edit_texts, listed
from tests.helpers.ledger_rows import all_kept, documents_of, signals_of, table_of

RULES = [{"name": "words", "signal": "gopher_quality.words", "min": 1}]
TEXTS = {
    "page": "Menu\nThe mill stands by the river [12] in town.\n\n\nMENU OF THE DAY\n3 likes\nThe miller is Ann [edit].",
    "empty": "LOUD\nWORDS",
    "gone": "LOUD",
    "plain": "The mill stands by the river.",
}


def policy(lineage: str, **more: Any) -> Policy:
    values = {"name": "test", "lineage": "test", "quality": "gopher_quality.words", "rules": RULES, "clean": lineage}
    return Policy.parse(values | more, "test")


def run(
    judge: Policy, cuts: list[dict[str, Any]] | None = None, languages: dict[str, str] | None = None
) -> tuple[dict[str, list[tuple[str, str, int]]], dict[str, dict[str, Any]], dict[str, str]]:
    """Cuts (what goes, reason, lines) and ledger row by name, and the text that is left after redaction."""
    documents = documents_of(TEXTS)
    names = {digest_text(name): name for name in TEXTS}
    order = [names[doc_id] for doc_id in documents["doc_id"].to_pylist()]
    signals = signals_of(documents, {"language.language": [(languages or {}).get(name, "en") for name in order]})
    stays = documents.filter(pa.array([name != "gone" for name in order]))
    verdicts = pa.concat_tables([all_kept(documents), all_kept(stays, "deduplicate")])
    earlier = table_of(Cuts, cuts or [])
    found, judged = clean.function(documents, verdicts, earlier, signals, CleanConfig(policy=judge))
    by_name: dict[str, list[tuple[str, str, int]]] = {name: [] for name in TEXTS}
    for row in conform(Cuts, found).to_pylist():
        name = names[row["doc_id"]]
        by_name[name].append((TEXTS[name][row["start"] : row["end"]], row["reason"], row["lines"]))
    ledger = {names[row["doc_id"]]: row for row in conform(Verdicts, judged).to_pylist()}
    left = kept_by(judged, StageName.CLEAN, documents)
    redacted = redact.function(
        documents,
        pa.concat_tables([verdicts, judged, all_kept(left, StageName.REVIEW)]),
        Redactions.schema.empty_table(),
        pa.concat_tables([found, earlier]),
        RedactConfig(),
    )
    texts = {names[row["doc_id"]]: row["text"] for row in conform(Redacted, redacted).to_pylist()}
    return by_name, ledger, texts


def test_refinedweb_cuts_lines_by_reason_and_a_document_of_which_nothing_is_left_fails() -> None:
    cuts, ledger, texts = run(policy("refinedweb"))
    assert cuts["page"] == [
        ("Menu\n", "short_line", 1),
        ("\n", "blank_line", 1),
        ("MENU OF THE DAY\n", "uppercase", 1),
        ("3 likes\n", "counter", 1),
    ]
    assert texts == {
        "page": "The mill stands by the river [12] in town.\n\nThe miller is Ann [edit].",
        "plain": TEXTS["plain"],
    }
    assert {name: row["kept"] for name, row in ledger.items()} == {"page": True, "plain": True, "empty": False}
    failed = ledger["empty"]
    assert (failed["stage"], failed["rule"], failed["value"], failed["threshold"]) == (StageName.CLEAN, RULE, 0, ">= 1")


CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
POLICY_PHRASES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
WIKI = [
    "The mill [12] stands by the river in town.",
    "  It was built in 1850 [citation needed] by Sara.  ",
    "two words",
    "",
    "JavaScript must be on here to read.",
    "See our cookie policy for more on that.",
    "[1] [2] [3]",
    "No end mark in this line",
    "It ends in dots, and then ...",
    f"A word of {'x' * 1001} letters is too long.",
    "谷物 在 两块 石头 之间 磨成 面粉。",
    'He said "yes, of course" [edit]',
]


def c4_by_hand(text: str, *, terminal: str, least: int, counted_after: bool) -> str:
    """The text that datatrove's (or TFDS's) C4 loop leaves, document rules aside."""
    kept = []
    for line in text.splitlines():
        line = line.strip()
        words = line.split()
        if any(len(word) > 1000 for word in words):
            continue
        line = CITATION.sub("", line)
        if terminal and (not line.endswith(tuple(terminal)) or line.endswith("...")):
            continue
        if len(line.split() if counted_after else words) < least:
            continue
        if "javascript" in line.lower() or any(phrase in line.lower() for phrase in POLICY_PHRASES):
            continue
        kept.append(line)
    return "\n".join(kept).strip()


@pytest.mark.parametrize(
    ("lineage", "rules"),
    [
        ("c4@fineweb", {"terminal": "", "least": 3, "counted_after": False}),
        ("c4@paper", {"terminal": ".?!\"'", "least": 3, "counted_after": False}),
        ("c4@tfds", {"terminal": '.?!"', "least": 5, "counted_after": True}),
    ],
)
def test_c4_leaves_what_its_own_loop_leaves(lineage: str, rules: dict[str, Any]) -> None:
    texts = ["\n".join(WIKI), "\n".join(reversed(WIKI)), "", "Menu", "\n\n".join(WIKI[:3]), *WIKI]
    ids = pa.array([str(number) for number in range(len(texts))])
    cuts = c4_cuts(pa.array(texts, pa.string()), lineage)
    named = cuts.with_columns(doc_id=pl.col("document").cast(pl.String)).to_arrow()
    left = edit_texts(ids, pa.array(texts, pa.string()), Redactions.schema.empty_table(), named, listed({}))[
        "text"
    ].to_list()
    for text, found in zip(texts, left, strict=True):
        assert found == c4_by_hand(text, **rules)


def test_c4_names_its_reasons() -> None:
    text = "\n".join(WIKI)
    cuts = c4_cuts(pa.array([text]), "c4@paper")
    reasons = {
        (text[start:end].strip("\n"), reason) for start, end, reason in cuts.select("start", "end", "reason").rows()
    }
    assert {
        ("[12]", "citation"),
        ("  ", "white_space"),
        ("two words", "no_terminal_punctuation"),
        ("", "blank_line"),
        ("JavaScript must be on here to read.", "javascript"),
        ("See our cookie policy for more on that.", "policy"),
        ("It ends in dots, and then ...", "no_terminal_punctuation"),
    } <= reasons
    assert cuts.filter(reason="long_word").height == 1
    assert set(cuts.filter(pl.col("lines") == 0)["reason"]) == {"citation", "white_space"}


def test_without_cleaning_only_the_cuts_of_earlier_steps_count() -> None:
    line = {"doc_id": digest_text("plain"), "start": 0, "end": 29, "lines": 1, "reason": "repeated_line"}
    cuts, ledger, texts = run(policy("none"), [line])
    assert not any(cuts.values())
    assert {name for name, row in ledger.items() if row["kept"]} == {"page", "empty"}
    assert texts == {"page": TEXTS["page"], "empty": TEXTS["empty"]}


def test_each_document_is_cleaned_as_the_policy_that_judged_it_says() -> None:
    case = {"signal": "language.language", "one_of": ["zh"], "policy": policy("none", name="zh").model_dump()}
    cuts, _, texts = run(policy("refinedweb", switch=[case]), languages={"page": "zh"})
    assert cuts["page"] == []
    assert texts["page"] == TEXTS["page"]
    assert cuts["empty"]


def test_cuts_are_counted_by_reason_and_those_inside_others_are_not(tmp_path: Path) -> None:
    rows = [
        {"doc_id": "a", "start": 0, "end": 10, "lines": 2, "reason": "short_line"},
        {"doc_id": "a", "start": 2, "end": 5, "lines": 0, "reason": "url"},
        {"doc_id": "b", "start": 2, "end": 5, "lines": 0, "reason": "url"},
    ]
    paths = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    pq.write_table(table_of(Cuts, rows), paths[0])
    pq.write_table(table_of(Cuts, rows[2:]), paths[1])
    assert count_cuts(paths) == {
        "short_line": {"cuts": 1, "lines": 2, "characters": 10},
        "url": {"cuts": 2, "lines": 0, "characters": 6},
    }
    assert count_cuts([]) == {}


def test_the_result_does_not_depend_on_slices() -> None:
    documents = documents_of({str(number): TEXTS["page"] + f"\nRow {number}" for number in range(50)})
    signals = signals_of(documents, {})
    verdicts = all_kept(documents, "deduplicate")
    none = Cuts.schema.empty_table()
    whole = clean.function(documents, verdicts, none, signals, CleanConfig(policy=policy("refinedweb")))
    half = [
        clean.function(documents.slice(first, 25), verdicts, none, signals, CleanConfig(policy=policy("refinedweb")))
        for first in (0, 25)
    ]
    assert pl.DataFrame(whole[0]).equals(pl.DataFrame(pa.concat_tables([half[0][0], half[1][0]])))
    assert len(whole[1]) == 50
