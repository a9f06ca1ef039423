"""The quality signals written down once more, a document at a time, to judge the column versions by.

Formulas follow datatrove 0.10 (see the modules under ``tasks``), in plain Python; the tokens are those of the columns,
which ``tests/helpers/plain_tokens.py`` judges.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.digests import digest_text
from gristmill.core.table import Table
from gristmill.schemas.tables import Documents
from gristmill.tasks.signals.c4 import C4Config
from gristmill.tasks.signals.heuristics import WRITES, HeuristicsConfig, heuristics
from gristmill.tasks.text.characters import SENTENCE_ENDS
from gristmill.tasks.text.punctuation import SYMBOLS, TERMINAL
from gristmill.tasks.tokenization.words import tokenize
from tests.helpers.ledger_rows import table_of


def documents_of(texts: Sequence[str], urls: Sequence[str | None] | None = None) -> pa.Table:
    """A documents table with these texts, in this order."""
    places = urls or [None] * len(texts)
    rows = [
        {"doc_id": digest_text(str(number)), "text": text, "url": url, "chars": len(text)}
        for number, (text, url) in enumerate(zip(texts, places, strict=True))
    ]
    return table_of(Documents, rows)


def signal_rows(table: Table, texts: Sequence[str], **settings: Config) -> list[dict[str, Any]]:
    """The rows of one table of signals that the heuristics step writes, without their ids; its schema is checked."""
    tables = heuristics.function(documents_of(texts), HeuristicsConfig(**settings))
    rows = tables[WRITES.index(table)]
    assert rows.schema.equals(table.schema)
    found: list[dict[str, Any]] = rows.drop_columns("doc_id").to_pylist()
    return found


def column_words(text: str) -> list[str]:
    """The tokens of ``gristmill.tasks.tokenization.words`` as strings."""
    tokens = tokenize(pa.array([text], pa.string()))
    bounds = zip(tokens.start.tolist(), tokens.end.tolist(), strict=True)
    return [tokens.data[start:end].tobytes().decode() for start, end in bounds]


def repeated_chars(pieces: Sequence[str]) -> tuple[int, int]:
    """How many pieces repeat an earlier one, and their characters."""
    seen: set[str] = set()
    number = characters = 0
    for piece in pieces:
        if piece in seen:
            number += 1
            characters += len(piece)
        seen.add(piece)
    return number, characters


def most_frequent_chars(words: Sequence[str], n: int) -> int:
    """Characters of the most frequent n-gram, with spaces, times its occurrences."""
    grams = Counter(" ".join(words[place : place + n]) for place in range(len(words) - n + 1))
    if not grams:
        return 0
    gram, times = grams.most_common(1)[0]
    return len(gram) * times


def repeated_gram_chars(words: Sequence[str], n: int) -> int:
    """Characters of n-grams seen before, from left to right, jumping over each."""
    seen: set[tuple[str, ...]] = set()
    place = characters = 0
    while place <= len(words) - n:
        gram = tuple(words[place : place + n])
        if gram in seen:
            characters += sum(map(len, gram))
            place += n
        else:
            seen.add(gram)
            place += 1
    return characters


def _over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def plain_repetition(text: str) -> dict[str, float]:
    """The columns of ``signals/gopher_repetition``."""
    words = column_words(text)
    paragraphs, lines = re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)
    row = {}
    for name, pieces in (("line", lines), ("paragraph", paragraphs)):
        number, characters = repeated_chars(pieces)
        row[f"dup_{name}_ratio"] = number / len(pieces)
        row[f"dup_{name}_char_ratio"] = _over(characters, len(text))
    row |= {f"top_{n}_gram_ratio": _over(most_frequent_chars(words, n), len(text)) for n in (2, 3, 4)}
    row |= {f"dup_{n}_gram_ratio": _over(repeated_gram_chars(words, n), len(text)) for n in range(5, 11)}
    return row


def plain_quality(text: str) -> dict[str, float]:
    """The columns of ``signals/gopher_quality``."""
    tokens = column_words(text)
    words = [token for token in tokens if any(character not in SYMBOLS for character in token)]
    lines = text.splitlines()
    bullets = sum(line.lstrip().startswith(("•", "-")) for line in lines)
    ellipses = sum(line.rstrip().endswith(("...", "…")) for line in lines)
    return {
        "words": len(words),
        "mean_word_length": _over(sum(map(len, words)), len(words)),
        "hash_word_ratio": _over(text.count("#"), len(tokens)),
        "ellipsis_word_ratio": _over(text.count("...") + text.count("…"), len(tokens)),
        "bullet_line_ratio": _over(bullets, len(lines)),
        "ellipsis_line_ratio": _over(ellipses, len(lines)),
        "alpha_word_ratio": _over(sum(any(map(str.isalpha, token)) for token in tokens), len(tokens)),
        "stop_words": len({"the", "be", "to", "of", "and", "that", "have", "with"} & set(tokens)),
    }


def plain_fineweb(text: str) -> dict[str, float]:
    """The columns of ``signals/fineweb``."""
    lines = [line for line in text.split("\n") if line.strip()]
    return {
        "punct_line_ratio": _over(sum(line.endswith(tuple(TERMINAL)) for line in lines), len(lines)),
        "short_line_ratio": _over(sum(len(line) <= 30 for line in lines), len(lines)),
        "dup_line_char_ratio": _over(repeated_chars(lines)[1], len(text.replace("\n", ""))),
        "newline_word_ratio": _over(text.count("\n"), len(column_words(text))),
    }


def plain_c4(text: str, config: C4Config) -> dict[str, float | bool]:
    """The columns of ``signals/c4`` in one lineage."""
    row: dict[str, float | bool] = dict.fromkeys(("lorem_ipsum", "curly_bracket"), False)
    row |= dict.fromkeys(("javascript_lines", "policy_lines", "sentences"), 0)
    for line in _c4_lines(text, config):
        if "lorem ipsum" in line.lower():
            row["lorem_ipsum"] = True
        elif "javascript" in line.lower():
            row["javascript_lines"] += 1
        elif "{" in line:
            row["curly_bracket"] = True
        elif _is_policy(line, config):
            row["policy_lines"] += 1
        else:
            row["sentences"] += plain_sentences(line)
    return row


def plain_c4_text(text: str, config: C4Config) -> str:
    """The text that C4 leaves."""
    left = []
    for line in _c4_lines(text, config):
        small = line.lower()
        if "lorem ipsum" in small or not ("javascript" in small or (_is_policy(line, config) and "{" not in line)):
            left.append(line)
    return "\n".join(left).strip()


def _is_policy(line: str, config: C4Config) -> bool:
    return any(phrase in line.lower() for phrase in config.policy_phrases)


def _c4_lines(text: str, config: C4Config) -> list[str]:
    """The lines that pass C4's rules on words and last marks, without white space and citation marks."""
    left = []
    for whole in text.splitlines():
        words = whole.split()
        line = re.sub(r"\[\d*\]|\[edit\]|\[citation needed\]", "", whole.strip())
        words_counted = line.split() if config.citations_before_words else words
        if max(map(len, words), default=0) > config.max_word_length or len(words_counted) < config.min_words:
            continue
        if config.terminal_punctuation and (not line.endswith(config.end_marks) or line.endswith("...")):
            continue
        left.append(line)
    return left


def plain_sentences(line: str) -> int:
    """Sentences of a line as spaCy's sentencizer finds them; white space other than one space is a token to it."""
    words = []
    place = 0
    for word in column_words(line):
        start = line.index(word, place)
        if line[place:start] not in ("", " "):
            words.append(" ")
        words.append(word)
        place = start + len(word)
    if line[place:] not in ("", " "):
        words.append(" ")
    count, ended = 1, False
    for word in words:
        if word in SENTENCE_ENDS:
            ended = True
        elif ended and not all(unicodedata.category(character).startswith("P") for character in word):
            count += 1
            ended = False
    return count
