"""Plain text, reStructuredText and Markdown to simple HTML, as a list of blocks.

This is the subset that docstrings and READMEs use: headings, paragraphs, lists, definition lists, literal and code
blocks, doctests, directives, inline code, emphasis and links. What it does not know it shows as a paragraph, so no word
of the source is lost. It reads one line at a time and never goes back: time is linear in the text for each level of
indentation. The rules are those of docutils ("reStructuredText Markup Specification") and CommonMark 0.31, narrowed.
"""

import re
from collections.abc import Callable
from html import escape
from textwrap import dedent

from gristmill.tasks.demo_site.inline import markdown_inline, rst_inline

BULLET = re.compile(r"(?:[-*+•]|(?:\d{1,3}|[a-zA-Z#])[.)])[ \t]+(?=\S)")
DIRECTIVE = re.compile(r"\.\. +(?:([\w:-]+)::|_[^:]+:|\[([^\]]+)\]|\|[^|]+\| +\w+::)[ \t]*(.*)")
RULE = re.compile(r"([=\-~^\"'`#*+.:_<>])\1{2,}\s*$")
TABLE = re.compile(r"(?:=+[ \t]+)+=+\s*$|\+[-=+]{3,}\+\s*$")
CODE_DIRECTIVES = {"code", "code-block", "sourcecode", "ipython", "parsed-literal", "literalinclude", "doctest", "plot"}
SILENT_DIRECTIVES = {
    "image",
    "figure",
    "target-notes",
    "contents",
    "toctree",
    "currentmodule",
    "module",
    "index",
    "highlight",
}

Render = Callable[[str], str]

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--.*?-->", re.S)


def rst_blocks(text: str) -> list[str]:
    """reStructuredText (or a plain docstring) as HTML blocks, in order."""
    return _blocks(dedent(text.expandtabs(4)).splitlines(), rst_inline)


def plain_blocks(text: str) -> list[str]:
    """Text without markup: a paragraph for each run of lines, kept line by line as a licence is."""
    paragraphs = re.split(r"\n[ \t]*\n", text.expandtabs(4).strip("\n"))
    return [f"<p>{escape(' '.join(part.split()))}</p>" for part in paragraphs if part.strip()]


def markdown_blocks(text: str) -> list[str]:
    """Markdown as HTML blocks, in order. Raw HTML tags are dropped and their text kept."""
    blocks: list[str] = []
    prose: list[str] = []
    fence: str | None = None
    code: list[str] = []
    for line in text.expandtabs(4).splitlines():
        mark = re.match(r"\s{0,3}(`{3,}|~{3,})", line)
        if fence is not None:
            if mark and mark[1].startswith(fence):
                blocks.append(preformatted(code))
                fence, code = None, []
            else:
                code.append(line)
        elif mark:
            blocks.extend(_markdown_prose(prose))
            fence, prose = mark[1], []
        else:
            prose.append(line)
    blocks.extend(_markdown_prose(prose))
    if code:
        blocks.append(preformatted(code))
    return blocks


def _markdown_prose(lines: list[str]) -> list[str]:
    """The blocks of Markdown outside code fences: ``#`` headings become underlined ones, then the common reader."""
    text = _TAG.sub("", "\n".join(lines))
    out: list[str] = []
    for line in text.splitlines():
        heading = re.match(r"(#{1,6})\s+(.+?)\s*#*$", line)
        if heading:
            out += ["", heading[2], ("=", "-", "~", "~", "~", "~")[len(heading[1]) - 1] * max(4, len(heading[2])), ""]
        else:
            out.append(re.sub(r"^ {0,3}>\s?", "", line))
    return _blocks(out, markdown_inline)


def preformatted(lines: list[str]) -> str:
    """A ``<pre>`` block of lines as they are, without the blank ones at both ends."""
    return f"<pre>{escape(dedent(chr(10).join(lines)).strip(chr(10)), quote=False)}</pre>"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _indented(lines: list[str], start: int, least: int = 1) -> int:
    """The end of the run of lines from ``start`` that are blank or indented by ``least`` or more; no blank tail."""
    end = start
    for index in range(start, len(lines)):
        if not lines[index].strip():
            continue
        if _indent(lines[index]) < least:
            break
        end = index + 1
    return end


def _paragraph_end(lines: list[str], start: int) -> int:
    end = start + 1
    while end < len(lines) and lines[end].strip() and not lines[end].startswith((">>> ", ".. ")):
        if BULLET.match(lines[end]) and lines[end][0] in "-*+•":
            break
        end += 1
    return end


def _inner(lines: list[str]) -> list[str]:
    return dedent("\n".join(lines)).splitlines()


