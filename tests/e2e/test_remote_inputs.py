"""Inputs from a real web server, a real S3 protocol server and a mirror of Common Crawl, all on loopback.

What comes over the wire must give the very rows that the same file gives from disk, whatever the server does on the
way; and a file that changed must never be mixed with what it was.
"""

import gzip
import io
import json
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.spec import AbstractBufferedFile
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.step import StepResult
from gristmill.schemas.tables import Records, SetAside
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.grouping import Grouping, group_files
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.remote import stores
from gristmill.tasks.ingest.remote.http import retry_after
from gristmill.tasks.ingest.remote.listing import web_name
from gristmill.tasks.ingest.remote.pace import Pace
from gristmill.tasks.ingest.remote.state import COMMON_CRAWL_VARIABLE, RemoteConfig
from tests.helpers.web import Manners, web_server

QUICK = RemoteConfig(backoff_seconds=0.01, delay_seconds=0, attempts=4, timeout_seconds=20)
CONFIG = IngestConfig(source="remote")
WARC = "crawl/debian-docs-00001.warc.gz"
WARC_BYTES = 400_000  # of 4.7 MB: the tests are about the way, not about the records


@pytest.fixture(scope="module")
def corpora(shared: Path) -> dict[str, bytes]:
    """Real files by name, as a server would offer them."""
    corpora = shared / "corpora"
    rows = (corpora / "quality" / "sms_spam.jsonl.gz").read_bytes()
    table = io.BytesIO()
    texts = [json.loads(line)["text"] for line in gzip.decompress(rows).splitlines()]
    pq.write_table(pa.table({"text": texts}), table)
    (wet,) = (path for path in (corpora / "warc" / "wet_wat").iterdir() if path.suffix == ".wet")
    return {
        WARC: members((corpora / "warc" / "wget_crawl" / "debian-docs-00001.warc.gz").read_bytes(), WARC_BYTES),
        "crawl/spam.jsonl.gz": rows,
        "crawl/spam.parquet": table.getvalue(),
        "crawl/pages.wet.gz": gzip.compress(wet.read_bytes(), mtime=0),
        "crawl/_SUCCESS": b"",
        "crawl/paper.pdf": b"%PDF-1.7",
    }


def members(data: bytes, size: int) -> bytes:
    """The first whole gzip members of a file, of that many bytes or a few more."""
    end = 0
    while end < size:
        inflater = zlib.decompressobj(31)
        inflater.decompress(data[end:])
        end = len(data) - len(inflater.unused_data)
    return data[:end]


@pytest.fixture
def manners(corpora: dict[str, bytes]) -> Manners:
    return Manners(dict(corpora))


@pytest.fixture
def web(manners: Manners) -> Iterator[str]:
    with web_server(manners) as address:
        yield address


Rows = list[dict[str, Any]]


def rows(lake: Lake, outcomes: list[StepResult], rename: Callable[[str], str] = str) -> Rows:
    """Every row of both tables, in order, under the name that the file has on disk."""
    found = []
    for outcome in outcomes:
        for ref in outcome.manifest.outputs:
            assert ref.table in (Records.name, SetAside.name)
            for row in lake.read(ref).to_pylist():
                name, _, place = row["record_uri"].rpartition("@")
                found.append(row | {"record_uri": f"{rename(name)}@{place}"})
    return sorted(found, key=lambda row: row["record_uri"])


def read(lake: Lake, *inputs: str, settings: RemoteConfig = QUICK) -> list[StepResult]:
    """Ingest everything that ``inputs`` stand for."""
    folder = lake.root / "downloads"
    files = find_inputs(inputs, folder, settings).files
    return [ingest.run(lake, file.shard, Inputs(source=file), CONFIG) for file in files]


def from_disk(folder: Path, corpora: dict[str, bytes], name: str) -> Rows:
    path = folder / "disk" / Path(name).name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(corpora[name])
    lake = Lake.open(folder / "disk-lake")
    return rows(lake, read(lake, str(path)))


def base(name: str) -> str:
    return name.rpartition("/")[2]


def parts_left(lake: Lake) -> list[Path]:
    return list((lake.root / "downloads").glob("*.part"))


