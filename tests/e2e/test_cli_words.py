"""Wrong words end in exit code 2 with the hint, a full disk in exit code 1, and nothing ends in a traceback."""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.cli import Ended, data_files
from tests.helpers.corpus import curation, milled, write_file
from tests.helpers.warm import command

Run = Callable[..., Ended]
DEAD_SERVER = "http://127.0.0.1:9/api"  # the discard port, where nothing listens


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something wrong of each kind, and one sound input."""
    place = tmp_path_factory.mktemp("words")
    for name in ("empty", "foreign", "not-a-lake", "pickled", "weights"):
        (place / name).mkdir()
    write_file(place / "sound.warc.gz", 0, 4)
    (place / "file").write_text("a file", encoding="utf-8")
    (place / "foreign" / "notes.txt").write_text("something else", encoding="utf-8")
    (place / "pickled" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    (place / "weights" / "config.json").write_text("{}", encoding="utf-8")
    (place / "weights" / "model.safetensors").write_bytes(b"")
    files = {
        "unknown-key.yaml": "curate: {source: a, inputs: [sound.warc.gz], polcy: demo}",
        "unknown-part.yaml": "curate: {source: a, inputs: [sound.warc.gz]}\nevalute: {}",
        "wrong-type.yaml": "curate: {source: a, inputs: [sound.warc.gz], workers: many}",
        "missing-part.yaml": "mix: {target_tokens: 400000}",
        "unknown-policy.yaml": "curate: {source: a, inputs: [sound.warc.gz], policy: finewebb}",
        "unknown-suite.yaml": "curate: {source: a, inputs: [sound.warc.gz]}\nevaluate: {suites: [gristmill-raeding]}",
        "unknown-schedule.yaml": "curate: {source: a, inputs: [none.warc.gz]}\nschedule: every night",
        "missing-input.yaml": "curate: {source: a, inputs: [none.warc.gz]}",
        "list.yaml": "- curate",
        "broken.yaml": "curate: {source: [",
    }
    for name, text in files.items():
        (place / name).write_text(text + "\n", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def lake(once: Callable[[str, Callable[[Path], None]], Path], run: Run) -> Path:
    """A lake with a curation."""
    return once("milled", lambda folder: milled(folder, run)) / "lake"


def refused(ended: Ended, *hints: str, code: int = 2) -> None:
    """The command ended with ``code``, said each of ``hints``, and printed neither a result nor a traceback."""
    assert ended.code == code, ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err
    for hint in hints:
        assert hint in " ".join(ended.err.split()), ended.err


CURATE = ("curate", "--source", "words", "--lake", "{place}/lake", "--input")
RUN = ("run", "--lake", "{place}/lake")
SERVE = ("serve", "--lake", "{place}/lake", "--config")
EVALUATE = ("evaluate", "{place}/weights", "--lake", "{place}/lake", "--suite")
CONTAMINATION = ("contamination", "--lake", "{place}/lake")


@pytest.mark.parametrize(
    ("words", "hints"),
    [
        ((*CURATE, "{place}/sound.wrc.gz"), ("there is no 'sound.wrc.gz'", 'did you mean "sound.warc.gz"')),
        ((*CURATE, "{place}/empty"), ("has no file that can be read", "Kinds that are read: WARC")),
        ((*CURATE, "{place}/*.parquet"), ("nothing matches this pattern",)),
        ((*CURATE, "{place}/sound.warc.gz", "--policy", "finewebb"), ('did you mean "fineweb"',)),
        ((*CURATE, "{place}/sound.warc.gz", "--policy", "{place}/mine.yaml"), ("mine.yaml", "no such file")),
        ((*CURATE, "{place}/sound.warc.gz", "--source", "two words"), ("source 'two words'", "no space or slash")),
        ((*CURATE, "{place}/sound.warc.gz", "--source", "../up"), ("source '../up'", "no space or slash")),
        ((*CURATE, "{place}/sound.warc.gz", "--lake", "{place}/file"), ("this is a file. Name a folder",)),
        ((*CURATE, "{place}/sound.warc.gz", "--lake", "{place}/foreign"), ("not a lake. Name a new or empty folder",)),
        (
            (*CURATE, "{place}/sound.warc.gz", "--workers", "0"),
            ("Invalid value for '--workers'", "greater than or equal to 1"),
        ),
        ((*CURATE, "{place}/sound.warc.gz", "--wokers", "2"), ("No such option: --wokers",)),
        ((*RUN, "{place}/unknown-key.yaml"), ('curate.polcy: unknown key (did you mean "policy"?)',)),
        ((*RUN, "{place}/unknown-part.yaml"), ('evalute: unknown key (did you mean "evaluate"?)',)),
        ((*RUN, "{place}/wrong-type.yaml"), ("curate.workers", "valid integer")),
        ((*RUN, "{place}/missing-part.yaml"), ("curate: Field required",)),
        ((*RUN, "{place}/list.yaml"), ("keys and values", "list.yaml")),
        ((*RUN, "{place}/broken.yaml"), ("this is not YAML",)),
        ((*RUN, "{place}/none.yaml"), ("there is no such file. Give the path of a YAML file",)),
        (("why", "http://a.example/", "--lake", "{place}/not-a-lake"), ("there is no lake here", "gristmill demo")),
        (("query", "select 1", "--lake", "{place}/none"), ("there is no lake here", "gristmill demo")),
        (("evaluate", "{place}/none", "--lake", "{place}/lake"), ("there is no such folder",)),
        (("evaluate", "{place}/pickled", "--lake", "{place}/lake"), ("A pickle can run code", "safe_serialization")),
        (("evaluate", "{place}/empty", "--lake", "{place}/lake"), ("has no *.safetensors file",)),
        ((*CURATE, "{place}/sound.warc.gz", "--classifier", "{place}/none.bin"), ("none.bin", "there is no")),
        (
            (*CURATE, "{place}/sound.warc.gz", "--url-lists", "{place}/none"),
            ("{place}/none", "not a folder of blocklists"),
        ),
        ((*CURATE, "{place}/sound.warc.gz", "--decontaminate", "{place}/none"), ("{place}/none", "no such index")),
        ((*CURATE, "{place}/sound.warc.gz", "--language-model", "{place}/none.ftz"), ("none.ftz", "there is no")),
        ((*CURATE, "{place}/sound.warc.gz", "--dedup-against", "nobody"), ("has no curation of 'nobody'",)),
        ((*RUN, "{place}/unknown-policy.yaml"), ('did you mean "fineweb"',)),
        ((*RUN, "{place}/unknown-suite.yaml"), ('did you mean "gristmill-reading"',)),
        ((*RUN, "{place}/missing-input.yaml"), ("there is no 'none.warc.gz'",)),
        ((*SERVE, "{place}/unknown-policy.yaml"), ('did you mean "fineweb"',)),
        ((*SERVE, "{place}/unknown-suite.yaml"), ('did you mean "gristmill-reading"',)),
        ((*SERVE, "{place}/unknown-schedule.yaml"), ("'every night' is not a cron expression",)),
        ((*SERVE, "{place}/none.yaml"), ("there is no such file",)),
        ((*EVALUATE, "gristmill-raeding"), ('did you mean "gristmill-reading"',)),
        ((*EVALUATE, "humaneval"), ("suite humaneval:", "--download")),
        ((*CONTAMINATION, "--suite", "gristmill-raeding", "--corpus", "a"), ('did you mean "gristmill-reading"',)),
        ((*CONTAMINATION, "--suite", "gristmill-reading", "--corpus", "nobody"), ("there is no 'nobody'", "none yet")),
        ((*CONTAMINATION, "--suite", "gristmill-reading", "--checkpoint", "x"), ("0 checkpoints of this lake",)),
        (("train", "--mix", "nothing", "--lake", "{place}/lake"), ("no mix called 'nothing'", "gristmill mix")),
        (("mix", "--method", "uniform", "--source", "a", "--lake", "{place}/lake"), ("no curated source a",)),
        (("mix", "--method", "doremy", "--lake", "{place}/lake"), ("mixtures.0.method", 'did you mean "doremi"')),
        (("grind",), ("No such command 'grind'",)),
    ],
    ids=lambda value: None if isinstance(value[0], str) and " " in value[0] else Path(value[-1]).name,
)
def test_wrong_words_end_with_the_hint_before_a_server_is_asked_or_started(
    words: tuple[str, ...], hints: tuple[str, ...], place: Path, commands: Path
) -> None:
    """The server that is named does not answer, and nobody notices."""
    named = [word.format(place=place) for word in words]
    ended = command(commands, named, {"PREFECT_API_URL": DEAD_SERVER}, timeout=120)
    refused(ended, *(hint.format(place=place) for hint in hints))
    assert not (place / "lake" / "data").exists(), "wrong words write no data"
    assert not (place / "lake" / "prefect").exists()


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("selec 1", 'syntax error at or near "selec"'),
        ("select * from currated", "Did you mean"),
        ("create table planted as select 1", "read-only"),
        ("delete from curated", "read-only"),
        ("select * from read_text('{place}/file')", "file system operations are disabled"),
        ("select * from '{place}/file.parquet'", "file system operations are disabled"),
        ("copy (select 1) to '{place}/out.csv'", "file system operations are disabled"),
        ("attach '{place}/other.duckdb'", "file system operations are disabled"),
        ("set enable_external_access = true", "the warehouse cannot answer this"),
        ("install httpfs", "the warehouse cannot answer this"),
    ],
)
def test_sql_neither_writes_nor_reads_files(sql: str, hint: str, place: Path, lake: Path, run: Run) -> None:
    refused(run("query", sql.format(place=place), "--lake", str(lake), "--json"), hint)
    assert not (place / "out.csv").exists()
    assert not (place / "other.duckdb").exists()


def test_why_of_an_unknown_page_says_how_to_find_it(lake: Path, run: Run) -> None:
    refused(
        run("why", "http://mill-0.example/nowhere", "--lake", str(lake)), "no record of that doc_id or URL", "search"
    )


def test_a_server_that_does_not_answer_is_named(place: Path, commands: Path) -> None:
    """The words are right, so this is no exit code 2."""
    words = [word.format(place=place) for word in CURATE]
    ended = command(commands, [*words, str(place / "sound.warc.gz")], {"PREFECT_API_URL": DEAD_SERVER}, timeout=120)
    refused(ended, DEAD_SERVER, "unset PREFECT_API_URL", code=1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; skips where this user may not mount one."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        pytest.skip("a small file system of its own needs root on Linux (mount -t tmpfs)")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = mount("-t", "tmpfs", "gristmill-test", str(disk))
    if mounted.returncode != 0:
        pytest.skip(f"mount is refused here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run([shutil.which("umount") or "umount", "--lazy", str(disk)], check=True)


def mount(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([shutil.which("mount") or "mount", *words], capture_output=True, text=True, check=False)


def resize(disk: Path, size: int) -> None:
    assert mount("-o", f"remount,size={size}", str(disk)).returncode == 0


def occupied(lake: Path) -> int:
    """Bytes that the lake takes without its warehouse, in whole blocks."""
    files = [path for path in lake.rglob("*") if path.is_file() and path.relative_to(lake).parts[0] != "warehouse"]
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in files)


def test_a_full_disk_stops_the_run_and_more_room_lets_it_go_on(small_disk: Path, lake: Path, run: Run) -> None:
    """Too little room for the steps, then enough for them and not for the warehouse, then enough."""
    words = curation(lake.parent / "crawl", small_disk / "lake")
    expected, found = data_files(lake), small_disk / "lake"
    resize(small_disk, occupied(lake) // 2)
    refused(run(*words), "is full", "free some space", "run the same command again", code=1)
    assert not (found / "catalog" / "curation").exists()
    resize(small_disk, occupied(lake) + (256 << 10))
    refused(run(*words), "is full", "free some space", "run the same command again", code=1)
    assert data_files(found) == expected
    resize(small_disk, 200 << 20)
    ended = run(*words)
    assert ended.code == 0, ended.err
    assert data_files(found) == expected
    assert run("query", "select count(*) as n from curated", "--lake", str(found), "--json").json()[0]["n"] > 100
