"""Signals of source code, by the rules of two projects.

Sources: bigcode-dataset ``preprocessing/filtering.py`` (line lengths, letters, comments, XML, HTML); OpenCoder's
opc_data_filtering ``quality_signals/{doc,code}.py`` (the rules for all languages).

bigcode finds comments with pygments, and docstrings of Python with its own parser; here a kernel scans the text for
the marks of its language (``code_syntax``). OpenCoder's rules on lines and strings look at the code without comments,
which is made of the bytes the scan left. Its words are runs of letters and digits of the text in lower case. Of
OpenCoder's rules those for all languages are here; those for single languages need a parser or random numbers.
bigcode's fertility rule needs a tokenizer and is not here. A document without a programming language has null in
every column, one without code lines 0.

Cost: about 6 MB/s a core; expressions over strings and encoded data take most of it.
"""

import string
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from gristmill.core.config import Config, did_you_mean
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, SignalsCode
from gristmill.tasks.kernels.counts.code_comments import CODE, COMMENT, parts
from gristmill.tasks.kernels.counts.text_counts import PLANES, class_counts, words_between
from gristmill.tasks.kernels.ngrams.top_ngrams import top_gram_ratios
from gristmill.tasks.kernels.ngrams.word_repeats import repeated_characters
from gristmill.tasks.text.code_points import where
from gristmill.tasks.text.code_syntax import MARKS, languages_of, syntax
from gristmill.tasks.text.lines import Floats, count, frame, ratio, split, split_lines, total
from gristmill.tasks.text.slices import map_slices, one_chunk
from gristmill.tasks.tokenization.segment import joined

SPACE, ALPHANUMERIC, LETTER, DIGIT, REPLACEMENT = range(5)
STRINGS = r"""'''(?s:.*?)'''|\"\"\"(?s:.*?)\"\"\"|'[^\n]*?'|"[^\n]*?\""""
WIDE_STRINGS = r"""(?s)'''.*?'''|\"\"\".*?\"\"\"|'.*?'|".*?\""""
LONG_STRING_WORDS, LONG_WORD = 20, 20
ENCODED = (
    r"[a-zA-Z0-9+/\n=]{64,}",
    r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}",
    r"(?:\\u[0-9a-fA-F]{4}){8,}",
)
LONG_ENCODED, MOSTLY = 1024, 0.5
GENERATED = r"(?i)generate|autogen|do not edit"
TODO = r"(?i)your code here|fixme|todo"
HEXADECIMAL = r"\b0[xX][0-9a-fA-F]+\b"
WIDE_MARKS = "。、《》【】「」“”‘’"  # OpenCoder makes ASCII punctuation of them first
INVISIBLE = r"(?is)<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->|<[^>]*>"
ENTITY = r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#x[0-9a-fA-F]{1,5});"


class CodeConfig(Config):
    """``otherwise``: the language of a text whose name and beginning show none; by default it has no signals."""

    otherwise: str | None = None

    @field_validator("otherwise")
    @classmethod
    def _known(cls, language: str | None) -> str | None:
        if language is not None and language not in MARKS:
            raise ValueError(f"there is no programming language {language!r}{did_you_mean(language, list(MARKS))}")
        return language


@shard_step("code", version=1, reads=(Documents,), writes=(SignalsCode,))
def code(documents: pa.Table, config: CodeConfig) -> pa.Table:
    """One row of ``signals/code`` for each row of ``documents``, in their order."""
    language = languages_of(documents, config.otherwise)
    shown = language.is_not_null()
    chosen = documents.select(["doc_id", "text"]).append_column(
        "program_language", language.to_arrow().cast(pa.string())
    )
    found = map_slices(_signals, chosen.filter(pa.chunked_array([shown.to_arrow()])))
    back = pa.array(np.where(shown, np.cumsum(shown) - 1, 0), mask=~shown.to_numpy())
    values = [found.column(name).take(back) for name in SignalsCode.schema.names if name != "doc_id"]
    return pa.table([documents.column("doc_id"), *values], SignalsCode.schema)


def _signals(documents: pa.Table) -> pa.Table:
    texts = one_chunk(documents.column("text"))
    language = pl.Series(one_chunk(documents.column("program_language")), dtype=pl.String)
    chars = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    lines = split(frame(texts).filter(pl.col("text") != ""), pl.col("text").str.strip_suffix("\n"))
    line_count = count(lines, len(texts))
    columns: dict[str, Any] = {
        "doc_id": documents.column("doc_id"),
        "program_language": documents.column("program_language"),
        "characters": chars.astype(np.int32),
        "lines": line_count.astype(np.int32),
        "full_line_mean": ratio(chars, line_count),
    }
    columns |= _in_characters(texts, chars) | _in_lines(texts) | _in_words(texts)
    columns |= _in_code(texts, language, chars, line_count) | _in_html(texts, language, chars)
    return pa.table([columns[name] for name in SignalsCode.schema.names], SignalsCode.schema)


