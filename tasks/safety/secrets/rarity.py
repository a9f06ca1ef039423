"""How much a token looks drawn at random rather than written by a person: token rarity.

Entropy alone cannot tell ``getElementById`` from a key: both use many different characters. A model of written tokens
can: it expects the next character from the one before. The rarity compares two explanations of a token, in bits:

* *written*: each character costs what it costs after the one before it (a table of bigrams over letters without case,
  digits and other characters), a capital what it costs after a small letter, a digit or a beginning;
* *drawn*: each character costs log2 of the size of the smallest usual alphabet that holds them all (digits,
  hexadecimal, letters of one case, with digits, letters of both cases, with digits, base64).

``written - drawn`` is the logarithm of the likelihood ratio; the rarity is a probability with a prior of 2^-8 for drawn
and half of the evidence (characters are not independent). A drawn token of 16 characters has .9 or more 97 times in
100; an identifier, a path, a version, a date or a password made of words stays below .2.

Betterleaks uses the characters that a token of a byte-pair vocabulary covers for the same purpose; a table of 800
numbers that a person can read takes its place here. ``lists/bigrams.txt`` is made by ``benchmarks/safety/bigrams.py``
from counts over code and documentation. Cost: about 0.3 microseconds a character.
"""

import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LETTERS = 26
DIGIT, OTHER, START = 26, 27, 28  # columns after the letters; START only as a row
PRIOR_BITS = 8.0
EVIDENCE = 0.5
MAX_BITS = 60.0
ALPHABETS = (
    (re.compile(r"[0-9]*"), 10),
    (re.compile(r"[0-9a-f]*|[0-9A-F]*"), 16),
    (re.compile(r"[a-z]*|[A-Z]*"), 26),
    (re.compile(r"[a-z0-9]*|[A-Z0-9]*"), 36),
    (re.compile(r"[A-Za-z]*"), 52),
    (re.compile(r"[A-Za-z0-9]*"), 62),
    (re.compile(r"[A-Za-z0-9+/=_-]*"), 64),
)
PRINTABLE = 94
DIGIT_BITS, OTHER_BITS = math.log2(10), 1.0


@dataclass(frozen=True)
class Bigrams:
    """Bits of the next character class after each class, and of a small letter and a capital after each kind."""

    steps: tuple[tuple[float, ...], ...]
    cases: tuple[tuple[float, float], ...]


@cache
def bigrams() -> Bigrams:
    """The table of ``lists/bigrams.txt``, in tenths of a bit there."""
    rows = [
        [int(number) / 10 for number in line.split()[1:]]
        for line in (Path(__file__).parent / "lists" / "bigrams.txt").read_text("ascii").splitlines()
        if line and not line.startswith("#")
    ]
    steps, cases = rows[: START + 1], rows[START + 1 :]
    return Bigrams(tuple(map(tuple, steps)), tuple((row[0], row[1]) for row in cases))


def written_bits(token: str) -> float:
    """Bits that ``token`` costs as something a person wrote."""
    table = bigrams()
    before, kind = START, 4
    bits = 0.0
    for character in token:
        if "a" <= character <= "z":
            now, now_kind = ord(character) - 97, 0
        elif "A" <= character <= "Z":
            now, now_kind = ord(character) - 65, 1
        elif "0" <= character <= "9":
            now, now_kind = DIGIT, 2
        else:
            now, now_kind = OTHER, 3
        bits += table.steps[before][now]
        bits += table.cases[kind][now_kind] if now < LETTERS else DIGIT_BITS if now == DIGIT else OTHER_BITS
        before, kind = now, now_kind
    return bits


def drawn_bits(token: str) -> float:
    """Bits that ``token`` costs as characters drawn from the smallest usual alphabet that has them."""
    size = next((size for alphabet, size in ALPHABETS if alphabet.fullmatch(token)), PRINTABLE)
    return len(token) * math.log2(size)


def rarity(token: str) -> float:
    """Probability, 0 to 1, that ``token`` was drawn at random."""
    evidence = EVIDENCE * (written_bits(token) - drawn_bits(token) - PRIOR_BITS)
    return 1.0 / (1.0 + math.exp2(-max(-MAX_BITS, min(MAX_BITS, evidence))))
