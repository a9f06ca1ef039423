"""What a lake's Prefect server keeps in ``LAKE/prefect``: its record, its credential, who uses it, its database.

All of it belongs to the lake at that place. A copy of the lake has copies of these files, which speak of the original:
its server is not used, and its credential and database are removed (:func:`forget_original`).
"""

import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.core.files.locks import locked
from gristmill.core.hints import on_lake
from gristmill.core.processes import Process, parse, this_process
from gristmill.flows.prefect import database

USER = "gristmill"
SECRET_BYTES = 32
IDLE = "GRISTMILL_PREFECT_IDLE_SECONDS"
"""How long the server stays when nobody uses it, 120 unless set."""
PER_NODE = "GRISTMILL_PREFECT_PER_NODE"
"""Set in batch jobs, of which many work on one lake from several machines."""


class Place(Config):
    """A folder on this machine: where it is, and which one it is."""

    path: str
    device: int
    inode: int

    def is_copy_of(self, other: "Place") -> bool:
        """Whether this is another folder at another path: neither the same one moved, nor one restored in its place."""
        return self.path != other.path and (self.device, self.inode) != (other.device, other.inode)


class Record(Config):
    """The server that was started last for a lake."""

    host: str
    pid: int
    started: int
    api_url: str
    place: Place

    @property
    def process(self) -> Process:
        """Its process."""
        return Process(self.host, self.pid, self.started)


def home(lake_root: Path) -> Path:
    """Where the lake's Prefect server keeps its things; each machine has its own where the environment says so."""
    folder = lake_root.resolve() / "prefect"
    return folder / "nodes" / socket.gethostname() if os.environ.get(PER_NODE) else folder


def place_of(folder: Path) -> Place | None:
    """Which folder this is; None when there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return Place(path=str(folder), device=found.st_dev, inode=found.st_ino)


@contextmanager
def server_lock(lake_root: Path) -> Iterator[None]:
    """One process at a time starts or stops a lake's server; the kernel frees the lock when its holder dies."""
    home(lake_root).mkdir(parents=True, exist_ok=True)
    with locked(lock_path(home(lake_root))):
        yield


def lock_path(folder: Path) -> Path:
    """The file that is locked while a server starts or ends."""
    return folder / "server.lock"


def record_path(lake_root: Path) -> Path:
    """Which server runs for the lake."""
    return home(lake_root) / "server.json"


def read_record(folder: Path) -> Record | None:
    """The record in ``folder``; None when there is none, or it is damaged or of another version."""
    try:
        return Record.model_validate_json((folder / "server.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Record which server runs."""
    write_whole(folder / "server.json", record.model_dump_json())


def credential_path(lake_root: Path) -> Path:
    """The file with the credential of the lake's server, ``user:password``; only its owner can read it."""
    return home(lake_root) / "credential"


def read_credential(lake_root: Path) -> str:
    """The credential of the lake's server. Raises :class:`GristmillError` when it is another user's or damaged."""
    path = credential_path(lake_root)
    try:
        return path.read_text(encoding="utf-8").strip()
    except PermissionError as error:
        raise GristmillError(
            f"the lake's Prefect server belongs to another user: {path} cannot be read. Ask for a server that both may "
            "use, and set PREFECT_API_URL and PREFECT_API_AUTH_STRING to it."
        ) from error
    except UnicodeDecodeError as error:
        stop = on_lake("gristmill serve --stop", lake_root)
        raise GristmillError(
            f"{path} is damaged. Run `{stop}` and remove it: the next command makes another."
        ) from error


def make_credential(lake_root: Path) -> str:
    """The credential for a server that starts: the user's ``PREFECT_SERVER_API_AUTH_STRING``, else the lake's, else a
    random one, kept for the next start in a file of mode 0600.

    Raises :class:`UsageError` when the user's is not ``user:password``.
    """
    own = os.environ.get("PREFECT_SERVER_API_AUTH_STRING", "")
    if own and not all(own.partition(":")):
        raise UsageError("PREFECT_SERVER_API_AUTH_STRING must be of the form user:password.")
    path = credential_path(lake_root)
    if not own and path.is_file() and all((kept := _undamaged(lake_root)).partition(":")):
        path.chmod(0o600)
        return kept
    made = own or f"{USER}:{secrets.token_urlsafe(SECRET_BYTES)}"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(made + "\n")
    return made


def _undamaged(lake_root: Path) -> str:
    """The credential of the lake; empty when its file is damaged, since no server uses it then."""
    try:
        kept = read_credential(lake_root)
    except GristmillError as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        return ""
    return kept if kept.isascii() and kept.isprintable() else ""


def forget_original(folder: Path) -> None:
    """In a copy of a lake, remove what belongs to the original's server: credential, database, record and users.

    What its database has scheduled names the original's folder. Losing it loses the record of what ran, never data.
    Where it is unknown whose the credential is, only that is removed: whoever handed over the lake may know it.
    """
    here, owner = place_of(folder), None
    if here is None:
        raise FileNotFoundError(folder)
    with suppress(FileNotFoundError, ValueError):
        owner = Place.model_validate_json((folder / "place.json").read_bytes())
    if owner is None or here.is_copy_of(owner):
        (folder / "credential").unlink(missing_ok=True)
    if owner is not None and here.is_copy_of(owner):
        for path in [*folder.glob(f"{database.NAME}*"), folder / "server.json"]:
            path.unlink(missing_ok=True)
        shutil.rmtree(folder / "users", ignore_errors=True)
    write_whole(folder / "place.json", here.model_dump_json())


def hold(folder: Path) -> None:
    """Note that this process uses the server, which then does not end as idle while the process lives."""
    users = folder / "users"
    users.mkdir(exist_ok=True)
    (users / this_process().name).touch()


def users_of(folder: Path) -> list[Process]:
    """The processes that use the server; the notes of dead ones are removed."""
    found = []
    for path in sorted((folder / "users").glob("*")):
        user = parse(path.name)
        if user is not None and user.is_here and user.is_alive():
            found.append(user)
        else:
            path.unlink(missing_ok=True)
    return found