def _in_characters(texts: pa.Array, chars: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Classes of characters, and what the beginning and long runs of encoded data say."""
    _, codes, bounds = joined(texts)
    counts = class_counts(codes, bounds, _character_table())
    filled = chars - counts[:, SPACE]
    series = pl.Series(texts, dtype=pl.String)
    longest, matched = np.zeros(len(texts)), np.zeros(len(texts))
    for pattern in ENCODED:
        found = (
            frame(texts).select("document", line=pl.col("text").str.extract_all(pattern)).explode("line").drop_nulls()
        )
        sizes = found.select("document", size=pl.col("line").str.len_chars()).to_numpy()
        np.maximum.at(longest, sizes[:, 0], sizes[:, 1])
        np.add.at(matched, sizes[:, 0], sizes[:, 1])
    return {
        "alphanumeric_ratio": ratio(counts[:, ALPHANUMERIC], chars),
        "alphabetic_ratio": ratio(counts[:, LETTER], filled),
        "digit_ratio": ratio(counts[:, DIGIT], filled),
        "whitespace_ratio": ratio(counts[:, SPACE], chars),
        "replacement_ratio": ratio(counts[:, REPLACEMENT], chars),
        "xml_start": series.str.head(100).str.contains("<?xml version=", literal=True).to_arrow(),
        "autogenerated": series.str.head(200).str.contains(GENERATED).to_arrow(),
        "encoded_data": (longest > LONG_ENCODED) | (ratio(matched, chars) > MOSTLY),
    }


def _in_lines(texts: pa.Array) -> dict[str, Any]:
    """Lengths of lines as ``str.splitlines`` gives them."""
    lines = split_lines(frame(texts)).with_columns(chars=pl.col("line").str.len_chars())
    longest = np.zeros(len(texts), np.int32)
    grouped = lines.group_by("document").agg(pl.col("chars").max())
    longest[grouped["document"].to_numpy()] = grouped["chars"].to_numpy()
    return {
        "line_max": longest,
        "line_mean": ratio(total(lines, pl.col("chars"), len(texts)), count(lines, len(texts))),
    }


def _in_words(texts: pa.Array) -> dict[str, Any]:
    """OpenCoder's words: NFKC, lower case, ASCII punctuation separates; and what repeats among them."""
    small = (
        pl.Series(pc.utf8_normalize(texts, form="NFKC"), dtype=pl.String)
        .str.to_lowercase()
        .to_arrow()
        .cast(pa.string())
    )
    _, codes, bounds = joined(small)
    hashes, lengths, offsets = words_between(codes, bounds, _word_table())
    words = np.diff(offsets)
    sums = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=sums[1:])
    repeats, tops = repeated_characters(hashes, lengths, offsets), top_gram_ratios(hashes, lengths, offsets)
    ratios = {f"top_{n}_gram_ratio": tops[:, n - 2] for n in (2, 3, 4)}
    ratios |= {f"dup_{n}_gram_ratio": repeats[:, n - 2] for n in range(5, 11)}
    mean = ratio(sums[offsets[1:]] - sums[offsets[:-1]], words)
    return {"words": words.astype(np.int32), "mean_word_length": mean, **ratios}


def _in_code(texts: pa.Array, language: pl.Series, chars: npt.NDArray[np.int64], line_count: Floats) -> dict[str, Any]:
    """Comments, and measures of the code without them."""
    size = len(texts)
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + size + 1].astype(np.int64)
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    offsets -= offsets[0]
    rows = language.replace_strict({name: place for place, name in enumerate(MARKS)}, return_dtype=pl.Int64).to_numpy()
    kinds, documented = parts(data, offsets, rows, syntax())
    codes, comments = (_kept(data, offsets, chosen) for chosen in (kinds == CODE, kinds != CODE))
    is_python = (language == "python").to_numpy()
    in_python = _characters(data, offsets, kinds == COMMENT) + documented
    in_python -= _sums(offsets, (kinds == COMMENT) & (data == ord("#")))  # bigcode removes the number signs
    spoken = np.where(is_python, in_python, _characters(data, offsets, kinds != CODE))
    code_chars = pc.utf8_length(codes).to_numpy(zero_copy_only=False)
    lines = split(frame(codes), pl.col("text")).filter(pl.col("line").str.contains(r"\S"))
    code_lines = count(lines, size)
    squeezed = pl.col("line").str.replace_all(r"\s+", "")
    again = pl.struct("document", squeezed).is_duplicated() & (squeezed.str.len_chars() > 1) & (squeezed != "},")
    comment_lines = split(frame(comments), pl.col("text"))
    numbers = pl.Series(codes, dtype=pl.String).str.extract_all(HEXADECIMAL)
    in_numbers = numbers.list.eval(pl.element().str.len_chars()).list.sum().to_numpy()
    return {
        "comment_ratio": ratio(spoken, chars),
        "dup_line_ratio": ratio(total(lines, again, size), code_lines),
        "hex_ratio": ratio(in_numbers, code_chars),
        "todo_line_ratio": ratio(total(comment_lines, pl.col("line").str.contains(TODO), size), line_count),
        "assert_line_ratio": ratio(total(lines, pl.col("line").str.contains("(?i)assert"), size), code_lines),
        **_in_strings(codes, code_chars, code_lines),
    }


