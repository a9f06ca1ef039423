"""Signals of Chinese text, simplified and traditional, with the units stated.

Sources: MAP-NEO (Zhang et al. 2024) ``Matrix/chinese_data_clean_pipeline/filter/filter.py`` for the columns that say
so, OpenCoder (Huang et al. 2024) ``quality_signals/doc.py`` for repeated lines and "read more" lines; script, marks,
sentence length and stop words are our own.

MAP-NEO looks at a *view* of the text: full-width punctuation made half-width (``。`` becomes ``.``) and web addresses
removed, in most rules in Unicode form NFKC. Upstream outputs that view as the text; here only the rules see it, and the
text keeps its marks. Characters are code points; words are jieba's, of the view without punctuation. A document
in another language has null in every column; one without lines or words has 0 where upstream would divide by zero.

Cost: about 5 MB/s a core: jieba's words take a third, expressions over the text most of the rest.
"""

import string
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, SignalsChinese, SignalsLanguage
from gristmill.tasks.kernels.counts.text_counts import PLANES, class_counts, distinct_and_entropy, marked_words
from gristmill.tasks.text.code_points import among, where
from gristmill.tasks.text.lines import count, frame, ratio, split, split_lines, stripped, total
from gristmill.tasks.text.punctuation import TERMINAL, WHITESPACE, characters
from gristmill.tasks.text.slices import map_slices, one_chunk
from gristmill.tasks.tokenization import chinese_words
from gristmill.tasks.tokenization.languages import codes_of
from gristmill.tasks.tokenization.segment import joined

LISTS = Path(__file__).parent / "lists" / "han_scripts.yaml"
CHINESE = "cmn_Hani"
WIDE = "。！“”＃＄％＆‘’（）＊＋，－／：；＜＝＞？＠［＼］＾＿｀｛｜｝～"
NARROW = ".!\"\"#$%&''()*+,-/:;<=>?@[\\]^_`{|}~"
LINKS = (
    r"https?://[^\s,，\u{4e00}-\u{9fa5}]*|www\.[^\s,，\u{4e00}-\u{9fa5}]*",
    r"[a-zA-Z0-9-]+\.[a-zA-Z0-9-]+\.[a-zA-Z0-9-]+\.[a-zA-Z0-9.-]+\.?",
    r"\b[a-zA-Z0-9][a-zA-Z0-9.-]*\.[a-z]{2,6}\b",  # upstream's may also begin with . or - after a letter such as é
)
SENTENCE = r'[^.!…?;"]*[^\s.!…?;"][^.!…?;"]*'  # of the view: a piece between marks that is not blank
OWN_SENTENCE = r"[^。．！!？?；;…\n]*[^\s。．！!？?；;…][^。．！!？?；;…\n]*"
BRACKETED = "【(?:.*?)】"
PUNCTUATION = r"[^\p{L}\p{N}_\s]"  # all but what Python's \w and \s are
BULLETS = "•●○■□▪▫※·➢\u2022\u2023\u25b6\u25c0\u25e6\u25a0\u25a1\u25aa\u25ab\u2013"
EXPAND = ("readmore", "展开", "更多")  # upstream also has 。。。, which the view cannot contain
CLOSING = "\"'”’」』）)】》〉]"
SPACE, HAN, HANS, HANT, CJK_MARK, DIGIT, ASCII_MARK = range(7)
HAN_CHARACTERS = characters("3005 3007 3021-3029 3400-4DBF 4E00-9FFF F900-FAFF 20000-323AF")
CJK_MARKS = characters("3001-3003 3008-3011 3014-301F FF01-FF0F FF1A-FF20 FF3B-FF40 FF5B-FF65") | frozenset("“”‘’…—·")
SURE = 0.9  # of the telling characters, for one script


class ChineseConfig(Config):
    """``words``: the version of jieba that cuts the words. See :func:`chinese_config`."""

    words: str


def chinese_config() -> ChineseConfig:
    """The config with the jieba that is installed, so that another version makes another output."""
    return ChineseConfig(words=chinese_words.version())


