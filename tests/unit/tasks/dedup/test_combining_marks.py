"""Words of scripts with combining marks, and characters that nobody sees: what near-duplicates are told apart by."""

import gzip
import json
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gristmill.core.digests import digest_text
from gristmill.tasks.contamination.words import words_of as contamination_words
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.near.verify import jaccard, sets_of
from gristmill.tasks.dedup.presets import PRESETS, ShingleConfig
from gristmill.tasks.dedup.shingles import shingle, tokenize
from tests.helpers import near_duplicates as plain
from tests.helpers.dedup_run import Shard, deduplicate
from tests.helpers.folded import spelled
from tests.helpers.ledger_rows import all_kept, documents_of

# Of each script a sentence, its words by hand, and the same sentence with other marks alone.
SCRIPTS = {
    "Devanagari": (
        "लड़की बाज़ार जाती है, और पुरानी किताबें लेती है।",
        ["लड़की", "बाज़ार", "जाती", "है", "और", "पुरानी", "किताबें", "लेती", "है"],
        "लड़का बाज़ार जाता है, और पुराने किताबों लेता है।",
    ),
    "Bengali": (
        "মেয়েটি বাজারে যায় এবং পুরানো বই কেনে।",
        ["মেয়েটি", "বাজারে", "যায়", "এবং", "পুরানো", "বই", "কেনে"],
        "মেয়েটা বাজারি যায়ি এবং পুরানী বই কিনি।",
    ),
    "Tamil": (
        "அவள் கடைக்கு போகிறாள், பழைய புத்தகம் வாங்கினாள்.",
        ["அவள்", "கடைக்கு", "போகிறாள்", "பழைய", "புத்தகம்", "வாங்கினாள்"],
        "அவளி கடைகி பேகிறீள், பழையி புத்தகி வாங்கினீள்.",
    ),
    "Thai": (
        "ที่นี่ มีน้ำ",
        ["ที่", "นี่", "มี", "น้", "ำ"],
        "ทีนี้ มื่น่ำ",
    ),
    "Khmer": (
        "ខ្ញុំ ទៅ",
        ["ខ្", "ញុំ", "ទៅ"],
        "ខ្ញី ទេ",
    ),
    "Arabic with harakat": (
        "كَتَبَ الوَلَدُ الدَّرْسَ في البَيْتِ اليَوْمَ",
        ["كَتَبَ", "الوَلَدُ", "الدَّرْسَ", "في", "البَيْتِ", "اليَوْمَ"],
        "كُتِبَ الوَلَدَ الدَّرْسُ في البَيْتَ اليَوْمُ",
    ),
    "Hebrew with niqqud": (
        "הַיֶּלֶד כָּתַב אֶת הַסֵּפֶר בַּבַּיִת",
        ["הַיֶּלֶד", "כָּתַב", "אֶת", "הַסֵּפֶר", "בַּבַּיִת"],
        "הַיַּלֶד כְּתֹב אֵת הַסָּפָר בְּבַיִת",
    ),
    "Latin in NFD": (
        unicodedata.normalize("NFD", "L'élève a mangé la crème brûlée."),
        [unicodedata.normalize("NFD", word) for word in ("l", "élève", "a", "mangé", "la", "crème", "brûlée")],
        "L'eleve a mange la creme brulee.",
    ),
    "Vietnamese in NFD": (
        unicodedata.normalize("NFD", "Má mả mạ mã, ma và mà ở đây."),
        [unicodedata.normalize("NFD", word) for word in ("má", "mả", "mạ", "mã", "ma", "và", "mà", "ở", "đây")],
        unicodedata.normalize("NFD", "Mạ má mã mả, mà va mả ơ đầy."),
    ),
}
INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u2060\u2063\u2066\ufe0f\ufeff\U000e0041\U000e0100"
)
SENTENCE = (
    "The water plan for the valley was approved after a long debate about costs, schools and bridges near the market."
)


def words(text: str, config: ShingleConfig | None = None) -> list[str]:
    return spelled(tokenize(pa.array([text]), config or ShingleConfig()))[0]


def similarity(left: str, right: str, config: ShingleConfig | None = None) -> float:
    sets = sets_of(shingle(pa.array([left, right]), config or ShingleConfig()))
    return float(jaccard(sets, np.array([0]), np.array([1]))[0])


