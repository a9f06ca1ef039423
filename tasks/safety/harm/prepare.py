"""Texts as the harm classifier sees them: folded, on one line, without groups of people, Han characters apart.

Folding undoes evasions before the classifier could miss them, in training and in scoring alike. fastText takes words at
spaces; Chinese has none, so each character becomes a word and the n-grams become those of characters. Words for
groups of people (``lists/identities.txt``) are left out: in what people label as toxic groups are mentioned more
often than elsewhere, and a classifier that sees them learns that the mention is the insult (Dixon et al. 2018,
"Measuring and mitigating unintended bias in text classification"). Cost: that of folding, about 10 MB/s.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import polars as pl

from gristmill.tasks.classifier.texts import one_line
from gristmill.tasks.safety.harm.fold import fold

BATCH_CHARACTERS = 1_000_000
HAN = r"(\p{Han})"


def prepared(texts: pl.Series) -> pl.Series:
    """``texts``, each on one line."""
    return folded_lines(texts).str.replace_all(_identities(), " ").str.replace_all(HAN, " $1 ")


@lru_cache(maxsize=1)
def _identities() -> str:
    lines = (Path(__file__).parent / "lists" / "identities.txt").read_text(encoding="utf-8").splitlines()
    words = sorted((line for line in lines if line and not line.startswith("#")), key=len, reverse=True)
    latin = "|".join(word for word in words if word.isascii())
    return rf"\b(?:{latin})\b|{'|'.join(word for word in words if not word.isascii())}"


def folded_lines(texts: pl.Series) -> pl.Series:
    """``texts`` folded, each on one line."""
    parts = [part for batch in _batches(one_line(texts)) for part in fold("\n".join(batch)).text.split("\n")]
    return pl.Series(parts, dtype=pl.String)


def _batches(lines: pl.Series) -> Iterator[list[str]]:
    batch: list[str] = []
    held = 0
    for line in lines.to_list():
        batch.append(line)
        held += len(line)
        if held > BATCH_CHARACTERS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
