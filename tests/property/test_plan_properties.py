"""Properties of plans, permutations, apportionment and caps that hold for every mixture."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.apportion import DEVIATION_ROWS, UNIT, ShareTree, quantise
from gristmill.tasks.mix.domains import Domain, Vector, vector, water_fill
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, Order, Stage, cap, one_stage
from gristmill.tasks.mix.orders.replacement import Replacement, removing
from gristmill.tasks.mix.orders.sorting import sort_stages
from gristmill.tasks.mix.permutation import key, permute, unpermute
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.planning import make_plan

ROW = 9

weights = st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(lambda values: sum(values) > 1e-3)


def value_of_rows(rows: int, name: str, signal: str) -> Vector:
    """Values of the rows of a domain: few, so that many are equal, and none for some rows; ``none`` has none."""
    generator = np.random.default_rng(int(digest_text(f"{name} {signal}")[:8], 16))
    values = generator.choice(np.array([np.nan] if signal == "none" else [0.5, 1.0, 2.0, np.nan]), rows)
    return values.astype(np.float64)


def in_order(plan: Plan) -> Plan:
    """The plan with its sorted stages sorted by those values."""
    sizes = {entry.name: entry.rows for entry in plan.domains}
    return sort_stages(plan, lambda name, signal: value_of_rows(sizes[name], name, signal))


def shuffled(plan: Plan) -> Plan:
    """The plan with no stage sorted."""
    stages = tuple(stage.model_copy(update={"order": None}) for stage in plan.stages)
    return Plan.model_validate(plan.model_dump() | {"stages": stages})


orders = st.sampled_from([None, None, Order("score"), Order("score", descending=True), Order("other"), Order("none")])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan of one to three stages over random domains, some of the stages sorted."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=6))
    domains = [Domain(f"d{number}", size * ROW, 1, f"f{number}") for number, size in enumerate(sizes)]
    stages, end = [], 0
    for length in draw(st.lists(st.integers(1, 150), min_size=1, max_size=3)):
        share = st.one_of(st.just(0.0), st.floats(0, 1))
        raw = draw(st.lists(share, min_size=len(sizes), max_size=len(sizes)).filter(lambda v: sum(v) > 0.01))
        shares = {domain.name: value / sum(raw) for domain, value in zip(domains, raw, strict=True)}
        end += length * ROW
        stages.append(Stage(end, shares, shares, draw(orders)))
    mixture = Mixture(tuple(stages), "static", "inputs")
    block, seed = draw(st.integers(1, 64)), draw(st.integers(0, 2**63))
    return in_order(make_plan(mixture, domains, row_tokens=ROW, block=block, seed=seed, max_epochs=1e9))


@st.composite
def arms(draw: st.DrawFn) -> tuple[Plan, Plan]:
    """A plan without sorted stages, and the same with places that other rows take."""
    base = shuffled(draw(plans().filter(lambda plan: len(plan.domains) > 1)))
    loses = [False] + [draw(st.booleans()) for _ in base.domains[1:]]
    removed = [draw(st.one_of(st.just(1.0), st.floats(0, 1))) if lost else 0.0 for lost in loses]
    wishes = np.array([0.0 if lost else draw(st.floats(0.01, 1)) for lost in loses])
    told = Replacement(removed=removing(removed), fills=quantise(wishes / wishes.sum()))
    return base, Plan.model_validate(base.model_dump() | {"replacement": told})


@given(arms())
@settings(max_examples=100, deadline=None)
def test_an_arm_reads_the_same_rows_in_the_same_places_but_for_its_gaps(pair: tuple[Plan, Plan]) -> None:
    base, arm = pair
    before, after = base.rows(0, len(base)), arm.rows(0, len(arm))
    same = (before.domain == after.domain) & (before.epoch == after.epoch) & (before.position == after.position)
    assert arm.replacement is not None
    for number, (gone, entry) in enumerate(zip(arm.replacement.removed, base.domains, strict=True)):
        mine = before.domain == number
        assert abs((mine & ~same).sum() - gone / UNIT * mine.sum()) < 1, "as many as were asked for"
        epochs, positions = (part[after.domain == number] for part in (after.epoch, after.position))
        read = np.sort(epochs * entry.rows + unpermute(positions, entry.rows, arm.epoch_key(number, epochs)))
        assert len(set(read.tolist())) == len(read)
        if not gone:
            assert read.tolist() == list(range(len(read))), "what fills goes on where its own rows end"
        else:
            assert not (after.domain[~same] == number).any()
    ends = [0, *(stage.end_row for stage in arm.stages)]
    for number, entry in enumerate(base.domains):
        told = arm.realised()[entry.name]
        parts = [(after.domain[a:b] == number).sum() for a, b in pairwise(ends)]
        assert list(told.stage_rows) == parts
        assert told.rows == sum(parts)


@given(st.integers(1, 400), st.integers(0, 2**64 - 1))
def test_a_permutation_gives_every_number_once(size: int, seed: int) -> None:
    assert sorted(permute(np.arange(size), size, key(seed)).tolist()) == list(range(size))


def test_permutations_are_spread_evenly() -> None:
    places = permute(np.zeros(60_000, dtype=np.int64), 6, key(1, np.arange(60_000)))
    counts = np.bincount(places, minlength=6)
    assert np.abs(counts - 10_000).max() < 500


@given(plans(), st.data())
def test_long_runs_take_a_kernel_that_gives_the_same_rows(plan: Plan, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(plan) - 1))
    stop = data.draw(st.integers(start, len(plan)))
    expected = plan.rows(start, stop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gristmill.tasks.mix.plan.KERNEL_ROWS", 0)
        found = plan.rows(start, stop)
    for name in ("domain", "epoch", "position"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()


@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_the_kernel_gives_the_same_rows_of_a_large_plan(seed: int) -> None:
    domains = [Domain(f"d{number}", (1 << 3 * number) * ROW, 1, f"f{number}") for number in range(14)]
    shares = {domain.name: weight for domain, weight in zip(domains, vector_of(14), strict=True)}
    mixture = Mixture((Stage((1 << 31) * ROW, shares, shares), Stage((1 << 32) * ROW, shares, shares)), "static", "")
    plan = make_plan(mixture, domains, row_tokens=ROW, block=1000, seed=seed, max_epochs=1e12)
    for start in (0, (1 << 31) - 20_000, len(plan) - 40_000):
        long = plan.rows(start, start + 40_000)
        short = [plan.rows(start + at, start + at + 10_000) for at in range(0, 40_000, 10_000)]
        for name in ("domain", "epoch", "position"):
            assert np.array_equal(getattr(long, name), np.concatenate([getattr(part, name) for part in short]))


def vector_of(count: int) -> list[float]:
    """Unequal shares that sum to 1."""
    raw = np.arange(1, count + 1) ** 2.5
    return (raw / raw.sum()).tolist()


@given(weights)
def test_rows_are_shared_out_exactly_and_near_the_request_at_every_length(values: list[float]) -> None:
    shares = np.array(values) / sum(values)
    tree = ShareTree.of(quantise(shares))
    domain, ordinal = tree.assign(np.arange(700))
    counts = np.cumsum(domain[:, None] == np.arange(len(values)), axis=0)
    assert (ordinal == counts[np.arange(700), domain] - 1).all()
    assert np.abs(counts - shares * np.arange(1, 701)[:, None]).max() < DEVIATION_ROWS
    for rows in (0, 1, 13, 700):
        assert tree.counts(rows).tolist() == (counts[rows - 1].tolist() if rows else [0] * len(values))


@given(plans())
@settings(max_examples=60, deadline=None)
def test_every_block_end_is_within_the_bound_of_the_request(plan: Plan) -> None:
    run = plan.rows(0, len(plan))
    first = 0
    for stage in plan.stages:
        requested = np.array(stage.weights) / sum(stage.weights)
        here = run.domain[first : stage.end_row]
        every = plan.block if stage.order is None else 1  # a sorted stage keeps to the request at every row
        for end in [*range(every, len(here), every), len(here)]:
            counts = np.bincount(here[:end], minlength=len(plan.domains))
            assert np.abs(counts - requested * end).max() < DEVIATION_ROWS
        first = stage.end_row


@given(plans())
@settings(max_examples=60, deadline=None)
def test_no_row_comes_twice_in_an_epoch_and_epochs_are_complete(plan: Plan) -> None:
    run = plan.rows(0, len(plan))
    for number, entry in enumerate(plan.domains):
        mine = run.domain == number
        epochs = run.epoch[mine]
        for epoch in range(int(epochs.max(initial=-1)) + 1):
            positions = run.position[mine][epochs == epoch]
            assert len(set(positions.tolist())) == len(positions)
            assert positions.min() >= 0
            assert positions.max() < entry.rows
            if epoch < epochs.max():
                assert len(positions) == entry.rows
        assert plan.realised()[entry.name].rows == mine.sum()


@given(plans(), st.data())
@settings(max_examples=40, deadline=None)
def test_any_cutting_of_the_run_gives_the_same_stream(plan: Plan, data: st.DataObject) -> None:
    whole = plan.rows(0, len(plan))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(plan)), max_size=5)))
    parts = [plan.rows(start, stop) for start, stop in zip([0, *cuts], [*cuts, len(plan)], strict=True)]
    for name in ("domain", "epoch", "position"):
        assert np.array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again == plan
    assert in_order(again).check() == plan.check()


@given(plans())
@settings(max_examples=40, deadline=None)
def test_a_stage_reads_the_same_rows_in_any_order(plan: Plan) -> None:
    found, other = (each.rows(0, len(each)) for each in (plan, shuffled(plan)))
    for first, end, _ in plan.spans:
        one, two = (
            sorted(zip(*(part[first:end].tolist() for part in (r.domain, r.epoch, r.position)), strict=True))
            for r in (found, other)
        )
        assert one == two


@given(plans())
@settings(max_examples=60, deadline=None)
def test_rows_of_a_sorted_stage_come_by_value_and_equal_ones_as_the_shuffle_has_them(plan: Plan) -> None:
    run = plan.rows(0, len(plan))
    for stage, (first, end, before) in zip(plan.stages, plan.spans, strict=True):
        for number, entry in enumerate(plan.domains):
            mine = first + np.flatnonzero(run.domain[first:end] == number)
            if stage.order is None:
                continue
            epochs, positions = run.epoch[mine], run.position[mine]
            assert (np.diff(epochs) >= 0).all()
            values = value_of_rows(entry.rows, entry.name, stage.order.signal)[positions]
            keys = np.where(np.isnan(values), np.inf, -values if stage.order.descending else values)
            ordinals = unpermute(positions, entry.rows, plan.epoch_key(number, epochs)) + epochs * entry.rows
            expected = sorted(zip(epochs.tolist(), keys.tolist(), ordinals.tolist(), strict=True))
            assert ordinals.tolist() == [ordinal for _, _, ordinal in expected]
            assert sorted(ordinals.tolist()) == list(range(before[number], before[number] + len(mine)))


@given(plans(), st.data())
@settings(max_examples=40, deadline=None)
def test_later_stages_leave_the_earlier_ones_as_they_are(plan: Plan, data: st.DataObject) -> None:
    kept = data.draw(st.integers(1, len(plan.stages)))
    shorter = in_order(Plan.model_validate(plan.model_dump() | {"stages": plan.stages[:kept]}))
    one, two = shorter.rows(0, len(shorter)), plan.rows(0, len(shorter))
    for name in ("domain", "epoch", "position"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


@given(plans(), st.data())
@settings(max_examples=40, deadline=None)
def test_one_row_alone_is_that_of_the_run(plan: Plan, data: st.DataObject) -> None:
    run = plan.rows(0, len(plan))
    for row in data.draw(st.lists(st.integers(0, len(plan) - 1), min_size=1, max_size=8)):
        name = plan.domains[run.domain[row]].name
        assert plan.row(row) == (name, run.epoch[row], run.position[row])


@given(weights, st.data())
def test_water_filling_spends_the_total_within_the_bounds(values: list[float], data: st.DataObject) -> None:
    size = len(values)
    wishes = np.array(values)
    ceilings = np.array(data.draw(st.lists(st.floats(0.01, 5), min_size=size, max_size=size)))
    floors = ceilings * np.array(data.draw(st.lists(st.sampled_from([0.0, 0.0, 0.2]), min_size=size, max_size=size)))
    low, high = floors.sum(), np.where(wishes > 1e-9, ceilings, floors).sum()
    total = float(low + (high - low) * data.draw(st.floats(0, 1)))
    amounts = water_fill(wishes, floors, ceilings, total)
    assert amounts.sum() == pytest.approx(total, rel=1e-6, abs=1e-9)
    assert (amounts >= floors - 1e-12).all()
    assert (amounts <= ceilings + 1e-12).all()
    free = (amounts > floors + 1e-6) & (amounts < ceilings - 1e-6)
    ratios = amounts[free] / wishes[free]
    assert ratios == pytest.approx(ratios[0] if len(ratios) else 0, rel=1e-4)


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=8), st.floats(1, 8), st.floats(0.05, 1.5))
def test_capped_mixtures_keep_every_cap_or_say_what_is_possible(sizes: list[int], epochs: float, part: float) -> None:
    domains = [Domain(f"d{number}", size, 1, "f") for number, size in enumerate(sizes)]
    goal = Goal(max(int(sum(sizes) * epochs * part), 1), max_epochs=epochs)
    uniform = {domain.name: 1 / len(domains) for domain in domains}
    mixture = one_stage(uniform, "static", "inputs", goal, {})
    if goal.target_tokens > sum(sizes) * epochs * (1 + 1e-6):
        with pytest.raises(GristmillError, match="at most"):
            cap(mixture, domains, goal)
        return
    if goal.target_tokens > sum(sizes) * epochs * (1 - 1e-6):
        return  # on the edge either answer is right
    (stage,) = cap(mixture, domains, goal).stages
    assert stage.raw == uniform
    shares = vector(stage.weights, domains)
    tokens = shares * goal.target_tokens
    capped = tokens > np.array(sizes) * epochs * (1 - 1e-6)
    assert (tokens <= np.array(sizes) * epochs * (1 + 1e-6)).all()
    assert shares[~capped] == pytest.approx(shares[~capped][0] if (~capped).any() else 0)  # UniMax: even elsewhere
