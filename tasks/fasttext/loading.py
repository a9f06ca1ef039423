"""A model file by path and digest, loaded once in a process however many shards and threads ask for it."""

import threading
from functools import lru_cache
from pathlib import Path

from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.tasks.fasttext.files import FastTextModel, read_model

_loading = threading.Lock()  # two shards may ask for a model at once, in two threads of one process


def load_model(path: Path, digest: str, hint: str) -> FastTextModel:
    """The model at ``path``. Raises :class:`UsageError` ending in ``hint`` when it is not a model, or not that one."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such fastText model. {hint}")
    with _loading:
        check_digest(path, digest)
        try:
            return _read(path, digest)
        except ValueError as error:
            raise UsageError(f"{path}: this is not a fastText model that classifies texts: {error}. {hint}") from error


@lru_cache(maxsize=4)
def _read(path: Path, digest: str) -> FastTextModel:
    return read_model(path)


def check_digest(path: Path, digest: str) -> None:
    """Raises :class:`UsageError` when the file is not the one that the config names."""
    if digest_file(path) != digest:
        raise UsageError(
            f"{path}: this model has another digest than the config says ({digest}). Make the config from the model "
            "that is meant, or give the path of the right file."
        )
