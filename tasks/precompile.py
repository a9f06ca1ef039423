"""Compile the kernels ahead of their first use: ``python -m gristmill.tasks.precompile``.

numba compiles a function when it is first called and keeps the result next to its source. On a fresh checkout
every process that starts meanwhile compiles the same functions again, some 40 s of processor each; running this first
(in the image of a cluster, before parallel tests) avoids that. Once everything is compiled it takes seconds.
"""

import time

import polars as pl
import pyarrow as pa
from tokenizers.models import BPE

from gristmill.core.digests import digest_text
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Documents, EvalItems, Records, SignalsLanguage
from gristmill.tasks.contamination.index import MatchConfig, build_index
from gristmill.tasks.contamination.matching import find
from gristmill.tasks.dedup.minhash import bands
from gristmill.tasks.dedup.presets import PRESETS
from gristmill.tasks.filtering.decide import kept_rows, ledger
from gristmill.tasks.mix.byte_pairs import characters, compiled
from gristmill.tasks.mix.tokenizer import byte_level
from gristmill.tasks.signals.language import language, language_config
from gristmill.tasks.signals.registry import SignalSettings, chosen, steps_of
from gristmill.tasks.text.slices import one_chunk

TEXTS = (
    ("a.html", "The mill stands by the river. It isn't new, and its wheel turns all day.\n\n- one [1]\n- two…\n" * 4),
    ("b.html", "磨坊在河边。水车整天转动，磨出面粉。[编辑]\n\n“谁来看？”他问。\n" * 8),
    ("c.html", "水車小屋は川のそばにある。一日中回り続ける。Die Mühle steht am Fluß. Мельница стоит у реки.\n" * 8),
    ("d.py", 'import os\n\n# a mill\ndef grind(corn: str) -> str:\n    """Flour."""\n    return corn.lower()\n' * 4),
)


def main() -> None:
    """Call every step that has kernels once, on a few texts that take every branch."""
    begun = time.perf_counter()
    documents = pa.Table.from_pylist([_document(*text) for text in TEXTS], Documents.schema)
    languages = language.function(documents, language_config())
    rows = [
        {**row, "language": name} for row, name in zip(languages.to_pylist(), ("de", "zh", "ja", "en"), strict=True)
    ]
    tables = {
        Records.name: Records.schema.empty_table(),
        Documents.name: documents,
        SignalsLanguage.name: pa.Table.from_pylist(rows, SignalsLanguage.schema),
    }
    given = SignalSettings()
    for step, config in steps_of(chosen(given, everything=True), given):
        step.function(*(tables[table.name] for table in step.reads), config)
    kept = ledger([kept_rows(pl.DataFrame(documents.select(["doc_id", "source"])), StageName.DECIDE)])
    for preset in PRESETS.values():
        bands.function(documents, kept, preset)
    item = {"suite": "warm", "suite_digest": "", "item": "mill", "form": "question", "text": TEXTS[0][1], "letter": ""}
    items = pa.Table.from_pylist([item | {"answers": ["the river"], "options": []}], EvalItems.schema)
    compiled(byte_level(BPE({character: number for number, character in enumerate(characters())}, [])))
    find(one_chunk(documents.column("text")), build_index(items, MatchConfig()), MatchConfig())
    print(f"the kernels are compiled ({time.perf_counter() - begun:.0f} s)")


def _document(name: str, text: str) -> dict[str, object]:
    empty = {field.name: None if field.nullable else "" for field in Documents.schema}
    given = {"doc_id": digest_text(name), "source": "warm", "url": f"https://mill.example/{name}", "text": text}
    return {**empty, **given, "text_hash": digest_text(text), "chars": len(text)}


if __name__ == "__main__":
    main()
