"""The results of bigcode's and OpenCoder's rules on source code: run by ``language_verdicts`` in its environment.

    PYTHON verdicts_code.py CORPORA BIGCODE OPENCODER OUT.json

BIGCODE and OPENCODER are checkouts of bigcode-project/bigcode-dataset and OpenCoder-llm/opc_data_filtering. From
bigcode the functions of ``preprocessing/filtering.py`` and ``utils/text_extraction.py`` run; the columns of line
lengths and letters, which its data sets include, are computed as CodeParrot defined them. OUT gets one row per
text: the first 12 hex digits of its xxh3-128; its language; bigcode's failed rules and OpenCoder's, each joined by
``;`` (of OpenCoder's those that all languages share, with the thresholds of ``others``); and the kinds of comment
token that pygments' lexer of the language has.
"""

import argparse
import ast
import gzip
import importlib
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import xxhash

COLUMNS = ("text", "language", "bigcode", "opencoder", "comments")


def texts(folder: Path) -> dict[str, tuple[str, str]]:
    """Every source file, once: its language and path."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(folder.glob("code_*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                found.setdefault(record["text"], (record["lang"].removeprefix("code:"), record["path"]))
    return found


def bigcode(checkout: Path) -> Callable[[str, str], list[str]]:
    """A function from text and language to the failed rules."""
    folder = checkout / "preprocessing"
    tree = ast.parse((folder / "filtering.py").read_text(encoding="utf-8"))
    wanted = ("basic_filters", "filter_xml", "filter_html")
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    from bs4 import BeautifulSoup

    limits = SimpleNamespace(line_max=1000, line_mean=100, alpha_frac=0.25)
    space: dict[str, Any] = {"args": limits, "BeautifulSoup": BeautifulSoup}
    exec(compile(ast.Module(functions, []), "filtering.py", "exec"), space)  # noqa: S102
    extraction: dict[str, Any] = {}
    source = (folder / "utils" / "text_extraction.py").read_text(encoding="utf-8")
    exec(compile(source, "text_extraction.py", "exec"), extraction)  # noqa: S102

    def failed(text: str, language: str) -> list[str]:
        lengths = [len(line) for line in text.splitlines()]
        columns = {
            "max_line_length": max(lengths),
            "avg_line_length": float(np.mean(lengths)),
            "alphanum_fraction": float(np.mean([letter.isalnum() for letter in text])),
            "content": text,
            "lang": "HTML" if language == "html" else language,
        }
        names = [] if space["basic_filters"](columns) else ["basic"]
        names += [] if space["filter_xml"](columns) else ["xml"]
        if language == "html":
            names += [] if space["filter_html"](columns) else ["html"]
        try:
            ratio = extraction["get_nl_ratio"](text, language)
        except Exception as error:  # the lexer is missing, or fails on the text
            return [*names, f"comments: {type(error).__name__}"]
        return names if 0.01 < ratio < 0.8 else [*names, "comments"]

    return failed


def opencoder(checkout: Path) -> Callable[[str, str], list[str]]:
    """A function from text and language to the failed rules of those that all languages share."""
    sys.path.insert(0, str(checkout))
    importlib.import_module("quality_signals")
    base, document = sys.modules["base"], sys.modules["document"]
    thresholds = importlib.import_module("pipeline.code_filter_config").code_filter_config["others"]
    rules = {name: eval(text) for name, text in thresholds.items() if text is not None}  # noqa: S307
    signals = {name: base.quality_signals_registry["codedocument"][name]() for name in rules}

    def failed(text: str, language: str) -> list[str]:
        made = document.QSCodeDocument(text, "", "en", "", len(text.encode()), language, "code")
        values = {name: signal(made)[0][2] for name, signal in signals.items()}
        return [name for name, rule in rules.items() if values[name] is not None and rule(values[name])]

    return failed


def comment_tokens(language: str, samples: list[str]) -> str:
    """Which of pygments' comment tokens occur in some files of a language, joined by ``;``."""
    import pygments
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment, Literal

    try:
        lexer = get_lexer_by_name(language)
    except pygments.util.ClassNotFound:
        return ""
    kinds = {kind for text in samples for kind, _ in pygments.lex(text, lexer)}
    return ";".join(sorted(str(kind) for kind in kinds if kind in Comment or kind is Literal.String.Doc))


def main() -> None:
    """Judge every source file."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("corpora", "bigcode", "opencoder", "out"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    one, other = bigcode(arguments.bigcode), opencoder(arguments.opencoder)
    found = texts(arguments.corpora / "text")
    languages = sorted({language for language, _ in found.values()})
    tokens = {
        name: comment_tokens(name, [text for text, (language, _) in found.items() if language == name][:20])
        for name in languages
    }
    rows = []
    for text, (language, _) in found.items():
        key = xxhash.xxh3_128_hexdigest(text.encode())[:12]
        judged = [";".join(one(text, language)), ";".join(other(text, language))]
        rows.append([key, language, *judged, tokens[language]])
    arguments.out.write_text(json.dumps({"columns": COLUMNS, "rows": rows}))


if __name__ == "__main__":
    main()