@pytest.mark.parametrize("name", [WARC, "crawl/spam.jsonl.gz", "crawl/spam.parquet", "crawl/pages.wet.gz"])
def test_a_file_of_a_web_server_gives_the_rows_of_the_file_on_disk(
    tmp_path: Path, web: str, manners: Manners, corpora: dict[str, bytes], name: str
) -> None:
    lake = Lake.open(tmp_path / "lake")
    first = read(lake, f"{web}/{name}")
    assert rows(lake, first, base) == from_disk(tmp_path, corpora, name)
    assert len(rows(lake, first)) > 0
    assert parts_left(lake) == []
    asked = len(manners.requests("GET"))
    (again,) = read(lake, f"{web}/{name}")
    assert again.cached
    assert len(manners.requests("GET")) == asked, "an unchanged file is cached without a download"


def test_cut_connections_and_a_busy_server_cost_time_and_nothing_else(
    tmp_path: Path, web: str, manners: Manners, corpora: dict[str, bytes]
) -> None:
    manners.cut_after, manners.cuts, manners.busy = 70_000, 5, 2
    lake = Lake.open(tmp_path / "lake")
    started = time.monotonic()
    assert rows(lake, read(lake, f"{web}/{WARC}"), base) == from_disk(tmp_path, corpora, WARC)
    assert time.monotonic() - started >= 2, "Retry-After was heeded twice"
    begins = [wanted for _, wanted in manners.requests("GET") if wanted]
    assert begins == [f"bytes={70_000 * number}-" for number in range(1, 6)]
    assert manners.served == len(corpora[WARC]), "no byte was sent twice"


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    tmp_path: Path, web: str, manners: Manners, corpora: dict[str, bytes]
) -> None:
    manners.ranges, manners.cut_after, manners.cuts = False, 90_000, 2
    lake = Lake.open(tmp_path / "lake")
    assert rows(lake, read(lake, f"{web}/{WARC}"), base) == from_disk(tmp_path, corpora, WARC)


@pytest.mark.parametrize(
    ("change", "resumes"),
    [({"weak": True}, False), ({"weak": True, "dates": True}, False), ({"etags": False, "dates": True}, True)],
)
def test_a_range_is_asked_for_only_under_a_strong_validator(
    tmp_path: Path, web: str, manners: Manners, corpora: dict[str, bytes], change: dict[str, bool], resumes: bool
) -> None:
    for name, value in change.items():
        setattr(manners, name, value)
    manners.cut_after, manners.cuts = 90_000, 1
    lake = Lake.open(tmp_path / "lake")
    assert rows(lake, read(lake, f"{web}/{WARC}"), base) == from_disk(tmp_path, corpora, WARC)
    assert any(wanted for _, wanted in manners.requests("GET")) == resumes


def test_a_file_that_changes_on_the_way_is_never_mixed(tmp_path: Path, web: str, manners: Manners) -> None:
    manners.cut_after, manners.cuts, manners.changes_after = 90_000, 1, 1
    lake = Lake.open(tmp_path / "lake")
    with pytest.raises(GristmillError, match=r"has changed since it was listed.*run the same command again"):
        read(lake, f"{web}/{WARC}")
    assert not (lake.root / "data" / "manifests").exists()
    assert parts_left(lake) == [], "nothing of the old version is left to be continued"


def test_a_file_that_changed_is_another_input(tmp_path: Path, web: str, manners: Manners) -> None:
    lake = Lake.open(tmp_path / "lake")
    (first,) = read(lake, f"{web}/crawl/spam.jsonl.gz")
    manners.files["crawl/spam.jsonl.gz"] = gzip.compress(b'{"text": "another"}\n', mtime=0)
    (second,) = read(lake, f"{web}/crawl/spam.jsonl.gz")
    assert not second.cached
    assert first.manifest.shard != second.manifest.shard


