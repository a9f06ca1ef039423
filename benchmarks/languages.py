"""Speed of the word splitters and of the signals for languages, Chinese, source code and URLs, on one core.

    POLARS_MAX_THREADS=1 python -m benchmarks.languages ../shared/corpora

Megabytes of UTF-8 per second of processor time, which other work on the machine hardly changes. Each is warmed up on a
few texts first, so that compiling and loading dictionaries do not count; spaCy's rules run once on new chunks and once
on chunks they have seen. Cost: about three minutes.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa

from benchmarks.peers.language_agreement import CODES, source_files, texts
from benchmarks.peers.url_lists import urls_and_lists
from gristmill.schemas.tables import Documents
from gristmill.tasks.signals.chinese import chinese, chinese_config
from gristmill.tasks.signals.code_quality import CodeConfig, code
from gristmill.tasks.signals.fineweb2 import fineweb2, fineweb2_config
from gristmill.tasks.signals.url_rules import url_config, url_rules
from gristmill.tasks.text.slices import map_slices, one_chunk
from gristmill.tasks.tokenization.languages import splitters
from gristmill.tasks.tokenization.segment import Split


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path)
    corpora = parser.parse_args().corpora
    by_code: dict[str, list[str]] = {}
    for language, _, text in texts(corpora):
        by_code.setdefault(CODES[language], []).append(text)
    print(f"{'what':34} {'MB':>7} {'MB/s':>8}")
    for name, found in sorted(by_code.items()):
        documents = documents_of(found)
        words = partial(split_all, splitters()[name].load(), documents)
        split_all(splitters()[name].load(), documents.slice(0, 1))
        report(f"words of {name}", found, words)
        if name.endswith(("Latn", "Cyrl", "Arab")):
            report(f"words of {name} again", found, words)
        spoken = pa.table({"doc_id": documents["doc_id"], "language": [name] * len(found)})
        fineweb2.function(documents.slice(0, 2), spoken, fineweb2_config())
        report(f"signals/fineweb2, {name}", found, partial(fineweb2.function, documents, spoken, fineweb2_config()))
    han = documents_of(by_code["cmn_Hani"])
    spoken = pa.table({"doc_id": han["doc_id"], "language": ["zh"] * len(han)})
    chinese.function(han.slice(0, 2), spoken, chinese_config())
    report("signals/chinese", by_code["cmn_Hani"], lambda: chinese.function(han, spoken, chinese_config()))
    sources = [(path, text) for _, path, text in source_files(corpora)]
    files = documents_of([text for _, text in sources], [f"{path}@0+1" for path, _ in sources])
    code.function(files.slice(0, 2), CodeConfig())
    report("signals/code", [text for _, text in sources], lambda: code.function(files, CodeConfig()))
    urls = [f"{url}?{number}" for number in range(100) for url in urls_and_lists(corpora)[0]]
    pages = documents_of([""] * len(urls), urls=urls)
    url_rules.function(pages.slice(0, 2), url_config())
    report(f"signals/url, {len(urls):,} URLs", urls, lambda: url_rules.function(pages, url_config()))


def split_all(split: Split, documents: pa.Table) -> None:
    """Split texts slice by slice and discard the words."""

    def rows(part: pa.Table) -> pa.Table:
        split(one_chunk(part.column("text")))
        return part.select(["doc_id"])

    map_slices(rows, documents)


def documents_of(found: list[str], places: list[str] | None = None, urls: list[str] | None = None) -> pa.Table:
    """A documents table of these texts."""
    count = len(found)
    blank = {field.name: pa.nulls(count, field.type) for field in Documents.schema}
    given = {"doc_id": [f"{number:032x}" for number in range(count)], "text": found, "extractor": ["row"] * count}
    given |= {"record_uri": places or [""] * count} | ({"url": urls} if urls else {})
    return pa.table(blank | {name: pa.array(values, pa.string()) for name, values in given.items()})


def report(what: str, found: list[str], work: Callable[[], object]) -> None:
    """Time ``work`` and print a row."""
    size = sum(len(text.encode()) for text in found) / 1e6
    start = time.process_time()
    work()
    print(f"{what:34} {size:7.2f} {size / (time.process_time() - start):8.2f}", flush=True)


if __name__ == "__main__":
    main()
