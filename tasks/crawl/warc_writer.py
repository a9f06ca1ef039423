"""Gzip WARC files, one member a record, that appear by rename and hold the same bytes for the same pages.

The format is WARC/1.1 (ISO 28500:2017). warcio writes the records; their ids are UUIDs (version 5) of address and
content, and the first record of each file says which crawl it belongs to.
"""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from warcio.archiveiterator import ArchiveIterator
from warcio.warcwriter import WARCWriter

from gristmill.core.errors import UsageError
from gristmill.tasks.crawl.fetch import Capture

IDENTITY_FIELD = "crawl-identity"


class WarcFiles:
    """Writes pages into ``<prefix>-00000.warc.gz`` and on, ``per_file`` pages each, after those already there.

    A file is whole when it has its name: the content goes to ``.tmp``, is synced, then renamed. Leaving the block by
    an exception drops the file in progress.
    """

    def __init__(self, folder: Path, prefix: str, per_file: int, date: str | None, identity: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self._per_file = per_file
        self._date = date
        self._identity = identity
        self._number = len(finished_files(folder, prefix, identity))
        self._stream: BinaryIO | None = None
        self._writer: Any = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is None:
            return
        if kind is None:
            self._finish()
        else:
            self._stream.close()
            self._temporary().unlink(missing_ok=True)

    def write(self, capture: Capture) -> None:
        """Add the response and the request of a page."""
        if self._stream is None:
            self._begin()
        date = self._now()
        address = {"WARC-IP-Address": capture.address} if capture.address else {}
        cut = {"WARC-Truncated": capture.truncated} if capture.truncated else {}
        response = self._record("response", capture.url, capture.response, date, {**address, **cut})
        request = self._record("request", capture.url, capture.request, date, address)
        self._writer.write_request_response_pair(request, response)
        self._count += 1
        if self._count >= self._per_file:
            self._finish()

    def _record(self, kind: str, url: str, block: bytes, date: str, extra: dict[str, str]) -> Any:
        headers = {"WARC-Record-ID": record_id(kind, url, block), "WARC-Date": date, **extra}
        return self._writer.create_warc_record(
            url, kind, payload=BytesIO(block), length=len(block), warc_headers_dict=headers
        )

    def _begin(self) -> None:
        self._stream = self._temporary().open("wb")
        self._writer = WARCWriter(self._stream, gzip=True, warc_version="1.1")
        self._count = 0
        name = self._path().name
        fields = {
            "software": "gristmill",
            "format": "WARC File Format 1.1",
            "robots": "obey",
            IDENTITY_FIELD: self._identity,
        }
        block = "".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode()
        headers = {
            "WARC-Record-ID": record_id("warcinfo", name, block),
            "WARC-Date": self._now(),
            "WARC-Filename": name,
        }
        self._writer.write_record(
            self._writer.create_warc_record(
                "", "warcinfo", payload=BytesIO(block), length=len(block), warc_headers_dict=headers
            )
        )

    def _finish(self) -> None:
        if self._stream is None:
            return
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._temporary().replace(self._path())
        self._stream = None
        self._number += 1

    def _path(self) -> Path:
        return self._folder / f"{self._prefix}-{self._number:05d}.warc.gz"

    def _temporary(self) -> Path:
        return self._path().with_suffix(".gz.tmp")

    def _now(self) -> str:
        return self._date or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def record_id(kind: str, url: str, block: bytes) -> str:
    """A WARC-Record-ID that is the same for the same record."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {url} {sha256(block).hexdigest()}')}>"


def finished_files(folder: Path, prefix: str, identity: str) -> list[Path]:
    """The whole WARC files of a crawl, in order. Raises :class:`UsageError` when one belongs to another crawl."""
    files = sorted(folder.glob(f"{prefix}-[0-9][0-9][0-9][0-9][0-9].warc.gz"))
    for path in files:
        with path.open("rb") as stream:
            first = next(iter(ArchiveIterator(stream)), None)
            text = first.content_stream().read().decode("utf-8", "replace") if first else ""
        if f"{IDENTITY_FIELD}: {identity}\r\n" not in text:
            raise UsageError(f"{path} belongs to another crawl (other seeds, config or edition). Give an empty folder.")
    return files


def read_captures(path: Path) -> Iterator[Capture]:
    """The pages of a finished file, in order, without their raw bytes: enough to find the links again."""
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream):
            if record.rec_type != "response":
                continue
            http = record.http_headers
            yield Capture(
                url=record.rec_headers.get_header("WARC-Target-URI"),
                request=b"",
                response=b"",
                status=int(http.get_statuscode()),
                content_type=http.get_header("Content-Type", ""),
                content_encoding="",  # content_stream() has undone it
                location=http.get_header("Location", ""),
                body=record.content_stream().read(),
                address="",
                truncated=record.rec_headers.get_header("WARC-Truncated"),
            )
