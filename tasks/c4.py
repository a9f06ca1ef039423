"""C4 signals. Source: Raffel et al. 2020, section 2.2; formulas of datatrove 0.10 ``c4_filters.py``.

C4 drops lines one after another and looks for ``lorem ipsum`` and ``{`` only in lines that got so far. Here the lines
stay (text is removed in one late step), yet the columns say what C4 would have found:

1. A line with a word over ``max_word_length`` characters, without terminal punctuation (where ``terminal_punctuation``
   asks for it, as the paper does and FineWeb does not) or with fewer than ``min_words`` words says nothing.
2. A line left over with ``lorem ipsum`` sets ``lorem_ipsum``. One with ``javascript`` counts as a JavaScript line.
3. A line left over with ``{`` sets ``curly_bracket``; one with a policy phrase counts as a policy line.
4. ``sentences`` counts the sentences of the lines left over then.

Words are what white space separates. Citation marks (``[12]``, ``[edit]``) are taken out of a line after the words are
counted. A sentence ends at a run of terminal marks, closing quotes and brackets after it, and white space (none is
needed after a full-width mark); common abbreviations (``Dr. ``, ``e.g. ``) end none. datatrove uses spaCy's
sentencizer: docs/signals.md says how far the two agree. Upstream stops at the first ``{`` or ``lorem ipsum``; here both
columns and the counts always describe the whole document.
"""

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.config import Config
from schemas.signals import SignalsC4
from schemas.tables import Documents
from tasks.lines import frame, split_lines, stripped, total
from tasks.slices import map_slices, one_chunk
from tasks.step import step

CITATION = r"\[\d*\]|\[edit\]|\[citation needed\]"
END_MARKS = (".", "?", "!", '"', "'")
WHITE_SPACE = r"[\s\x1C-\x1F]+"
CLOSING = r"\p{Pe}\p{Pf}\"'*_"
FULL_WIDTH = "。！？｡"
MARKS = rf".?!…‼⁇⁈⁉‽؟۔।॥{FULL_WIDTH}"
SPACED_BREAK = rf"[{MARKS}]+[{CLOSING}]*\s+[^\s{MARKS}{CLOSING}]"
FULL_WIDTH_BREAK = rf"[{FULL_WIDTH}][{CLOSING}]*[^\s{MARKS}{CLOSING}]"
ABBREVIATIONS = (
    "Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Co|Corp|Inc|Ltd|vs|cf|al|etc|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec"
    r"|e\.g|i\.e|a\.m|p\.m|U\.S|[A-Za-z]"
)
ABBREVIATED = rf"(?-u:\b)(?:{ABBREVIATIONS})\.[{CLOSING}]*\s"


class C4Config(Config):
    """Limits of a line that counts, and the phrases of policy lines (in any case)."""

    min_words: int = 3
    max_word_length: int = 1000
    terminal_punctuation: bool = False
    policy_phrases: tuple[str, ...] = (
        "terms of use",
        "privacy policy",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "use cookies",
    )


@step("c4", version=1, reads=(Documents,), writes=(SignalsC4,))
def c4(documents: pa.Table, config: C4Config) -> pa.Table:
    """One row of ``signals/c4`` for each row of ``documents``, in their order."""
    return map_slices(lambda part: _signals(part, config), documents)


def _signals(documents: pa.Table, config: C4Config) -> pa.Table:
    texts = one_chunk(documents.column("text"))
    size = len(texts)
    lines = _lines_that_count(split_lines(frame(texts)), config)
    line = pl.col("line")
    lines = lines.with_columns(
        lorem=line.str.contains("(?i)lorem ipsum"),
        javascript=line.str.contains("(?i)javascript"),
        curly=line.str.contains("{", literal=True),
        policy=line.str.contains("(?i)" + "|".join(map(pl.escape_regex, config.policy_phrases))),
    )
    reached = lines.filter(~pl.col("lorem") & ~pl.col("javascript"))
    policy = pl.col("policy") & ~pl.col("curly")
    left = reached.filter(~pl.col("curly") & ~pl.col("policy"))
    return pa.table(
        {
            "doc_id": documents.column("doc_id"),
            "sentences": total(left, sentences(pl.col("line")), size).astype(np.int32),
            "lorem_ipsum": total(lines, pl.col("lorem"), size) > 0,
            "curly_bracket": total(reached, pl.col("curly"), size) > 0,
            "javascript_lines": total(lines, pl.col("javascript") & ~pl.col("lorem"), size).astype(np.int32),
            "policy_lines": total(reached, policy, size).astype(np.int32),
        },
        schema=SignalsC4.schema,
    )


def _lines_that_count(lines: pl.DataFrame, config: C4Config) -> pl.DataFrame:
    """The lines that pass C4's rules on words and, where asked for, on the last mark; stripped, without citations."""
    lines = lines.with_columns(line=stripped()).filter(pl.col("line") != "")
    words = pl.col("line").str.count_matches(WHITE_SPACE) + 1
    lines = lines.filter(words >= config.min_words, ~_has_word_over(lines["line"], config.max_word_length))
    lines = lines.with_columns(line=pl.col("line").str.replace_all(CITATION, ""))
    if config.terminal_punctuation:
        ended = pl.any_horizontal(pl.col("line").str.ends_with(mark) for mark in END_MARKS)
        lines = lines.filter(ended & ~pl.col("line").str.ends_with("..."))
    return lines


def _has_word_over(lines: pl.Series, limit: int) -> pl.Series:
    """Whether each line holds a word of more than ``limit`` characters; only lines that are long enough are split."""
    places = (lines.str.len_chars() > limit).arg_true()
    words = lines.gather(places).str.replace_all(WHITE_SPACE, " ").str.split(" ")
    found = np.zeros(len(lines), np.bool_)
    found[places.to_numpy()] = (words.list.eval(pl.element().str.len_chars()).list.max() > limit).to_numpy()
    return pl.Series(found)


def sentences(line: pl.Expr) -> pl.Expr:
    """Number of sentences in each line: one more than the breaks inside it, abbreviations not counted."""
    spaced = line.str.count_matches(SPACED_BREAK).cast(pl.Int64) - line.str.count_matches(ABBREVIATED)
    return spaced.clip(0) + line.str.count_matches(FULL_WIDTH_BREAK) + 1
