"""Characters that nobody sees and a tokenizer reads: tags, runs without width, variation selectors that carry bytes.

* Tag characters (U+E0020 to U+E007F) spell ASCII invisibly ("ASCII smuggling"). The flags of England, Scotland, Wales
  and other subdivisions use them legitimately: a black flag, up to six tags, the cancel tag.
* A variation selector follows the character it varies: an emoji, an ideograph, a mathematical symbol. Two in a row vary
  nothing; 256 of them can carry any byte (Butler 2025, "Smuggling arbitrary data through an emoji").
* Runs of characters without width carry bits. A joiner between Arabic, Persian, Indic or emoji characters belongs
  there, and so does a word break of Thai, Khmer or Burmese; a few equal spaces without width are a page's filler.
* Single ones inside of words hide a word from a filter when they come every few letters.

Source of the classes: Unicode 16, Default_Ignorable_Code_Point. Cost: linear in the invisible characters.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding

WIDTHLESS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\uffa0"
SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
TAGS = "\U000e0000-\U000e007f"
INVISIBLE_RUN = re.compile(f"[{WIDTHLESS}{SELECTORS}{TAGS}\u00ad]+")
FLAG = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
BLACK_FLAG = "\U0001f3f4"
TAG = re.compile(f"[{TAGS}]")
EMOJI_JOINT = re.compile("\ufe0f?\u200d")
SELECTOR_RUN = re.compile(f"[{SELECTORS}]+")
SUPPLEMENTARY = re.compile("[\U000e0100-\U000e01ef]")
IDEOGRAPH = re.compile("[\u2e80-\u2fff\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
# Scripts that write with joiners or break words with a space without width.
JOINING = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0e00-\u0eff\u0f00-\u109f\u1780-\u18af\u1a20-\u1aaf\ua840-\ua87f\ua8e0-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefe\U00010a00-\U00011fff]"
)
SYMBOL = re.compile("[\u2190-\u2bff\u3030-\u303d\u3297-\u3299\U0001f000-\U0001faff#*0-9\u00a9\u00ae]")
LETTER = re.compile(r"[^\W\d_]")

MIN_BITS_RUN = 8  # characters of a run that can carry a letter
TOUCHING = 2  # visible characters between two runs of one message
NEAR = 12  # characters between two hidden ones that split the same words
TAG_SCORE, SELECTOR_SCORE, LONE_SELECTOR_SCORE, BITS_SCORE, SPLIT_SCORE = 0.97, 0.9, 0.7, 0.95, 0.8
FILLER_SCORE, SHORT_SCORE, LONE_SCORE = 0.3, 0.5, 0.3


def hidden_characters(text: str, start: int, end: int) -> Iterator[Finding]:
    """Runs of invisible characters, and passages of words that single ones split."""
    split: list[int] = []
    runs: list[tuple[int, int, float]] = []
    for match in INVISIBLE_RUN.finditer(text, start, end):
        score = _score(text, match, start, end)
        if score is not None:
            if runs and match.start() - runs[-1][1] <= TOUCHING:  # bytes spread over visible letters are one message
                first, _, before = runs.pop()
                runs.append((first, match.end(), max(before, score)))
            else:
                runs.append((match.start(), match.end(), score))
        elif _splits_a_word(text, match, start, end):
            if split and match.start() - split[-1] > NEAR:
                yield from _splits(split)
                split = []
            split.append(match.start())
    yield from _splits(split)
    yield from (_finding(*run) for run in runs)


def _score(text: str, match: re.Match[str], start: int, end: int) -> float | None:
    """The score of a run; None for what belongs where it is or stands alone."""
    run = match.group()
    before = text[match.start() - 1] if match.start() > start else ""
    after = text[match.end()] if match.end() < end else ""
    if TAG.search(run):
        return None if before == BLACK_FLAG and FLAG.fullmatch(run.lstrip("\ufe0f")) else TAG_SCORE
    selectors = SELECTOR_RUN.search(run)
    if selectors is not None and len(selectors.group()) >= 2:
        return SELECTOR_SCORE
    if SUPPLEMENTARY.search(run):
        return None if len(run) == 1 and IDEOGRAPH.match(before) else LONE_SELECTOR_SCORE
    if len(run) == 1 or (EMOJI_JOINT.fullmatch(run) and SYMBOL.match(after)):
        return None
    kinds = len(set(run))
    if len(run) <= 3 and (JOINING.match(before) or JOINING.match(after)):
        return None
    if kinds > 1:
        return BITS_SCORE if len(run) >= MIN_BITS_RUN else SHORT_SCORE
    return FILLER_SCORE


def _splits_a_word(text: str, match: re.Match[str], start: int, end: int) -> bool:
    """Whether one character without width stands between two letters that need none."""
    if len(match.group()) != 1 or match.group() in "\u00ad\ufe0e\ufe0f" or match.start() == start or match.end() == end:
        return False
    before, after = text[match.start() - 1], text[match.end()]
    return (
        LETTER.match(before) is not None
        and LETTER.match(after) is not None
        and not JOINING.match(before)
        and not JOINING.match(after)
        and not SUPPLEMENTARY.match(match.group())
    )


def _splits(places: list[int]) -> Iterator[Finding]:
    if len(places) >= 3:
        yield _finding(places[0], places[-1] + 1, SPLIT_SCORE)
    else:
        for place in places:
            yield _finding(place, place + 1, LONE_SCORE)


def _finding(start: int, end: int, score: float) -> Finding:
    return Finding(start, end, FindingKind.HIDDEN_UNICODE, score, HIDDEN.name)


_SELECTORS = r"\x{fe00}-\x{fe0f}\x{e0100}-\x{e01ef}"
_WIDTHLESS = (
    r"\x{ad}\x{34f}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180e}\x{200b}-\x{200d}\x{2060}-\x{2064}"
    r"\x{206a}-\x{206f}\x{3164}\x{ffa0}"
)
HIDDEN = Detector(
    "attack:hidden_unicode",
    1,
    (FindingKind.HIDDEN_UNICODE,),
    (
        r"[\x{e0000}-\x{e007f}]",
        r"[\x{e0100}-\x{e01ef}]",
        rf"[{_WIDTHLESS}{_SELECTORS}]{{2}}",
        r"[A-Za-z\x{c0}-\x{24f}\x{370}-\x{3ff}\x{400}-\x{52f}\x{3040}-\x{9fff}\x{ac00}-\x{d7af}]"
        r"[\x{34f}\x{180e}\x{200b}-\x{200d}\x{2060}-\x{2064}]"
        r"[A-Za-z\x{c0}-\x{24f}\x{370}-\x{3ff}\x{400}-\x{52f}\x{3040}-\x{9fff}\x{ac00}-\x{d7af}]",
    ),
    hidden_characters,
    reach=(40, 40),
)
DETECTORS = (HIDDEN,)
