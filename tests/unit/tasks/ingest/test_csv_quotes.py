"""CSV and TSV of people who never read RFC 4180: stray quotes, blank rows, other line ends and encodings."""

import csv
import io
import random
from pathlib import Path

import pytest

from tests.helpers.ingested import ingested

WORDS = ["Market", "river", "paper,", "valley;", "number", "harvest", "engine", "winter", "doctor", "school"]
Cells = list[list[str]]


def read(path: Path, data: bytes, **settings: object) -> tuple[dict[str, str], dict[str, str]]:
    """Texts by id, and reasons by line."""
    path.write_bytes(data)
    records, aside = ingested(path, **settings)
    rows = [row for row in aside.to_pylist() if row["kind"] != "file"]
    return (
        {row["native_id"]: row["payload"].decode() for row in records.to_pylist()},
        {row["record_uri"].rpartition("@")[2]: row["reason"] for row in rows},
    )


def written(rows: Cells, separator: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=quoting).writerows(rows)
    return out.getvalue()


def sentences(chance: random.Random, count: int) -> Cells:
    return [[f"{number}", " ".join(chance.choices(WORDS, k=6))] for number in range(count)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("seed", range(8))
def test_stray_quotes_cost_their_own_lines(tmp_path: Path, separator: str, seed: int) -> None:
    """Sound rows, some of them quoted, and between them rows whose text begins with a quote that is never closed."""
    chance = random.Random(seed)
    rows = sentences(chance, 60)
    bad = set(chance.sample(range(60), 12))
    lines = [f"id{separator}text\r\n"]
    for number, row in enumerate(rows):
        plain = row[1].replace(",", "").replace(";", "")
        lines.append(f'{row[0]}{separator}"{plain}\r\n' if number in bad else written([row], separator))
    suffix = "tsv" if separator == "\t" else "csv"
    texts, asides = read(tmp_path / f"a.{suffix}", "".join(lines).encode())
    assert texts == {row[0]: row[1] for number, row in enumerate(rows) if number not in bad}
    assert asides == {f"line:{number + 2}": "row_not_csv" for number in bad}


def test_quotes_that_end_another_line_of_a_tsv_swallow_nothing(tmp_path: Path) -> None:
    """Two sentences of one speech, and 12 inches: the quote that opens on one line could be closed on another."""
    data = 'id\ttext\n1\t"Hello, he said.\n2\tplain\n\n3\tI am fine."\n4\t12"\n5\tlast\n'
    texts, asides = read(tmp_path / "a.tsv", data.encode())
    assert texts == {"2": "plain", "3": 'I am fine."', "4": '12"', "5": "last"}
    assert asides == {"line:2": "row_not_csv"}


def test_a_quoted_field_over_several_lines_stays_one_row(tmp_path: Path) -> None:
    text = 'a poem, in "lines"\r\nwith, commas\n\nand "quotes", too\n'
    table = "Sizes:\tsmall\tlarge\n1\t2\t3\n"
    for separator, suffix in ((",", "csv"), (";", "csv"), ("\t", "tsv")):
        rows = [["1", text, "u1"], ["2", "plain", "u2"], ["3", table, "u3"], ["4", '"', ""], ["5", '""', ""]]
        data = written([["id", "text", "url"], *rows], separator).encode()
        texts, asides = read(tmp_path / f"a.{suffix}", data)
        assert texts == {row[0]: row[1] for row in rows}
        assert asides == {}
        texts, asides = read(tmp_path / f"a.{suffix}", written([["text", "id"], [text, "1"]], separator).encode())
        assert (texts, asides) == ({"1": text}, {})


@pytest.mark.parametrize("text_column", [0, 1, 2])
@pytest.mark.parametrize("quotes_elsewhere", [False, True])
def test_a_table_in_a_field_is_no_rows(tmp_path: Path, text_column: int, quotes_elsewhere: bool) -> None:
    """Each of its lines has as many tabs as a row. What tells it from rows: its cells are no numbers or URLs where the
    row's own are, or the file quotes what has to be quoted."""
    table = {0: "a\tb\tc\nd\te\tf\ng", 1: "Sizes\tx\nsmall\t2\t4\nlarge\t3", 2: "Sizes\nsmall\t2\t4\nlarge\t3\t5"}
    own = ["10", "20"] if quotes_elsewhere else ["7", "https://example.org/"]
    if quotes_elsewhere:
        table = {0: "1\t2\t3\n4\t5\t6\n7", 1: "Sizes\tx\n1\t2\t4\n5\t3", 2: "Sizes\n1\t2\t4\n3\t3\t5"}
    rows = [["id", "url"], [*own], ["8", 'https://example.org/?"8"' if quotes_elsewhere else "https://example.org/8"]]
    for row, text in zip(rows, ["text", table[text_column], "plain"], strict=True):
        row.insert(text_column, text)
    texts, asides = read(tmp_path / "a.tsv", written(rows, "\t").encode())
    assert texts == {own[0]: table[text_column], "8": "plain"}
    assert asides == {}


def test_sentences_between_two_stray_quotes_stay_rows_whatever_their_columns(tmp_path: Path) -> None:
    header, rows = "id\ttext\turl\n", ['1\t"Hello.\thttp://a/1', "2\tplain\thttps://a/2", '3\tGood bye."\thttp://a/3']
    texts, asides = read(tmp_path / "a.tsv", (header + "\n".join(rows)).encode())
    assert (texts, asides) == ({"2": "plain", "3": 'Good bye."'}, {"line:2": "row_not_csv"})
    data = 'lang\ttext\tid\neng\t"Hello.\t1\nfra\tBonjour\t2\neng\tGood bye."\t3\n'
    texts, asides = read(tmp_path / "b.tsv", data.encode())
    assert (texts, asides) == ({"2": "Bonjour", "3": 'Good bye."'}, {"line:2": "row_not_csv"})


def test_a_row_over_several_lines_with_other_fields_costs_its_lines_one_by_one(tmp_path: Path) -> None:
    data = b'id,text\n1,"two\nlines",extra,fields\n2,sound\n'
    texts, asides = read(tmp_path / "a.csv", data)
    assert texts == {"2": "sound"}
    assert asides == {"line:2": "row_not_csv", "line:3": "row_not_csv"}


def test_unquoted_files_are_read_line_by_line(tmp_path: Path) -> None:
    data = 'id\ttext\n1\t"Hello, he said.\n2\tI am "fine".\n3\t"so"\n4\t"a\n5\tb"\n'
    texts, asides = read(tmp_path / "a.tsv", data.encode(), unquoted=True)
    assert texts == {"1": '"Hello, he said.', "2": 'I am "fine".', "3": '"so"', "4": '"a', "5": 'b"'}
    assert asides == {}


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("csv", ";"), ("tsv", "\t")])
def test_empty_rows_are_rows_and_blank_lines_are_none_in_every_format(
    tmp_path: Path, suffix: str, separator: str
) -> None:
    lines = ["id|text", "1|one", "|", "", "   ", "  |  ", "2|two", "|"]
    texts, asides = read(tmp_path / f"a.{suffix}", "\n".join(lines).replace("|", separator).encode())
    assert texts == {"1": "one", "2": "two"}
    assert asides == {"line:3": "empty_body", "line:6": "empty_body", "line:8": "empty_body"}


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("csv", ";"), ("tsv", "\t")])
def test_a_row_of_separators_is_an_empty_one_however_many(tmp_path: Path, suffix: str, separator: str) -> None:
    lines = ["id|text", "||||", "1|one", "  | |  ", '""|""|""', "1|two|three", "|||x"]
    texts, asides = read(tmp_path / f"a.{suffix}", "\n".join(lines).replace("|", separator).encode())
    empty, broken = dict.fromkeys(("line:2", "line:4", "line:5"), "empty_body"), ("line:6", "line:7")
    assert (texts, asides) == ({"1": "one"}, empty | dict.fromkeys(broken, "row_not_csv"))


