"""English words as NLTK's ``word_tokenize`` splits them, for lower-case text, without NLTK and its trained model.

Two steps, as in NLTK 3.10: sentences (Punkt; Kiss and Strunk 2006), then Penn Treebank rules with NLTK's additions
(``nltk/tokenize/destructive.py``), where only the full stop that ends a sentence is a token of its own.

Punkt's sentence rules are reduced to what lower-case text can trigger: a full stop ends a sentence unless it ends an
abbreviation, an ellipsis, or a number or initial with a lower-case word after it. The abbreviations are a list written
for this project, where Punkt learns some 150 of them; ``benchmarks/peers/graders/words_nltk.py`` measures the
agreement, and docs/evaluation-conventions.md states it.

Cost: linear in the text.
"""

import re

ABBREVIATIONS = frozenset(
    (
        *("a.d", "a.m", "adm", "aug", "ave", "b.c", "bros", "capt", "co", "col", "corp", "ct", "d.c", "dec", "dept"),
        *("dr", "etc", "feb", "fla", "fri", "ft", "gen", "gov", "inc", "jan", "jr", "jul", "lt", "ltd", "maj", "mar"),
        *("mr", "mrs", "ms", "mt", "n.y", "nov", "oct", "p.m", "ph.d", "prof", "r.i", "rep", "rev", "sen", "sep"),
        *("sept", "sgt", "sr", "st", "u.k", "u.n", "u.s", "va", "vs", "wed", "wis"),
    )
)
END = re.compile(r"[.?!](?=[\)\"';}\]*:@({\[!?]|\s++(?P<next>\S))")
BEHIND = re.compile(r"[\"')\]}]+(?=\s|--|$)")
WORD = re.compile(r"[^\s(\"`{\[:;&#*@)}\],]*$")
LONGEST = 40
"""Characters to examine before a full stop: no abbreviation and no number is longer."""

STARTING_QUOTES = (
    (re.compile(r"([«“‘„]|[`]+)"), r" \1 "),
    (re.compile(r'^"'), "``"),
    (re.compile(r"(``)"), r" \1 "),
    (re.compile(r"([ \(\[{<])(\"|'{2})"), r"\1 `` "),
    (re.compile(r"(?<!\w)(')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)"), r"\1 "),
)
PUNCTUATION = (
    (re.compile(r"([^.])(\.)([\]\)}>\"'»”’ ]*+)\s*$"), r"\1 \2 \3 "),
    (re.compile(r"([:,])([^\d])"), r" \1 \2"),
    (re.compile(r"([:,])$"), r" \1 "),
    (re.compile(r"\.{2,}"), r" \g<0> "),
    (re.compile(r"[;@#$%&]"), r" \g<0> "),
    (re.compile(r"[\u2012-\u2015]"), r" \g<0> "),
    (re.compile(r"[?!]"), r" \g<0> "),
    (re.compile(r"([^'])' "), r"\1 ' "),
    (re.compile(r"[*]"), r" \g<0> "),
    (re.compile(r"[\]\[\(\)\{\}\<\>]"), r" \g<0> "),
    (re.compile(r"--"), r" -- "),
)
ENDING_QUOTES = (
    (re.compile(r"([»”’])"), r" \1 "),
    (re.compile(r"''"), " '' "),
    (re.compile(r'"'), " '' "),
    (re.compile(r"\s+"), " "),
    (re.compile(r"([^' ])('s|'m|'d|') "), r"\1 \2 "),
    (re.compile(r"([^' ])('ll|'re|'ve|n't) "), r"\1 \2 "),
)
CONTRACTIONS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(can)(not)\b",
        r"\b(d)('ye)\b",
        r"\b(gim)(me)\b",
        r"\b(gon)(na)\b",
        r"\b(got)(ta)\b",
        r"\b(lem)(me)\b",
        r"\b(more)('n)\b",
        r"\b(wan)(na)(?=\s)",
        r" ('t)(is)\b",
        r" ('t)(was)\b",
    )
)


def words(text: str) -> list[str]:
    """The tokens of lower-case ``text``, in order."""
    return [word for sentence in sentences(text) for word in _treebank(sentence)]


def sentences(text: str) -> list[str]:
    """``text`` cut after each full stop that ends a sentence and the closing quotes and brackets behind it."""
    found, begin = [], 0
    for match in END.finditer(text):
        if match.start() < begin:
            continue
        word = WORD.search(text, max(begin, match.start() - LONGEST), match.start())
        if match[0] != "." or (word and _ends_sentence(word[0], match["next"] or "")):
            behind = BEHIND.match(text, match.end())
            end = behind.end() if behind else match.end()
            found.append(text[begin:end])
            begin = end
    return [*found, text[begin:]]


def _ends_sentence(word: str, following: str) -> bool:
    if word.endswith(".") or word in ABBREVIATIONS or word.rpartition("-")[2] in ABBREVIATIONS:
        return False
    number = bool(re.fullmatch(r"-?[.,]?\d[\d,.-]*", word))
    initial = len(word) == 1 and word.isalpha()
    return not ((number or initial) and (following.isalpha() or not following))


def _treebank(sentence: str) -> list[str]:
    text = sentence.strip()
    for pattern, replacement in STARTING_QUOTES + PUNCTUATION:
        text = pattern.sub(replacement, text)
    text = f" {text} "
    for pattern, replacement in ENDING_QUOTES:
        text = pattern.sub(replacement, text)
    for pattern in CONTRACTIONS:
        text = pattern.sub(r" \1 \2 ", text)
    return text.split()
