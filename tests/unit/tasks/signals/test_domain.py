"""Domains: typical texts, the order of the thresholds, addresses that overrule."""

import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.tables import SignalsDomain
from gristmill.tasks.signals.domain import DomainConfig
from gristmill.tasks.signals.heuristics import WRITES, HeuristicsConfig, heuristics
from tests.helpers.plain_signals import documents_of, signal_rows

PYTHON = '''import os


class Box:
    """A box."""

    def __init__(self, width: int) -> None:
        self.width = width

    def area(self):
        if self.width:
            return self.width ** 2
        return None
'''
JAVASCRIPT = "const a = 1;\nfunction f(x) {\n  return x;\n}\n\nmodule.exports = { f, a };\n"
MANUAL = """shutil.copy(src, dst, *, follow_symlinks=True)

Copies the file src to the file or directory dst.

Parameters

src : str

The file to copy.

Raises

SameFileError

>>> shutil.copy('a', 'b')
'b'
"""
MATHEMATICS = """The determinant of a matrix is the product of its eigenvalues. Let $A$ be a symmetric matrix; by the
spectral theorem its eigenvectors are orthogonal, and the quadratic equation has two real solutions."""
PROSE = """Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse, and
nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of the world.
It is a way I have of driving off the spleen and regulating the circulation."""


def domains(texts: list[str], config: DomainConfig | None = None, urls: list[str | None] | None = None) -> list[str]:
    tables = heuristics.function(documents_of(texts, urls), HeuristicsConfig(domain=config or DomainConfig()))
    return tables[WRITES.index(SignalsDomain)].column("domain").to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PYTHON, "code"),
        (JAVASCRIPT, "code"),
        (MANUAL, "documentation"),
        (MATHEMATICS, "mathematics"),
        (PROSE, "prose"),
        ("", "prose"),
        ("\n \n", "prose"),
    ],
)
def test_typical_texts(text: str, expected: str) -> None:
    assert domains([text]) == [expected]


def test_ratios_by_hand() -> None:
    text = "x = 1\n\nprint the matrix\nSee Also\n"  # 3 lines: an assignment, prose, a heading; 7 words
    [row] = signal_rows(SignalsDomain, [text])
    assert row["code_line_ratio"] == 1 / 3
    assert row["reference_line_ratio"] == 1 / 3
    assert row["math_token_ratio"] == 1 / 7  # x 1 print the matrix See Also are words; = is a symbol


def test_thresholds_are_tried_in_order_and_reached_when_equal() -> None:
    text = "x = 1\nfoo(matrix)\n"  # code 1/2, mathematics 1/2 of the words x 1 foo(matrix, documentation 1/2
    assert domains([text], DomainConfig(code_line_ratio=0.5)) == ["code"]
    assert domains([text], DomainConfig(code_line_ratio=0.51)) == ["mathematics"]
    assert domains([text], DomainConfig(code_line_ratio=2, math_token_ratio=2)) == ["documentation"]
    assert domains([text], DomainConfig(code_line_ratio=2, math_token_ratio=2, reference_line_ratio=2)) == ["prose"]


def test_addresses_overrule_only_where_they_match() -> None:
    config = DomainConfig(url_patterns=((r"/src/", "code"), (r"/src/|/doc/", "documentation")))
    urls = ["http://a/src/x", "http://a/doc/x", "http://a/x", None]
    assert domains([PROSE] * 4, config, urls) == ["code", "documentation", "prose", "prose"]


@pytest.mark.parametrize(
    ("pattern", "message"), [(("x", "poetry"), "'poetry' is not a domain"), (("(", "code"), "not a regular expression")]
)
def test_impossible_patterns_are_refused(pattern: tuple[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DomainConfig.parse({"url_patterns": [pattern]}, "config")
