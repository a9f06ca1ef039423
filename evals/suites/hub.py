"""Download of a suite's files from a hub, at the revision that the suite names.

Addresses are those of the Hugging Face hub, ``ENDPOINT/datasets/NAME/resolve/REVISION/PATH``, which its mirrors share;
``HF_ENDPOINT`` names another one. Nothing is executed: files are fetched, and the suite's own reader reads them. A file
appears under its name only when it is complete. Cost: the transfer.
"""

import uuid
from collections.abc import Sequence
from pathlib import Path

import httpx

from gristmill.core.errors import GristmillError
from gristmill.core.files.atomic import publish
from gristmill.evals.suites.files import Data, look

ENDPOINT = "https://huggingface.co"
TIMEOUT_SECONDS = 60.0


def download(suite: str, data: Data, beside: Path, folders: Sequence[Path], endpoint: str = ENDPOINT) -> list[Path]:
    """Download the files that are in none of the folders into the last of them. Returns the new ones; none without a
    hub.

    Raises :class:`GristmillError` when the hub cannot be reached or does not have a file.
    """
    new: list[Path] = []
    if data.hub is None:
        return new
    for role, file in data.hub.files.items():
        if look(data, role, beside, folders) is None:
            for path in file.path:
                place = data.hub.place(folders[-1], path)
                if not place.is_file():
                    url = f"{endpoint.rstrip('/')}/datasets/{data.hub.dataset}/resolve/{data.hub.revision}/{path}"
                    _fetch(suite, data.source, url, place)
                    new.append(place)
    return new


def _fetch(suite: str, source: str, url: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".part-{uuid.uuid4().hex}")
    try:
        with (
            httpx.stream("GET", url, follow_redirects=True, timeout=TIMEOUT_SECONDS) as response,
            part.open("xb") as file,
        ):
            response.raise_for_status()
            for piece in response.iter_bytes():
                file.write(piece)
        publish(part, place)
    except httpx.HTTPError as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise GristmillError(
            f"suite {suite}: {url} cannot be downloaded: {reason}. Try again later, name a mirror in "
            f"HF_ENDPOINT, or get the files from {source} and name their folder with --data DIR."
        ) from error
    finally:
        part.unlink(missing_ok=True)