def test_tables_put_one_after_the_other_give_no_page_of_their_headers(tmp_path: Path) -> None:
    data = b'"id","text"\r\n1,one\r\n\xef\xbb\xbfid, text\r\n2,id\r\n'
    texts, asides = read(tmp_path / "a.csv", data)
    assert (texts, asides) == ({"1": "one", "2": "id"}, {"line:3": "row_not_csv"})
    assert read(tmp_path / "b.csv", b"text\ntext\n")[1] == {}, "of one column it may be a text"


ROWS = [["id", "text"], ["1", "one"], ["2", "tw\u00f6"], ["3", "\u4e09 \U0001f600"]]
TEXTS = {row[0]: row[1] for row in ROWS[1:]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
def test_lines_and_encodings_of_every_kind(tmp_path: Path, name: str, codec: str, end: str) -> None:
    if name.startswith("a.json"):
        lines = [f'{{"id": "{row[0]}", "text": "{row[1]}"}}' for row in ROWS[1:]]
    else:
        lines = [("," if name == "a.csv" else "\t").join(row) for row in ROWS]
    for last in ("", end):
        texts, asides = read(tmp_path / name, (end.join(lines) + last).encode(codec))
        assert (texts, asides) == (TEXTS, {})


def test_a_first_line_that_a_piece_cuts_between_cr_and_lf_does_not_make_cr_the_end(tmp_path: Path) -> None:
    for size in range(65_520, 65_545):
        name = "t" * (size - len("id,text,"))
        texts, asides = read(tmp_path / "a.csv", f"id,text,{name}\r\n1,one,x\r\n".encode())
        assert (texts, asides) == ({"1": "one"}, {}), size
