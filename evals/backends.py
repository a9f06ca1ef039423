"""Which adapter runs a model, by one setting. torch and httpx are imported only by the adapter that needs them."""

from collections.abc import Iterator
from contextlib import contextmanager

from evals.checkpoint import Checkpoint
from evals.model import LanguageModel
from schemas.evaluation import HERE, BackendSettings


@contextmanager
def opened(
    checkpoint: Checkpoint, settings: BackendSettings, address: str = "", key: str = "", described: str = ""
) -> Iterator[LanguageModel]:
    """The model of ``checkpoint``: loaded here, or behind the server at ``address`` (that of the settings when empty).

    ``key`` is the server's bearer token; ``described`` is what is known of a server besides what it says of itself.
    """
    if settings.name == HERE:
        from evals.huggingface import HuggingFaceConfig, load

        yield load(checkpoint, HuggingFaceConfig(dtype=settings.dtype, threads=settings.threads))
        return
    from evals.completions import ServerConfig
    from evals.openai_server import connect

    config = ServerConfig(
        url=address or settings.name,
        model=settings.model,
        concurrency=settings.concurrency,
        timeout=settings.timeout,
    )
    with connect(checkpoint, config, key, described) as model:
        yield model
