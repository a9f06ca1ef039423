"""The tokenizer and the quality signals written down once more, a document at a time, to judge the column versions by.

Formulas follow datatrove 0.10 and spaCy's English rules (see the modules under ``tasks``), in plain Python and without
any of their code.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from schemas.digests import digest_text
from schemas.tables import Documents
from tasks.characters import EAST_ASIAN, MARKS, OPENINGS, SEPARATORS
from tasks.punctuation import SYMBOLS, TERMINAL
from tasks.words import tokenize
from tests.helpers.ledger_rows import table_of

CURRENCY_LIKE = "Sc"
CUT = re.compile(
    r"\.{2,}|…|I"
    r"|(?<=d)[+\-*^](?=[d-])"
    r"|(?<=[la])\.(?=[ua])"
    r"|(?<=[lua]),(?=[lua])"
    r"|(?<=[luad])(?:-{1,3}|[~–—])(?=[lua])"
    r"|(?<=[luad])[:<>=/](?=[lua])"
)
ADDRESS = re.compile(r"[lua]{1,8}://")
ENDING = re.compile(r"(.+?)(n['’]t|['’](?:s|m|d|ll|re|ve))", re.IGNORECASE)


def documents_of(texts: Sequence[str], urls: Sequence[str | None] | None = None) -> pa.Table:
    """A documents table with these texts, in this order."""
    places = urls or [None] * len(texts)
    rows = [
        {"doc_id": digest_text(str(number)), "text": text, "url": url, "chars": len(text)}
        for number, (text, url) in enumerate(zip(texts, places, strict=True))
    ]
    return table_of(Documents, rows)


def column_words(text: str) -> list[str]:
    """The tokens of ``tasks.words`` as strings."""
    tokens = tokenize(pa.array([text], pa.string()))
    joined = tokens.codes.tobytes().decode("utf-32-le")
    return [joined[start:end] for start, end in zip(tokens.start.tolist(), tokens.end.tolist(), strict=True)]


def plain_words(text: str) -> list[str]:
    """The tokens of one text, found chunk by chunk."""
    words: list[str] = []
    chunk = ""
    for character in text + " ":
        east = _is_east(character)
        if east or character.isspace() or character in SEPARATORS:
            words += _words_of(chunk) if chunk else []
            words += [character] if east else []
            chunk = ""
        else:
            chunk += character
    return words


def _is_east(character: str) -> bool:
    return character in EAST_ASIAN and unicodedata.category(character)[0] in "LN"


def _words_of(chunk: str) -> list[str]:
    first, last = 0, len(chunk)
    while first < len(chunk) and _comes_off_front(chunk, first):
        first += 1
    while last > first and _comes_off_back(chunk, last - 1):
        last -= 1
    return [*_marks(chunk[:first]), *_core(chunk[first:last]), *_marks(chunk[last:])]


def _is_mark(character: str) -> bool:
    return character in MARKS or unicodedata.category(character) == "So"


def _comes_off_front(chunk: str, place: int) -> bool:
    character = chunk[place]
    if character == ".":
        return chunk[place + 1 : place + 2] == "." or (place > 0 and chunk[place - 1] == ".")
    if character == "+" and unicodedata.category(chunk[place + 1 : place + 2] or " ") == "Nd":
        return False
    return _is_mark(character) or character in OPENINGS or unicodedata.category(character) == "Sc"


def _comes_off_back(chunk: str, place: int) -> bool:
    character, before, earlier = chunk[place], chunk[place - 1 : place], chunk[place - 2 : place - 1]
    kind = unicodedata.category(before) if before else ""
    if character == ".":
        if chunk[place + 1 : place + 2] == "." or before == ".":
            return True
        upper = [_letter_class(item) in "ua" if item and item.isalpha() else False for item in (before, earlier)]
        small = bool(before) and before.isalpha() and _letter_class(before) in "la"
        return bool(before) and (small or kind == "Nd" or _is_mark(before) or before in "%²-+" or all(upper))
    if character in OPENINGS or unicodedata.category(character) == "Sc":
        return kind == "Nd"
    return _is_mark(character)


def _marks(marks: str) -> list[str]:
    return re.findall(r"\.+|.", marks, re.DOTALL)


def _letter_class(character: str) -> str:
    return {"Lu": "u", "Lt": "u", "Ll": "l"}.get(unicodedata.category(character), "a")


def _classes(core: str) -> str:
    def describe(character: str) -> str:
        kind = unicodedata.category(character)
        if kind[0] == "L":
            return _letter_class(character)
        if kind == "Nd":
            return "d"
        return "I" if kind == "So" else character if character in "+-*^.,:<>=/~–—…" else "x"

    return "".join(map(describe, core))


def _core(core: str) -> list[str]:
    if not core:
        return []
    classes = _classes(core)
    address = ADDRESS.match(classes)
    cuts = [match for match in CUT.finditer(classes) if address is None or match.start() < address.end() - 3]
    pieces, done = [], 0
    for match in cuts:
        pieces += [core[done : match.start()], core[match.start() : match.end()]]
        done = match.end()
    pieces.append(core[done:])
    return [part for piece in pieces if piece for part in _without_ending(piece)]


def _without_ending(piece: str) -> list[str]:
    match = ENDING.fullmatch(piece)
    if match is None or not match[1][-1].isalpha():
        return [piece]
    return [match[1], match[2]]


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


def plain_c4(text: str) -> dict[str, float | bool]:
    """The columns of ``signals/c4`` but for the sentences, whose splitter is the project's own."""
    row: dict[str, float | bool] = dict.fromkeys(("lorem_ipsum", "curly_bracket"), False)
    row |= dict.fromkeys(("javascript_lines", "policy_lines"), 0)
    phrases = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
    for whole in text.splitlines():
        words = whole.split()
        if len(words) < 3 or max(map(len, words)) > 1000:
            continue
        line = re.sub(r"\[\d*\]|\[edit\]|\[citation needed\]", "", whole.strip(), flags=re.ASCII)
        if "lorem ipsum" in line.lower():
            row["lorem_ipsum"] = True
        elif "javascript" in line.lower():
            row["javascript_lines"] += 1
        elif "{" in line:
            row["curly_bracket"] = True
        elif any(phrase in line.lower() for phrase in phrases):
            row["policy_lines"] += 1
    return row
