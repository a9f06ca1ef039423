"""Which adapter runs a model, chosen by one setting, and what an answer depends on besides the checkpoint.

torch and httpx are imported only by the adapter that needs them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.evals.models.model import LanguageModel
from gristmill.schemas.evaluation import HERE, VLLM, BackendSettings

if TYPE_CHECKING:
    from gristmill.evals.models.completions import ServerConfig
    from gristmill.evals.models.server_identity import Watch

HERE_ANSWERS = 2
"""Increase it when the adapter for folders answers differently, so that older stored answers are not reused."""


def identity(settings: BackendSettings, key: str = "") -> str:
    """What an answer depends on besides the checkpoint and the request: equal identities mean equal answers.

    For a folder it is made from versions, without loading anything; a server is asked
    (:mod:`gristmill.evals.models.server_identity`) and raises what
    :func:`gristmill.evals.models.server_identity.identify` does.
    """
    if settings.name == HERE:
        versions = f"transformers {version('transformers')}, torch {version('torch')}"
        return f"hf {HERE_ANSWERS}: {versions}, {settings.dtype}, cpu"
    from gristmill.evals.models.server_identity import identify

    return identify(_server(settings, settings.name), key)


def watch(settings: BackendSettings, key: str, identified: str) -> "Watch | None":
    """Detects when another server replaces the ``identified`` one; None for a backend that cannot be replaced."""
    if not settings.remote:
        return None
    from gristmill.evals.models.server_identity import Watch

    return Watch(_server(settings, settings.name), key, identified)


@contextmanager
def opened(
    checkpoint: Checkpoint, settings: BackendSettings, address: str = "", key: str = "", described: str = ""
) -> Iterator[LanguageModel]:
    """The model of ``checkpoint``: loaded here, or behind the server at ``address`` (that of the settings when empty).

    ``key`` is the server's bearer token; ``described`` is the server's identity if it is already known.
    """
    if settings.name == HERE:
        from gristmill.evals.models.huggingface import HuggingFaceConfig, load

        yield load(checkpoint, HuggingFaceConfig(dtype=settings.dtype, threads=settings.threads))
        return
    from gristmill.evals.models.openai_server import connect

    with connect(checkpoint, _server(settings, address or settings.name), key, described) as model:
        yield model


def _server(settings: BackendSettings, url: str) -> "ServerConfig":
    from gristmill.evals.models.completions import ServerConfig

    return ServerConfig(
        url=url,
        model=settings.model,
        concurrency=settings.concurrency,
        timeout=settings.timeout,
        plain=settings.name == VLLM,
    )
