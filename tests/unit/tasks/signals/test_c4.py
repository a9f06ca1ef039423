"""C4: what its line rules leave, and what is found there."""

import pyarrow as pa
import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.tables import SignalsC4, SignalsC4Paper, SignalsC4Tfds
from gristmill.tasks.signals.c4 import LINEAGES, C4Config, citation_spans, judge_lines
from tests.helpers.plain_signals import signal_rows


def rows(*texts: str, config: C4Config | None = None) -> list[dict[str, int | bool]]:
    return signal_rows(SignalsC4, texts, c4=config or C4Config())


def test_every_column_by_hand() -> None:
    text = (
        "Two words\n"  # too few words: not looked at
        "One sentence here. And a second one!\n"  # 2
        "This site needs JavaScript to run. It does.\n"  # a JavaScript line
        "  By using it you accept our Terms of Use and more.\n"  # a policy line
        "See the note [12] about it.[citation needed]\n"  # 1
        "No mark at the end\n"  # 1
    )
    assert rows(text) == [
        {"sentences": 4, "lorem_ipsum": False, "curly_bracket": False, "javascript_lines": 1, "policy_lines": 1}
    ]


def test_terminal_punctuation_when_asked_for() -> None:
    text = 'It ends with a stop.\nIt ends with nothing\nIt just goes on...\nHe said "so it goes"\nWhy is that so;'
    assert rows(text)[0]["sentences"] == 5
    assert rows(text, config=C4Config(terminal_punctuation=True))[0]["sentences"] == 2


@pytest.mark.parametrize(
    ("line", "lorem", "curly"),
    [
        ("Lorem Ipsum dolor sit", True, False),
        ("lorem ipsum", False, False),  # two words: C4 has dropped the line before it looks
        ("if (x) { return", False, True),
        ("}{", False, False),
        ("javascript: function f() { }", False, False),  # dropped as a JavaScript line before
        ("lorem ipsum { javascript", True, False),  # lorem ipsum is looked for first
    ],
)
def test_order_of_the_rules(line: str, lorem: bool, curly: bool) -> None:
    [row] = rows(line)
    assert (row["lorem_ipsum"], row["curly_bracket"]) == (lorem, curly)


def test_a_long_word_drops_its_line() -> None:
    long, longest = f"a b {'x' * 1001} {{", f"a b {'x' * 1000} {{"
    assert [row["curly_bracket"] for row in rows(long, longest)] == [False, True]
    assert rows("aaaa bb c {", config=C4Config(max_word_length=3))[0]["curly_bracket"] is False


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("Just one sentence here", 1),
        ("First one. Second one? Third one!", 3),
        ('He said "No." Then he left.', 2),
        ("Dr. Smith met Mr. Jones, e.g. in Jan. or so.", 1),
        ("A number 3.14 and example.org stay whole.", 1),
        ("Wait... what is this?", 1),  # an ellipsis is one token, and no mark of spaCy's list
        ("这是第一句。 这是第二句！ 这是第三句？", 3),
        ("Really?! Yes. . . maybe so.", 3),
        ("J. R. Smith wrote it.", 1),
        ("One more.  ) And white space is a token", 2),
        ("The mark[1] goes. [2] And then", 2),
        ("It ends.  [3]", 2),  # the white space that the mark leaves is a token after the full stop
    ],
)
def test_sentences_of_a_line(line: str, sentences: int) -> None:
    assert rows("one two " + line)[0]["sentences"] == sentences


def test_nothing() -> None:
    expected = {"sentences": 0, "lorem_ipsum": False, "curly_bracket": False, "javascript_lines": 0, "policy_lines": 0}
    assert rows("", "\n\n", " ") == [expected] * 3


def test_policy_phrases_are_no_expressions() -> None:
    config = C4Config(policy_phrases=("a.c (x",))
    assert [row["policy_lines"] for row in rows("we say abc (x) now", "we say A.C (X) now", config=config)] == [0, 1]


@pytest.mark.parametrize(
    ("settings", "message"), [({"policy_phrases": ["ü"]}, "a phrase of ASCII"), ({"end_marks": [".."]}, "a single")]
)
def test_impossible_settings_are_refused(settings: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        C4Config.parse(settings, "config")


def test_lineages_differ_in_marks_and_words() -> None:
    text = "Only four words here.\nIt is said 'so it goes'\nNo mark at the end of it\nOne [1] two [2] three [3].\n"
    assert rows(text)[0]["sentences"] == 4
    assert signal_rows(SignalsC4Paper, [text])[0]["sentences"] == 3
    assert signal_rows(SignalsC4Tfds, [text])[0]["sentences"] == 0


def reasons(text: str, lineage: str) -> list[str | None]:
    return judge_lines(pa.array([text]), LINEAGES[lineage]).column("reason").to_pylist()


def test_why_lines_are_dropped() -> None:
    lines = [
        f"a b {'x' * 1001}",
        "javascript is on",
        "see our Cookie Policy.",
        "two words",
        "",
        "Lorem ipsum { javascript",
        "It stays as it is [1]",
        "It stays as it is.",
    ]
    assert reasons("\n".join(lines), "c4@fineweb") == (
        ["long_word", "javascript", "policy", "too_few_words", "too_few_words", None, None, None]
    )
    unended = "no_terminal_punctuation"
    assert reasons("\n".join(lines), "c4@paper") == (
        ["long_word", unended, "policy", unended, unended, unended, unended, None]
    )
    assert reasons("\n".join(lines), "c4@tfds") == (
        ["long_word", unended, "too_few_words", unended, unended, unended, unended, None]
    )


def test_places_of_lines_and_citation_marks_are_code_points() -> None:
    texts = pa.array(["é\r\n  日本 [١٢] ö \u2028", "", "[edit][citation needed][a][]"])
    lines = judge_lines(texts, LINEAGES["c4@fineweb"]).drop_columns("reason").to_pylist()
    assert lines == [
        {"row": 0, "start": 0, "end": 1, "line_start": 0, "line_end": 1, "next": 3},
        {"row": 0, "start": 5, "end": 14, "line_start": 3, "line_end": 15, "next": 16},
        {"row": 2, "start": 0, "end": 28, "line_start": 0, "line_end": 28, "next": 28},
    ]
    assert citation_spans(texts).to_pylist() == [
        {"row": 0, "start": 8, "end": 12},
        {"row": 2, "start": 0, "end": 6},
        {"row": 2, "start": 6, "end": 23},
        {"row": 2, "start": 26, "end": 28},
    ]


def test_no_texts_have_no_lines() -> None:
    assert judge_lines(pa.array([], pa.string()), C4Config()).num_rows == 0
    assert citation_spans(pa.array([""])).num_rows == 0
