"""``evaluate``: score a checkpoint now, on this machine."""

from gristmill.core.errors import NoScoreError
from gristmill.flows.cli.models.means import (
    BackendOption,
    DownloadOption,
    DtypeOption,
    FreshOption,
    LabelOption,
    LimitOption,
    ModelOption,
    ThreadsOption,
    as_means,
    as_submission,
)
from gristmill.flows.cli.options import (
    DEFAULT_LAKE,
    CheckpointArgument,
    DataOption,
    JsonOption,
    LakeOption,
    LicenceOption,
    SuiteOption,
)
from gristmill.flows.cli.printing import print_json, screen


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
