"""Which adapter runs a model, by one setting. torch and httpx are imported only by the adapter that needs them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from pydantic import Field, field_validator

from evals.checkpoint import Checkpoint
from evals.model import LanguageModel
from schemas.config import Config, did_you_mean

HERE, VLLM = "hf", "vllm"


class BackendSettings(Config):
    """What runs the model. Of these, ``name``, ``model`` and ``dtype`` may change a score."""

    name: Annotated[
        str,
        Field(
            description="hf: here, on the CPU; vllm: a server started for the run; or the address of an "
            "OpenAI-compatible server that holds the checkpoint, such as http://127.0.0.1:8000/v1."
        ),
    ] = HERE
    model: Annotated[str, Field(description="Name of the model at that address; its only one when left out.")] = ""
    dtype: Annotated[Literal["float32", "bfloat16"], Field(description="Number format of hf and vllm.")] = "float32"
    threads: Annotated[int, Field(ge=1, le=256, description="Threads of hf.")] = 1
    concurrency: Annotated[int, Field(ge=1, le=1024, description="Requests to a server under way at once.")] = 8
    timeout: Annotated[float, Field(gt=0, description="Longest silence of a server, seconds.")] = 600.0

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in (HERE, VLLM) and not name.startswith(("http://", "https://")):
            near = did_you_mean(name, [HERE, VLLM])
            raise ValueError(
                f"there is no backend {name!r}{near}; the address of a server begins with http:// or https://"
            )
        return name.rstrip("/")

    @property
    def identity(self) -> str:
        """What of the settings an answer depends on."""
        return f"{self.name} {self.model} {self.dtype}" if self.name in (HERE, VLLM) else f"{self.name} {self.model}"


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