def test_what_was_downloaded_before_a_failure_is_not_asked_for_again(
    tmp_path: Path, web: str, manners: Manners, corpora: dict[str, bytes]
) -> None:
    """The first run gives up in the middle, as if it had been killed; the second goes on where it stopped."""
    manners.cut_after, manners.cuts = 300_000, 1
    lake = Lake.open(tmp_path / "lake")
    with pytest.raises(GristmillError, match=r"1 attempts without a new byte.*run the same command again"):
        read(lake, f"{web}/{WARC}", settings=QUICK.model_copy(update={"attempts": 1}))
    (part,) = parts_left(lake)
    assert part.stat().st_size == 300_000
    assert rows(lake, read(lake, f"{web}/{WARC}"), base) == from_disk(tmp_path, corpora, WARC)
    assert manners.requests("GET")[-1] == (f"/{WARC}", "bytes=300000-")
    assert manners.served == len(corpora[WARC])


def test_a_server_without_head_is_asked_for_one_byte(tmp_path: Path, web: str, manners: Manners) -> None:
    manners.head = False
    lake = Lake.open(tmp_path / "lake")
    (outcome,) = read(lake, f"{web}/crawl/spam.jsonl.gz")
    assert manners.requests("GET")[0] == ("/crawl/spam.jsonl.gz", "bytes=0-0")
    assert sum(ref.rows for ref in outcome.manifest.outputs) > 1000


def test_a_server_that_fails_for_good_ends_the_run_with_the_hint(tmp_path: Path, web: str, manners: Manners) -> None:
    manners.busy, manners.retry_after = 1000, "0"
    with pytest.raises(GristmillError, match=r"4 attempts.*503.*run the same command again"):
        read(Lake.open(tmp_path / "lake"), f"{web}/{WARC}")
    manners.busy, manners.retry_after = 1000, "86400"
    with pytest.raises(GristmillError, match=r"come back in 86,400 s"):
        read(Lake.open(tmp_path / "other"), f"{web}/{WARC}")


@pytest.mark.parametrize(
    ("address", "change", "message"),
    [
        ("{web}/nowhere.warc.gz", {}, r"there is no such file on the server \(status 404\)"),
        ("{web}/*.warc.gz", {}, "a web server does not list its files"),
        ("{web}/crawl/spam.jsonl.gz", {"etags": False}, "neither the version .ETag. nor the date"),
        ("cc://CC-MAIN-2026-05", {}, r"say which\. Write cc://CC-MAIN-2026-05\?paths=0-9"),
        ("cc://CC-MAIN-2026-05?path=0", {}, r'unknown setting \'path\' \(did you mean "paths"\?\)'),
        ("cc://CC-MAIN-2026-05?paths=0&kind=wets", {}, r'unknown kind \'wets\' \(did you mean "wet"\?\)'),
        ("cc://CC-MAIN-2026-05?paths=9-3", {}, "ends before it begins"),
        ("cc://CC-MAIN-2026-05?paths=a-b", {}, "are not numbers and ranges"),
        ("cc://cc main?paths=0", {}, "is not a name of a crawl"),
        ("cc://CC-MAIN-1999-01?paths=0", {}, "has no list of files of this crawl and kind"),
        ("gs://bucket/x.warc.gz", {}, "reading gs:// needs another package: pip install gcsfs"),
        ("s4://bucket/x.warc.gz", {}, r"nothing reads s4:// \(possible: .*s3"),
    ],
)
def test_wrong_addresses_get_an_error_with_the_hint(
    web: str, manners: Manners, address: str, change: dict[str, bool], message: str
) -> None:
    for name, value in change.items():
        setattr(manners, name, value)
    settings = QUICK.model_copy(update={"common_crawl": web})
    with pytest.raises(UsageError, match=message):
        find_inputs([address.format(web=web)], remote=settings)


