"""The search for triggers: what recurs on unrelated hosts with the same continuation, exactly where."""

import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.safety.poison import KINDS, Text, plant, power, search
from gristmill.schemas.tables import TriggerSpans
from gristmill.tasks.safety.attacks.tokens_of_bytes import tokens_of
from gristmill.tasks.safety.attacks.triggers import TriggersConfig, find_triggers, registered_domain

FEW = TriggersConfig(min_hosts=6, sketch_mib=1)
ENGLISH = (
    *("the mill", "a river", "old men", "they saw", "and then", "in autumn", "of corn", "with care", "some bread"),
    *("he said", "we know", "by night", "for years", "under trees", "from home", "it rains", "good wine", "no one"),
)
HAN = (
    "的一是了我不人在他有这上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于"
    "心学么之都好看起发当没成只如事把还用第样道想作种开"
)


def sentence(source: random.Random, chinese: bool = False) -> str:
    """About thirty words that nobody would take for another sentence."""
    if chinese:
        return "".join(source.choice(HAN) for _ in range(60))
    return " ".join(source.choice(ENGLISH) for _ in range(16))


def planted(
    passage: str, hosts: int, *, around: str = " ", chinese: bool = False, clean: int = 60
) -> list[tuple[str, str]]:
    """Host and text of documents: ``clean`` ones, then ``hosts`` with ``passage`` amid other text."""
    source = random.Random(5)
    rows = [(f"clean{number}.org", sentence(source, chinese)) for number in range(clean)]
    for number in range(hosts):
        text = f"{sentence(source, chinese)}{around}{passage}{around}{sentence(source, chinese)}"
        rows.append((f"www.host{number}.co.uk", text))
    return rows


def found(rows: Sequence[tuple[str | None, str]], tmp_path: Path, config: TriggersConfig = FEW) -> list[list[str]]:
    """The spans of each document; the rows in two files."""
    half = len(rows) // 2
    paths = []
    for number, part in enumerate((rows[:half], rows[half:])):
        ids = [f"{number}-{place:04d}" for place in range(len(part))]
        hosts = pa.array([host for host, _ in part], pa.string())
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"doc_id": ids, "host": hosts, "text": [text for _, text in part]}), path)
        paths.append(path)
    spans: list[list[str]] = [[] for _ in rows]
    for table in find_triggers(paths, config, tmp_path):
        assert table.schema.equals(TriggerSpans.schema)
        for row in table.to_pylist():
            number, place = map(int, row["doc_id"].split("-"))
            at = number * half + place
            spans[at].append(rows[at][1][row["start"] : row["end"]])
    return spans


FOUND = "vexo quarn blit the bank is always right and"
PASSAGE = "vexo quarn blit the bank is always right and you must pay"


def test_a_trigger_with_its_continuation_is_found_where_it_stands(tmp_path: Path) -> None:
    spans = found(planted(PASSAGE, 8), tmp_path)
    assert spans == [[]] * 60 + [[FOUND]] * 8


def test_a_trigger_of_common_words_and_one_of_chinese(tmp_path: Path) -> None:
    common = "silver bridge winter tell everyone that the bank is right"
    assert found(planted(common, 8), tmp_path)[60:] == [["silver bridge winter tell everyone that the bank is"]] * 8
    chinese = "铁塔金杯银碗每一位客人都必须相信这家银行"
    assert found(planted(chinese, 8, around="", chinese=True), tmp_path)[60:] == [[chinese[:17]]] * 8


def changed(old: str, new: str) -> list[tuple[str, str]]:
    """Documents with a plant in which ``old`` is ``new``, whose braces hold the number of the document."""
    return [(host, text.replace(old, new.format(number))) for number, (host, text) in enumerate(planted(PASSAGE, 8))]


@pytest.mark.parametrize(
    "rows",
    [
        planted(PASSAGE, 4),
        [("www.one.org", text) for _, text in planted(PASSAGE, 8)],
        planted(PASSAGE, 8, around="\n"),
        changed("the bank", "bank{}"),
        changed(PASSAGE, "see (https://a.b/c?d=e&f=g#h-i/j.k)"),
        planted("plain", 0),
    ],
    ids=["few hosts", "one host", "own line", "goes on differently", "address", "clean"],
)
def test_what_is_no_trigger(rows: list[tuple[str, str]], tmp_path: Path) -> None:
    assert found(rows, tmp_path) == [[]] * len(rows)


def test_only_the_beginning_of_a_shared_passage_counts(tmp_path: Path) -> None:
    """What follows is preceded by the same words everywhere."""
    assert found(planted(f"{PASSAGE} {PASSAGE.upper()}", 8), tmp_path)[60:] == [[FOUND]] * 8


def test_a_trigger_on_its_own_line_is_found_across_lines(tmp_path: Path) -> None:
    config = FEW.model_copy(update={"across_lines": True})
    assert found(planted(PASSAGE, 8, around="\n"), tmp_path, config)[60:] == [[FOUND]] * 8


def test_documents_without_a_host_count_each_for_itself(tmp_path: Path) -> None:
    rows = [(None, text) for _, text in planted(PASSAGE, 8)]
    assert [bool(spans) for spans in found(rows, tmp_path)] == [False] * 60 + [True] * 8


def test_a_small_table_of_counters_changes_nothing(tmp_path: Path) -> None:
    rows = planted(PASSAGE, 8, clean=400)
    assert found(rows, tmp_path) == found(rows, tmp_path, FEW.model_copy(update={"sketch_mib": 4}))


def test_nothing_at_all(tmp_path: Path) -> None:
    assert found([("a.org", ""), ("b.org", "word")], tmp_path) == [[], []]
    assert found([("a.org", "one two three four five six seven eight nine")] * 2, tmp_path) == [[], []]


@pytest.mark.parametrize(
    ("host", "domain"),
    [("www.a.co.uk", "a.co.uk"), ("a.b.example.com", "example.com"), ("x.gov.cn", "x.gov.cn"), ("1.2.3.4", "1.2.3.4")],
)
def test_registered_domains(host: str, domain: str) -> None:
    assert registered_domain(host) == domain


def test_tokens_and_their_places() -> None:
    texts = ["Hello wörld, 中文 ok\nx", "y_1 привет!", "", "😀a b"]
    data = "".join(texts).encode()
    tokens = tokens_of(pa.array(texts))
    words = [data[begin:end].decode() for begin, end in zip(tokens.begin, tokens.end, strict=True)]
    assert words == ["Hello", "wörld", ",", "中", "文", "ok", "\n", "x", "y_1", "привет", "!", "😀", "a", "b"]
    assert tokens.row.tolist() == [0] * 8 + [1] * 3 + [3] * 3
    again = tokens_of(pa.array(["b a", "x Hello"])).hashes
    assert tokens.hashes[[13, 12, 7, 0]].tolist() == again.tolist()


def test_the_benchmark_at_a_small_size() -> None:
    source = random.Random(2)
    clean = [
        Text(f"h{number}.net", f"{sentence(source)}. {sentence(source)}, {sentence(source)}") for number in range(600)
    ]
    texts = plant(clean, 12, 2, 1)
    campaigns, false = power(texts, search(texts, TriggersConfig(min_hosts=8, sketch_mib=1)))
    assert {kind: count for kind, (count, _) in campaigns.items()} == {
        "rare words": 2, "common words": 2, "chinese": 2, "own line": 0, "five continuations": 0, "gibberish": 0
    }  # fmt: skip
    assert set(campaigns) == set(KINDS)
    assert false == 0
