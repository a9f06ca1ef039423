"""The result of a comparison of two checkpoints: its models, and the sentence that sums it up."""

from typing import Literal, NamedTuple

from pydantic import BaseModel, Field

from gristmill.evals.statistics.paired import LEVEL, Paired
from gristmill.schemas.scores import BITS
from gristmill.warehouse.queries.contamination import Examined

MOST_DIGITS = 7
Verdict = Literal["better", "worse", "not shown"]


class Side(BaseModel):
    """One of the two."""

    checkpoint: str = Field(description="digest of weights and tokenizer")
    label: str
    mixture: str
    step: int
    tokens: int


class Difference(BaseModel):
    """B against A on some items of a suite."""

    subset: str = Field(description="all, macro, or a subject")
    value_a: float
    value_b: float
    difference: float = Field(description="B - A, in units of the score")
    low: float = Field(description="lower end of its 95 % interval")
    high: float = Field(description="upper end of its 95 % interval")
    p: float = Field(description="two-sided, of the test that the interval inverts: below 0.05 when it excludes 0")
    p_holm: float = Field(description="Holm-corrected over the suites, or over the subjects of a board")
    more_a: int = Field(description="items on which A did better: a higher value, or a lower one where lower is better")
    more_b: int = Field(description="items on which B did better")
    items: int
    clusters: int = Field(description="items, or passages where several items share one")
    detectable: float = Field(description="difference that would have been shown four times out of five")
    verdict: Verdict = Field(description="on B, from p_holm at 0.05")
    sentence: str


class Discordant(BaseModel):
    """An item on which one did better than the other. If it has several answers, the first is shown."""

    item: str
    subset: str
    cluster: str
    prompt: str
    expected: str
    value_a: float
    value_b: float
    verdict_a: str
    verdict_b: str
    output_a: str = Field(description="what A wrote; for options, which one it chose")
    output_b: str
    detail_a: str
    detail_b: str
    examined: list[Examined] = Field(
        description="which corpora contain the item: named ones, and what either checkpoint was trained on"
    )


class Differing(BaseModel):
    """A page of the items on which the two differ."""

    items: list[Discordant]
    total: int = Field(description="items of the requested kind")
    differ: int = Field(description="items that differ at all")


class SuiteComparison(BaseModel):
    """B against A on one suite."""

    suite: str
    area: str
    metric: str
    convention: str
    higher_is_better: bool
    whole: Difference
    macro: Difference | None = Field(description="the average over subjects; boards only")
    subjects: list[Difference]
    left_out: int = Field(description="items that one of the two did not answer because the machine failed")
    notes: list[str]
    discordant: list[Discordant] = Field(description="largest differences first; none for bits per byte")


class Refused(BaseModel):
    """A suite on which the two cannot be compared."""

    suite: str
    reason: str


class DataShare(BaseModel):
    """The share of one domain in the training plans of both."""

    domain: str
    share_a: float
    share_b: float


class Comparison(BaseModel):
    """B against A."""

    a: Side
    b: Side
    data: list[DataShare] = Field(
        description="the two training plans, largest change first; empty if a plan is unknown or both are the same"
    )
    suites: list[SuiteComparison]
    refused: list[Refused]


def described(
    found: Paired,
    subset: str,
    metric: str,
    p_holm: float,
    tests: int,
    names: tuple[str, str],
    *,
    less_is_better: bool = False,
) -> Difference:
    """A difference with its verdict and its sentence. ``tests`` is how many p-values Holm's correction covered."""
    better = -found.difference.value if less_is_better else found.difference.value
    verdict: Verdict = "not shown" if p_holm >= LEVEL or not better else "better" if better > 0 else "worse"
    p = f"p {_p(found.p)}" + (f" ({_p(p_holm).removeprefix('= ')} after Holm over {tests})" if tests > 1 else "")
    size, low, high = found.difference
    unsigned = (size, low, high) if size > 0 else (-size, -high, -low)  # "better by" and "worse by" say the sign
    first, second = names
    unit = _unit(metric, less_is_better)
    if verdict == "not shown":
        sentence = (
            f"no difference shown: {second} - {first} is {_amounts(found.difference, unit)}, {p}; "
            f"the set could have shown {_number(found.detectable, unit)} {unit.name}"
        )
    else:
        sentence = f"{second} is {verdict} by {_amounts(unsigned, unit)}, {p}"
    return Difference(
        subset=subset,
        value_a=found.value_a,
        value_b=found.value_b,
        difference=size,
        low=low,
        high=high,
        p=found.p,
        p_holm=p_holm,
        more_a=found.more_b if less_is_better else found.more_a,
        more_b=found.more_a if less_is_better else found.more_b,
        items=found.items,
        clusters=found.clusters,
        detectable=found.detectable,
        verdict=verdict,
        sentence=sentence,
    )


class _Unit(NamedTuple):
    """How to write a metric's numbers: unit, factor and digits."""

    name: str
    factor: float
    digits: int


def _unit(metric: str, less_is_better: bool) -> _Unit:
    """Points for shares; metrics where lower is better are not shares and are named."""
    if not less_is_better:
        return _Unit("points", 100.0, 1)
    return _Unit("bits per byte" if metric == BITS else f"of {metric}", 1.0, 3)


def _amounts(found: tuple[float, float, float], unit: _Unit) -> str:
    size, low, high = (_number(value, unit) for value in found)
    return f"{size} {unit.name} ({low} to {high})"


def _number(value: float, unit: _Unit) -> str:
    """The number in its digits, or in more if it would round to 0: an interval that ends at 0 means something else."""
    scaled = unit.factor * value
    digits = next((digits for digits in range(unit.digits, MOST_DIGITS) if round(scaled, digits)), unit.digits)
    shown = f"{scaled:.{digits}f}"
    return shown.removeprefix("-") if not float(shown) else shown


def _p(p: float) -> str:
    """Two digits, or the bound that it is below."""
    return f"= {p:.2g}" if p >= 0.0001 else "< 0.0001"