def _blocks(lines: list[str], inline: Render, level: int = 0) -> list[str]:
    """HTML blocks of ``lines``. Beyond eight levels of nesting the rest is shown as it is."""
    if level > 8:
        return [preformatted(lines)]
    out: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if not line.strip():
            at += 1
        elif line.startswith(" "):
            end = _indented(lines, at)
            out.append(f"<blockquote>{''.join(_blocks(_inner(lines[at:end]), inline, level + 1))}</blockquote>")
            at = end
        elif line.startswith(">>>") or TABLE.match(line):
            end = at
            while end < len(lines) and lines[end].strip():
                end += 1
            out.append(preformatted(lines[at:end]))
            at = end
        elif RULE.match(line) and following.strip() and at + 2 < len(lines) and RULE.match(lines[at + 2]):
            out.append(f"<h2>{inline(following.strip())}</h2>")
            at += 3
        elif RULE.match(line):
            out.append("<hr>")
            at += 1
        elif RULE.match(following):
            rank = {"=": 2, "*": 2, "-": 3}.get(following[0], 4)
            out.append(f"<h{rank}>{inline(line.strip())}</h{rank}>")
            at += 2
        elif line.startswith(".. "):
            end = _indented(lines, at + 1)
            if found := DIRECTIVE.match(line):  # else a comment, which is not shown
                out += _directive(found, lines[at + 1 : end], inline, level)
            at = end
        elif BULLET.match(line):
            html, at = _list(lines, at, inline, level)
            out.append(html)
        elif following.startswith(" ") and following.strip() and not line.endswith("::"):
            html, at = _definitions(lines, at, inline, level)
            out.append(html)
        else:
            at = _paragraph(lines, at, inline, out)
    return out


def _paragraph(lines: list[str], at: int, inline: Render, out: list[str]) -> int:
    end = _paragraph_end(lines, at)
    if lines[at].endswith("::"):
        end = at + 1
    text = " ".join(part.strip() for part in lines[at:end])
    literal = text.endswith("::")
    if text not in ("::", ".."):
        out.append(f"<p>{inline(text[:-1] if literal else text)}</p>")
    if literal:
        stop = _indented(lines, end)
        if stop > end:
            out.append(preformatted(lines[end:stop]))
            end = stop
    return end


def _list(lines: list[str], at: int, inline: Render, level: int) -> tuple[str, int]:
    ordered = lines[at][0] not in "-*+•"
    items: list[str] = []
    while at < len(lines) and (mark := BULLET.match(lines[at])) and (lines[at][0] not in "-*+•") == ordered:
        end = _indented(lines, at + 1)
        # A lazy continuation: the next lines are not indented but belong to the item, as in CommonMark.
        while end == at + 1 or lines[end - 1].strip():
            if end >= len(lines) or not lines[end].strip() or BULLET.match(lines[end]):
                break
            if lines[end][0] == "." or RULE.match(lines[end]):
                break
            lines[end] = "  " + lines[end]
            end += 1
        inner = [lines[at][mark.end() :], *_inner(lines[at + 1 : end])]
        parts = _blocks(inner, inline, level + 1)
        items.append(f"<li>{_unwrapped(parts)}</li>")
        at = end
        while at < len(lines) and not lines[at].strip():
            at += 1
    tag = "ol" if ordered else "ul"
    return f"<{tag}>{chr(10).join(items)}</{tag}>", at


def _unwrapped(parts: list[str]) -> str:
    """An item of one paragraph needs no paragraph of its own."""
    if len(parts) == 1 and parts[0].startswith("<p>") and parts[0].endswith("</p>"):
        return parts[0][3:-4]
    return "".join(parts)


def _definitions(lines: list[str], at: int, inline: Render, level: int) -> tuple[str, int]:
    """Terms with indented explanations, such as the Parameters section of a numpydoc docstring."""
    items: list[str] = []
    while at + 1 < len(lines) and lines[at].strip() and _indent(lines[at]) == 0:
        following = lines[at + 1]
        if not (following.startswith(" ") and following.strip()) or lines[at].startswith((".. ", ">>>")):
            break
        end = _indented(lines, at + 1)
        body = "".join(_blocks(_inner(lines[at + 1 : end]), inline, level + 1))
        items.append(f"<dt>{inline(lines[at].strip())}</dt><dd>{body}</dd>")
        at = end
        while at < len(lines) and not lines[at].strip():
            at += 1
    return f"<dl>{chr(10).join(items)}</dl>", at


def _directive(found: re.Match[str], body: list[str], inline: Render, level: int) -> list[str]:
    """What a directive, a footnote or a comment shows. Options (``:name: value``) are not text."""
    name, footnote, argument = found[1], found[2], found[3].strip()
    content = _inner(body)
    while content and (not content[0].strip() or re.match(r":[\w-]+:", content[0])):
        content = content[1:]
    if footnote is not None:
        text = " ".join([argument, *(line.strip() for line in content)])
        return [f'<p class="footnote">[{escape(footnote)}] {inline(text)}</p>']
    if name is None or name in SILENT_DIRECTIVES:
        return []
    if name == "math":
        return [f'<p class="math">\\[{escape(" ".join([argument, *content]).strip())}\\]</p>']
    if name in CODE_DIRECTIVES:
        return [preformatted(content)] if content else []
    lead = [argument] if argument else []
    return [f'<div class="{escape(name)}">{"".join(_blocks([*lead, *content], inline, level + 1))}</div>']