@pytest.mark.parametrize("script", SCRIPTS)
def test_marks_belong_to_words(script: str) -> None:
    text, by_hand, _ = SCRIPTS[script]
    assert words(text) == by_hand
    assert plain.words_of(text) == by_hand


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_similarity_is_that_of_word_n_grams_by_hand(script: str, n: int) -> None:
    text, by_hand, other = SCRIPTS[script]
    left, right = (set(plain.windows(found, n)) for found in (by_hand, plain.words_of(other)))
    assert similarity(text, other, ShingleConfig(n=n)) == pytest.approx(len(left & right) / len(left | right))
    assert similarity(text, other, ShingleConfig(n=2)) < 0.5


def test_one_letter_words_end_where_their_marks_end() -> None:
    """Whatever follows: a word of another script, a digit, a mark that stands alone, another text."""
    assert words("กี่abc ดี2 か\u3099x 漢\u0301漢") == ["กี่", "abc", "ดี", "2", "か\u3099", "x", "漢\u0301", "漢"]
    assert words("ก \u0e35x \u0301") == ["ก", "\u0e35x", "\u0301"]
    assert spelled(tokenize(pa.array(["ก", "\u0e35"]), ShingleConfig())) == [["ก"], ["\u0e35"]]
    assert words("ก\u200b\u0e35\u200bข") == ["กี", "ข"]


def test_hindi_pages_that_differ_in_vowel_signs_both_stay(tmp_path: Path) -> None:
    """Cases curation/21: 1.0 by the consonants alone, 0.016 by words."""
    texts = {
        "boy": "लड़का बाज़ार जाता है और पुरानी दुकान से किताबें लेता है। वह घर आता है तो माँ पूछती है कि क्या लिया।",
        "girl": "लड़की बाज़ार जाती है और पुराने दुकान से किताबों लेती है। वह घर आती है तो माँ पूछता है कि क्या लिया।",
    }
    documents = documents_of(texts)
    result = deduplicate([Shard(documents, all_kept(documents), [0.5] * 2)], tmp_path, DedupConfig(max_loss=1))
    assert [result.fate(0, name)[0] for name in texts] == [True, True]
    assert similarity(*texts.values()) < 0.2


@pytest.mark.parametrize("unit", ["word", "char"])
@pytest.mark.parametrize("character", INVISIBLE, ids=[f"U+{ord(char):04X}" for char in INVISIBLE])
def test_invisible_characters_vanish(unit: str, character: str) -> None:
    """Inside words, at their ends and alone; in the words of contamination too."""
    config = ShingleConfig.parse({"unit": unit}, "test")
    hidden = character.join(SENTENCE) + f" {character} "
    assert words(hidden, config) == words(SENTENCE, config)
    assert similarity(hidden, SENTENCE, config) == 1
    seen = contamination_words(pa.array([hidden, SENTENCE]))
    assert seen.of(0).tolist() == seen.of(1).tolist()


def test_pages_that_differ_in_soft_hyphens_are_near_duplicates(tmp_path: Path) -> None:
    texts = {"plain": SENTENCE, "soft": SENTENCE.replace("e", "\u00ade"), "zero": SENTENCE.replace("a", "a\u200b")}
    documents = documents_of(texts)
    result = deduplicate([Shard(documents, all_kept(documents), [0.5] * 3)], tmp_path, DedupConfig(max_loss=1))
    assert result.pairs.column("jaccard").to_pylist() == [1.0] * 3
    first = min(texts, key=digest_text)
    assert [result.fate(0, name)[:2] for name in texts] == [
        (True, None) if name == first else (False, "near") for name in texts
    ]


def test_presets_with_upstreams_normalisation_keep_upstreams_words() -> None:
    """datatrove takes non-spacing marks off, keeps spacing ones, and sees zero-width characters."""
    mirrors = {name for name, config in PRESETS.items() if config.shingles.normalise == "datatrove"}
    assert mirrors == {"fineweb@datatrove-0.10", "megamath"}
    for name in mirrors:
        assert words("कि की क\u200bा été", PRESETS[name].shingles) == ["कि", "की", "क\u200bा", "ete"]


def test_words_of_448_languages_are_those_of_plain_python(shared: Path) -> None:
    """The Universal Declaration of Human Rights. Rust knows newer characters than Python, but none stands in it."""
    with gzip.open(shared / "corpora" / "langid" / "udhr_paragraphs.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    texts += [unicodedata.normalize("NFD", text) for text in texts[::5]]
    marked = sum(any(unicodedata.category(char)[0] == "M" for char in text) for text in texts)
    assert marked > 2000
    assert spelled(tokenize(pa.array(texts), ShingleConfig())) == [plain.words_of(text) for text in texts]
