"""``grade`` and ``regrade``: grade outputs made elsewhere, and stored ones once again under other conventions."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.core.errors import GristmillError, UsageError
from gristmill.flows.cli.evaluation import DataOption, LicenceOption
from gristmill.flows.cli.look import existing
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption, print_json, screen

if TYPE_CHECKING:
    import pyarrow as pa

    from gristmill.core.lake import Lake
    from gristmill.evals.suites.suite import Suite
    from gristmill.flows.reporter import Reporter

SHOWN = 10
ThinkingOption = Annotated[
    str,
    typer.Option("--thinking-end", help="What ends the thinking in every output, where Gristmill does not know it."),
]
MOST_K = 1000


def grade(
    suite: Annotated[str, typer.Option("--suite", help="Name of the suite, or the path of its YAML file.")],
    responses: Annotated[
        Path,
        typer.Option("--responses", help='JSON lines: {"task_id", "completion"}, or those of EvalPlus or lm-eval.'),
    ],
    data: DataOption = None,
    convention: Annotated[
        str, typer.Option("--convention", help="How outputs are graded; the suite's headline convention when left out.")
    ] = "",
    k: Annotated[
        str, typer.Option("--k", help="The k of pass@k, with commas; each item needs that many samples.")
    ] = "",
    partial: Annotated[bool, typer.Option("--partial", help="Score the items that have an output alone.")] = False,
    cut: Annotated[
        bool, typer.Option("--cut", help="End outputs at the suite's stop strings first; they are graded whole if not.")
    ] = False,
    thinking_end: ThinkingOption = "",
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=256, help="Programs run at once; 0 takes as many as there are cores.")
    ] = 0,
    accept_licence: LicenceOption = None,
    json: JsonOption = False,
) -> None:
    """Grade outputs that were made elsewhere."""
    from gristmill.evals.exchange.outputs import read_outputs
    from gristmill.evals.scoring.grading import grade as grade_responses
    from gristmill.evals.scoring.scores import KS, score
    from gristmill.evals.suites.suite import load_suite
    from gristmill.flows.reporter import Reporter

    ks = numbers(k)
    asked = load_suite(suite, data or (), accept_licences=tuple(accept_licence or ()))
    asked = asked.thinking_until(thinking_end) if thinking_end else asked
    check_conventions(asked, [convention] if convention else [])
    outputs = read_outputs(responses, asked, partial=partial, at_stops=cut)
    chosen = convention or ("code.program" if outputs.whole else asked.settings.conventions[0])
    fewest = fewest_samples(outputs.responses)
    if ks and max(ks) > fewest:
        raise UsageError(f"--k {k}: pass@{max(ks)} needs that many samples of every item, and one has {fewest}")
    with Reporter() as report, report.track("grade", outputs.responses.num_rows, "outputs") as advance:
        samples = grade_responses(
            asked,
            outputs.responses,
            (chosen,),
            jail_workers=workers or cores(),
            progress=lambda what, done, total: advance(1),
        )
    items = [item_of(row) for row in samples.to_pylist()]
    scores, refused = [], None
    try:
        scores = score(asked, samples, ks or KS).to_pylist()
    except GristmillError as error:
        refused = error  # what was graded is shown all the same
    if json:
        metrics = {row["metric"]: row["value"] for row in scores if row["subset"] == "all"}
        found = {"suite": asked.name, "convention": chosen, "cut": cut, "metrics": metrics, "scores": scores}
        print_json({**found, "items": items, "missing": outputs.missing})
    else:
        show(asked.name, chosen, scores, items, outputs.missing)
    if refused is not None:
        raise refused


def regrade(
    checkpoint: Annotated[str, typer.Argument(help="Label or digest (its start) of an evaluated checkpoint.")],
    suite: Annotated[
        list[str] | None,
        typer.Option("--suite", help="Only this suite, or your own YAML file; repeatable; all when left out."),
    ] = None,
    convention: Annotated[
        list[str] | None, typer.Option("--convention", help="Only this one; repeatable; all that fit when left out.")
    ] = None,
    data: DataOption = None,
    thinking_end: ThinkingOption = "",
    accept_licence: LicenceOption = None,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Grade stored answers once again under every convention that fits, and show which answers flip."""
    from gristmill.evals.scoring.grading import grade as grade_responses
    from gristmill.evals.scoring.regrading import fitting, flips, refuse_other_prompts
    from gristmill.evals.scoring.scores import score
    from gristmill.flows.reporter import Reporter
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.compare import find_side

    home = existing(lake)
    side = find_side(Warehouse.open(home.root), checkpoint)
    found: list[dict[str, Any]] = []
    with Reporter() as report:
        for name, asked, responses in stored_suites(
            home, side.checkpoint, suite or [], data, accept_licence or [], report
        ):
            check_conventions(asked, convention or [])
            refuse_other_prompts(asked, responses)
            asked = asked.thinking_until(thinking_end) if thinking_end else asked
            chosen = convention or fitting(asked)
            with report.track(f"regrade {name}", len(chosen) * responses.num_rows, "answers") as advance:
                samples = grade_responses(
                    asked, responses, chosen, jail_workers=cores(), progress=lambda what, done, total: advance(1)
                )
            scores = [row for row in score(asked, samples).to_pylist() if row["subset"] == "all"]
            found.append({"suite": name, "scores": scores, "flips": flips(samples, chosen)})
    if json:
        print_json({"checkpoint": side.checkpoint, "label": side.label, "suites": found})
        return
    for result in found:
        show_regraded(side.label, result)


