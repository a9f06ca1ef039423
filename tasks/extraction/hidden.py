"""What a web page hides from its readers, and how: one line for each passage, ``how<TAB>passage``.

Looked at are inline styles, the ``hidden`` and ``aria-hidden`` attributes, and rules of the page's own style sheets
with plain selectors; rules inside of ``@media`` and the like, states such as ``:hover``, linked style sheets and
scripts are not. So a passage named here may be shown after all (a menu that opens), and one that is not may be hidden.

``display``, ``visibility``, ``attribute``: not laid out. ``opacity``, ``size``: there and not to be seen. ``place``:
moved off the screen. ``clip``: cut to nothing, as text for screen readers is. ``colour``: the colour of its background.
``white``: white, without a background that the page names. ``aria``: kept from screen readers only.

It runs in the extraction worker, whose limits hold for hostile pages. Cost: parsing, about 1 ms a page.
"""

import html
import re
from collections.abc import Iterator

from resiliparse.parse.html import ElementNode, HTMLTree

MOVED = "(?:left|top|right|text-indent|margin-left|margin-top)"
NOTHING = r"(?<![-\w])(?:height|width)\s*:\s*[01](?:px)?\s*(?:[;!]|$)"
WAYS = (
    ("display", re.compile(r"display\s*:\s*none", re.I)),
    ("visibility", re.compile(r"visibility\s*:\s*(?:hidden|collapse)", re.I)),
    ("opacity", re.compile(r"(?<![-\w])opacity\s*:\s*(?:0*\.0+|0+)%?\s*(?:[;!]|$)", re.I)),
    ("size", re.compile(r"font-size\s*:\s*(?:0*\.\d+|0+|1)(?:px|pt)?\s*(?:[;!]|$)", re.I)),
    ("place", re.compile(MOVED + r"\s*:\s*-\d{3,5}(?:\.\d+)?(?:px|r?em|pt|%|vw)", re.I)),
    ("clip", re.compile(r"clip\s*:\s*rect\(\s*[01](?:px)?[\s,]", re.I)),
    ("clip", re.compile(r"clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)|scale\(\s*0\s*\)", re.I)),
    ("clip", re.compile(rf"(?=.*overflow\s*:\s*hidden)(?=.*{NOTHING})", re.I | re.S)),
)  # fmt: skip
COLOUR = re.compile(r"(?<![-\w])color\s*:\s*([^;!]+)", re.I)
BACKGROUND = re.compile(r"(?<![-\w])background(?:-color)?\s*:\s*([^;!]+)", re.I)
NAMED = {"white": "ffffff", "black": "000000", "snow": "fffafa", "ivory": "fffff0", "red": "ff0000", "yellow": "ffff00"}
RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*([\d.]+)\s*)?\)", re.I)
HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b", re.I)
WHITE, LEAST_DIFFERENCE = "ffffff", 24

BLOCK_TAG = re.compile(
    r"<(?:script|style|template)\b.*?(?:</(?:script|style|template)>|\Z)|<!--.*?(?:-->|\Z)", re.I | re.S
)
INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|em|font|i|kbd|mark|q|s|small|span|strong|sub|sup|u)\b[^>]*>", re.I
)
TAG = re.compile(r"<[^>]*>")
COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.S)
AT_BLOCK = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
RULE = re.compile(r"([^{}]{1,400})\{([^{}]{1,2000})\}")
PLAIN_SELECTOR = re.compile(r"[\w\s.#>-]{1,120}")
SHEET_CHARACTERS, SELECTORS, ELEMENTS, PASSAGES = 200_000, 64, 2_000, 2_000
LEAST_PASSAGE = 4


def hidden_passages(page: str) -> str:
    """A line for each passage of ``page`` that is hidden; empty when none is."""
    tree = HTMLTree.parse(page)
    body = tree.body
    if body is None:
        return ""
    lines: dict[str, str] = {}
    for how, element in _hidden(tree, body):
        for passage in _passages(element):
            lines.setdefault(passage, how)
        if len(lines) >= PASSAGES:
            break
    return "\n".join(f"{how}\t{passage}" for passage, how in lines.items())


def _hidden(tree: HTMLTree, body: ElementNode) -> Iterator[tuple[str, ElementNode]]:
    for element in _chosen(body, "[style]"):
        how = _way(element.getattr("style") or "", element)
        if how:
            yield how, element
    for element in _chosen(body, "[hidden]"):
        yield "attribute", element
    for selector, style in _rules(tree):
        how = _way(style, None)
        if how:
            for element in _chosen(body, selector):
                yield how, element
    for element in _chosen(body, "[aria-hidden=true]"):
        yield "aria", element


def _chosen(body: ElementNode, selector: str) -> list[ElementNode]:
    try:
        return list(body.query_selector_all(selector))[:ELEMENTS]
    except ValueError:  # a selector that this parser does not know hides nothing that can be found
        return []


def _rules(tree: HTMLTree) -> Iterator[tuple[str, str]]:
    """Plain selectors of the page's style sheets, with their declarations."""
    root = tree.document
    styles = root.query_selector_all("style") if root is not None else []
    sheets = "\n".join(element.text or "" for element in styles)[:SHEET_CHARACTERS]
    count = 0
    for selectors, style in RULE.findall(AT_BLOCK.sub("", COMMENT.sub("", sheets))):
        if _way(style, None) is None:
            continue
        for selector in selectors.split(","):
            if PLAIN_SELECTOR.fullmatch(selector.strip()) and count < SELECTORS:
                count += 1
                yield selector.strip(), style


def _way(style: str, element: ElementNode | None) -> str | None:
    """How a style hides, if it does. ``element``: whose own style it is, for what lies behind it."""
    for how, expression in WAYS:
        if expression.search(style):
            return how
    colour = _colour(COLOUR, style)
    if colour is None:
        return None
    behind, named = _colour(BACKGROUND, style), True
    if behind is None:
        behind, named = (WHITE, False) if element is None else _behind(element)
    if _difference(colour, behind) >= LEAST_DIFFERENCE:
        return None
    return "colour" if named else "white"


def _behind(element: ElementNode) -> tuple[str, bool]:
    """The nearest background that an inline style around ``element`` names; white where none does."""
    parent = element.parent
    for _ in range(32):
        if parent is None:
            break
        style = (parent.getattr("style") or "") if isinstance(parent, ElementNode) else ""
        if re.search("background", style, re.I):
            found = _colour(BACKGROUND, style)
            return (found, True) if found is not None else ("808080", True)  # a picture or gradient: unknown
        parent = parent.parent
    return WHITE, False


def _colour(expression: re.Pattern[str], style: str) -> str | None:
    found = expression.search(style)
    if found is None:
        return None
    value = found.group(1).strip().lower()
    if value in NAMED:
        return NAMED[value]
    rgb = RGB.search(value)
    if rgb:
        return "".join(f"{min(255, int(part)):02x}" for part in rgb.groups()[:3])
    digits = HEX.search(value)
    if digits is None:
        return None
    text = digits.group(1)
    return "".join(2 * digit for digit in text[:3]) if len(text) < 6 else text[:6]


def _difference(one: str, other: str) -> int:
    return sum(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) for at in (0, 2, 4))


def _passages(element: ElementNode) -> Iterator[str]:
    """The text of ``element`` between block tags, white space as single spaces."""
    inner = TAG.sub("\n", INLINE_TAG.sub("", BLOCK_TAG.sub("\n", element.html)))
    for line in html.unescape(inner).split("\n"):
        passage = " ".join(line.split())
        if len(passage) >= LEAST_PASSAGE:
            yield passage
