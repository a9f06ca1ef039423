"""The engine: regions lie inside their documents, offsets are exact, what is compiled is kept, folding maps back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.core.errors import GristmillError
from gristmill.schemas.findings import GROUPS, FindingGroup, FindingKind
from gristmill.tasks.safety.compiled import compiled
from gristmill.tasks.safety.engine import Joined, prefilter, search
from gristmill.tasks.safety.finding import Detector, Finding, strongest
from gristmill.tasks.safety.fold import fold
from gristmill.tasks.safety.registry import DETECTORS
from gristmill.tasks.safety.step import FindingsConfig, find_all, findings_config
from tests.helpers.plain_signals import documents_of

QQ = FindingKind.QQ


def detector(expression: str, *, reach: tuple[int, int] | None = None, folded: bool = False) -> Detector:
    """Finds each run of the letter q in its regions."""

    def find(text: str, start: int, end: int) -> Iterator[Finding]:
        place = text.find("q", start, end)
        while place >= 0:
            yield Finding(place, place + 1, QQ, 1.0, "test")
            place = text.find("q", place + 1, end)

    return Detector("test", 1, (QQ,), (expression,), find, reach, folded)


@given(st.lists(st.text("aq \n谷😀é", max_size=12), max_size=8), st.integers(0, 5), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_regions_stay_in_their_documents(texts: list[str], before: int, after: int) -> None:
    joined = Joined.of(texts)
    regions = list(prefilter((detector("a", reach=(before, after)),)).regions(joined))
    for region in regions:
        row = joined.row(region.start)
        assert joined.begins[row] <= region.start <= region.end < joined.begins[row + 1]
    looked = {place for region in regions for place in range(region.start, region.end)}
    expected = set()
    for place, letter in enumerate(joined.text):
        if letter == "a":
            row = joined.row(place)
            first, last = int(joined.begins[row]), int(joined.begins[row + 1]) - 1
            expected |= set(range(max(place + 1 - before, first), min(place + 1 + after, last)))
    assert looked == expected


@given(st.lists(st.text("q1２\u200b谷😀", max_size=10), min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_findings_in_folded_text_have_the_offsets_of_the_original(texts: list[str]) -> None:
    joined = Joined.of(texts)
    found = search(joined, (detector("q", folded=True),))
    assert [finding.start for finding in found] == [place for place, letter in enumerate(joined.text) if letter == "q"]
    assert all(finding.end == finding.start + 1 for finding in found)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("１２３ ＡＢ，", "123 AB，"),
        ("1\u200b2\u20603", "123"),
        ("1\u00a02–3", "1 2-3"),
        ("一三八一二三四五六七八", "13812345678"),
        ("一九八四", "一九八四"),
        ("٣٤ 𝟗", "34 9"),
        ("1️⃣2️⃣", "12"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    view = fold(text)
    assert view.text == folded
    whole = view.original(Finding(0, len(folded), QQ, 1.0, "test"))
    assert (whole.start, text[: whole.end]) == (0, text.rstrip("\ufe0f\u20e3"))


def test_the_stronger_of_two_that_overlap_stays_and_groups_do_not_compete() -> None:
    email, name = FindingKind.EMAIL, FindingKind.PERSON_NAME
    found = [
        Finding(0, 9, name, 0.5, "a"),
        Finding(4, 8, email, 1.0, "b"),
        Finding(8, 10, name, 0.5, "c"),
        Finding(2, 6, FindingKind.API_KEY, 0.4, "d"),
    ]
    assert [finding.detector for finding in strongest(found)] == ["d", "b", "c"]


def test_what_is_compiled_is_kept_and_a_broken_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    expressions = [f"word{number}[0-9]" for number in range(20)]

    def hits() -> list[int]:
        found: list[int] = []
        compiled(expressions).scan(b"word7 word71", match_event_handler=lambda number, *_: found.append(number))
        return found

    assert hits() == [7]
    (path,) = (tmp_path / "gristmill").iterdir()
    kept = path.read_bytes()
    assert hits() == [7]
    path.write_bytes(kept[:-20] + bytes(20))
    assert hits() == [7]
    assert path.read_bytes() == kept


def test_an_expression_that_cannot_be_compiled_is_an_error() -> None:
    with pytest.raises(GristmillError, match="cannot be compiled"):
        compiled(["(?<=a)b"])


def test_kinds_choose_detectors_and_an_unknown_one_is_an_error() -> None:
    assert findings_config((FindingKind.IBAN,)).detectors == ("checksum:iban@1",)
    assert len(findings_config().detectors) == len(DETECTORS)
    with pytest.raises(GristmillError, match="there is no detector iban@0"):
        find_all(documents_of(["x"]), FindingsConfig(detectors=("iban@0",)))


def test_every_kind_belongs_to_one_group() -> None:
    kinds = [kind for group in FindingGroup for kind in GROUPS[group]]
    assert kinds == list(FindingKind)
    assert FindingKind.TRIGGER.group is FindingGroup.ATTACK


def test_detectors_have_names_of_their_own_and_versions() -> None:
    assert len({entry.name for entry in DETECTORS}) == len(DETECTORS)
    assert all(entry.version >= 1 and entry.kinds and entry.may_hold for entry in DETECTORS)


HOSTILE = {
    "digits": "1234567890" * 20,
    "spaced digits": "1 2 3 4 5 6 7 8 9 0 ",
    "groups": "4242 4242 4242 ",
    "phones": "(212) 736-500 ",
    "ids": "11010119900307123",
    "ibans": "DE89 3704 0044 0532 ",
    "names": "Name: A. B. C. De ",
    "addresses": "1 A B C D ",
    "houses": "北京市海淀区中关村12号",
    "births": "born born born 1 ",
    "labels": "phone 1 card 1 ssn 1 ",
    "wide": "１２３４５６７\u200b",
    "numerals": "一二三四五六七八九",
    "wechat": "微信号:abcde",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_looked_at_once(piece: str) -> None:
    """The regions of a detector never overlap, and its findings are found in one pass however long the text is."""
    text = (piece * (30_000 // len(piece) + 1))[:30_000]
    personal = tuple(entry for entry in DETECTORS if set(entry.kinds) & set(GROUPS[FindingGroup.PERSONAL]))
    reached: dict[str, int] = {}
    for region in prefilter(personal).regions(Joined.of([text])):
        assert region.start >= reached.get(region.detector.name, 0)
        reached[region.detector.name] = region.end
    search(Joined.of([text]), personal)