@shard_step("chinese", version=1, reads=(Documents, SignalsLanguage), writes=(SignalsChinese,))
def chinese(documents: pa.Table, languages: pa.Table, config: ChineseConfig) -> pa.Table:
    """One row of ``signals/chinese`` for each row of ``documents``, in their order."""
    is_chinese = (codes_of(documents, languages) == CHINESE).fill_null(value=False)
    places = is_chinese.arg_true().to_numpy()
    found = map_slices(_signals, documents.take(pa.array(places)))
    back = pa.array(np.where(is_chinese, np.cumsum(is_chinese) - 1, 0), mask=~is_chinese.to_numpy())
    values = [found.column(name).take(back) for name in SignalsChinese.schema.names if name != "doc_id"]
    return pa.table([documents.column("doc_id"), *values], SignalsChinese.schema)


def _signals(documents: pa.Table) -> pa.Table:
    texts = one_chunk(documents.column("text"))
    as_half_width = view(texts)
    normal = pc.utf8_normalize(as_half_width, form="NFKC")
    columns = {"doc_id": documents.column("doc_id")}
    columns |= _in_text(texts) | _in_lines(texts) | _in_view(as_half_width, normal)
    columns |= _in_words(normal, columns.pop("telling"))
    return pa.table([columns[name] for name in SignalsChinese.schema.names], SignalsChinese.schema)


def view(texts: pa.Array) -> pa.Array:
    """The texts as MAP-NEO's rules see them: half-width punctuation, no web addresses."""
    series = pl.Series(texts, dtype=pl.String).str.replace_many(list(WIDE), list(NARROW))
    for pattern in LINKS:
        series = series.str.replace_all(pattern, "")
    return series.to_arrow().cast(pa.string())


def _in_text(texts: pa.Array) -> dict[str, Any]:
    """Script, Han, marks and sentences of the text itself; ``telling``: the characters of Hans and of Hant."""
    _, codes, bounds = joined(texts)
    counts = class_counts(codes, bounds, _character_table())
    filled = np.diff(bounds) - counts[:, SPACE]
    series = pl.Series(texts, dtype=pl.String)
    sentences = series.str.count_matches(OWN_SENTENCE).to_numpy()
    normal = pc.utf8_normalize(texts, form="NFKC")
    brackets = frame(normal).select("document", line=pl.col("text").str.extract_all(BRACKETED)).explode("line")
    inside = total(brackets.drop_nulls(), pl.col("line").str.len_chars() - 2, len(texts))
    return {
        "script": script_of(counts[:, HANS], counts[:, HANT]),
        "telling": counts[:, [HANS, HANT]],
        "han_ratio": ratio(counts[:, HAN], filled),
        "cjk_mark_ratio": ratio(counts[:, CJK_MARK], filled),
        "mean_sentence_length": ratio(filled, sentences),
        "bracket_ratio": ratio(inside, pc.utf8_length(normal).to_numpy(zero_copy_only=False)),
    }


def script_of(hans: npt.NDArray[np.int64], hant: npt.NDArray[np.int64]) -> pa.Array:
    """Hans or Hant when nine tenths of the telling characters are its own, else mixed; undetermined without any."""
    share = ratio(hans, hans + hant)
    names = np.where(share >= SURE, "Hans", np.where(share <= 1 - SURE, "Hant", "mixed"))
    return pa.array(np.where(hans + hant == 0, "undetermined", names), pa.string())


def _in_lines(texts: pa.Array) -> dict[str, Any]:
    """What the lines of the text end with, and how many come back."""
    size = len(texts)
    bare = split(frame(texts), pl.col("text")).with_columns(line=stripped()).filter(pl.col("line") != "")
    line_count = count(bare, size)
    chars = pl.col("line").str.len_chars()
    again = pl.struct("document", "line").is_duplicated()
    unquoted = pl.col("line").str.strip_chars_end(CLOSING + WHITESPACE)
    ended = unquoted.str.tail(1).is_in([*TERMINAL, "…", "；"])
    leads_on = pl.any_horizontal(unquoted.str.to_lowercase().str.ends_with(phrase) for phrase in _lists()["read_more"])
    return {
        "terminal_line_ratio": ratio(total(bare, ended, size), line_count),
        "read_more_line_ratio": ratio(total(bare, leads_on, size), line_count),
        "dup_line_ratio": ratio(total(bare, again, size), line_count),
        "dup_line_char_ratio": ratio(total(bare, chars * again, size), total(bare, chars, size)),
    }