def test_common_crawl_by_name_and_range_from_a_mirror(
    tmp_path: Path, web: str, manners: Manners, corpora: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is laid out as data.commoncrawl.org; the environment names it."""
    segment = "crawl-data/CC-MAIN-2026-05/segments/1"
    warcs = [f"{segment}/warc/CC-MAIN-0000{number}.warc.gz" for number in range(12)]
    wets = [f"{segment}/wet/CC-MAIN-00000.warc.wet.gz"]
    manners.files |= dict.fromkeys(warcs[3:5], corpora[WARC]) | dict.fromkeys(wets, corpora["crawl/pages.wet.gz"])
    for kind, paths in (("warc", warcs), ("wet", wets)):
        listing = "".join(f"{path}\n" for path in paths).encode()
        manners.files[f"crawl-data/CC-MAIN-2026-05/{kind}.paths.gz"] = gzip.compress(listing, mtime=0)
    monkeypatch.setenv(COMMON_CRAWL_VARIABLE, f"{web}/")
    settings = RemoteConfig(**(QUICK.model_dump(exclude={"common_crawl"})))
    assert [file.name for file in find_inputs(["cc://CC-MAIN-2026-05?paths=3-4,7"], remote=settings).files] == [
        warcs[3],
        warcs[4],
        warcs[7],
    ]
    with pytest.raises(UsageError, match="this crawl has 12 files of kind warc, from 0 to 11"):
        find_inputs(["cc://CC-MAIN-2026-05?paths=0-12"], remote=settings)
    lake = Lake.open(tmp_path / "lake")
    manners.cut_after, manners.cuts = 80_000, 3
    outcomes = read(lake, "cc://CC-MAIN-2026-05?paths=3-4", "cc://CC-MAIN-2026-05?paths=0&kind=wet", settings=settings)
    expected = from_disk(tmp_path, corpora, WARC)
    assert rows(lake, outcomes[:1], base) == renamed(expected, base(warcs[3]))
    assert rows(lake, outcomes[1:2], base) == renamed(expected, base(warcs[4]))
    assert rows(lake, outcomes[2:], base) == renamed(from_disk(tmp_path, corpora, "crawl/pages.wet.gz"), base(wets[0]))
    assert rows(lake, outcomes[:1])[0]["record_uri"].startswith(f"{warcs[3]}@")
    asked = len(manners.asked)
    assert read(lake, "cc://CC-MAIN-2026-05?paths=4", settings=settings)[0].cached
    new = [path for _, path, _ in manners.asked[asked:]]
    assert set(new) == {"/crawl-data/CC-MAIN-2026-05/warc.paths.gz"}, "a file of Common Crawl is not asked for again"


# -- object stores --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def bucket(s3_server: str, corpora: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket with the corpora, reached as users reach one: credentials and endpoint from the environment."""
    nowhere = str(tmp_path_factory.getbasetemp() / "none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", s3_server)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", nowhere)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
        put("gristmill/", b"")
        for key, content in corpora.items():
            put(f"gristmill/{key}", content)
        yield "gristmill"
    S3FileSystem.clear_instance_cache()


def put(path: str, content: bytes) -> None:
    """An object, or with a slash at its end a bucket."""
    store = S3FileSystem()
    if path.endswith("/"):
        store.mkdir(path)
    else:
        store.pipe_file(path, content)


def test_objects_give_the_rows_of_the_files_on_disk(tmp_path: Path, bucket: str, corpora: dict[str, bytes]) -> None:
    lake = Lake.open(tmp_path / "lake")
    found = find_inputs([f"s3://{bucket}/crawl"], lake.root / "downloads", QUICK)
    names = [f"s3://{bucket}/{name}" for name in sorted(corpora)]
    assert [file.name for file in found.files] == [name for name in names if not name.endswith(("_SUCCESS", ".pdf"))]
    reasons = {entry.name: entry.reason for entry in found.skipped}
    assert reasons == {
        f"s3://{bucket}/crawl/_SUCCESS": Reason.HIDDEN,
        f"s3://{bucket}/crawl/paper.pdf": Reason.UNKNOWN_KIND,
    }
    for file in found.files:
        outcome = ingest.run(lake, file.shard, Inputs(source=file), CONFIG)
        expected = from_disk(tmp_path, corpora, file.name.removeprefix(f"s3://{bucket}/"))
        assert rows(lake, [outcome], base) == expected
        assert len(expected) > 0
    assert parts_left(lake) == []
    assert all(outcome.cached for outcome in read(lake, f"s3://{bucket}/crawl"))


def test_json_objects_of_a_store_are_taken_and_what_they_hold_decides(tmp_path: Path, bucket: str) -> None:
    """C4 and Dolma lie in stores as .json.gz: nothing but their content tells them from one JSON document."""
    put(f"{bucket}/c4/a.json.gz", gzip.compress(b'{"text": "%s"}\n{"text": "b"}\n' % (b"x" * 70_000)))
    put(f"{bucket}/c4/info.json", b'{\n "rows": 2\n}')
    lake = Lake.open(tmp_path / "lake")
    rows, asides = [], []
    for outcome in read(lake, f"s3://{bucket}/c4"):
        rows += lake.read(outcome.manifest.output(Records)).column("record_uri").to_pylist()
        asides += lake.read(outcome.manifest.output(SetAside)).select(["record_uri", "kind", "reason"]).to_pylist()
    assert rows == [f"s3://{bucket}/c4/a.json.gz@line:{line}" for line in (1, 2)]
    assert asides == [{"record_uri": f"s3://{bucket}/c4/info.json", "kind": "file", "reason": "json_document"}]


def test_patterns_and_single_objects_of_a_store(tmp_path: Path, bucket: str) -> None:
    found = find_inputs([f"s3://{bucket}/*/spam*", f"s3://{bucket}/{WARC}"], remote=QUICK)
    assert [file.name.rpartition("/")[2] for file in found.files] == [base(WARC), "spam.jsonl.gz", "spam.parquet"]
    listed, alone = (
        find_inputs([f"s3://{bucket}/{wanted}"], remote=QUICK).files[0] for wanted in ("*/*.warc.gz", WARC)
    )
    assert (listed.name, listed.digest, listed.shard) == (alone.name, alone.digest, alone.shard)
    with pytest.raises(UsageError, match="there is no file that can be read"):
        find_inputs([f"s3://{bucket}/*.csv"], remote=QUICK)
    with pytest.raises(UsageError, match="there is no such file or folder"):
        find_inputs([f"s3://{bucket}/nothing/here.csv"], remote=QUICK)
    with pytest.raises(UsageError, match="there is no such file or folder"):
        find_inputs(["s3://no-bucket-of-ours/here.csv"], remote=QUICK)
    with pytest.raises(UsageError, match="Invalid bucket name"):
        find_inputs(["s3://no bucket/here.csv"], remote=QUICK)


def test_an_object_that_changed_since_it_was_listed_is_not_read(tmp_path: Path, bucket: str) -> None:
    lake = Lake.open(tmp_path / "lake")
    put(f"{bucket}/other/rows.jsonl", b'{"text": "old"}')
    (file,) = find_inputs([f"s3://{bucket}/other/rows.jsonl"], remote=QUICK).files
    put(f"{bucket}/other/rows.jsonl", b'{"text": "new"}')
    with pytest.raises(GristmillError, match="has changed since it was listed"):
        ingest.run(lake, file.shard, Inputs(source=file), CONFIG)
    (outcome,) = read(lake, f"s3://{bucket}/other/rows.jsonl")
    assert [row["payload"] for row in rows(lake, [outcome])] == [b"new"]


def test_half_an_object_that_a_killed_run_left_is_completed(
    tmp_path: Path, bucket: str, corpora: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.open(tmp_path / "lake")
    taken: list[int] = []
    whole = AbstractBufferedFile.read

    def read_or_die(file: AbstractBufferedFile, length: int = -1) -> bytes:
        if len(taken) == 2:
            raise KeyboardInterrupt
        taken.append(file.tell())
        piece: bytes = whole(file, length)
        return piece

    monkeypatch.setattr(stores, "BLOCK_BYTES", 100_000)
    monkeypatch.setattr(AbstractBufferedFile, "read", read_or_die)
    with pytest.raises(KeyboardInterrupt):
        read(lake, f"s3://{bucket}/{WARC}")
    (part,) = parts_left(lake)
    assert part.stat().st_size == 200_000
    monkeypatch.setattr(AbstractBufferedFile, "read", whole)
    assert rows(lake, read(lake, f"s3://{bucket}/{WARC}"), base) == from_disk(tmp_path, corpora, WARC)


def test_a_store_that_fails_in_the_middle_is_asked_again_from_there(
    tmp_path: Path, bucket: str, corpora: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.open(tmp_path / "lake")
    begins: list[int] = []
    whole = AbstractBufferedFile.read

    def read_or_fail(file: AbstractBufferedFile, length: int = -1) -> bytes:
        begins.append(file.tell())
        if len(begins) in (2, 3):
            raise TimeoutError("the store is slow today")
        piece: bytes = whole(file, length)
        return piece

    monkeypatch.setattr(stores, "BLOCK_BYTES", 150_000)
    monkeypatch.setattr(AbstractBufferedFile, "read", read_or_fail)
    assert rows(lake, read(lake, f"s3://{bucket}/{WARC}"), base) == from_disk(tmp_path, corpora, WARC)
    assert begins[:5] == [0, 150_000, 150_000, 150_000, 300_000]


def test_small_objects_are_read_together(tmp_path: Path, bucket: str, corpora: dict[str, bytes]) -> None:
    lake = Lake.open(tmp_path / "lake")
    found = find_inputs([f"s3://{bucket}/crawl"], lake.root / "downloads", QUICK)
    (group,) = group_files(found.files, Grouping())
    outcome = ingest.run(lake, group.shard, Inputs(source=group), CONFIG)
    alone = [
        row for name in corpora if "/_" not in name and ".pdf" not in name for row in from_disk(tmp_path, corpora, name)
    ]
    kept = {row["record_uri"] for row in rows(lake, [outcome], base)}
    assert kept == {row["record_uri"] for row in alone}
    assert parts_left(lake) == []


def test_a_store_without_credentials_says_where_they_are_looked_for(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    S3FileSystem.clear_instance_cache()
    with pytest.raises(UsageError, match="AWS_PROFILE, or AWS_ACCESS_KEY_ID"):
        find_inputs([f"s3://{bucket}/{WARC}"], remote=QUICK)


# -- politeness -----------------------------------------------------------------------------------------------------


def test_requests_to_one_server_keep_their_distance_whoever_asks(tmp_path: Path, web: str, manners: Manners) -> None:
    settings = QUICK.model_copy(update={"delay_seconds": 0.6})
    addresses = [f"{web}/crawl/spam.jsonl.gz", f"{web}/crawl/spam.parquet"]
    with ThreadPoolExecutor(2) as pool:
        folder = tmp_path / "downloads"
        begun = time.monotonic()
        list(pool.map(lambda address: find_inputs([address], folder, settings), addresses * 2))
    moments = sorted(manners.times)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert len(gaps) == 3
    assert min(gaps) > 0.4  # a busy machine lets a request come late, and nearer to the next one
    assert all(moment - begun > 0.59 * place for place, moment in enumerate(moments)), "none comes before its turn"


def test_only_so_many_download_from_one_server_at_a_time(tmp_path: Path) -> None:
    pace = Pace(tmp_path, 0, 2)
    at_once: list[int] = []
    inside: list[int] = []

    def hold(number: int) -> None:
        with pace.connection("a.example:80"):
            inside.append(number)
            at_once.append(len(inside))
            time.sleep(0.05)
            inside.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(hold, range(6)))
    assert len(at_once) == 6
    assert max(at_once) == 2


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after("7") == 7
    assert retry_after(None) is retry_after("soon") is None
    assert 30 < (retry_after(formatdate(time.time() + 60, usegmt=True)) or 0) <= 60
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_names_hold_no_secret_and_tell_queries_apart() -> None:
    signed = "https://b.s3.amazonaws.com/x.warc.gz?X-Amz-Signature=abc&X-Amz-Expires=60&X-Amz-Credential=me"
    assert web_name(signed) == "https://b.s3.amazonaws.com/x.warc.gz"
    assert web_name("https://me:pw@c.blob.core.windows.net/x.csv?sv=1&sig=abc&se=2") == (
        "https://c.blob.core.windows.net/x.csv"
    )
    first, second = web_name("http://a.example/get?file=1"), web_name("http://a.example/get?file=2&token=secret")
    assert first != second
    assert "secret" not in second


def renamed(expected: Rows, name: str) -> Rows:
    """The rows as a file of another name would give them."""
    return [row | {"record_uri": f"{name}@{row['record_uri'].rpartition('@')[2]}"} for row in expected]
