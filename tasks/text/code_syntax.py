"""The syntax of comments and strings by programming language, and which language a document is in.

The language is guessed, in this order, from the end of the URL's path, from the end of the record's file name, and
from the first characters of the text (``#!``, ``<?php``, ``<html``, ``<?xml``). Text that an extractor made from an
HTML page has no programming language, whatever its URL ends with: ``index.php`` is prose. No model looks at the code.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
import pyarrow as pa

from gristmill.tasks.kernels.counts.code_comments import (
    AT_LINE_START,
    BLOCK,
    DOCUMENTATION,
    LETTER,
    LINE,
    LONGEST,
    MANY_LINES,
    NESTED,
    NOT_SYMBOL,
    PATTERN,
    SPACED,
    STRING,
    Syntax,
)

SOURCES = ("plain", "row")  # extractors that leave a text as it is


@dataclass(frozen=True)
class Mark:
    """Where a comment or string begins and what ends it. An empty ``end`` is the end of the line.

    ``kind``: LINE or BLOCK comment, STRING (a backslash escapes), LETTER (a quoted character, else no mark at all, as
    the quote of a lifetime), PATTERN (a regular expression, where one may stand). ``traits``: NESTED blocks; SPACED:
    only after white space or one of ``;|&(``; AT_LINE_START; MANY_LINES: a string may hold line feeds; DOCUMENTATION:
    pygments calls it a documentation string; NOT_SYMBOL: no comment when another mark follows (Haskell's ``-->``).
    """

    kind: int
    begin: str
    end: str = ""
    traits: int = 0


QUOTED = Mark(STRING, '"', '"')
SINGLE = Mark(STRING, "'", "'")
LETTERED = Mark(LETTER, "'", "'")
SLASHES, STARS, HASH, DASHES = Mark(LINE, "//"), Mark(BLOCK, "/*", "*/"), Mark(LINE, "#"), Mark(LINE, "--")
NESTED_STARS = Mark(BLOCK, "/*", "*/", NESTED)
C_LIKE = (STARS, SLASHES, QUOTED, SINGLE)
TEMPLATE = Mark(STRING, "`", "`", MANY_LINES)
LONG = (Mark(STRING, '"""', '"""', MANY_LINES), Mark(STRING, "'''", "'''", MANY_LINES))
SHELL_HASH = Mark(LINE, "#", "", SPACED)
WIDE_SINGLE, WIDE_QUOTED = Mark(STRING, "'", "'", MANY_LINES), Mark(STRING, '"', '"', MANY_LINES)
ML = (Mark(BLOCK, "(*", "*)", NESTED), WIDE_QUOTED)
PATTERNS = Mark(PATTERN, "/", "/")
PERCENT = Mark(LINE, "%")
SEMICOLON = Mark(LINE, ";")
TAGS = (Mark(BLOCK, "<!--", "-->"),)

MARKS: dict[str, tuple[Mark, ...]] = {
    "python": (*LONG, HASH, QUOTED, SINGLE),
    "c": C_LIKE,
    "cpp": C_LIKE,
    "csharp": (Mark(LINE, "///", "", DOCUMENTATION), *C_LIKE),
    "java": C_LIKE,
    "javascript": (STARS, SLASHES, QUOTED, SINGLE, TEMPLATE, PATTERNS),
    "typescript": (STARS, SLASHES, QUOTED, SINGLE, TEMPLATE, PATTERNS),
    "go": (STARS, SLASHES, QUOTED, SINGLE, Mark(STRING, "`", "`", MANY_LINES)),
    "rust": (
        Mark(LINE, "///", "", DOCUMENTATION),
        Mark(LINE, "//!", "", DOCUMENTATION),
        NESTED_STARS,
        SLASHES,
        WIDE_QUOTED,
        LETTERED,
    ),
    "kotlin": (LONG[0], NESTED_STARS, SLASHES, QUOTED, SINGLE),
    "swift": (LONG[0], NESTED_STARS, SLASHES, QUOTED),
    "scala": (LONG[0], NESTED_STARS, SLASHES, QUOTED, LETTERED),
    "dart": (*LONG, STARS, SLASHES, QUOTED, SINGLE),
    "php": (Mark(BLOCK, "/**", "*/", DOCUMENTATION), STARS, SLASHES, HASH, QUOTED, SINGLE),
    "ruby": (Mark(BLOCK, "=begin", "\n=end", AT_LINE_START), SHELL_HASH, QUOTED, SINGLE),
    "perl": (Mark(BLOCK, "=", "\n=cut", AT_LINE_START), SHELL_HASH, QUOTED, SINGLE),
    "shell": (SHELL_HASH, QUOTED, SINGLE),
    "lua": (Mark(BLOCK, "--[[", "]]"), DASHES, Mark(STRING, "[[", "]]", MANY_LINES), QUOTED, SINGLE),
    "r": (HASH, QUOTED, SINGLE),
    "julia": (Mark(BLOCK, "#=", "=#", NESTED), HASH, LONG[0], QUOTED, LETTERED),
    "elixir": (LONG[0], HASH, QUOTED, SINGLE),
    "erlang": (PERCENT, WIDE_QUOTED, SINGLE),
    "haskell": (Mark(BLOCK, "{-", "-}", NESTED), Mark(LINE, "--", "", NOT_SYMBOL), QUOTED, LETTERED),
    "ocaml": (*ML, LETTERED),
    "coq": ML,
    "fortran": (Mark(LINE, "!"), QUOTED, SINGLE),
    "fortran-fixed": (*(Mark(LINE, mark, "", AT_LINE_START) for mark in "cC*"), Mark(LINE, "!"), QUOTED, SINGLE),
    "nim": (LONG[0], Mark(BLOCK, "#[", "]#", NESTED), HASH, QUOTED, LETTERED),
    "tcl": (SHELL_HASH, QUOTED),
    "m4": (Mark(LINE, "dnl", "", SPACED), SHELL_HASH),
    "cmake": (Mark(BLOCK, "#[[", "]]"), HASH, WIDE_QUOTED),
    "makefile": (SHELL_HASH,),
    "dockerfile": (Mark(LINE, "#", "", AT_LINE_START),),
    "sql": (STARS, DASHES, WIDE_SINGLE, QUOTED),
    "css": (STARS, QUOTED, SINGLE),
    "html": TAGS,
    "xml": TAGS,
    "yaml": (SHELL_HASH, QUOTED, SINGLE),
    "toml": (*LONG, HASH, QUOTED, SINGLE),
    "json": (QUOTED,),
    "lisp": (Mark(BLOCK, "#|", "|#", NESTED), SEMICOLON, WIDE_QUOTED),
    "clojure": (SEMICOLON, WIDE_QUOTED),
    "tex": (PERCENT,),
    "matlab": (Mark(BLOCK, "%{", "%}"), PERCENT, QUOTED),
}
# where pygments counts the line feed to the comment before it
TAKES_LINE_FEED = frozenset(
    (
        "c",
        "cpp",
        "csharp",
        "cmake",
        "rust",
        "fortran",
        "fortran-fixed",
        "tex",
        "shell",
        "scala",
        "sql",
        "makefile",
        "tcl",
    )
)

EXTENSIONS: dict[str, str] = {
    extension: language
    for language, extensions in {
        "python": "py pyi pyw",
        "c": "c h",
        "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp inl tcc tpp",
        "csharp": "cs csx",
        "java": "java",
        "javascript": "js mjs cjs jsx",
        "typescript": "ts tsx mts cts",
        "go": "go",
        "rust": "rs",
        "kotlin": "kt kts",
        "swift": "swift",
        "scala": "scala sbt",
        "dart": "dart",
        "php": "php phtml",
        "ruby": "rb rake gemspec",
        "perl": "pl pm t",
        "shell": "sh bash zsh ksh",
        "lua": "lua",
        "r": "r",
        "julia": "jl",
        "elixir": "ex exs",
        "erlang": "erl hrl",
        "haskell": "hs lhs",
        "ocaml": "ml mli",
        "coq": "v",
        "fortran": "f90 f95 f03 f08",
        "fortran-fixed": "f f77 for",
        "nim": "nim nims",
        "tcl": "tcl tk",
        "m4": "m4 ac",
        "cmake": "cmake",
        "makefile": "mk mak",
        "sql": "sql",
        "css": "css scss less",
        "html": "html htm xhtml",
        "xml": "xml xsd xsl xslt svg",
        "yaml": "yaml yml",
        "toml": "toml",
        "json": "json",
        "lisp": "lisp el scm rkt",
        "clojure": "clj cljs cljc edn",
        "tex": "tex sty cls",
        "matlab": "m",
    }.items()
    for extension in extensions.split()
}
FILE_NAMES = {"makefile": "makefile", "gnumakefile": "makefile", "cmakelists.txt": "cmake", "dockerfile": "dockerfile"}
INTERPRETERS: dict[str, str] = {
    "python": "python",
    "bash": "shell",
    "zsh": "shell",
    "ksh": "shell",
    "sh": "shell",
    "perl": "perl",
    "ruby": "ruby",
    "node": "javascript",
    "lua": "lua",
    "php": "php",
    "Rscript": "r",
    "tclsh": "tcl",
    "wish": "tcl",
}
BEGINNINGS = {r"^\s*<\?php": "php", r"(?i)^\s*<(?:!doctype\s+html|html)": "html", r"^\s*<\?xml": "xml"}


def languages_of(documents: pa.Table, otherwise: str | None) -> pl.Series:
    """Programming language of each document, a key of MARKS; ``otherwise`` where nothing shows one.

    Looks at ``url``, ``record_uri``, ``extractor`` and ``text``. Text made of an HTML page has null.
    """
    rows = pl.DataFrame(documents.select(["url", "record_uri", "extractor", "text"]))
    path = pl.col("url").str.replace(r"[?#].*$", "").str.replace(r"^[a-zA-Z][\w+.-]*://[^/]*", "")
    file = pl.col("record_uri").str.replace(r"@[^@]*$", "")
    interpreter = pl.col("text").str.head(200).str.extract(rf"^#!.*?\b({'|'.join(INTERPRETERS)})")
    shown = pl.coalesce(
        _by_name(path),
        _by_name(file),
        interpreter.replace_strict(INTERPRETERS, default=None, return_dtype=pl.String),
        *(
            pl.when(pl.col("text").str.head(200).str.contains(pattern)).then(pl.lit(language))
            for pattern, language in BEGINNINGS.items()
        ),
        pl.lit(otherwise, pl.String),
    )
    return rows.select(language=pl.when(pl.col("extractor").is_in(SOURCES)).then(shown))["language"]


def _by_name(path: pl.Expr) -> pl.Expr:
    """The language that a file's name shows, null for none."""
    name = path.str.extract(r"([^/\\:]+)$").str.to_lowercase()
    by_whole = name.replace_strict(FILE_NAMES, default=None, return_dtype=pl.String)
    by_end = name.str.extract(r"\.([^.]+)$").replace_strict(EXTENSIONS, default=None, return_dtype=pl.String)
    return pl.coalesce(by_whole, by_end)


@lru_cache(maxsize=1)
def syntax() -> Syntax:
    """MARKS for the kernel; a language is known by its place among them."""
    marks = list(MARKS.values())
    size = (len(marks), max(map(len, marks)))
    begin, end = (np.zeros((*size, LONGEST), np.uint8) for _ in range(2))
    sizes = np.zeros((*size, 2), np.int64)
    kind, traits = np.zeros(size, np.int64), np.zeros(size, np.int64)
    first = np.zeros((size[0], 256), np.bool_)
    for language, listed in enumerate(marks):
        for place, mark in enumerate(listed):
            for side, table in ((mark.begin, begin), (mark.end, end)):
                table[language, place, : len(side)] = list(side.encode())
            sizes[language, place] = len(mark.begin), len(mark.end)
            kind[language, place], traits[language, place] = mark.kind, mark.traits
            first[language, ord(mark.begin[0])] = True
    takes = np.array([language in TAKES_LINE_FEED for language in MARKS])
    return Syntax(begin, end, sizes, kind, traits, first, takes, np.array([language == "python" for language in MARKS]))
