"""Finding input files: names that do not depend on the place, kinds by content, clear errors."""

import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import UsageError
from tasks import inputs
from tasks.inputs import find_inputs
from tasks.readers.kinds import Kind, kind_of

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


def test_the_same_file_twice_is_one_input_and_the_same_name_for_two_files_is_refused(tmp_path: Path) -> None:
    make(tmp_path, one__a_warc=WARC, two__a_warc=WARC + b"\n")
    assert names(tmp_path / "one", tmp_path / "one" / "a.warc") == ["a.warc"]
    with pytest.raises(UsageError, match=r"two different inputs are called 'a\.warc'.*folder that holds both"):
        find_inputs([str(tmp_path / "one"), str(tmp_path / "two")])


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
    reasons = {entry.name: entry.reason for entry in found.skipped}
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
        (["{}/empty"], r"the folder .*empty holds no file that can be read\. Kinds that are read: WARC"),
        (["{}/useless"], r"holds no file that can be read \(1 other files were seen, such as a\.pdf\)"),
        (["{}/useless/a.pdf"], "this file cannot be read: PDF is not read"),
    ],
)
def test_wrong_words_get_an_error_with_the_cure(tmp_path: Path, given: list[str], message: str) -> None:
    make(tmp_path, crawl__a_warc=WARC, useless__a_pdf=b"%PDF-1.7")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message) as caught:
        find_inputs([text.format(tmp_path) for text in given])
    assert caught.value.exit_code == 2


def test_a_file_that_may_not_be_read_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, a_warc=WARC)

    def forbidden(path: Path, name: str) -> tuple[Kind | None, str]:  # chmod does not stop the root user of a container
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(inputs, "kind_of", forbidden)
    with pytest.raises(UsageError, match=r"a\.warc: you may not read this"):
        find_inputs([str(tmp_path)])
