"""RefinedWeb's signals as DCLM's baseline computes them.

Sources: DCLM ``dclm_baseline_refinedweb.yaml`` and the mappers that it names (baselines/mappers/filters, enrichers,
core_utils.py); Penedo et al. 2023, appendix G. Everything is measured on the page without web addresses and runs of
blank lines (``gristmill.tasks.signals.line_rules.refinedweb``), and upstream has three kinds of words:

* ``words`` and ``removed_word_ratio``: what ASCII white space separates, if its first character is a letter or digit
  (fastText's tokenizer without punctuation);
* mean length, symbols, letters and stop words: what Unicode white space separates (``str.split``);
* n-grams: Unicode word boundaries (UAX 29, as the package ``uniseg`` finds them), if the first character is a letter or
  digit; a Han character or a hiragana is a word.

Lines and paragraphs are compared without white space at their ends; every occurrence of a repeated one counts, the
first as well. Stop words are counted with repeats. Cost: about 5 MB/s a core, a third each for word boundaries with
n-grams and for the line edits.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, SignalsRefinedWeb
from gristmill.tasks.kernels.ngrams.word_repeats import LONGEST, repeated_characters
from gristmill.tasks.signals.line_rules.refinedweb import WORD, Edited, edit_lines
from gristmill.tasks.text.lines import count, ratio, split, stripped, total
from gristmill.tasks.text.slices import map_slices, one_chunk

BULLETS = ("●", "•", "*", "-")
ELLIPSES = ("...", ". . .", "…")
STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
COUNTED_WORD = r"(?:^|[ \n\r\t\x0B\x0C\x00])[\p{L}\p{N}]"  # where a fastText token begins with a letter or digit

# Unicode word boundaries as one expression: letters, digits, Katakana and connectors with what extends them, a mark
# between two letters or two digits, and any other letter or digit by itself.
EXTEND = r"[\p{wb=Extend}\p{wb=Format}\p{wb=ZWJ}]*"
LETTERS = rf"(?:[\p{{wb=ALetter}}\p{{wb=Hebrew_Letter}}]{EXTEND})+"
DIGITS = rf"(?:\p{{wb=Numeric}}{EXTEND})+"
KATAKANA = rf"(?:\p{{wb=Katakana}}{EXTEND})+"
CONNECTORS = rf"(?:\p{{wb=ExtendNumLet}}{EXTEND})"
IN_LETTERS = rf"[\p{{wb=MidLetter}}\p{{wb=MidNumLet}}\p{{wb=Single_Quote}}]{EXTEND}"
IN_DIGITS = rf"[\p{{wb=MidNum}}\p{{wb=MidNumLet}}\p{{wb=Single_Quote}}]{EXTEND}"
RUN = rf"(?:{LETTERS}(?:{IN_LETTERS}{LETTERS})*|{DIGITS}(?:{IN_DIGITS}{DIGITS})*)+"
BOUNDED_WORD = (
    rf"{CONNECTORS}*(?:{RUN}|{KATAKANA})(?:{CONNECTORS}+(?:{RUN}|{KATAKANA}))*{CONNECTORS}*|[\p{{L}}\p{{N}}]{EXTEND}"
)

Floats = npt.NDArray[np.float64]


class RefinedWebConfig(Config):
    """No settings: the lineage fixes what is counted, and the policy sets the thresholds."""


@shard_step("refinedweb", version=1, reads=(Documents,), writes=(SignalsRefinedWeb,))
def refinedweb(documents: pa.Table, config: RefinedWebConfig) -> pa.Table:
    """One row of ``signals/refinedweb`` for each row of ``documents``, in their order."""
    return map_slices(_signals, documents)


def _signals(documents: pa.Table) -> pa.Table:
    edited = edit_lines(one_chunk(documents.column("text")))
    columns: dict[str, Any] = {"doc_id": documents.column("doc_id")}
    columns |= (
        _words(edited.judged) | _lines(edited.judged) | _n_grams(edited.judged) | _removed(edited, len(documents))
    )
    return pa.table([columns[name] for name in SignalsRefinedWeb.schema.names], SignalsRefinedWeb.schema)


def _words(judged: pl.DataFrame) -> dict[str, Any]:
    text = pl.col("text")
    apart = pl.concat_str(pl.lit(" "), text.str.to_lowercase().str.replace_all(r"[\s\x1C-\x1F]+", "  "), pl.lit(" "))
    found = judged.select(
        counted=text.str.count_matches(COUNTED_WORD),
        split=text.str.count_matches(WORD),
        characters=text.str.len_chars() - text.str.count_matches(r"[\s\x1C-\x1F]"),
        symbols=pl.sum_horizontal(text.str.count_matches(symbol, literal=True) for symbol in ("#", *ELLIPSES)),
        alphabetic=text.str.count_matches(r"[^\s\x1C-\x1F]*\p{L}[^\s\x1C-\x1F]*"),
        stop=apart.str.count_matches(f" (?:{'|'.join(STOP_WORDS)}) "),
    )
    number = {name: found[name].to_numpy().astype(np.float64) for name in found.columns}
    return {
        "words": number["counted"].astype(np.int32),
        "mean_word_length": ratio(number["characters"], number["split"]),
        "symbol_word_ratio": ratio(number["symbols"], number["split"]),
        "non_alpha_word_ratio": ratio(number["split"] - number["alphabetic"], number["split"]),
        "stop_words": number["stop"].astype(np.int32),
    }


def _lines(judged: pl.DataFrame) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    size = len(judged)
    for name, separator in (("line", "\n"), ("paragraph", "\n\n")):
        pieces = (
            split(judged, pl.col("text"), separator).select("document", line=stripped()).filter(pl.col("line") != "")
        )
        again, chars = pl.struct("document", "line").is_duplicated(), pl.col("line").str.len_chars()
        lines = count(pieces, size)
        columns[f"dup_{name}_ratio"] = ratio(total(pieces, again, size), lines)
        columns[f"dup_{name}_char_ratio"] = ratio(total(pieces, again * chars, size), total(pieces, chars, size))
        if name == "line":
            bullet = pl.any_horizontal(pl.col("line").str.starts_with(mark) for mark in BULLETS)
            ellipsis = pl.any_horizontal(pl.col("line").str.ends_with(mark) for mark in ELLIPSES)
            columns["bullet_line_ratio"] = ratio(total(pieces, bullet, size), lines)
            columns["ellipsis_line_ratio"] = ratio(total(pieces, ellipsis, size), lines)
    return columns


def _n_grams(judged: pl.DataFrame) -> dict[str, Any]:
    words = judged.select("document", word=pl.col("text").str.extract_all(BOUNDED_WORD)).explode("word")
    words = words.filter(pl.col("word").str.contains(r"^[\p{L}\p{N}]"))
    per_document = np.bincount(words["document"].to_numpy(), minlength=len(judged))
    ratios = repeated_characters(
        words["word"].hash(0).to_numpy(),
        words["word"].str.len_chars().cast(pl.Int64).to_numpy(),
        np.concatenate(([0], np.cumsum(per_document))).astype(np.int64),
    )
    names = [f"{'top' if n <= 4 else 'dup'}_{n}_gram_ratio" for n in range(2, LONGEST + 1)]
    return dict(zip(names, ratios.T, strict=True))


def _removed(edited: Edited, size: int) -> dict[str, Any]:
    """Share of words that the edits take out, 1 for a page of which nothing would be left."""
    lines = edited.lines.filter(pl.col("reason").ne_missing("blank_line"))
    before = total(lines, pl.col("line").str.count_matches(COUNTED_WORD), size)
    after = total(lines, pl.col("left").str.count_matches(COUNTED_WORD).fill_null(0), size)
    left = total(lines, pl.col("left").fill_null("").str.contains(WORD), size)
    removed = np.clip(ratio(before - after, before), 0, 1)
    return {"removed_word_ratio": np.where(left > 0, removed, 1.0)}
