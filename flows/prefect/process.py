"""A lake's Prefect server as a process: ``python -m gristmill.flows.prefect.process HOME DESCRIPTOR``.

It serves on a socket that its parent has bound, behind the door of :mod:`gristmill.flows.prefect.guard`. It
ends by itself: at once when ``HOME`` is gone (the lake was deleted or moved), and when nobody has used it for
``GRISTMILL_PREFECT_IDLE_SECONDS`` (120) and no process holds it (:func:`gristmill.flows.prefect.home.hold`).
"""

import asyncio
import fcntl
import os
import socket
import sys
import time
from pathlib import Path

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings

from gristmill.flows.prefect.guard import Activity, Guard, allowed
from gristmill.flows.prefect.home import IDLE, Place, lock_path, place_of, users_of

IDLE_SECONDS = 120.0
BEAT_SECONDS = 1.0
GRACE_SECONDS = 5


def main(folder: Path, descriptor: int) -> None:
    """Serve until stopped, or until the server is no longer wanted."""
    place = place_of(folder)
    if place is None:
        return
    settings = get_current_settings().server.api
    with socket.socket(fileno=descriptor) as listener:
        activity = Activity()
        doors = allowed(listener.getsockname()[1], settings.cors_allowed_origins.split(","))
        config = uvicorn.Config(
            Guard(create_app(final=True), doors, activity),
            lifespan="on",
            log_level="warning",
            timeout_keep_alive=settings.keepalive_timeout,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ws_ping_interval=settings.websocket_ping_interval,
            ws_ping_timeout=settings.websocket_ping_timeout,
        )
        asyncio.run(serve(uvicorn.Server(config), listener, place, activity))


async def serve(server: uvicorn.Server, listener: socket.socket, place: Place, activity: Activity) -> None:
    """Run ``server``, and end it when it is not wanted."""
    idle_seconds = float(os.environ.get(IDLE) or IDLE_SECONDS)
    watching = asyncio.create_task(end_when_unwanted(server, place, activity, idle_seconds))
    await server.serve(sockets=[listener])
    watching.cancel()


async def end_when_unwanted(server: uvicorn.Server, place: Place, activity: Activity, idle_seconds: float) -> None:
    """See the module. The record is removed under the lock, which is kept to the end: who wants a server then starts
    another when this one is gone."""
    folder = Path(place.path)
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        if place_of(folder) != place:
            os._exit(0)  # there is nothing left to put in order
        if not server.started:
            activity.last = time.monotonic()
        if activity.idle_seconds() < idle_seconds or users_of(folder):
            continue
        lock = os.open(lock_path(folder), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # someone is about to use it
            os.close(lock)
            continue
        if activity.idle_seconds() < idle_seconds or users_of(folder):
            os.close(lock)
            continue
        (folder / "server.json").unlink(missing_ok=True)
        server.should_exit = True
        await asyncio.sleep(2 * GRACE_SECONDS)
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
