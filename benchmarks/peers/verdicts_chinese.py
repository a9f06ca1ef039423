"""The results of MAP-NEO's and OpenCoder's rules on Chinese texts: run by ``language_verdicts`` in its environment.

    PYTHON verdicts_chinese.py CORPORA MAP_NEO OPENCODER MODEL OUT.json

MAP_NEO and OPENCODER are checkouts of multimodal-art-projection/MAP-NEO and OpenCoder-llm/opc_data_filtering, MODEL
is a fastText language model. MAP-NEO's functions stop at the first rule that fails; so that every rule runs, each
``return False, reason`` of its ``self_defined_rules`` is turned into ``yield reason`` first. OUT gets one row per
text: the first 12 hex digits of its xxh3-128; the failed rules of MAP-NEO in its order, joined by ``;``; and
OpenCoder's failed rules of those that ``zh-web`` takes.
"""

import argparse
import gzip
import importlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import fasttext
import xxhash

CHINESE = ("zh", "zh-Hant")
COLUMNS = ("text", "map_neo", "opencoder")
OPENCODER = {
    "qsc_doc_frac_chars_dupe_lines": 0.50,
    "qsc_doc_frac_lines_dupe_lines": 0.60,
    "qsc_doc_frac_lines_end_with_readmore": 0.3,
}


def texts(folder: Path) -> list[str]:
    """Every Chinese text, once."""
    found: dict[str, None] = {}
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if record["lang"] in CHINESE:
                    found[record["text"]] = None
    return list(found)


def map_neo(checkout: Path, model: Path) -> ModuleType:
    """MAP-NEO's module ``filter``, changed so that its own rules report all failures."""
    folder = checkout / "Matrix" / "chinese_data_clean_pipeline" / "filter"
    source = (folder / "filter.py").read_text(encoding="utf-8")
    first, last = source.index("def self_defined_rules"), source.index("def ccnet_rules")
    rules = source[first:last].replace("return True, None", "return")
    rules = re.sub(r"return False, (\{.*\})", r"yield \1", rules)
    sys.path.insert(0, str(folder))
    module = ModuleType("filter")
    exec(compile(source[:first] + rules + source[last:], "filter.py", "exec"), module.__dict__)  # noqa: S102
    sys.path.remove(str(folder))
    del sys.modules["utils"]  # OpenCoder has another module of that name
    module.model = fasttext.load_model(str(model))  # type: ignore[attr-defined]
    return module


def judge(module: ModuleType, text: str) -> list[str]:
    """The rules of ``filter_single_line`` that fail, in order (upstream ignores duplicates_rules)."""
    neo: Any = module
    kept, unified, _ = neo.unify_format(text)
    failed = [] if kept else ["bracket ratio"]
    if not kept:  # upstream stops at this text; the rules are applied all the same
        unified = text.translate(str.maketrans(WIDE, NARROW))
    _, bare, _ = neo.url_filter({neo.CONTENT_FIELD: unified, "url": ""}, neo.Trie())
    try:
        failed += [next(iter(reason)) for reason in neo.self_defined_rules(bare)]
    except ZeroDivisionError:
        failed.append("error")
    kept, _ = neo.ccnet_rules(bare, None)
    return failed if kept else [*failed, "fasttext score"]


WIDE = "。！“”＃＄％＆‘’（）＊＋，－／：；＜＝＞？＠［＼］＾＿｀｛｜｝～"
NARROW = ".!\"\"#$%&''()*+,-/:;<=>?@[\\]^_`{|}~"


def opencoder(checkout: Path) -> Any:
    """A function from a text to OpenCoder's failed rules."""
    sys.path.insert(0, str(checkout))
    importlib.import_module("quality_signals.doc")
    base, document = sys.modules["base"], sys.modules["document"]
    signals = {name: base.quality_signals_registry["codedocument"][name]() for name in OPENCODER}

    def failed(text: str) -> list[str]:
        made = document.QSCodeDocument(text, "", "zh", "txt", len(text.encode()), "text", "text")
        values = {name: signal(made)[0][2] for name, signal in signals.items()}
        return [name for name, limit in OPENCODER.items() if values[name] is not None and values[name] > limit]

    return failed


def main() -> None:
    """Judge every Chinese text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("corpora", "map_neo", "opencoder", "model", "out"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    module = map_neo(arguments.map_neo, arguments.model)
    other = opencoder(arguments.opencoder)
    rows = []
    for text in texts(arguments.corpora / "text"):
        key = xxhash.xxh3_128_hexdigest(text.encode())[:12]
        rows.append([key, ";".join(judge(module, text)), ";".join(other(text))])
    arguments.out.write_text(json.dumps({"columns": COLUMNS, "rows": rows}))


if __name__ == "__main__":
    main()
