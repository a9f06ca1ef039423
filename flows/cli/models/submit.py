"""``submit``: hand a checkpoint to the evaluation deployment."""

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
