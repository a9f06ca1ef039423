"""How ``evaluate`` and ``submit`` run a model, and the submission that their options describe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.core.errors import UsageError

if TYPE_CHECKING:
    from gristmill.schemas.evaluation import EvaluationMeans
    from gristmill.schemas.submission import Submission

LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Take a fixed subset of that many items of each suite.")
]
DownloadOption = Annotated[bool, typer.Option("--download", help="Get missing files from the hub that a suite names.")]
BackendOption = Annotated[
    str, typer.Option(help="hf (here, on the CPU), vllm (a server for the run), or the address of a server, with /v1.")
]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Ask the model everything again and ignore its earlier answers.")
]
ModelOption = Annotated[str, typer.Option(help="Name of the model at that address; its only one when left out.")]
DtypeOption = Annotated[str, typer.Option(help="Number format of hf and vllm: float32 or bfloat16.")]
ThreadsOption = Annotated[int, typer.Option(min=1, help="Texts that hf reads in parallel, each on one core.")]
LabelOption = Annotated[str, typer.Option(help="How to call the checkpoint; the folder's name when left out.")]


def as_means(
    data: Path | None,
    download: bool,
    accept_licence: list[str] | None,
    backend: str,
    model: str,
    dtype: str,
    threads: int,
    *,
    fresh: bool = False,
) -> "EvaluationMeans":
    """The flags that say with what a checkpoint is evaluated. Raises :class:`UsageError` for a wrong backend."""
    from gristmill.schemas.evaluation import BackendSettings, EvaluationMeans

    named = {"name": backend, "model": model, "dtype": dtype, "threads": threads}
    return EvaluationMeans(
        data=str(data.resolve()) if data else "",
        download=download,
        accept_licences=tuple(accept_licence or ()),
        fresh=fresh,
        backend=BackendSettings.parse(named, "backend"),
    )


def as_submission(
    checkpoint: Path,
    suites: list[str] | None,
    label: str,
    limit: int | None = None,
    means: "EvaluationMeans | None" = None,
) -> "Submission":
    """The options as the model that the form and the API share.

    Raises :class:`UsageError` for what would stop the evaluation before anything is asked.
    """
    from gristmill.core.config import did_you_mean
    from gristmill.evals.suites.settings import own_suites, split_limit, suite_names
    from gristmill.schemas.evaluation import EvaluationMeans
    from gristmill.schemas.submission import Submission, data_problem, folder_problem, place_suite, suite_file

    path = str(checkpoint.resolve())
    means = means or EvaluationMeans()
    problem = folder_problem(path) or data_problem(means.data)
    if problem:
        raise UsageError(problem)
    known = suite_names()
    named = [place_suite(suite, Path.cwd()) for suite in suites or own_suites()]
    for suite in named:
        if split_limit(suite)[0] not in known and not suite_file(suite):
            raise UsageError(f"there is no suite {suite!r}{did_you_mean(suite, known)}")
    chosen = [f"{split_limit(suite)[0]}@{limit}" if limit else suite for suite in named]
    words = {"checkpoint": path, "suites": chosen, "label": label}
    submission = Submission.parse(words | means.model_dump(), "submission")
    from gristmill.flows.evaluate.submitting import problems  # slow, and a typo is told by now

    found = problems(submission)
    if found:
        raise UsageError("\n".join(found.values()))
    return submission
