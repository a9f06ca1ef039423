"""Addresses to files: what an input with ``://`` stands for, by name, and what was left out.

A name is the address without user, query and fragment (a query that is not a signature leaves 8 digits of its digest),
so ``record_uri`` says where a record came from and holds no secret. Cost: one request a file of a web server, one for
about a thousand objects of a store.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gristmill.core.digests import digest_text
from gristmill.core.errors import UsageError
from gristmill.tasks.ingest.folders import Skipped
from gristmill.tasks.ingest.readers.kinds import NAMES, suffix
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.remote.commoncrawl import crawl_files
from gristmill.tasks.ingest.remote.downloads import patiently, transport
from gristmill.tasks.ingest.remote.state import WEB, AbsentError, RemoteConfig, RemoteFile, State, shown
from gristmill.tasks.ingest.remote.stores import expand

#: Beginnings of the query settings that sign an address for a while: S3, Google, Azure, CloudFront.
SIGNATURES = ("x-amz-", "x-goog-", "awsaccesskeyid", "googleaccessid", "signature", "expires", "key-pair-id", "policy")
AZURE_SIGNATURE = frozenset({"sv", "se", "sr", "sp", "sig", "st", "spr", "skoid", "sktid", "skt", "ske", "sks", "skv"})
#: Suffixes of objects that are taken from a store. Which of ``.json`` are JSON Lines shows when they are read.
TAKEN = frozenset({*NAMES, ".json"})


@dataclass(frozen=True)
class Listed:
    """Files by name, and the names that were left out with the reason."""

    files: tuple[tuple[str, RemoteFile], ...]
    skipped: tuple[Skipped, ...] = ()


def list_remote(url: str, settings: RemoteConfig, folder: Path) -> Listed:
    """The files of one address. ``folder`` is where servers' paces are kept.

    Raises :class:`UsageError` for an address that stands for nothing, :class:`gristmill.core.errors.GristmillError` for
    a server that fails.
    """
    try:
        if url.startswith("cc://"):
            return Listed(tuple(crawl_files(url, settings, folder)))
        if url.startswith(WEB):
            return Listed((_web_file(url, settings, folder),))
        return _stored_files(url, settings)
    except AbsentError as error:
        raise UsageError(str(error)) from error


def _web_file(url: str, settings: RemoteConfig, folder: Path) -> tuple[str, RemoteFile]:
    if "*" in urlsplit(url).path:
        raise UsageError(
            f"{shown(url)}: a web server does not list its files, so a pattern finds none. Name each file."
        )
    with transport(url, settings, folder) as source:
        state = patiently(lambda: source.state(url), url, settings)
    return web_name(url), _file(url, state, settings)


def _stored_files(url: str, settings: RemoteConfig) -> Listed:
    files, skipped = [], []
    found = patiently(lambda: expand(url), url, settings)
    for address, state in found:
        hidden = any(part.startswith((".", "_")) for part in address.removeprefix(url.rstrip("/")).split("/"))
        if len(found) > 1 and hidden:
            skipped.append(Skipped(address, Reason.HIDDEN, "its name begins with a dot or an underscore"))
        elif len(found) > 1 and suffix(address) not in TAKEN:
            detail = "its name tells no kind that is read (name it alone to have it read)"
            skipped.append(Skipped(address, Reason.UNKNOWN_KIND, detail))
        else:
            files.append((address, _file(address, state, settings)))
    if not files:
        seen = f" ({len(skipped)} others were seen, such as {skipped[0].name})" if skipped else ""
        raise UsageError(f"{shown(url)}: there is no file that can be read{seen}.")
    return Listed(tuple(files), tuple(skipped))


def _file(url: str, state: State, settings: RemoteConfig) -> RemoteFile:
    if not state.version:
        raise UsageError(
            f"{shown(url)}: the server says neither the version (ETag) nor the date of this file, so a change would "
            "not be noticed. Download it and give the copy."
        )
    return RemoteFile(url, state.size, state.version, settings)


def web_name(url: str) -> str:
    """The name of a file of a web server.

    >>> web_name("https://me:secret@a.example/x.warc.gz?X-Amz-Signature=ab#c")
    'https://a.example/x.warc.gz'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    asked = [
        (key, value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
        if not key.lower().startswith(SIGNATURES) and key.lower() not in AZURE_SIGNATURE
    ]
    query = digest_text(urlencode(asked))[:8] if asked else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))
