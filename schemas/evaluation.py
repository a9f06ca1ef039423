"""What a checkpoint is evaluated with: the one model behind the flags of ``evaluate`` and ``submit``, the page
*Submit*, the REST API, the run forms and the ``evaluate`` part of a pipeline file.
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
    Flag("--data", "Folder with the files of benchmarks.", env="GRISTMILL_DATA"),
    StringConstraints(strip_whitespace=True, max_length=4096),
    Field(title="Data folder", description="Folder with the files of benchmarks; GRISTMILL_DATA when left out."),
]
Licences = Annotated[
    tuple[Annotated[Printable, StringConstraints(max_length=200)], ...],
    Flag("--accept-licence", "Name of a non-commercial licence that your use is allowed by; repeatable."),
    Field(max_length=50, title="Accepted licences", description="Non-commercial licences that your use is allowed by."),
]


class BackendSettings(Config):
    """What runs the model. Of these, ``name``, ``model`` and ``dtype`` may change a score; what else may, such as a
    version, or which server answers at an address, is found where the model is asked."""

    name: Annotated[
        Printable,
        Flag("--backend", "hf (here, on the CPU), vllm (a server for the run), or the address of a server, with /v1."),
        Field(
            title="Backend",
            max_length=2048,
            description="hf: here, on the CPU; vllm: a server started for the run; or the address of an "
            "OpenAI-compatible server that holds the checkpoint, such as http://127.0.0.1:8000/v1.",
        ),
    ] = HERE
    model: Annotated[
        Printable,
        Flag("--model"),
        Field(
            title="Model", max_length=500, description="Name of the model at that address; its only one when left out."
        ),
    ] = ""
    dtype: Annotated[
        Literal["float32", "bfloat16"],
        Flag("--dtype", "Number format of hf and vllm: float32 or bfloat16."),
        Field(title="Number format", description="Number format of hf and vllm."),
    ] = "float32"
    threads: Annotated[
        int,
        Flag("--threads"),
        Field(ge=1, le=256, title="Threads", description="Texts that hf reads in parallel, each on one core."),
    ] = 1
    concurrency: Annotated[int, Field(ge=1, le=1024, description="Requests to a server under way at once.")] = 8
    timeout: Annotated[float, Field(gt=0, le=LONGEST_SILENCE, description="Longest silence of a server, seconds.")] = (
        600.0
    )

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
        if "@" in address.netloc:  # it would be in every list of submissions
            raise ValueError("no user or password in the address: a key is taken from OPENAI_API_KEY")
        if not address.hostname or address.port == 0 or address.query or address.fragment:
            raise ValueError(
                f"{name!r} is no address of a server; it has a host and a path, such as http://host:8000/v1"
            )
        return name.rstrip("/")

    @property
    def remote(self) -> bool:
        """Whether the model is behind a server that somebody else runs."""
        return self.name not in (HERE, VLLM)


class EvaluationMeans(Config):
    """Where the files of suites are, what their licences allow, and what runs the model."""

    data: DataFolder = ""
    download: Annotated[bool, Flag("--download", "Get missing files from the hub that a suite names.")] = Field(
        False, title="Download", description="Get files that are missing from the hub that a suite names."
    )
    accept_licences: Licences = ()
    fresh: Annotated[bool, Flag("--fresh", "Ask the model everything again and ignore its earlier answers.")] = Field(
        False,
        title="Ask anew",
        description="Ask the model everything anew; what it answered before is kept and counts no more.",
    )
    backend: BackendSettings = Field(default_factory=BackendSettings, description="What runs the model.")