def stored_suites(
    lake: "Lake", checkpoint: str, named: Sequence[str], data: Path | None, licences: Sequence[str], report: "Reporter"
) -> list[tuple[str, "Suite", "pa.Table"]]:
    """The suites that a checkpoint was asked, by name, each with its stored responses; those ``named``, if any.

    A suite of one's own is stored under its name and found by its file alone. Where it is not named it is left out, and
    said so. Raises :class:`UsageError` when nothing is left, and for a suite that the checkpoint was not asked.
    """
    from gristmill.evals.suites.suite import load_suite, split_limit, suite_names
    from gristmill.schemas.submission import suite_file

    own = [load_suite(word, data or (), accept_licences=licences) for word in named if suite_file(word)]
    files = {suite.name: suite for suite in own}
    stored = responses_of(lake, checkpoint, [*(word for word in named if not suite_file(word)), *files])
    unknown = [name for name in stored if name not in files and split_limit(name)[0] not in suite_names()]
    if unknown:
        told = (
            f"not known by name: {', '.join(unknown)}. Name the YAML file of a suite of your own: --suite ./mine.yaml"
        )
        if named or len(unknown) == len(stored):
            raise UsageError(told)
        report.say(told)
    return [
        (name, files[name] if name in files else load_suite(name, data or (), accept_licences=licences), responses)
        for name, responses in stored.items()
        if name not in unknown
    ]


def responses_of(lake: "Lake", checkpoint: str, suites: Sequence[str]) -> dict[str, "pa.Table"]:
    """The stored responses of a checkpoint by suite. Raises :class:`UsageError` for a suite it was not asked."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from gristmill.core.config import did_you_mean

    dataset = lake.dataset("evaluation", checkpoint)
    refs = dataset.tables.get("responses", ()) if dataset else ()
    if not refs:
        raise UsageError(f"the lake has no answers of {checkpoint}: it was evaluated before answers were kept.")
    table = pa.concat_tables([lake.read(ref) for ref in refs])
    names = sorted(set(table.column("suite").to_pylist()))
    for name in suites:
        if name not in names:
            raise UsageError(f"{checkpoint} was not asked the suite {name!r}{did_you_mean(name, names)}")
    return {name: table.filter(pc.equal(table.column("suite"), name)) for name in names if not suites or name in suites}


def numbers(text: str) -> list[int]:
    """Whole numbers with commas between them. Raises :class:`UsageError` for anything else."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= MOST_K for part in parts):
        raise UsageError(f"--k {text}: give whole numbers from 1 to {MOST_K} with commas, such as 1,10")
    return [int(part) for part in parts]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def check_conventions(suite: "Suite", names: Sequence[str]) -> None:
    """Raises :class:`UsageError` for a convention that does not grade the suite."""
    from gristmill.core.config import did_you_mean
    from gristmill.evals.scoring.regrading import fitting

    known = fitting(suite)
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no convention {name!r} for {suite.name}{did_you_mean(name, known)}. "
                f"There are: {', '.join(known)}."
            )


def item_of(row: dict[str, Any]) -> dict[str, Any]:
    """One graded output for the JSON result."""
    return {
        "task_id": row["item"],
        "sample": row["repeat"],
        "verdict": row["verdict"],
        "value": row["value"] if row["weight"] else None,
        "detail": row["detail"],
        "program": row["program"],
    }


def fewest_samples(responses: "pa.Table") -> int:
    """The samples of the item that has the fewest."""
    return min(Counter(responses.column("item").to_pylist()).values())


def show(
    suite: str,
    convention: str,
    scores: Sequence[dict[str, Any]],
    items: Sequence[dict[str, Any]],
    missing: Sequence[str],
) -> None:
    """Scores, how often each verdict came, and the first answers that are not right."""
    from gristmill.flows.describe import table_of

    columns = ["metric", "of", "value", "95 % interval", "n"]
    rows = [[row["metric"], row["subset"], row["value"], interval(row), row["n"]] for row in scores]
    screen().print(table_of(f"{suite}, graded by {convention}", columns, rows))
    verdicts = Counter(item["verdict"] for item in items)
    screen().print(table_of("Verdicts", ["verdict", "outputs"], [[*pair] for pair in verdicts.most_common()]))
    failed = [item for item in items if item["value"] != 1]
    if failed:
        lines = [[item["task_id"], item["sample"], item["verdict"], item["detail"]] for item in failed[:SHOWN]]
        screen().print(
            table_of(f"Not right: {len(failed)}, the first {len(lines)}", ["item", "sample", "verdict", "why"], lines)
        )
    if missing:
        screen().print(f"{len(missing)} items have no output and are not scored.", markup=False, highlight=False)


def interval(row: dict[str, Any]) -> str:
    """The interval of a score."""
    return f"{row['low']:.3f} to {row['high']:.3f}"


def show_regraded(label: str, result: dict[str, Any]) -> None:
    """The scores of one suite under every convention, and the first answers that flip."""
    from gristmill.flows.describe import table_of

    columns = ["convention", "metric", "value", "95 % interval", "n"]
    rows = [[row["convention"], row["metric"], row["value"], interval(row), row["n"]] for row in result["scores"]]
    screen().print(table_of(f"{result['suite']}, answers of {label}", columns, rows))
    flipped = result["flips"]
    if not flipped:
        screen().print("No answer flips.", markup=False, highlight=False)
        return
    conventions = list(flipped[0]["verdicts"])
    lines = [[flip["item"], flip["repeat"], *flip["verdicts"].values()] for flip in flipped[:SHOWN]]
    title = f"Answers that flip: {len(flipped)}, the first {len(lines)}"
    screen().print(table_of(title, ["item", "sample", *conventions], lines))
