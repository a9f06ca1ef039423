"""Finding input files: names that do not depend on the place, kinds by content, clear errors."""

import bz2
import gzip
import lzma
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import UsageError
from gristmill.flows.curate.settings import CurateSettings
from gristmill.tasks.ingest import discovery as inputs
from gristmill.tasks.ingest.discovery import find_inputs, refuse_missing
from gristmill.tasks.ingest.ingest import IngestConfig
from gristmill.tasks.ingest.names import unescape_name
from gristmill.tasks.ingest.readers.items import ReadOptions
from gristmill.tasks.ingest.readers.kinds import Kind, kind_of
from gristmill.tasks.ingest.readers.reasons import Reason

WARC = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n"


def make(folder: Path, **files: bytes) -> Path:
    """Files by name; two underscores stand for a slash, one for a dot."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def names(*given: object) -> list[str]:
    return [file.name for file in find_inputs([str(path) for path in given]).files]


def test_a_folder_is_searched_to_its_depth_and_names_are_relative_to_it(tmp_path: Path) -> None:
    make(tmp_path / "x", b_warc=WARC, a__c_warc_gz=gzip.compress(WARC), a__deep__d_jsonl=b'{"text": "x"}\n')
    make(tmp_path / "y", b_warc=WARC, a__c_warc_gz=gzip.compress(WARC), a__deep__d_jsonl=b'{"text": "x"}\n')
    first, second = find_inputs([str(tmp_path / "x")]), find_inputs([str(tmp_path / "y")])
    assert [file.name for file in first.files] == ["a/c.warc.gz", "a/deep/d.jsonl", "b.warc"]
    assert [(file.name, file.digest, file.shard) for file in first.files] == [
        (file.name, file.digest, file.shard) for file in second.files
    ]


def test_files_and_globs_are_named_after_their_fixed_part(tmp_path: Path) -> None:
    make(tmp_path, one__a_warc=WARC, one__b_txt=b"text", two__a_warc=WARC + b"\n")
    assert names(tmp_path / "one" / "a.warc") == ["a.warc"]
    assert names(tmp_path / "*" / "a.warc") == ["one/a.warc", "two/a.warc"]
    assert names(tmp_path / "**" / "*.txt") == ["one/b.txt"]
    assert names(tmp_path / "o*") == ["one/a.warc", "one/b.txt"]


def test_an_address_of_a_local_file_is_its_path(tmp_path: Path) -> None:
    make(tmp_path, one__a_warc=WARC)
    assert names(f"file://{tmp_path}/one/a.warc", tmp_path / "one" / "a.warc") == ["a.warc"]


def test_the_same_file_twice_is_one_input_under_its_longest_name(tmp_path: Path) -> None:
    make(tmp_path, one__a_warc=WARC)
    assert names(tmp_path / "one", tmp_path / "one" / "a.warc") == ["a.warc"]
    assert names(tmp_path / "one", tmp_path) == names(tmp_path, tmp_path / "one") == ["one/a.warc"]


@pytest.mark.parametrize("second", [WARC + b"\n", WARC])
def test_two_files_of_one_name_are_two_inputs_whatever_they_hold(tmp_path: Path, second: bytes) -> None:
    make(tmp_path, x__one__a_warc=WARC, x__two__a_warc=second, y__one__a_warc=WARC + b"\n\n", y__one__b_warc=WARC)
    one, two = tmp_path / "x" / "one", tmp_path / "x" / "two"
    assert names(one, two) == names(two, one) == ["one/a.warc", "two/a.warc"]
    assert names(one / "a.warc", two / "a.warc") == ["one/a.warc", "two/a.warc"]
    assert names(one, tmp_path / "y" / "one") == ["b.warc", "x/one/a.warc", "y/one/a.warc"]
    found = find_inputs([str(one), str(two)])
    assert found.given == ((str(one), ("one/a.warc",)), (str(two), ("two/a.warc",)))
    assert found.lost({"two/a.warc"}) == (str(two),)
    assert found.lost(()) == ()


def test_a_file_whose_name_is_no_utf8_is_named_by_escapes_that_lead_back(tmp_path: Path) -> None:
    raw = {
        b"caf\xe9.jsonl": "caf\\xe9.jsonl",
        b"a\\xe9.jsonl": "a\\x5cxe9.jsonl",
        b"new\nline.jsonl": "new\\x0aline.jsonl",
    }
    for name in raw:
        (tmp_path / os.fsdecode(name)).write_bytes(b'{"text": "a"}\n')
    found = find_inputs([str(tmp_path)])
    assert [file.name for file in found.files] == sorted(raw.values())
    for file in found.files:
        assert file.name.encode()  # it can be stored and sent
        assert raw[os.fsencode(unescape_name(file.name))] == file.name
    assert names(tmp_path / "caf\\xe9.jsonl") == names(tmp_path / os.fsdecode(b"caf\xe9.jsonl")) == ["caf\\xe9.jsonl"]
    assert names(f"{tmp_path}/caf*") == ["caf\\xe9.jsonl"]
    (tmp_path / os.fsdecode(b"b\xff.pdf")).write_bytes(b"%PDF-1.7")
    assert [entry.name for entry in find_inputs([str(tmp_path)]).skipped] == ["b\\xff.pdf"]
    with pytest.raises(UsageError, match=r"b\\xff\.pdf: this file cannot be read") as caught:
        find_inputs([str(tmp_path / os.fsdecode(b"b\xff.pdf"))])
    assert str(caught.value).encode()


def test_a_name_with_brackets_is_a_name_first_and_a_glob_second(tmp_path: Path) -> None:
    for name in (
        "a[1].jsonl",
        "a1.jsonl",
        "data[1]/x.jsonl",
        "data1/y.jsonl",
        "data[2]/b.txt",
        "data2/z.jsonl",
        "w*.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text\n")
    assert names(tmp_path / "a[1].jsonl") == ["a[1].jsonl"]
    assert names(tmp_path / "w*.csv") == ["w*.csv"]
    assert names(tmp_path / "data[1]") == ["x.jsonl"]
    assert names(tmp_path / "data[1]" / "*.jsonl") == ["x.jsonl"]
    assert names(tmp_path / "a[12].jsonl") == ["a1.jsonl"]
    assert names(tmp_path / "data[2]" / "*.jsonl") == ["data2/z.jsonl"], "nothing matches by name, so it is a glob"


def test_links_that_leave_the_folder_are_refused_and_said_unless_they_are_asked_for(tmp_path: Path) -> None:
    make(
        tmp_path,
        out__secret_jsonl=b'{"text": "s"}\n',
        out__deep__d_jsonl=b'{"text": "d"}\n',
        x__a_jsonl=b'{"text": "a"}\n',
    )
    folder = tmp_path / "x"
    (folder / "file.jsonl").symlink_to(tmp_path / "out" / "secret.jsonl")
    (folder / "folder").symlink_to(tmp_path / "out")
    (folder / "inside.jsonl").symlink_to(folder / "a.jsonl")
    (folder / "up").symlink_to("..")
    found = find_inputs([str(folder)])
    assert [file.name for file in found.files] == ["a.jsonl"]
    assert [(entry.name, entry.reason) for entry in found.skipped] == [
        (name, Reason.LINK_OUTSIDE) for name in ("file.jsonl", "folder", "up")
    ]
    assert all("--follow-links" in entry.detail for entry in found.skipped)
    assert names(folder / "*.jsonl") == ["a.jsonl"]
    with pytest.raises(UsageError, match="--follow-links"):
        find_inputs([str(folder / "*" / "*.jsonl")])
    followed = [file.name for file in find_inputs([str(folder)], follow_links=True).files]
    assert followed == ["a.jsonl", "folder/deep/d.jsonl", "folder/secret.jsonl"], "each once, and no circle"
    assert names(folder / "file.jsonl") == ["file.jsonl"], "a link that is named by itself is what was asked for"
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "l.jsonl").symlink_to(folder / "a.jsonl")
    with pytest.raises(UsageError, match="--follow-links"):
        find_inputs([str(tmp_path / "only")])


def test_pipes_sockets_and_devices_are_never_opened(tmp_path: Path) -> None:
    make(tmp_path, a_jsonl=b'{"text": "a"}\n')
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "null.jsonl").symlink_to("/dev/null")
    found = find_inputs([str(tmp_path)], follow_links=True)
    assert [file.name for file in found.files] == ["a.jsonl"]
    assert [(entry.name, entry.reason, entry.detail) for entry in found.skipped] == [
        ("null.jsonl", Reason.NOT_A_FILE, "a device"),
        ("pipe.jsonl", Reason.NOT_A_FILE, "a named pipe"),
    ]
    with pytest.raises(UsageError, match="this is a named pipe, not a file"):
        find_inputs([str(tmp_path / "pipe.jsonl")])
    with pytest.raises(UsageError, match="this is a device"):
        find_inputs(["/dev/null"])


def test_what_cannot_be_read_is_left_out_with_its_reason_where_that_is_allowed(tmp_path: Path) -> None:
    make(tmp_path, a_jsonl=b'{"text": "a"}\n', b_pdf=b"%PDF-1.7", none__c_pdf=b"%PDF-1.7")
    words = [str(tmp_path / name) for name in ("a.jsonl", "b.pdf", "none")]
    found = find_inputs(words, allow_unread=True)
    assert [file.name for file in found.files] == ["a.jsonl"]
    assert [(entry.name, entry.reason) for entry in found.skipped] == [
        ("b.pdf", Reason.UNKNOWN_KIND),
        ("c.pdf", Reason.UNKNOWN_KIND),
    ]
    assert found.lost(()) == tuple(words[1:])
    with pytest.raises(UsageError, match=r"nothing of .* could be read"):
        find_inputs(words[1:], allow_unread=True)
    with pytest.raises(UsageError, match="there is no 'nowhere'"):
        find_inputs([words[0], str(tmp_path / "nowhere")], allow_unread=True)


def test_what_is_not_taken_is_reported(tmp_path: Path) -> None:
    make(
        tmp_path,
        a_warc=WARC,
        b_pdf=b"%PDF-1.7",
        c_bin=bytes(range(200)),
        d_json=b'{\n"a": 1}',
        e__hidden=b"x",
        f_dat=b"",
    )
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.warc").write_bytes(WARC)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    found = find_inputs([str(tmp_path)])
    assert [file.name for file in found.files] == ["a.warc"]
    reasons = {entry.name: entry.detail for entry in found.skipped}
    assert reasons.keys() == {".git", "b.pdf", "c.bin", "d.json", "dangling", "e/hidden", "f.dat"}
    assert reasons["b.pdf"] == "PDF is not read"
    assert reasons["d.json"].startswith("one JSON document")
    assert reasons["f.dat"] == "empty file"


def test_folders_that_link_in_a_circle_are_entered_once(tmp_path: Path) -> None:
    make(tmp_path, a__a_warc=WARC)
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    assert names(tmp_path) == ["a/a.warc"]


def test_kinds_are_told_by_content_and_then_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "rows")
    make(
        tmp_path,
        w=WARC,
        wgz=gzip.compress(WARC),
        arc=b"filedesc://x 0.0.0.0 2008 text/plain 0\n",
        lines_json=b'{"text": "a"}\n{"text": "b"}\n',
        page=b"<!DOCTYPE html><p>x",
        cut_parquet=b"no parquet",
        empty_warc=b"",
        notes_md=b"# x",
        rows_jsonl_gz=gzip.compress(b"{}"),
        damaged_jsonl_gz=b"\x1f\x8b\x08garbage",
        rows_csv=b"text\nx\n",
        rows_tsv_bz2=bz2.compress(b"text\nx\n"),
        w_xz=lzma.compress(WARC),
        html_bz2=bz2.compress(b"<!DOCTYPE html><p>x"),
    )
    kinds = {path.name: kind_of(path, path.name)[0] for path in tmp_path.iterdir()}
    assert kinds == {
        "rows": Kind.PARQUET,
        "w": Kind.WARC,
        "wgz": Kind.WARC,
        "arc": Kind.ARC,
        "lines.json": Kind.JSONL,
        "page": Kind.HTML,
        "cut.parquet": Kind.PARQUET,
        "empty.warc": Kind.WARC,
        "notes.md": Kind.MARKDOWN,
        "rows.jsonl.gz": Kind.JSONL,
        "damaged.jsonl.gz": Kind.JSONL,
        "rows.csv": Kind.CSV,
        "rows.tsv.bz2": Kind.TSV,
        "w.xz": Kind.WARC,
        "html.bz2": Kind.HTML,
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no input was given"),
        ([" "], "an input is empty"),
        (["{}/crawls"], r"there is no 'crawls' in .* \(did you mean \"crawl\"\?\)"),
        (["{}/crawl/a.warc.gz"], r"there is no 'a.warc.gz' in .*did you mean \"a.warc\""),
        (["{}/crawl/a.warc/b"], "is a file, not a folder"),
        (["{}/nowhere/at/all"], "there is no 'nowhere' in"),
        (["{}/crawl/*.jsonl"], "nothing matches this pattern"),
        (["{}/empty"], r"the folder .*empty has no file that can be read\. Kinds that are read: WARC"),
        (
            ["{}/useless"],
            r"has no file that can be read \(1 other files were seen, such as a\.pdf: PDF is not read\)",
        ),
        (["{}/useless/a.pdf"], "this file cannot be read: PDF is not read"),
    ],
)
def test_wrong_words_get_an_error_with_the_hint(tmp_path: Path, given: list[str], message: str) -> None:
    make(tmp_path, crawl__a_warc=WARC, useless__a_pdf=b"%PDF-1.7")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message) as caught:
        find_inputs([text.format(tmp_path) for text in given])
    assert caught.value.exit_code == 2


def test_a_file_that_may_not_be_read_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, a_warc=WARC)

    def forbidden(
        path: Path, name: str
    ) -> tuple[Kind | None, Reason, str]:  # chmod does not stop the root user of a container
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(inputs, "kind_of", forbidden)
    with pytest.raises(UsageError, match=r"a\.warc: you may not read this"):
        find_inputs([str(tmp_path)])
    with pytest.raises(UsageError, match=r"nothing of .* could be read"):
        find_inputs([str(tmp_path)], allow_unread=True)


OBJECT = b'{"text": "%s"}\n'
LONG = OBJECT % (b"x" * 70_000)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (LONG + OBJECT % b"a", Kind.JSONL),
        (LONG.strip(), Kind.JSONL),
        (b"\xef\xbb\xbf" + OBJECT % b"a", Kind.JSONL),
        (b"\xef\xbb\xbf" + LONG, Kind.JSONL),
        (b"\n\r\n  " + OBJECT % b"a", Kind.JSONL),
        (b'{"text": "a broken first line\n' + OBJECT % b"a" + OBJECT % b"b", Kind.JSONL),
        ((OBJECT % b"a").decode().encode("utf-16"), Kind.JSONL),
        ((OBJECT % b"a").decode().encode("utf-16-le"), Kind.JSONL),
        ((OBJECT % b"a").decode().encode("utf-16-be"), Kind.JSONL),
        (LONG.decode().encode("utf-16"), Kind.JSONL),
        (b'{\n "text": "a"\n}\n', None),
        (b'{"rows": [\n{"text": "a"},\n{"text": "b"}\n]}\n', None),
        (b'[{"text": "a"}]\n', None),
        (b'"text"\n', None),
    ],
)
def test_json_lines_are_told_from_one_json_document(tmp_path: Path, content: bytes, kind: Kind | None) -> None:
    for name, data in (("a.json", content), ("a.json.gz", gzip.compress(content)), ("noname", content)):
        (tmp_path / name).write_bytes(data)
        assert kind_of(tmp_path / name, name)[0] is kind, name
    if kind is None:
        assert kind_of(tmp_path / "a.json", "a.json")[1] is Reason.JSON_DOCUMENT


def test_settings_carry_a_name_that_is_no_utf8_and_keep_one_that_is_escaped(tmp_path: Path) -> None:
    """Prefect and JSON take text only; a name that somebody copied from a message stays as it is."""
    raw = str(tmp_path / os.fsdecode(b"caf\xe9.jsonl"))
    Path(raw).write_bytes(b'{"text": "a"}\n')
    for given in (raw, str(tmp_path / "caf\\xe9.jsonl")):
        settings = CurateSettings.parse({"source": "s", "inputs": [given]}, "test")
        again = CurateSettings.model_validate_json(settings.model_dump_json())
        assert names(*again.inputs) == ["caf\\xe9.jsonl"]


def test_of_many_files_that_are_not_read_the_first_are_said(tmp_path: Path) -> None:
    make(tmp_path, a_warc=WARC, **{f"n{number:03d}_pdf": b"%PDF-1.7" for number in range(50)})
    lines = find_inputs([str(tmp_path)]).skipped_lines()
    assert lines[0] == "not read: n000.pdf: PDF is not read"
    assert (len(lines), lines[-1]) == (21, "not read: 30 more files")


def test_a_folder_that_may_not_be_listed_is_an_error_or_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, a_warc=WARC, closed__b_warc=WARC)
    scandir = os.scandir

    def closed(path: Path) -> Iterator[os.DirEntry[str]]:  # chmod does not stop the root user of a container
        if path.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(UsageError, match="you may not read this"):
        find_inputs([str(tmp_path)])
    found = find_inputs([str(tmp_path)], allow_unread=True)
    assert [file.name for file in found.files] == ["a.warc"]
    assert [(entry.name, entry.reason) for entry in found.skipped] == [("closed", Reason.FORBIDDEN)]


def test_a_word_that_no_file_can_be_called_is_a_usage_error(tmp_path: Path) -> None:
    for given in (f"{tmp_path}/{'x' * 5000}", "~nobody-of-that-name/x.jsonl", f"{tmp_path}/[", f"{tmp_path}/**"):
        with pytest.raises(UsageError):
            find_inputs([given])


def options(**columns: str) -> ReadOptions:
    return IngestConfig.parse({"source": "test", "map": columns}, "test").read_options


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_wrong_column_is_told_before_a_run_when_no_file_of_an_input_has_it(tmp_path: Path, kind: str) -> None:
    rows = {
        "jsonl": (b'{"text": "x", "day": "2024-01-02"}\n', b'{"text": "x"}\n'),
        "csv": (b"text,day\nx,y\n", b"text\nx\n"),
    }
    folder = make(tmp_path / "in", **{f"a_{kind}": rows[kind][1], f"b_{kind}": rows[kind][0]})
    lacking = str(folder / f"a.{kind}")

    refuse_missing([str(folder)], options(date="day"))  # of one file the run tells
    refuse_missing([lacking], options())
    refuse_missing([lacking], options(date="day"), allow_unread=True)
    with pytest.raises(UsageError, match=r"a\.\w+: .* column 'day'.*--map"):
        refuse_missing([str(folder / f"b.{kind}"), lacking], options(date="day"))
    with pytest.raises(UsageError, match=r"column 'dya' \(did you mean \"day\"\?\)|column 'dya'"):
        refuse_missing([str(folder)], options(date="dya"))


def test_only_the_first_lines_are_looked_at_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.tasks.ingest.ingest.FIRST_LINES", 3)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "x"}\n' * 2 + b'{"text": "x", "day": 1}\n')
    refuse_missing([str(path)], options(date="day"))
    path.write_bytes(b'{"text": "x"}\n' * 3 + b'{"text": "x", "day": 1}\n')
    with pytest.raises(UsageError, match=r"none of its first 3 rows has column 'day'"):
        refuse_missing([str(path)], options(date="day"))
