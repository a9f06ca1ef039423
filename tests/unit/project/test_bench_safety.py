"""bench-safety: how findings are matched with labels, what verdicts do, and that the page is what was measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.safety import judgements, report
from benchmarks.safety.__main__ import STORED
from benchmarks.safety.corpora import Label, Text, addresses, language
from benchmarks.safety.kinds import OURS, PEERS, PLANTED, PRESIDIO_SYNTH, SECRET, kinds_of, known
from benchmarks.safety.score import Found, Share, measured
from gristmill.schemas.findings import FindingKind

TEXT = Text(
    "made",
    "1",
    "en",
    "Call 555 0100 or 555 0199, Springfield. Version 1.2.3.4",
    (Label(5, 13, "phone", "PHONE"), Label(17, 25, "phone", "PHONE"), Label(27, 38, None, "GPE")),
    (Label(48, 55, None, "version"),),
)


def found(*places: tuple[int, int, str]) -> dict[str, list[Found]]:
    return {TEXT.key: [Found(TEXT.key, *place) for place in places]}


def test_a_finding_that_overlaps_a_label_is_not_exact() -> None:
    scores = measured([TEXT], found((5, 13, "phone"), (14, 25, "phone")), "phone")
    assert (scores["overlap"].precision.value, scores["overlap"].recall.value, scores["overlap"].f1.value) == (1, 1, 1)
    assert (scores["exact"].precision.value, scores["exact"].recall.value, scores["exact"].f1.value) == (0.5, 0.5, 0.5)


def test_findings_in_a_base_text_that_nobody_labelled_do_not_count() -> None:
    extra = found((5, 13, "phone"), (48, 55, "phone"), (39, 46, "phone"))
    assert measured([TEXT], extra, "phone")["exact"].precision.value == 0.5  # one of them is a decoy
    everything = replace(TEXT, complete=True)
    assert measured([everything], extra, "phone")["exact"].precision.value == pytest.approx(1 / 3, abs=1e-4)


def test_a_place_that_the_labels_name_otherwise_is_left_out() -> None:
    city = found((27, 38, "postal_address"))
    assert measured([TEXT], city, "postal_address")["overlap"].precision == Share(None, None, None, 0)


def test_intervals_hold_the_share_and_two_runs_agree() -> None:
    texts = [Text("made", str(n), "en", "x" * 40, (Label(0, 4, "phone", "P"),)) for n in range(50)]
    hits = {text.key: [Found(text.key, 0, 4 + (n % 5 == 0), "phone")] for n, text in enumerate(texts)}
    scores = measured(texts, hits, "phone")["exact"]
    assert scores == measured(texts, hits, "phone")["exact"]
    for share in (scores.precision, scores.recall, scores.f1):
        assert share.value == 0.8
        low, high = share.low or 0.0, share.high or 0.0
        assert 0.6 < low < 0.8 < high < 0.95


def test_the_parts_of_an_address_are_one_label() -> None:
    text = "12 High Street, Leeds LS1 4AB is far from Paris"
    labels = [Label(0, 14, "postal_address", "STREET_ADDRESS"), Label(16, 21, None, "GPE")]
    labels += [Label(22, 29, None, "ZIP_CODE"), Label(42, 47, None, "GPE")]
    joined = list(addresses(text, labels))
    assert [(label.kind, text[label.start : label.end]) for label in joined] == [
        ("postal_address", "12 High Street, Leeds LS1 4AB"),
        (None, "Paris"),
    ]


def test_languages_are_told_by_their_letters() -> None:
    assert language("请联系我们的客服，电话在下面。") == "zh"
    assert language("お問い合わせは下の電話番号まで。日本語") == "ja"
    assert language("The name of the rose is known to all, and the book is in print.") == "en"
    assert language("Der Name der Rose ist allen bekannt.") == "xx"


def test_every_label_means_a_kind_that_exists() -> None:
    kinds = {*(kind.value for kind in FindingKind), SECRET}
    meant = {kind for labels in (PLANTED, PRESIDIO_SYNTH, *PEERS.values()) for kind in labels.values() if kind}
    assert meant <= kinds
    assert known(OURS) == kinds
    assert kinds_of(OURS, "api_key") == ("api_key", SECRET)
    assert kinds_of("presidio", "URL") == ()


def test_a_verdict_is_kept_by_digest_and_holds_no_text(tmp_path: Path) -> None:
    one, other = Found("made:1", 5, 13, "phone"), Found("made:1", 17, 25, "phone")
    kinds = {judgements.digest(each): each.kind for each in (one, other)}
    path = tmp_path / "judgements.jsonl"
    lines = [f"{judgements.digest(one)} true a number", f"{judgements.digest(other)} unclear", ""]
    assert judgements.add(lines, kinds, path) == 2
    assert judgements.tally([one, other, Found("made:2", 0, 1, "phone")], judgements.stored(path)) == (1, 0, 1)
    assert {*json.loads(path.read_text().splitlines()[0])} == {"finding", "kind", "verdict", "reason"}
    with pytest.raises(SystemExit, match="a verdict is one of"):
        judgements.add([f"{judgements.digest(one)} maybe"], kinds, path)
    with pytest.raises(SystemExit, match="not a finding of the sample"):
        judgements.add(["0000 true"], kinds, path)


def test_a_sample_stays_the_same_when_other_findings_come() -> None:
    every = [Found("made:1", at, at + 4, "phone") for at in range(100)]
    chosen = judgements.sample(every, 10)
    assert chosen == judgements.sample(reversed(every), 10)
    assert len({*chosen} & {*judgements.sample(every[:90], 10)}) >= 7


def test_the_table_has_a_line_for_every_kind_and_is_written_once() -> None:
    share = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 4}
    scores = {"precision": share, "recall": share, "f1": share}
    place = {"source": "planted", "language": "zh", "kind": "phone"}
    record = {
        "read": 12,
        "real_texts": [{"language": "zh", "megabytes": 5.0}],
        "engines": [{"engine": OURS, "versions": {"gristmill": "0"}, "mb_per_s": 40.0}],
        "demo": [
            {"group": "attack", "templates": "other", "planted": 3, "found": 2, "same_kind": 1, "missed": ["homoglyph"]}
        ],
        "labelled": [{**place, "engine": engine, "exact": scores, "overlap": scores} for engine in (OURS, "jionlp")],
        "real": [
            {"language": "zh", "kind": "phone", "engine": OURS, "findings": 9, "precision": share},
            {"language": "zh", "kind": "qq", "engine": "jionlp", "findings": 7, "precision": share},
        ],
    }
    said = report.section(record)
    assert "| phone | zh | planted (synthetic) | 4 | 0.50 [0.25, 0.75] |" in said
    assert "jionlp 0.50 0.50 0.50" in said
    assert "| phone | zh | 9 | 4 | 0.50 [0.25, 0.75] | – |" in said
    assert "| attack | other | 3 | 2 | 1 | homoglyph |" in said
    assert "| qq | zh | 0 | 0 | – | jionlp 7, 0.50 (4) |" in said
    assert all(f"| {kind.value} |" in said for kind in FindingKind)
    page = f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\n## Next\n"
    once = report.page_with(page, record)
    assert once == report.page_with(once, record)
    assert (once.startswith("# Title\n"), once.endswith("\n\n## Next\n"), "old" in once) == (True, True, False)
    with pytest.raises(ValueError, match="marks"):
        report.page_with("# Title\n", record)


def test_the_page_is_what_was_measured() -> None:
    """Every kind has its line, and the committed section is what the stored figures give."""
    record = json.loads(STORED.read_text(encoding="utf-8"))
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.page_with(page, record) == page
    measured_kinds = {row["kind"] for row in record["labelled"] if row["engine"] == OURS}
    assert measured_kinds >= {"email", "ip_address", "phone", "bank_card", "iban", "national_id", "person_name", SECRET}
    section = page.partition(report.BEGIN)[2].partition(report.END)[0]
    assert [kind.value for kind in FindingKind if f"| {kind.value} |" not in section] == []


def test_ours_is_ahead_on_chinese_and_not_behind_on_english() -> None:
    """For each kind that a peer knows, by overlap, on the same texts."""
    record = json.loads(STORED.read_text(encoding="utf-8"))
    places = {
        (row["source"], row["language"], row["kind"], row["engine"]): row["overlap"]["f1"]["value"]
        for row in record["labelled"]
    }
    behind = [
        (place, value)
        for place, value in places.items()
        if place[3] != OURS and place[1] in {"zh", "en"} and (value or 0) > (places[*place[:3], OURS] or 0)
    ]
    assert behind == []
