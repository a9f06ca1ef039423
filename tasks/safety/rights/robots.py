"""What a site's robots.txt says of one address: rules for agents that train models, Content-Usage, Content Signals.

Whether an agent may fetch is decided by protego (RFC 9309: longest match, ``*`` and ``$``). protego does not tell
which line decided, and it does not know the two newer lines, so groups are also read here, each line with its text.
A file counts to 500 KiB, as RFC 9309 has it (section 2.5). A rule that names an agent of
:data:`gristmill.tasks.safety.rights.agents.AI_AGENTS` is one source; rules for everybody (``*``) are another, because
they are older than the question and a policy may want to weigh them otherwise.

Cost: a pass over the file once a site, then some microseconds an address. No expression repeats inside a repetition.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from protego import Protego

from gristmill.tasks.safety.rights.agents import LOWER
from gristmill.tasks.safety.rights.preferences import content_signal, content_usage
from gristmill.tasks.safety.rights.statement import RightsSource, Statement, statement

MOST_BYTES = 500 * 1024
EVERYBODY = "*"
UNNAMED = "an-agent-that-no-site-names"
LINE = re.compile(r"[ \t]*([A-Za-z][A-Za-z -]{0,30}?)[ \t]*:(.*)")
PRODUCT = re.compile(r"[A-Za-z0-9_.-]+")
VERSION = re.compile(r"(?im)^([ \t]*user-?agent[ \t]*:[ \t]*[A-Za-z0-9_.-]+)/[^\r\n]*")


@dataclass(frozen=True, slots=True)
class RobotsLine:
    """A rule: ``field`` in small letters, ``value`` without comment, ``text`` as it stands, ``group`` the agents'
    lines above it."""

    field: str
    value: str
    text: str
    group: str


@dataclass(frozen=True)
class Robots:
    """A robots.txt. ``rules``: by product token in small letters, or ``*``."""

    decides: Protego
    rules: dict[str, list[RobotsLine]]

    @classmethod
    def read(cls, content: bytes) -> "Robots":
        """The file with these bytes; what is not a rule is passed over."""
        text = content[:MOST_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
        return cls(Protego.parse(VERSION.sub(r"\1", text)), _groups(text))

    def statements(self, url: str) -> Iterator[Statement]:
        """What it says of training on the page at ``url``."""
        path = path_of(url)
        named = [agent for agent in self.rules if agent in LOWER]
        for agent in named:
            yield from self._access(url, path, agent, LOWER[agent], RightsSource.ROBOTS_AI)
        if EVERYBODY in self.rules:
            yield from self._access(url, path, EVERYBODY, UNNAMED, RightsSource.ROBOTS_ALL)
        for agent in (*named, EVERYBODY):
            yield from self._preferences(path, agent, "content-usage", content_usage, RightsSource.ROBOTS_USAGE)
            yield from self._preferences(path, agent, "content-signal", content_signal, RightsSource.ROBOTS_SIGNAL)

    def _access(self, url: str, path: str, agent: str, name: str, source: RightsSource) -> Iterator[Statement]:
        if self.decides.can_fetch(url, name):
            return
        forbids = [line for line in self.rules[agent] if "allow" in line.field and matches(line.value, path)]
        longest = max(
            (line for line in forbids if line.field != "allow"), key=lambda line: len(line.value), default=None
        )
        yield statement(source, False, f"{longest.group} {longest.text}" if longest else f"User-agent: {name}")

    def _preferences(
        self, path: str, agent: str, field: str, meaning: Callable[[str], bool | None], source: RightsSource
    ) -> Iterator[Statement]:
        """The lines with the longest path that holds ``path``; several of one length all count."""
        found: list[tuple[int, RobotsLine, bool | None]] = []
        for line in self.rules.get(agent, ()):
            if line.field == field:
                where, preference = _split(line.value)
                if matches(where or "/", path):
                    found.append((len(where.encode("utf-8")), line, meaning(preference)))
        longest = max((length for length, _, _ in found), default=0)
        for length, line, allows in found:
            if length == longest and allows is not None:
                yield statement(source, allows, f"{line.group} {line.text}")


def path_of(url: str) -> str:
    """Path and query of an address as rules are matched with it; ``/`` for one without."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "/"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{path}?{parts.query}" if parts.query else path


def matches(pattern: str, path: str) -> bool:
    """Whether a rule's path matches (RFC 9309, section 2.2.3): from the start, ``*`` for anything, ``$`` at the end."""
    if not pattern:
        return False
    ends = pattern.endswith("$")
    first, *rest = (pattern[:-1] if ends else pattern).split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    if not rest:
        return not ends or place == len(path)
    for number, part in enumerate(rest):
        if ends and number == len(rest) - 1:
            return len(path) - len(part) >= place and path.endswith(part)
        place = path.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def _split(value: str) -> tuple[str, str]:
    """The path of a Content-Usage line, empty if it has none, and its preference."""
    if not value.startswith("/"):
        return "", value
    path, *rest = value.split(None, 1)
    return path, rest[0] if rest else ""


def _groups(text: str) -> dict[str, list[RobotsLine]]:
    rules: dict[str, list[RobotsLine]] = {}
    agents: list[str] = []
    heads: list[str] = []
    in_rules = False
    for raw in re.split("[\r\n]+", text):
        found = LINE.match(raw.partition("#")[0])
        if found is None:
            continue
        field, value, shown = found[1].lower().replace(" ", "-"), found[2].strip(), raw.strip()
        if field in ("user-agent", "useragent"):
            if in_rules:
                agents, heads, in_rules = [], [], False
            product = PRODUCT.match(value)
            agents.append(EVERYBODY if value.startswith(EVERYBODY) else product.group().lower() if product else "")
            heads.append(shown)
            for agent in agents:
                rules.setdefault(agent, [])
        elif field not in ("sitemap", "host"):
            in_rules = True
            group = "; ".join(heads[:3]) + ";" if heads else ""
            line = RobotsLine("disallow" if "allow" in field and field != "allow" else field, value, shown, group)
            for agent in agents or [EVERYBODY] if field.startswith("content-") else agents:
                rules.setdefault(agent, []).append(line)
    return rules
