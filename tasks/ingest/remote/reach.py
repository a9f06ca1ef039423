"""Whether remote inputs are there, asked before a run begins: an address with a typo should not cost the start of one.

Asks little and for a bounded time. A server that is busy, slow or silent for a moment does not make the address wrong:
the run itself retries patiently (``gristmill.tasks.ingest.remote.downloads``). Cost: a request or two for each address,
``SECONDS`` at most.
"""

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.ingest.remote.downloads import patiently
from gristmill.tasks.ingest.remote.listing import list_remote
from gristmill.tasks.ingest.remote.state import WEB, AbsentError, RemoteConfig, TransientError, UnreachableError, shown
from gristmill.tasks.ingest.remote.stores import describe

SECONDS = 10.0


def refuse_unreachable(addresses: Sequence[str], settings: RemoteConfig | None = None) -> None:
    """Ask for each address once. Raises :class:`UsageError` for one that stands for nothing, and
    :class:`GristmillError` where nobody answers."""
    if not addresses:
        return
    asked = (settings or RemoteConfig()).model_copy(
        update={"attempts": 2, "backoff_seconds": 0.5, "timeout_seconds": SECONDS / 2, "longest_wait_seconds": 1.0}
    )
    faults: list[GristmillError] = []

    def ask_all() -> None:
        try:
            for address in addresses:
                _ask(address, asked)
        except GristmillError as error:
            faults.append(error)

    asking = threading.Thread(target=ask_all, name="remote-inputs", daemon=True)  # a library may wait for minutes
    asking.start()
    asking.join(SECONDS)
    if faults:
        raise faults[0]


def _ask(address: str, settings: RemoteConfig) -> None:
    try:
        if address.startswith((*WEB, "cc://")):
            with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
                list_remote(address, settings, Path(folder))
        else:
            patiently(lambda: describe(address), address, settings)
    except AbsentError as error:
        raise UsageError(str(error)) from error
    except GristmillError as error:
        if isinstance(error.__cause__, UnreachableError):
            raise GristmillError(
                f"{shown(address)}: nobody answers there ({error.__cause__}). Check the address, the network and the "
                "settings of a proxy; then run the same command again."
            ) from error
        if not isinstance(error.__cause__, TransientError):
            raise
