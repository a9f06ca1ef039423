"""Score one checkpoint on one suite: prompts, generation or likelihoods, grades, a score with its error bar.

Code items run in the jail and nowhere else: where this machine has none, scoring a code suite fails before the model is
asked anything. An item that the machine failed on (verdict ``infra``) is kept as a sample of weight 0 and counted in
``failures``; it never counts as wrong. So for every suite ``sum(value) / sum(weight)`` over the samples is the score.
Cost beyond the model: about 90 ms a code item and worker.
"""

from collections.abc import Sequence

import pyarrow as pa

from evals.checkpoint import Checkpoint
from evals.evaluation import Evaluation
from evals.graders import Grade
from evals.graders.choice import grade_choice
from evals.graders.code import grade_code, program
from evals.graders.mathematics import grade_mathematics
from evals.jail.capability import capability, require
from evals.model import LanguageModel, Output, Progress, silent
from evals.oracle.grading import grade_programs
from evals.statistics import above_chance, wilson
from evals.suite import CodeItem, Generation, MathematicsItem, ReadingItem, Suite
from schemas.errors import GristmillError
from schemas.lake import conform
from schemas.tables import Samples, Scores

INFRA = "infra"
METHOD = "Wilson score interval"


def evaluate(
    model: LanguageModel,
    checkpoint: Checkpoint,
    suite: Suite,
    *,
    jail_workers: int = 1,
    progress: Progress = silent,
) -> Evaluation:
    """Samples and score of ``checkpoint``, loaded as ``model``, on ``suite``.

    Raises ``evals.jail.sandbox.JailUnavailableError`` for a code suite where code cannot be confined, and
    :class:`GristmillError` when the machine failed on every item, so that nothing was measured.
    """
    if suite.settings.grader == "code":
        require()
    graded = answer(model, suite, jail_workers, progress)
    samples = pa.Table.from_pylist(
        [
            {
                "checkpoint": checkpoint.digest,
                "suite": suite.name,
                "item": item.id,
                "repeat": 0,
                "prompt": suite.prompt(item),
                "output": output,
                "expected": expected(item),
                "verdict": grade.verdict,
                "value": grade.value,
                "weight": 0.0 if grade.verdict == INFRA else 1.0,
                "detail": grade.detail,
            }
            for item, (output, grade) in zip(suite.items, graded, strict=True)
        ]
    )
    scored = [grade.value for _, grade in graded if grade.verdict != INFRA]
    if not scored:
        raise GristmillError(
            f"{suite.name}: the machine failed on every item, so there is no score. First reason: "
            f"{graded[0][1].detail}. Run `gristmill doctor`."
        )
    passed = round(sum(scored))
    interval = wilson(passed, len(scored))
    score = {
        "checkpoint": checkpoint.digest,
        "suite": suite.name,
        "area": suite.settings.area,
        "metric": suite.settings.metric,
        "subset": "all",
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": len(scored),
        "chance": suite.settings.chance,
        "higher_is_better": True,
        "method": METHOD,
        "failures": len(graded) - len(scored),
    }
    chance = suite.settings.chance
    return Evaluation(
        suite=suite.name,
        suite_digest=suite.digest,
        area=suite.settings.area,
        items=len(suite.items),
        backend=model.backend,
        samples=conform(Samples, samples),
        scores=conform(Scores, pa.Table.from_pylist([score])),
        jail_tier=capability().tier if suite.settings.grader == "code" else "",
        above_chance=None if chance is None else above_chance(passed, len(scored), chance),
    )


def answer(model: LanguageModel, suite: Suite, jail_workers: int, progress: Progress) -> list[tuple[str, Grade]]:
    """What the model gives for every item, in order, and its grade."""
    settings = suite.settings.generation
    if settings is None:
        return _choose(model, suite, suite.choice, progress)
    outputs = model.generate([suite.prompt(item) for item in suite.items], settings, progress)
    if suite.settings.grader == "code":
        grades = _run(suite.code, outputs, settings, jail_workers, progress)
    else:
        grades = [
            grade_mathematics(item, output.text, settings.stop)
            for item, output in zip(suite.mathematics, outputs, strict=True)
        ]
    return [(output.text, noted(grade, output)) for output, grade in zip(outputs, grades, strict=True)]


def expected(item: CodeItem | MathematicsItem | ReadingItem) -> str:
    """The gold answer as a person reads it."""
    if isinstance(item, CodeItem):
        return item.solution
    return item.answer if isinstance(item, MathematicsItem) else item.options[item.answer]


def noted(grade: Grade, output: Output) -> Grade:
    """``grade`` with how the output ended, for what is cut off is often the reason."""
    notes = [grade.detail] if grade.detail else []
    if output.finish == "length":
        notes.append(f"the output reached the limit of {output.tokens} tokens")
    if output.lost:
        notes.append(f"{output.lost} tokens of the prompt did not fit")
    return Grade(grade.verdict, grade.value, "; ".join(notes))


def _run(
    items: Sequence[CodeItem], outputs: Sequence[Output], settings: Generation, workers: int, progress: Progress
) -> list[Grade]:
    programs = [program(item, output.text, settings.stop) for item, output in zip(items, outputs, strict=True)]
    progress("run", 0, len(programs))
    outcomes = grade_programs(programs, workers=workers, progress=lambda done: progress("run", done, len(programs)))
    return [grade_code(outcome) for outcome in outcomes]


def _choose(
    model: LanguageModel, suite: Suite, items: Sequence[ReadingItem], progress: Progress
) -> list[tuple[str, Grade]]:
    pairs = [(suite.prompt(item), suite.settings.separator + option) for item in items for option in item.options]
    found = iter(model.loglikelihood(pairs, progress))
    return [grade_choice(item, [next(found) for _ in item.options]) for item in items]