def _in_strings(codes: pa.Array, code_chars: npt.NDArray[np.generic], code_lines: Floats) -> dict[str, Any]:
    """Text between quotes; the two expressions are OpenCoder's, which do not agree on line feeds."""
    size = len(codes)
    inner = _between_quotes(codes, STRINGS)
    words = inner.select("document", pl.col("line").str.extract_all(r"\S+")).explode("line").drop_nulls()
    long_word = (pl.col("line").str.len_chars() > LONG_WORD) & ~pl.col("line").str.contains(r"https?://\S")
    wide = _between_quotes(codes, WIDE_STRINGS).select("document", pl.col("line").str.split("\n")).explode("line")
    long_line = pl.col("line").str.count_matches(r"\w+|[^\w\s]+") > LONG_STRING_WORDS
    return {
        "string_ratio": ratio(total(inner, pl.col("line").str.len_chars(), size), code_chars),
        "long_word_ratio": ratio(total(words, pl.col("line").str.len_chars() * long_word, size), code_chars),
        "long_string_line_ratio": ratio(total(wide, long_line, size), code_lines),
    }


def _between_quotes(codes: pa.Array, pattern: str) -> pl.DataFrame:
    """The inside of every match of ``pattern``, as column ``line``."""
    found = frame(codes).select("document", line=pl.col("text").str.extract_all(pattern)).explode("line").drop_nulls()
    line = pl.col("line")
    long = (line.str.starts_with("'''") | line.str.starts_with('"""')) & (line.str.len_chars() >= 6)
    quotes = pl.when(long).then(3).otherwise(1)
    return found.select("document", line=line.str.slice(quotes, line.str.len_chars() - 2 * quotes))


def _kept(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> pa.Array:
    """Texts of the chosen bytes."""
    ends = np.zeros(len(offsets), np.int32)
    np.cumsum(_sums(offsets, chosen), out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(data[chosen]))]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def _characters(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Code points among the chosen bytes of each text."""
    return _sums(offsets, chosen & ((data & 0xC0) != 0x80))


def _sums(offsets: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Chosen bytes of each text."""
    sums = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(chosen, out=sums[1:])
    return sums[offsets[1:]] - sums[offsets[:-1]]


def _in_html(texts: pa.Array, language: pl.Series, chars: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Visible text of HTML: what is left without tags, scripts, styles and comments, an entity being one character."""
    html = (language == "html").to_numpy()
    visible = pl.Series(texts, dtype=pl.String).filter(pl.Series(html))
    shown = visible.str.replace_all(INVISIBLE, "").str.replace_all(ENTITY, "x").str.len_chars().to_numpy()
    counts = np.zeros(len(texts), np.int32)
    counts[html] = shown
    return {
        "html_text_ratio": pa.array(ratio(counts, chars), mask=~html),
        "html_text_characters": pa.array(counts, mask=~html),
    }


@lru_cache(maxsize=1)
def _character_table() -> npt.NDArray[np.uint32]:
    """Classes of each code point, as Python's string methods have them."""
    table = np.zeros(PLANES + 1, np.uint32)
    asked = {SPACE: str.isspace, ALPHANUMERIC: str.isalnum, LETTER: str.isalpha, DIGIT: str.isdigit}
    for kind, says in asked.items():
        table[:PLANES] |= where(says).astype(np.uint32) << kind
    table[ord("\ufffd")] |= 1 << REPLACEMENT
    return table


@lru_cache(maxsize=1)
def _word_table() -> npt.NDArray[np.uint8]:
    """0 for what separates words, 1 for letters and digits, 2 for other marks, which make words of their own."""
    table = np.where(_character_table() & (1 << ALPHANUMERIC), 1, 2).astype(np.uint8)
    table[(_character_table() & (1 << SPACE)) != 0] = 0
    table[[ord(mark) for mark in string.punctuation + WIDE_MARKS]] = 0
    return table
