"""RefinedWeb's signals, verdicts and line edits against what DCLM's own mappers did with the same texts.

The golden file was made by ``python -m benchmarks.peers.refinedweb`` (without DCLM's language and address filters): for
7,312 texts the step that drops each, and the digest of the text that is left of the others. One in three is looked at
here, to save time; all of them agreed when the file was made.
"""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.peers.verdicts_refinedweb import key, texts
from gristmill.schemas.tables import SIGNALS, Documents, Redactions, SignalsRefinedWeb
from gristmill.tasks.cleaning.clean import refinedweb_cuts
from gristmill.tasks.filtering.decide import DecideConfig, decide
from gristmill.tasks.filtering.policy import Policy, load_policy
from gristmill.tasks.signals.refinedweb import RefinedWebConfig, refinedweb
from gristmill.tasks.text.editing import edit_texts, listed
from gristmill.tasks.text.slices import map_slices, one_chunk
from tests.helpers.ledger_rows import table_of

GOLDEN = Path(__file__).parent / "verdicts_refinedweb.parquet"
AT_LEAST = 0.995
STEPS = {
    "": "",
    "words": "page_length_filter",
    "mean_word_length": "word_length_filter",
    "symbols": "symbol_ratio_filter",
    "bullet_lines": "bullet_count_filter",
    "ellipsis_lines": "ellipsis_count_filter",
    "non_alpha_words": "alphabetic_word_ratio_filter",
    "stop_words": "stop_word_filter",
    "removed_words": "word_removal_ratio_filter",
}
REPETITION = "massive_web_repetition_filters"


@pytest.fixture(scope="module")
def upstream() -> pl.DataFrame:
    """What DCLM did: ``doc_id`` (the text's key), ``refinedweb`` (the step, or empty), ``left``."""
    columns = [("text", pa.binary()), ("refinedweb", pa.string()), ("left", pa.string())]
    rows = pl.DataFrame(pq.read_table(GOLDEN).cast(pa.schema(columns)))
    return rows.with_columns(doc_id=pl.col("text").bin.encode("hex")).drop("text")


@pytest.fixture(scope="module")
def documents(shared: Path) -> pa.Table:
    """One in three of the texts that DCLM judged."""
    found = list(texts(shared / "corpora" / "text"))[::3]
    return table_of(Documents, [{"doc_id": key(text), "source": "text", "text": text} for text in found])


def test_every_text_is_dropped_by_the_step_that_drops_it_upstream(documents: pa.Table, upstream: pl.DataFrame) -> None:
    preset = load_policy("dclm@refinedweb")
    rules = [rule for rule in preset.rules if rule.signal.startswith("refinedweb.")]
    policy = Policy.parse(
        preset.model_dump() | {"name": "test", "rules": [rule.model_dump() for rule in rules]}, "test"
    )
    signals = {table.name: table.schema.empty_table() for table in SIGNALS}
    signals[SignalsRefinedWeb.name] = refinedweb.function(documents, RefinedWebConfig())
    verdicts = pl.DataFrame(decide.function(documents, signals, DecideConfig(policy=policy)))
    first = verdicts.sort("rank").group_by("doc_id").first()
    ours = first.select("doc_id", step=pl.col("rule").fill_null("").replace_strict(STEPS, default=REPETITION))
    both = ours.join(upstream, on="doc_id", validate="1:1")
    assert len(upstream) == 7312
    assert len(both) == len(documents) > 2400
    differ = both.filter(pl.col("step") != pl.col("refinedweb"))
    assert 1 - len(differ) / len(both) >= AT_LEAST
    assert differ["doc_id"].to_list() == []  # none is known, so a single one deserves a look


def test_what_the_edits_leave_is_upstreams_text(documents: pa.Table, upstream: pl.DataFrame) -> None:
    kept = upstream.filter(refinedweb="")
    judged = documents.filter(
        pc.is_in(documents.column("doc_id"), value_set=kept["doc_id"].to_arrow().cast(pa.string()))
    )

    def edited(part: pa.Table) -> pa.Table:
        ids, column = (one_chunk(part.column(name)) for name in ("doc_id", "text"))
        cuts = refinedweb_cuts(column).with_columns(doc_id=pl.lit(pl.Series(ids)).gather("document"))
        left = edit_texts(ids, column, Redactions.schema.empty_table(), cuts.to_arrow(), listed({}))
        return pa.table({"doc_id": ids, "left": pa.array([key(text.strip()) for text in left["text"]], pa.string())})

    ours = pl.DataFrame(map_slices(edited, judged))
    both = ours.join(kept, on="doc_id", validate="1:1", suffix="_upstream")
    assert len(both) == len(judged) > 400
    assert both.filter(pl.col("left") != pl.col("left_upstream"))["doc_id"].to_list() == []


def test_the_golden_file_names_the_code_that_made_it() -> None:
    versions = json.loads(pq.read_schema(GOLDEN).metadata[b"versions"])
    assert {"dclm": "361714b", "uniseg": "0.10.1", "fasttext-community": "0.11.9"}.items() <= versions.items()
