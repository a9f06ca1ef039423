"""``evaluate`` and ``submit``: score a checkpoint now and here, or hand it to the evaluation deployment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.core.errors import NoScoreError, UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, print_json, screen

if TYPE_CHECKING:
    from gristmill.schemas.evaluation import EvaluationMeans
    from gristmill.schemas.submission import Submission

SuiteOption = Annotated[
    list[str] | None,
    typer.Option(
        "--suite",
        help="Name of a suite, or a YAML file of your own; repeatable; those that come with Gristmill when left out.",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", envvar="GRISTMILL_DATA", help="Folder with the files of benchmarks."),
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Take a fixed subset of that many items of each suite.")
]
DownloadOption = Annotated[bool, typer.Option("--download", help="Get missing files from the hub that a suite names.")]
LicenceOption = Annotated[
    list[str] | None,
    typer.Option("--accept-licence", help="Name of a non-commercial licence that your use is allowed by; repeatable."),
]
BackendOption = Annotated[
    str, typer.Option(help="hf (here, on the CPU), vllm (a server for the run), or the address of a server, with /v1.")
]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Ask the model everything anew; what it answered before counts no more.")
]
ModelOption = Annotated[str, typer.Option(help="Name of the model at that address; its only one when left out.")]
DtypeOption = Annotated[str, typer.Option(help="Number format of hf and vllm: float32 or bfloat16.")]
ThreadsOption = Annotated[int, typer.Option(min=1, help="Texts that hf reads side by side, each on one core.")]
LabelOption = Annotated[str, typer.Option(help="How to call the checkpoint; the folder's name when left out.")]
CheckpointArgument = Annotated[
    Path, typer.Argument(help="Folder with config.json, safetensors weights and a tokenizer.")
]


def evaluate(
    checkpoint: CheckpointArgument,
    suite: SuiteOption = None,
    label: LabelOption = "",
    data: DataOption = None,
    limit: LimitOption = None,
    download: DownloadOption = False,
    accept_licence: LicenceOption = None,
    backend: BackendOption = "hf",
    model: ModelOption = "",
    dtype: DtypeOption = "float32",
    threads: ThreadsOption = 1,
    fresh: FreshOption = False,
    lake: LakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Score a checkpoint now, here."""
    from gristmill.core.lake import Lake
    from gristmill.flows.checks import check_evaluation
    from gristmill.flows.prefect.server import ensure_server

    means = as_means(data, download, accept_licence, backend, model, dtype, threads, fresh=fresh)
    submission = as_submission(checkpoint, suite, label, limit, means)
    home = Lake.open(lake)
    check_evaluation(submission.suites, means, home)
    ensure_server(home.root, beside=("gristmill.flows.evaluate.flow",))
    from gristmill.flows.describe import scores_table
    from gristmill.flows.evaluate.flow import evaluate as flow

    refused, rows = None, []
    try:
        rows = flow(str(home.root), submission)
    except NoScoreError as error:
        refused, rows = error, [dict(row) for row in error.scores]  # what the other suites gave is shown all the same
    if json:
        print_json(rows)
    elif rows:
        screen().print(scores_table(rows))
    if refused is not None:
        raise refused


def submit(
    checkpoint: CheckpointArgument,
    suite: SuiteOption = None,
    label: LabelOption = "",
    data: DataOption = None,
    limit: LimitOption = None,
    download: DownloadOption = False,
    accept_licence: LicenceOption = None,
    backend: BackendOption = "hf",
    model: ModelOption = "",
    dtype: DtypeOption = "float32",
    threads: ThreadsOption = 1,
    fresh: FreshOption = False,
    lake: LakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Queue a checkpoint for the evaluation deployment (gristmill serve runs it)."""
    means = as_means(data, download, accept_licence, backend, model, dtype, threads, fresh=fresh)
    submission = as_submission(checkpoint, suite, label, limit, means)
    from gristmill.core.lake import Lake
    from gristmill.flows.evaluate.submitting import hand_over
    from gristmill.warehouse.submissions import State, submitter

    home = Lake.open(lake)
    stored = hand_over(home.root, State(home.root).submit(submission, submitter()))
    if json:
        print_json(stored.model_dump(mode="json"))
        return
    waits = f"It waits: {stored.error}" if stored.error else "Its status is on the page Submit of the dashboards."
    screen().print(f"queued as {stored.id}. {waits}", markup=False, highlight=False, soft_wrap=True)


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
    """The words as the model that the form and the API share.

    Raises :class:`UsageError` for what would stop the evaluation before anything is asked.
    """
    from gristmill.core.config import did_you_mean
    from gristmill.evals.suites.suite import own_suites, split_limit, suite_names
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
