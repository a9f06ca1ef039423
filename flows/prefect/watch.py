"""A thread that watches the Prefect server of a command, so that losing it neither hangs nor breaks the command.

A local server that died is started again at the same address, where Prefect's clients retry. If it must not be (it was
stopped, its lake is gone, its disk is full, or it is the user's own server and has refused connections for 20 seconds),
the process ends with a message: finished work stays in the lake, and the same command resumes from there.
"""

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

from rich.console import Console

from gristmill.core.errors import GristmillError

BEAT_SECONDS = 0.5
LOST_AFTER_SECONDS = 20.0
CONNECT_SECONDS = 10.0
FULL_BELOW_BYTES = 256 << 10
"""Free space with which SQLite may not be able to record a change of state: the server answers 500, and Prefect's
client asks again for minutes."""

Revive = Callable[[Path, str], bool]
"""Takes the lake and the address of its server; starts it again when it is dead. False when it must not be."""


def watch(lake_root: Path, api_url: str, revive: Revive | None, lost: Callable[[str], None] | None = None) -> Event:
    """Watch the server at ``api_url`` until the returned event is set. Without ``revive`` it is the user's own.

    ``lost`` is called once when it is gone for good; the process ends when it is left out.
    """
    stop = Event()
    tell = lost or end_process
    Thread(target=_watch, args=(lake_root, api_url, revive, tell, stop), name="prefect-watch", daemon=True).start()
    return stop


def _watch(lake_root: Path, api_url: str, revive: Revive | None, lost: Callable[[str], None], stop: Event) -> None:
    last = time.monotonic()
    while not stop.wait(BEAT_SECONDS):
        if revive is not None and is_full(lake_root):
            reason = (
                f"the disk of the lake {lake_root} is full, so its Prefect server cannot record the run. Free space"
            )
        elif revive is not None:
            try:
                if revive(lake_root, api_url):
                    continue
                reason = "the lake's Prefect server was stopped"
            except (GristmillError, OSError) as error:
                reason = f"the lake's Prefect server died and does not come up again: {error}"
        elif accepts(api_url):
            last = time.monotonic()
            continue
        elif time.monotonic() - last < LOST_AFTER_SECONDS:
            continue
        else:
            reason = f"the Prefect server at {api_url} is gone"
        if not stop.is_set():
            lost(f"{reason}. Finished work is kept; the same command resumes from there.")
        return


def is_full(folder: Path) -> bool:
    """Whether the disk that holds a folder has no room at all; False where the folder is gone."""
    try:
        return shutil.disk_usage(folder).free < FULL_BELOW_BYTES
    except OSError:
        return False


def accepts(api_url: str) -> bool:
    """Whether something accepts connections at that address. A server that is slow does."""
    parts = urlsplit(api_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_SECONDS):
            return True
    except TimeoutError:
        return True
    except OSError:
        return False


def end_process(reason: str) -> None:
    """End this process with ``reason``, now: Prefect's client would wait for the server for minutes.

    As safe as any other end: unfinished output is not in the lake yet.
    """
    console = Console(stderr=True)
    console.show_cursor(True)
    console.print(f"gristmill: {reason}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(GristmillError.exit_code)
