"""Docstrings, READMEs and sources become simple HTML, and no word is lost on the way."""

import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tasks.demo_site.docstrings import documentation_blocks, entries
from gristmill.tasks.demo_site.highlight import highlight, source_blocks
from gristmill.tasks.demo_site.markup import markdown_blocks, plain_blocks, rst_blocks

NUMPYDOC = """Return the sum.

Some *soft* and **strong** text with ``code < 1``, :func:`~numpy.add` and :math:`x^2`.

Parameters
----------
a : array_like
    The numbers.
axis : int, optional
    Which axis:

    - the first
    - the second, which goes on
      for two lines

Notes
-----
The formula is

.. math:: \\sum_i a_i

.. versionadded:: 1.2

Call it so::

    total = add(a)
        .really()

See `the manual <https://example.org/a?b=1&c=2>`_ [1]_.

.. [1] A. Author, "A Book".

>>> add([1, 2])
3
"""


def test_numpydoc_docstring() -> None:
    html = "\n".join(rst_blocks(NUMPYDOC))
    assert "<h3>Parameters</h3>" in html
    assert "<dt>a : array_like</dt><dd><p>The numbers.</p></dd>" in html
    assert "<li>the first</li>\n<li>the second, which goes on for two lines</li>" in html
    assert "<em>soft</em> and <strong>strong</strong>" in html
    assert "<code>code &lt; 1</code>" in html
    assert "<code>numpy.add</code>" in html
    assert "\\(x^2\\)" in html
    assert '<p class="math">\\[\\sum_i a_i\\]</p>' in html
    assert "<pre>total = add(a)\n    .really()</pre>" in html
    assert '<a href="https://example.org/a?b=1&amp;c=2">the manual</a>' in html
    assert '<p class="footnote">[1] A. Author, "A Book".</p>' in html
    assert "<pre>&gt;&gt;&gt; add([1, 2])\n3</pre>" in html


def test_markdown_readme() -> None:
    text = """<p align="center"><img src="logo.png"></p>

# Title

Some `code`, [a link](https://example.org) and [a file](docs/x.md).

```python
# not a heading
x = 1 < 2
```

1. first
2. second
"""
    html = "\n".join(markdown_blocks(text))
    assert "<h2>Title</h2>" in html
    assert '<a href="https://example.org">a link</a>' in html
    assert "docs/x.md" not in html
    assert "a file" in html
    assert "<pre># not a heading\nx = 1 &lt; 2</pre>" in html
    assert "<ol><li>first</li>\n<li>second</li></ol>" in html
    assert "logo.png" not in html


def test_code_before_an_unclosed_fence_is_kept() -> None:
    assert markdown_blocks("text\n\n```\ncode") == ["<p>text</p>", "<pre>code</pre>"]


def test_plain_text_keeps_its_paragraphs() -> None:
    assert plain_blocks("one\ntwo\n\n<three>\n") == ["<p>one two</p>", "<p>&lt;three&gt;</p>"]


@pytest.mark.parametrize("reader", [rst_blocks, markdown_blocks])
@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="ab .:-=*`>#\n1)[]<_|+", max_size=120))
def test_any_text_is_read_to_its_end(reader: object, text: str) -> None:
    assert callable(reader)
    blocks = reader(text)
    assert all(block.startswith("<") and block.endswith(">") for block in blocks)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["alpha", "beta", "  gamma", "- delta", "    eps", "", "1. zeta", "eta::"]), max_size=14)
)
def test_no_word_is_lost(lines: list[str]) -> None:
    words = re.findall(r"[a-z]+", "\n".join(lines))
    shown = re.findall(r"[a-z]+", unescape(re.sub(r"<[^>]+>", " ", "\n".join(rst_blocks("\n".join(lines))))))
    assert shown == words


def test_documentation_of_a_file_comes_from_its_source(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        '"""The module."""\nraise SystemExit("never imported")\n'
        'def visible(a: int = 1) -> int:\n    """Documented."""\n'
        'def _hidden():\n    """Private."""\n'
        'class Thing(Base):\n    """A thing."""\n    async def run(self):\n        """Runs."""\n'
    )
    assert [(entry.name, entry.signature) for entry in entries(path)] == [
        ("", ""),
        ("visible", "visible(a: int=1)"),
        ("Thing", "class Thing(Base)"),
        ("Thing.run", "async Thing.run(self)"),
    ]
    whole = documentation_blocks(path, 0, 10_000)
    assert "<p>Documented.</p>" in whole
    split = [block for part in range(9) for block in documentation_blocks(path, part, 30)]
    assert split == whole


def test_a_file_that_is_no_python_has_no_documentation(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_bytes(b"def (:\n")
    assert entries(path) == ()


def test_highlighting_changes_no_character(tmp_path: Path) -> None:
    source = 'def f(x):  # a < b\n    """Say "hi" & go."""\n    return rb"\\x00" if x else None\n'
    html = highlight(source)
    assert unescape(re.sub(r"</?span[^>]*>", "", html)) == source
    assert '<span class="k">def</span>' in html
    assert '<span class="c"># a &lt; b</span>' in html
    path = tmp_path / "f.py"
    path.write_text(source)
    parts = [source_blocks(path, part, 25)[0] for part in range(4)]
    assert unescape(re.sub(r"<[^>]+>", "", "".join(parts))) == source
