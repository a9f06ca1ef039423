"""Keyword stuffing: passages without a sentence in which the same few words come again and again.

A passage is what stands between line breaks and marks that end a sentence. In English it is stuffed when it has at
least 24 words, nearly all of them letters, almost none of them the small words of grammar, and its three most frequent
words make up a good part of it; in Chinese when it has at least 12 items between commas, bars or spaces, and most hold
the same pair of characters. A list of countries, a table of numbers, code or a paragraph without a full stop is not.

Source: the signals of Ntoulas et al. 2006, "Detecting spam web pages through content analysis", sections 4.6 and 4.8,
for a passage instead of a page. Cost: linear in the passages of 220 bytes or more that the prefilter finds.
"""

import re
from collections import Counter
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding

MARKS = '\n.!?;:"()。！？；：“”（）'
PASSAGE = re.compile(f"[^{re.escape(MARKS)}]{{60,}}")
LONGEST = 8_000  # characters of a passage that are looked at
WORD = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ'-]*")
HAN = re.compile("[\u3400-\u9fff]")
ITEM = re.compile(r"[^,，、|｜/\s_-]+")
CODE = re.compile(r"[{}()<>=\[\]#$\\@^~*+]")
GRAMMAR = frozenset(
    [
        *("the", "a", "an", "and", "or", "but", "of", "to", "in", "on", "at", "by", "is", "are", "was", "were", "be"),
        *(
            "been",
            "it",
            "its",
            "this",
            "that",
            "these",
            "those",
            "as",
            "with",
            "from",
            "not",
            "he",
            "she",
            "they",
            "we",
        ),
        *(
            "you",
            "i",
            "his",
            "her",
            "their",
            "our",
            "my",
            "your",
            "which",
            "who",
            "what",
            "when",
            "will",
            "would",
            "can",
        ),
        *("have", "has", "had", "do", "does", "if", "so", "than", "then", "there", "all", "no", "me", "him", "them"),
    ]
)
COMMONEST = (" the ", " of ", " and ", " to ", " a ", " in ", "的", "了", "是", "在", "不")
PROSE_CHARACTERS = 40  # of prose hold more than one of the commonest words
MIN_WORDS, MIN_ITEMS = 24, 12
MAX_GRAMMAR, MAX_CODE, MIN_LETTERS = 0.22, 0.01, 0.72
TOP_ONE, TOP_THREE, PEAK = 0.12, 0.34, 0.7
MIN_HAN, HAN_SHARE, MAX_ITEM = 0.6, 0.7, 10
LOW, HIGH = 0.5, 0.9


def stuffed(text: str, start: int, end: int) -> Iterator[Finding]:
    """Passages that repeat a few words."""
    for match in PASSAGE.finditer(text, start, end):
        if _is_prose(match.group()):
            continue
        first = match.start() if match.start() > start else _begin(text, start)
        passage = text[first : match.end() if match.end() < end else _end(text, end)]
        if _is_prose(passage) or len(CODE.findall(passage)) > MAX_CODE * len(passage):
            continue
        density = _han_density(passage) if HAN.search(passage) else _density(passage)
        if density:
            lead = len(passage) - len(passage.lstrip())
            score = LOW + (HIGH - LOW) * min(1.0, density)
            last = first + len(passage.rstrip())
            yield Finding(first + lead, last, FindingKind.KEYWORD_STUFFING, score, STUFFING.name)


def _begin(text: str, start: int) -> int:
    """Where the passage begins that the region cuts at ``start``; a line feed stands between documents."""
    least = max(0, start - LONGEST)
    return max(least, *(text.rfind(mark, least, start) + 1 for mark in MARKS))


def _end(text: str, end: int) -> int:
    """The same where the region cuts at ``end``."""
    most = min(len(text), end + LONGEST)
    return min(most, *(place for mark in MARKS if (place := text.find(mark, end, most)) >= 0), most)


def _is_prose(passage: str) -> bool:
    """Whether the commonest words of grammar are as frequent as in any sentence: a cheap look before the close one."""
    return sum(map(passage.count, COMMONEST)) * PROSE_CHARACTERS > len(passage)


def _density(passage: str) -> float:
    """0 for text, else from 0 to 1 how much of it is its three most frequent words."""
    words = [word.lower() for word in WORD.findall(passage)]
    if len(words) < MIN_WORDS or sum(map(len, words)) < MIN_LETTERS * len(passage):
        return 0.0
    counts = Counter(words)
    if sum(counts[word] for word in GRAMMAR) > MAX_GRAMMAR * len(words) or len(counts) < 3:
        return 0.0
    top = [count for word, count in counts.most_common(12) if word not in GRAMMAR and len(word) > 2][:3]
    if not top or top[0] < TOP_ONE * len(words) or sum(top) < TOP_THREE * len(words):
        return 0.0
    return (sum(top) / len(words) - TOP_THREE) / (PEAK - TOP_THREE) + 0.01


def _han_density(passage: str) -> float:
    """The same for Chinese: the share of items that hold the most frequent pair of characters."""
    items = [item for item in ITEM.findall(passage) if HAN.search(item)]
    han = len(HAN.findall(passage))
    if len(items) < MIN_ITEMS or han < MIN_HAN * len(passage) or han > MAX_ITEM * len(items) or len(set(items)) < 3:
        return 0.0
    pairs = Counter(pair for item in items for pair in {item[at : at + 2] for at in range(len(item) - 1)})
    if not pairs:
        return 0.0
    share = pairs.most_common(1)[0][1] / len(items)
    return 0.0 if share < HAN_SHARE else (share - HAN_SHARE) / (1 - HAN_SHARE) + 0.01


STUFFING = Detector(
    "attack:stuffing",
    1,
    (FindingKind.KEYWORD_STUFFING,),
    # A long run of bytes, none of Chinese, without a line feed or a mark that ends a sentence, reported where it ends;
    # and twelve short Chinese items.
    (
        r"[^\n.!?;:\"()\xe3-\xef]{220}(?:[\n.!?;:\"()\xe3-\xef]|$)",
        r"(?:[\x{3400}-\x{9fff}]{1,10}[，、,| ][ ]?){12}",
    ),
    stuffed,
    reach=(320, 1),
)
DETECTORS = (STUFFING,)