def _in_view(as_half_width: pa.Array, normal: pa.Array) -> dict[str, Any]:
    """MAP-NEO's rules on characters and lines (``self_defined_rules``)."""
    size = len(normal)
    half, series = (pl.Series(texts, dtype=pl.String) for texts in (as_half_width, normal))
    half_chars = half.str.len_chars().to_numpy()
    _, codes, bounds = joined(normal)
    chars = np.diff(bounds)
    counts = class_counts(codes, bounds, _character_table())
    distinct, entropy = distinct_and_entropy(codes, bounds)
    marks = series.str.count_matches(PUNCTUATION).to_numpy()
    lines = split_lines(frame(normal))
    line_count = count(lines, size)
    expand = pl.any_horizontal(pl.col("line").str.ends_with(phrase) for phrase in EXPAND)
    bullet = pl.col("line").str.head(1).is_in(list(BULLETS))
    ellipses = half.str.count_matches(r"…+|\.{2,}").to_numpy()
    return {
        "characters": chars.astype(np.int32),
        "sentences": half.str.count_matches(SENTENCE).to_numpy().astype(np.int32),
        "digit_ratio": ratio(counts[:, DIGIT], chars - marks),
        "mark_ratio": ratio(counts[:, ASCII_MARK], chars),
        "hash_run_ratio": ratio(half.str.count_matches("#+").to_numpy(), half_chars),
        "ellipsis_run_ratio": ratio(ellipses, half_chars),
        "unique_character_ratio": ratio(distinct, chars),
        "character_entropy": entropy,
        "expand_line_ratio": ratio(total(lines, expand, size), line_count),
        "bullet_line_ratio": ratio(total(lines, bullet, size), line_count),
    }


def _in_words(normal: pa.Array, telling: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Words of the view without punctuation; function words by the script that ``telling`` shows."""
    bare = pl.Series(normal, dtype=pl.String).str.replace_all(PUNCTUATION, "").to_arrow().cast(pa.string())
    _, codes, bounds = joined(bare)
    start, end, offsets = chinese_words.cut(codes, bounds)
    sums = np.zeros(len(start) + 1, np.int64)
    np.cumsum(end - start, out=sums[1:])
    words = np.diff(offsets)
    lists = _lists()["stop_words"]
    hans, hant = (marked_words(codes, start, end, offsets, tuple(lists[script])) for script in ("Hans", "Hant"))
    script = np.asarray(script_of(telling[:, 0], telling[:, 1]))
    stops = np.select([script == "Hans", script == "Hant"], [hans, hant], np.maximum(hans, hant))
    return {
        "words": words.astype(np.int32),
        "mean_word_length": ratio(sums[offsets[1:]] - sums[offsets[:-1]], words),
        "stop_words": stops.astype(np.int32),
    }


@lru_cache(maxsize=1)
def _lists() -> dict[str, Any]:
    lists: dict[str, Any] = yaml.safe_load(LISTS.read_text(encoding="utf-8"))
    return lists


@lru_cache(maxsize=1)
def _character_table() -> npt.NDArray[np.uint32]:
    """Classes of each code point below PLANES and, as the last entry, of those beyond."""
    table = np.zeros(PLANES + 1, np.uint32)
    lists = _lists()
    classes: dict[int, frozenset[str] | set[str] | str] = {
        SPACE: WHITESPACE,
        HAN: HAN_CHARACTERS,
        HANS: set(lists["Hans"]) - {" "},
        HANT: set(lists["Hant"]) - {" "},
        CJK_MARK: CJK_MARKS,
        ASCII_MARK: string.punctuation + "…",
    }
    for kind, members in classes.items():
        table[:PLANES] |= among(members).astype(np.uint32) << kind
    table[:PLANES] |= where(str.isdigit).astype(np.uint32) << DIGIT
    return table
