"""What robots.txt says of one page: grammar, groups, wildcards, and what decides."""

import pytest
from protego import Protego

from gristmill.tasks.safety.rights.robots import MOST_BYTES, Robots, matches
from gristmill.tasks.safety.rights.statement import combined

PAGE = "https://site.org/a/page.html"


def said(text: str, url: str = PAGE) -> list[tuple[str, bool, str]]:
    found = Robots.read(text.encode()).statements(url)
    return [(each.source.value, each.allows, each.line) for each in found]


def test_a_rule_for_an_agent_that_trains() -> None:
    assert said("User-agent: GPTBot\nDisallow: /\n") == [
        ("robots.txt:ai-agents", False, "User-agent: GPTBot; Disallow: /")
    ]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("User-agent: *\nDisallow: /\n", ["robots.txt:all-agents"]),
        ("User-agent: *\nDisallow:\n", []),
        ("User-agent: Googlebot\nDisallow: /\n", []),
        ("User-agent: ChatGPT-User\nDisallow: /\n", []),  # fetches for a person
        ("user-AGENT :gptbot # comment\nDISALLOW : / # all\n", ["robots.txt:ai-agents"]),
        ("User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n", ["robots.txt:ai-agents"] * 2),
        ("User-agent: GPTBot\nDisallow: /b/\n", []),
        ("User-agent: GPTBot\nDisallow: /\nAllow: /a/\n", []),
        ("User-agent: GPTBot\nAllow: /\nDisallow: /a/\n", ["robots.txt:ai-agents"]),
        ("User-agent: GPTBot\nDisallow: /*.html$\n", ["robots.txt:ai-agents"]),
        ("User-agent: GPTBot\nDisallow: /*.htm$\n", []),
        ("User-agent: GPTBot/1.1\nDisallow: /\n", ["robots.txt:ai-agents"]),
        ("User-agent: GPTBot\n\n\nDisallow: /\n", ["robots.txt:ai-agents"]),  # a blank line ends no group
        ("User-agent: GPTBot\rDisallow: /\r", ["robots.txt:ai-agents"]),
        ("\ufeffUser-agent: GPTBot\nDisallow: /\n", ["robots.txt:ai-agents"]),
        ("User-agent: GPTBot\nSitemap: /s.xml\nDisallow: /\n", ["robots.txt:ai-agents"]),
        # two groups of one agent are one group
        ("User-agent: CCBot\nDisallow: /x\n\nUser-agent: CCBot\nDisallow: /a\n", ["robots.txt:ai-agents"]),
        # its own group takes an agent out of that for everybody
        ("User-agent: *\nDisallow: /\nUser-agent: GPTBot\nAllow: /\n", ["robots.txt:all-agents"]),
        ("Disallow: /\n", []),
        ("<html><body>404</body></html>", []),
        ("", []),
    ],
)
def test_access(text: str, sources: list[str]) -> None:
    assert [source for source, _, _ in said(text)] == sources


def test_the_line_is_the_longest_that_forbids() -> None:
    text = "User-agent: CCBot\nUser-agent: GPTBot\nDisallow: /\nDisallow: /a/ # drafts\n"
    assert said(text)[0][2] == "User-agent: CCBot; User-agent: GPTBot; Disallow: /a/ # drafts"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("User-Agent: *\nAllow: /\nContent-Usage: train-ai=n\n", [False]),
        ("User-Agent: *\nContent-Usage: train-ai=n\nContent-Usage: /a/ train-ai=y\n", [True]),
        ("User-Agent: *\nContent-Usage: /b/ train-ai=n\n", []),
        ("User-Agent: *\nContent-Usage: / train-ai=y\nContent-Usage: / train-ai=n\n", [True, False]),
        ("User-Agent: *\nContent-Usage: TRAIN-AI=N\n", []),
        ("User-Agent: *\ncontent-usage\t:\ttrain-ai=n # no\n", [False]),
        ("User-Agent: GPTBot\nContent-Usage: train-ai=n\n", [False]),
        ("User-Agent: Googlebot\nContent-Usage: train-ai=n\n", []),
        ("Content-Usage: train-ai=n\n", [False]),  # before any group: for everybody
    ],
)
def test_content_usage(text: str, found: list[bool]) -> None:
    assert [allows for source, allows, _ in said(text) if source == "robots.txt:content-usage"] == found


def test_content_signal_with_its_line() -> None:
    text = "User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /\n"
    assert said(text) == [
        ("robots.txt:content-signal", False, "User-agent: *; Content-Signal: search=yes, ai-train=no")
    ]


def test_contradictions_end_with_the_most_restrictive() -> None:
    text = "User-agent: *\nContent-Usage: train-ai=y\nContent-Signal: ai-train=no\n"
    decision = combined(Robots.read(text.encode()).statements(PAGE))
    assert decision.reserved
    assert decision.sources == ("robots.txt:content-signal",)


def test_a_path_in_chinese() -> None:
    text = "User-agent: GPTBot\nDisallow: /%E6%96%87/\n"
    assert said(text, "https://site.cn/文/页")
    assert said(text, "https://site.cn/%E6%96%87/")
    assert not said(text, "https://site.cn/其他/")
    usage = "User-agent: *\nContent-Usage: /%E6%96%87/ train-ai=n\n"
    assert said(usage, "https://site.cn/文/页")
    assert not said(usage, "https://site.cn/其他/")


@pytest.mark.parametrize(
    "pattern", ["/", "/a", "/a/*", "/*b", "/*b$", "/a$", "/a/b$", "*", "/a*b*c", "", "/**b", "/*$", "/a/b?x", "/a/*b$"]
)
def test_matching_is_that_of_protego(pattern: str) -> None:
    robots = Protego.parse(f"User-agent: *\nDisallow: {pattern}\n")
    for path in ("/", "/a", "/a/", "/a/b", "/b", "/a/b/c", "/ab", "/a/b?x", "/a/b?x=1", "/abc", "/a/bb"):
        assert matches(pattern, path) is not robots.can_fetch(f"https://site.org{path}", "x"), path


def test_a_file_counts_to_500_kib() -> None:
    late = b"#" * MOST_BYTES + b"\nUser-agent: GPTBot\nDisallow: /\n"
    assert list(Robots.read(late).statements(PAGE)) == []


def test_hostile_patterns_take_linear_time() -> None:
    text = "User-agent: GPTBot\n" + f"Disallow: /{'*a' * 2000}b$\n" * 100
    assert said(text, "https://site.org/" + "a" * 20_000) == []
