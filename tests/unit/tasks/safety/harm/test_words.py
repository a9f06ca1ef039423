"""Word lists: what they find through evasions and where, what they leave alone, and what the words around do."""

from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.harm.words import DETECTORS, HarmEntry, HarmWords, read_entries
from gristmill.tasks.safety.step import FindingsConfig, find_all

OURS = FindingsConfig(detectors=tuple(entry.label for entry in DETECTORS))


def found(*texts: str) -> list[tuple[str, str]]:
    """What the step writes, as (text of the span, kind)."""
    documents = pa.table({"doc_id": [str(number) for number in range(len(texts))], "text": list(texts)})
    rows = find_all(documents, OURS).to_pylist()
    return [(texts[int(row["doc_id"])][row["start"] : row["end"]], row["kind"]) for row in rows]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("well, fuck you", "fuck"),
        ("WELL, FUCKING YOU", "FUCKING"),
        ("well, ｆｕｃｋ you", "ｆｕｃｋ"),
        ("well, 𝓯𝓾𝓬𝓴 you", "𝓯𝓾𝓬𝓴"),
        ("well, f u c k you", "f u c k"),
        ("well, f.u.c.k you", "f.u.c.k"),
        ("well, f-u-c-k", "f-u-c-k"),
        ("well, f🔥u🔥c🔥k you", "f🔥u🔥c🔥k"),
        ("well, f\u200bu\u200bck you", "f\u200bu\u200bck"),
        ("well, fuсk you", "fuсk"),  # the c is Cyrillic
        ("well, fúck you", "fúck"),
        ("well, fuuuuck you", "fuuuuck"),
        ("well, f*ck you", "f*ck"),
        ("well, f**k you", "f**k"),
        ("what a b!tch", "b!tch"),
        ("what an a$$hole", "a$$hole"),
        ("full of sh1t", "sh1t"),
        ("你这个傻逼", "傻逼"),
        ("你这个傻 逼", "傻 逼"),
        ("你这个傻*逼", "傻*逼"),
        ("你这个傻。。逼吗？傻/逼", "傻/逼"),
        ("你这个傻🐷逼", "傻🐷逼"),
        ("你这个煞笔", "煞笔"),  # homophone
        ("曹尼玛的", "曹尼玛"),
        ("你个shabi", "shabi"),  # pinyin
        ("你个sha逼", "sha逼"),  # half of it
        ("cao你妈", "cao你妈"),
        ("nmsl，滚", "nmsl"),  # abbreviation
        ("操女马的人", None),  # one part of three: not a form in use
        ("扌喿你妈", "扌喿你妈"),  # a character taken apart
        ("贝戋人一个", "贝戋人"),
    ],
)
def test_evaded_forms(text: str, span: str | None) -> None:
    assert [where for where, _ in found(text)] == ([] if span is None else [span])


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe United beat Penistone; a classic analysis of the assassin's cocktail.",
        "The A55 road, room 101, sh 1 t, I.e. a b c.",
        "We ate shiitake mushrooms in Dickens' pantry.",
        "他的傻子朋友逼他去。",
        "紫砂茶壶很贵，方法很多。",
        "草泥，马匹，妈妈操心的事",
        "He said: Fu ck\nall",
    ],
)
def test_near_misses(text: str) -> None:
    assert found(text) == []


def test_kinds_and_documents() -> None:
    assert found("you faggot", "plain", "i want to die", "约炮", "弄死你") == [
        ("faggot", "hate"),
        ("want to die", "self_harm"),
        ("约炮", "sexual"),
        ("弄死你", "violence"),
    ]


def score(text: str) -> float:
    entries = (HarmEntry("slurword", FindingKind.HATE, 0.8), HarmEntry("坏词语", FindingKind.HATE, 0.8))
    (hit,) = HarmWords("words:test", entries).find(text, 0, len(text))
    return hit.score


@pytest.mark.parametrize(
    "text",
    [
        "patients called with symptoms of slurword",
        "the police reported that slurword was sprayed on a wall",
        "nobody should use slurword, it is hate speech",
        'they wrote "slurword" on it',
        "we are proud of being slurword",
        "警方通报：有人喷写坏词语",
        "请勿使用坏词语",
        "医生说患者被叫作坏词语",
        "墙上写着“坏词语”三个字",
    ],
)
def test_the_words_around_lower_the_score(text: str) -> None:
    assert score(text) < score("you slurword") == score("你坏词语") == 0.8


def test_an_evasion_weighs_a_little_less_and_far_words_nothing() -> None:
    assert score("you s l u r w o r d") == 0.72
    assert score("police" + " x" * 60 + " slurword") == 0.8


def test_a_list_by_path(tmp_path: Path) -> None:
    plain = tmp_path / "en"
    plain.write_text("bad phrase\nother\n")
    assert read_entries(plain) == tuple(HarmEntry(word, FindingKind.SEXUAL, 0.5) for word in ("bad phrase", "other"))
    ours = tmp_path / "mine.txt"
    ours.write_text("# mine\nhate\t0.9\tword+ | wrd wort\n", encoding="utf-8")
    assert read_entries(ours) == (HarmEntry("word", FindingKind.HATE, 0.9, True, ("wrd", "wort")),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no entry"),
        ("hate\t0.9", "write kind, weight and entry"),
        ("rude\t0.9\tword", "write kind, weight and entry"),
        ("email\t0.9\tword", "the kind is one of toxicity"),
        ("hate\t2\tword", "above 0 and up to 1"),
    ],
)
def test_a_wrong_list_says_what_to_do(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        read_entries(path)


def test_every_entry_of_our_lists_finds_itself() -> None:
    for path in sorted((Path(__file__).parents[5] / "tasks/safety/harm/lists").glob("??.txt")):
        entries = read_entries(path)
        words = [word for entry in entries for word in (entry.word, *entry.variants)]
        spans = {span for span, _ in found(*(f"好，{word}。" for word in words))}
        assert {word for word in words if word.lower() not in {span.lower() for span in spans}} == set()
