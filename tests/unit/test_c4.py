"""C4: what its line rules leave, and what is found there."""

import pytest

from schemas.signals import SignalsC4
from tasks.c4 import C4Config, c4
from tests.helpers.plain_signals import documents_of


def rows(*texts: str, config: C4Config | None = None) -> list[dict[str, int | bool]]:
    table = c4.function(documents_of(texts), config or C4Config())
    assert table.schema.equals(SignalsC4.schema)
    return table.drop_columns("doc_id").to_pylist()


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
        ("Wait... what is this?", 2),
        ("这是第一句。这是第二句！ 这是 第三句？", 3),
        ("Really?! Yes. . . maybe so.", 3),
        ("J. R. Smith wrote it.", 1),
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
