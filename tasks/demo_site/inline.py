"""Inline markup of reStructuredText and Markdown as HTML: code, roles, links, strong and emphasis."""

import re
from collections.abc import Callable
from html import escape

_RST_INLINE = re.compile(
    r"``(?P<code>.+?)``"
    r"|:math:`(?P<math>[^`]+)`"
    r"|(?::[\w:+.-]+:)`(?P<role>[^`]+)`"
    r"|`(?P<text>[^`<]+?)\s*<(?P<url>[^`>\s]+)>`__?"
    r"|`(?P<name>[^`]+)`_{0,2}"
    r"|\*\*(?P<strong>[^*\n]+?)\*\*"
    r"|(?<![\w*])\*(?P<em>[^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])"
)
_MARKDOWN_INLINE = re.compile(
    r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)"
    r"|!\[(?P<alt>[^\]]*)\]\([^)\s]*[^)]*\)"
    r"|\[(?P<text>(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))+)\](?:\((?P<url>[^)\s]*)[^)]*\)|\[[^\]]*\])"
    r"|<(?P<auto>https?://[^>\s]+)>"
    r"|\*\*(?P<strong>[^*\n]+?)\*\*"
    r"|(?<![\w*])\*(?P<em>[^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])"
)


def rst_inline(text: str) -> str:
    """Inline markup of reStructuredText: literals, roles, links, strong and emphasis."""

    def show(found: re.Match[str]) -> str:
        group = found.groupdict()
        if group["code"] is not None:
            return f"<code>{escape(group['code'])}</code>"
        if group["math"] is not None:
            return f"\\({escape(group['math'])}\\)"
        if group["role"] is not None:
            name = re.sub(r"\s*<[^>]*>$", "", group["role"]).lstrip("~!")
            return f"<code>{escape(name)}</code>"
        if group["url"] is not None:
            return _anchor(group["url"], escape(group["text"]))
        if group["name"] is not None:
            return f"<code>{escape(group['name'])}</code>"
        return _emphasis(group["strong"], group["em"])

    return _substitute(_RST_INLINE, text, show)


def markdown_inline(text: str) -> str:
    """Inline markup of Markdown: code, links, images by their alternative text, strong and emphasis."""

    def show(found: re.Match[str]) -> str:
        group = found.groupdict()
        if group["code"] is not None:
            return f"<code>{escape(group['code'].strip())}</code>"
        if group["alt"] is not None:
            return escape(group["alt"])
        if group["text"] is not None:
            return _anchor(group["url"] or "", markdown_inline(group["text"]))
        if group["auto"] is not None:
            return _anchor(group["auto"], escape(group["auto"]))
        return _emphasis(group["strong"], group["em"])

    return _substitute(_MARKDOWN_INLINE, text, show)


def _substitute(pattern: re.Pattern[str], text: str, show: Callable[[re.Match[str]], str]) -> str:
    out: list[str] = []
    end = 0
    for found in pattern.finditer(text):
        out += [escape(text[end : found.start()], quote=False), show(found)]
        end = found.end()
    return "".join(out) + escape(text[end:], quote=False)


def _emphasis(strong: str | None, em: str | None) -> str:
    return f"<strong>{escape(strong)}</strong>" if strong is not None else f"<em>{escape(em or '')}</em>"


def _anchor(url: str, label: str) -> str:
    """A link to another site. A relative one points into a repository that is not here, so only its words stay."""
    return f'<a href="{escape(url)}">{label}</a>' if url.startswith(("http://", "https://")) else label
