"""Values that allow or reserve training: Content-Usage, Content Signals, X-Robots-Tag, TDM-Reservation."""

import time

import pytest

from gristmill.tasks.safety.rights.preferences import (
    content_signal,
    content_usage,
    robots_directives,
    tdm_reservation,
)
from gristmill.tasks.safety.rights.statement import NO_STATEMENT, RightsSource, combined, statement
from gristmill.tasks.safety.rights.structured import dictionary


@pytest.mark.parametrize(
    ("value", "members"),
    [
        ("train-ai=n", {"train-ai": "n"}),
        ("  train-ai=n  ", {"train-ai": "n"}),
        ("train-ai=n , search=y", {"train-ai": "n", "search": "y"}),
        ("train-ai=n;why=rights;level=3, search", {"train-ai": "n", "search": None}),
        ('train-ai="n"', {"train-ai": None}),
        ("train-ai=?0", {"train-ai": None}),
        ("train-ai=(n y);x, search=y", {"train-ai": None, "search": "y"}),
        ("train-ai=y, train-ai=n", {"train-ai": "n"}),
        ('a=1.5, b=:aGk=:, c=@1659578233, d=%"f%c3%bc"', {"a": None, "b": None, "c": None, "d": None}),
        ("", {}),
    ],
)
def test_dictionary(value: str, members: dict[str, str | None]) -> None:
    assert dictionary(value) == members


@pytest.mark.parametrize(
    "value",
    [
        "Train-AI=n",
        "train-ai=n,",
        "train-ai=n search=y",
        "train-ai=",
        "=n",
        "train-ai=n;;x",
        'a="unclosed',
        "训练=n",
        "a=(n",
    ],
)
def test_what_is_not_a_dictionary_says_nothing(value: str) -> None:
    assert dictionary(value) is None
    assert content_usage(value) is None


@pytest.mark.parametrize(
    ("value", "allows"),
    [
        ("train-ai=n", False),
        ("train-ai=y", True),
        ("search=n", None),
        ("train-ai=no", None),
        ("train-ai=y, train-genai=n", False),  # the narrower category decides
        ("train-genai=y, train-ai=n", True),
        ("bots=n", False),  # a wider one, where no narrower is named
        ("bots=n, train-ai=y", True),
        ("ai=n", False),  # the label of an earlier draft
        ("train-ai=n, ai=y", False),
    ],
)
def test_content_usage(value: str, allows: bool | None) -> None:
    assert content_usage(value) is allows


@pytest.mark.parametrize(
    ("value", "allows"),
    [
        ("search=yes, ai-train=no", False),
        ("AI-Train=NO", False),
        ("ai-train = yes", True),
        ("search=yes,ai-input=no", None),
        ("ai-train=no, ai-train=yes", False),
        ("ai-train=maybe", None),
        ("train-ai=n", None),
        ("", None),
    ],
)
def test_content_signal(value: str, allows: bool | None) -> None:
    assert content_signal(value) is allows


@pytest.mark.parametrize(
    ("value", "directives"),
    [
        ("noai, noimageai", {"noai", "noimageai"}),
        ("NoAI", {"noai"}),
        ("GPTBot: noai", {"noai"}),
        ("googlebot: noai", set()),
        ("googlebot: noindex, GPTBot: noai, nofollow", {"noai", "nofollow"}),
        ("max-image-preview: large, noai", {"large", "noai", "max-image-preview:"}),
        ("unavailable_after: 25 Jun 2010 15:00:00 PST", None),
    ],
)
def test_robots_directives(value: str, directives: set[str] | None) -> None:
    found = robots_directives(value)
    assert "noai" not in found if directives is None else found == directives


def test_tdm_reservation() -> None:
    assert [tdm_reservation(value) for value in ("1", " 0 ", "2", "", "yes", "1, 0")] == [
        False,
        True,
        None,
        None,
        None,
        None,
    ]


def test_the_most_restrictive_wins_and_its_line_is_kept() -> None:
    yes = statement(RightsSource.CONTENT_USAGE, True, "Content-Usage: train-ai=y")
    no = statement(RightsSource.ROBOTS_AI, False, "User-agent: GPTBot;  Disallow: /\n")
    decision = combined([yes, no])
    assert (decision.reserved, decision.allowed) == (True, False)
    assert decision.decisive is not None
    assert decision.decisive.line == "User-agent: GPTBot; Disallow: /"
    assert decision.sources == (RightsSource.ROBOTS_AI,)
    assert combined([yes]).allowed
    assert not combined([yes]).reserved
    assert combined([]) == NO_STATEMENT


def test_evidence_is_the_nearest_to_the_page() -> None:
    given = [statement(source, False, source.value) for source in reversed(RightsSource)]
    decision = combined(given)
    assert decision.decisive is not None
    assert decision.decisive.source is RightsSource.CONTENT_USAGE
    assert decision.sources == tuple(RightsSource)


def test_ten_megabytes_of_header_are_read_in_linear_time() -> None:
    def seconds(count: int) -> float:
        value = "a=(" + '"x" ' * count
        noisy = "noai," * count + "GPTBot: " * count
        started = time.process_time()
        dictionary(value), content_signal(noisy), robots_directives(noisy), content_usage("a," * count)
        return time.process_time() - started

    small, large = max(seconds(50_000), 0.005), seconds(1_000_000)
    assert large < 200 * small  # linear is 20 times
