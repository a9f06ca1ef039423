"""Object stores and whatever else fsspec reads: ``s3://``, ``gs://``, ``az://``, ``hf://`` and more.

Credentials, profiles, regions and endpoints (``AWS_ENDPOINT_URL``) come from where the store's own library looks for
them: the environment and its configuration files. Nothing is read from, or kept in, the settings of a run.
Cost: one request to describe a file, one for each 16 MiB of it, which are in memory.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.registry import known_implementations

from gristmill.core.config import did_you_mean
from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.ingest.remote.state import AbsentError, ChangedError, State, TransientError, UnreachableError

BLOCK_BYTES = 16 << 20
PACKAGES = {
    "s3": '"gristmill[s3]"',
    "s3a": '"gristmill[s3]"',
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "hf": "huggingface_hub",
    "oss": "ossfs",
    "sftp": "paramiko",
    "webdav": "webdav4",
}
#: What stores call the version of an object, the most telling first.
VERSION_KEYS = (
    *("ETag", "etag", "VersionId", "version_id", "generation", "md5Hash", "content_md5", "blob_id", "oid", "uid"),
    *("LastModified", "last_modified", "updated", "mtime", "modified", "created"),
)


class Store:
    """The files of one kind of store."""

    def __init__(self, url: str) -> None:
        self.fs = open_filesystem(url)

    def state(self, url: str) -> State:
        """Size and version of a file; see :class:`gristmill.tasks.ingest.remote.state.Transport`."""
        with store_errors(url):
            self.fs.invalidate_cache()
            return state_of(self.fs.info(url))

    def read(self, url: str, state: State, offset: int) -> Iterator[tuple[int, bytes]]:
        """Pieces of a file; see :class:`gristmill.tasks.ingest.remote.state.Transport`."""
        with store_errors(url):
            file = self.fs.open(url, "rb", cache_type="none")
        with file:
            file.seek(offset)
            place = offset
            while True:
                with store_errors(url):
                    piece = file.read(BLOCK_BYTES)
                if not piece:
                    break
                yield place, piece
                place += len(piece)
        if self.state(url) != state:
            raise ChangedError(url)


def open_filesystem(url: str) -> Any:
    """fsspec's file system for an address. Raises :class:`UsageError` for an unknown scheme and a missing package."""
    scheme = url.partition("://")[0]
    try:
        fs, _ = fsspec.core.url_to_fs(url)  # one object a thread and kind of store: making one takes a second
    except ImportError as error:
        package = PACKAGES.get(scheme)
        hint = f"pip install {package}" if package else str(error)
        raise UsageError(f"{url}: reading {scheme}:// needs another package: {hint}") from error
    except ValueError as error:
        if scheme in known_implementations:
            raise UsageError(f"{url}: {error}") from error
        known = ["http", "https", "cc", *PACKAGES]
        raise UsageError(f"{url}: nothing reads {scheme}://{did_you_mean(scheme, known)}.") from error
    return fs


def state_of(info: Mapping[str, Any]) -> State:
    """Size and version from the description that a store gives of a file."""
    version = next((f"{key} {info[key]}" for key in VERSION_KEYS if info.get(key)), "")
    return State(info.get("size"), version)


@contextmanager
def store_errors(url: str) -> Iterator[None]:
    """Every store's library has its own errors; their meaning follows from their type, else from their name."""
    try:
        yield
    except FileNotFoundError as error:
        raise AbsentError(f"{url}: there is no such file or folder in the store. Check the address.") from error
    except PermissionError as error:
        raise AbsentError(f"{url}: the store refuses it: {error}. Check the credentials of its library.") from error
    except GristmillError:
        raise
    except Exception as error:  # the library is the user's choice: its errors cannot be named here
        name = type(error).__name__
        if "Credentials" in name or "Auth" in name or "Forbidden" in name:
            raise AbsentError(
                f"{url}: {error}. Give the credentials where the library of the store looks for them (for s3: "
                "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; FSSPEC_S3_ANON=true for none)."
            ) from error
        if isinstance(error, (ValueError, TypeError, NotImplementedError)) or "Validation" in name:
            raise AbsentError(f"{url}: {error}") from error
        if "412" in str(error) or "Precondition" in str(error) or "Expired" in name:
            raise ChangedError(url) from error
        unreached = "Connect" in name and not any(word in name for word in ("Closed", "Reset", "Aborted"))
        raise (UnreachableError if unreached else TransientError)(f"{name}: {error}") from error


def describe(url: str) -> None:
    """Look whether an address stands for anything, without listing what is below it; a pattern is tried.

    Raises as :func:`expand`.
    """
    fs = open_filesystem(url)
    with store_errors(url):
        if not any(letter in url for letter in "*?["):
            fs.info(url)
        elif not fs.glob(url):
            raise UsageError(f"{url}: nothing in the store matches this pattern.")


def expand(url: str) -> list[tuple[str, State]]:
    """The files that an address stands for, by name: one file, everything below a folder, or what matches a pattern.

    Raises :class:`UsageError`, :class:`AbsentError` or :class:`TransientError`.
    """
    fs = open_filesystem(url)
    with store_errors(url):
        fs.invalidate_cache()
        if any(letter in url for letter in "*?["):
            found = fs.glob(url, detail=True)
        else:
            info = fs.info(url)
            if info["type"] != "directory":
                return [(fs.unstrip_protocol(info["name"]), state_of(info))]
            found = fs.find(url, detail=True)
        infos = [info for info in found.values() if info["type"] == "file"]
    return sorted((fs.unstrip_protocol(info["name"]), state_of(info)) for info in infos)
