"""How a checkpoint is evaluated: one model for the flags of ``evaluate`` and ``submit``, the page *Submit*, the REST
API, the run forms and the ``evaluate`` part of a pipeline file.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from gristmill.core.config import Config, Printable, did_you_mean
from gristmill.core.flag import Flag

HERE, VLLM = "hf", "vllm"
LONGEST_SILENCE = 86_400.0

DataFolder = Annotated[
    Printable,
    Flag("--data", "Folder with the benchmark files.", env="GRISTMILL_DATA"),
    StringConstraints(strip_whitespace=True, max_length=4096),
    Field(title="Data folder", description="Folder with the benchmark files; by default GRISTMILL_DATA."),
]
Licences = Annotated[
    tuple[Annotated[Printable, StringConstraints(max_length=200)], ...],
    Flag("--accept-licence", "Name of a non-commercial licence that permits your use; repeatable."),
    Field(max_length=50, title="Accepted licences", description="Non-commercial licences that permit your use."),
]


class BackendSettings(Config):
    """What runs the model. ``name``, ``model`` and ``dtype`` can change a score. So can a version, or which server
    answers at an address; the adapter finds those out when it asks the model."""

    name: Annotated[
        Printable,
        Flag("--backend", "hf (here, on the CPU), vllm (a server for the run), or the address of a server, with /v1."),
        Field(
            title="Backend",
            max_length=2048,
            description="hf: here, on the CPU; vllm: a server started for the run; or the address of an "
            "OpenAI-compatible server that serves the checkpoint, such as http://127.0.0.1:8000/v1.",
        ),
    ] = HERE
    model: Annotated[
        Printable,
        Flag("--model"),
        Field(
            title="Model",
            max_length=500,
            description="Name of the model on that server; not needed if it has only one.",
        ),
    ] = ""
    dtype: Annotated[
        Literal["float32", "bfloat16"],
        Flag("--dtype", "Number format that hf and vllm compute in: float32 or bfloat16."),
        Field(title="Number format", description="Number format that hf and vllm compute in."),
    ] = "float32"
    threads: Annotated[
        int,
        Flag("--threads"),
        Field(ge=1, le=256, title="Threads", description="Texts that hf reads in parallel, each on one core."),
    ] = 1
    concurrency: Annotated[int, Field(ge=1, le=1024, description="Requests to a server in flight at once.")] = 8
    timeout: Annotated[
        float, Field(gt=0, le=LONGEST_SILENCE, description="How long a server may stay silent, in seconds.")
    ] = 600.0

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name in (HERE, VLLM):
            return name
        if not name.startswith(("http://", "https://")):
            near = did_you_mean(name, [HERE, VLLM])
            raise ValueError(
                f"there is no backend {name!r}{near}; the address of a server begins with http:// or https://"
            )
        address = urlsplit(name)
        if "@" in address.netloc:  # every list of submissions would show it
            raise ValueError("the address must have no user or password in it: put the key in OPENAI_API_KEY")
        if not address.hostname or address.port == 0 or address.query or address.fragment:
            raise ValueError(
                f"{name!r} is not the address of a server; give a host and a path, such as http://host:8000/v1"
            )
        return name.rstrip("/")

    @property
    def remote(self) -> bool:
        """Whether the model is behind a server that somebody else runs."""
        return self.name not in (HERE, VLLM)


class EvaluationMeans(Config):
    """Where the benchmark files are, which licences are accepted, and what runs the model."""

    data: DataFolder = ""
    download: Annotated[bool, Flag("--download", "Download missing files from the hub that a suite names.")] = Field(
        False, title="Download", description="Download missing files from the hub that a suite names."
    )
    accept_licences: Licences = ()
    fresh: Annotated[bool, Flag("--fresh", "Ask the model everything again and ignore its earlier answers.")] = Field(
        False,
        title="Ask again",
        description="Ask the model everything again; its earlier answers stay stored but no longer count.",
    )
    backend: BackendSettings = Field(default_factory=BackendSettings, description="What runs the model.")
