"""Temperature and UniMax against their closed forms, and the caps that every method shares."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, water_fill
from gristmill.tasks.mix.mixers.caps import at_caps, beside_baselines, limits
from gristmill.tasks.mix.mixers.mixer import Cap, Goal, Mixture, Stage, cap, one_stage
from gristmill.tasks.mix.mixers.rules import Temperature, TemperatureConfig, UniMax, UniMaxConfig, temperature, unimax
from gristmill.tasks.mix.planning import make_plan

DOMAINS = (Domain("code", 60_000, 1, "f0"), Domain("prose", 30_000, 1, "f1"), Domain("web", 9_000, 1, "f2"))
GIVEN = {"code": 0.2, "prose": 0.2, "web": 0.6}


def test_temperature_is_the_power_of_the_tokens() -> None:
    root = np.sqrt([60_000, 30_000, 9_000])
    found = temperature(DOMAINS, 2)
    assert list(found.values()) == pytest.approx(root / root.sum())
    assert list(temperature(DOMAINS, 1).values()) == pytest.approx(np.array([60, 30, 9]) / 99)
    assert list(temperature(DOMAINS, 1e9).values()) == pytest.approx([1 / 3] * 3)
    assert temperature((*DOMAINS, Domain("empty", 0, 0, "f3")), 5)["empty"] == 0
    (stage,) = Temperature(TemperatureConfig(tau=2)).tell(DOMAINS, Goal(1000), ()).stages
    assert stage.raw == found


def every_split(ceilings: list[float], budget: float) -> list[float]:
    """UniMax by brute force: the choice of full domains whose equal rest fits below every other ceiling."""
    places = range(len(ceilings))
    for size in range(len(ceilings) + 1):
        for full in combinations(places, size):
            rest = [place for place in places if place not in full]
            level = (budget - sum(ceilings[place] for place in full)) / len(rest) if rest else np.inf
            if all(ceilings[place] <= level for place in full) and all(level <= ceilings[place] for place in rest):
                return [ceilings[place] if place in full else level for place in places]
    return ceilings


@given(st.lists(st.integers(1, 50), min_size=1, max_size=5), st.integers(1, 150))
def test_unimax_is_what_brute_force_and_water_filling_find(ceilings: list[int], budget: int) -> None:
    sizes = np.array(ceilings, dtype=np.float64)
    found = unimax(sizes, budget)
    assert found == pytest.approx(every_split([float(size) for size in ceilings], budget))
    if sizes.sum() >= budget:
        assert found.sum() == pytest.approx(budget)
        ones = np.ones(len(sizes))
        assert found == pytest.approx(water_fill(ones, np.zeros(len(sizes)), sizes, float(budget)))


def test_unimax_heeds_the_cap_of_each_domain_and_needs_no_further_capping() -> None:
    goal = Goal(60_000, max_epochs=1, caps={"web": Cap(2, "licensed books")})
    mixture = UniMax(UniMaxConfig()).tell(DOMAINS, goal, ())
    (stage,) = mixture.stages
    assert stage.raw == pytest.approx({"code": 21 / 60, "prose": 21 / 60, "web": 18 / 60})
    assert cap(mixture, DOMAINS, goal).stages[0].weights == pytest.approx(stage.raw)
    with pytest.raises(GristmillError, match="no training row"):
        UniMax(UniMaxConfig()).tell((Domain("empty", 0, 0, "f"),), goal, ())


# -- caps -------------------------------------------------------------------------------------------------------------


def test_a_domain_can_have_its_own_cap_with_a_reason() -> None:
    goal = Goal(90_000, caps={"web": Cap(1, "a quarter of it is near-duplicates")})
    capped = cap(one_stage(GIVEN, "static", "", goal, {}), DOMAINS, goal)
    assert capped.stages[0].weights == pytest.approx({"code": 0.45, "prose": 0.45, "web": 0.1})
    assert capped.stages[0].raw == GIVEN
    assert cap(capped, DOMAINS, goal) == capped
    epochs = {domain.name: goal.epochs(domain.name) for domain in DOMAINS}
    plan = make_plan(capped, DOMAINS, row_tokens=10, block=64, seed=1, max_epochs=epochs)
    assert plan.realised()["web"].rows == pytest.approx(900, abs=2)
    with pytest.raises(GristmillError, match=r"above the cap of 0\.5"):
        make_plan(capped, DOMAINS, row_tokens=10, block=64, seed=1, max_epochs={**epochs, "web": 0.5})
    with pytest.raises(GristmillError, match=r"caps for unknown domains \['books'\]"):
        cap(capped, DOMAINS, Goal(90_000, caps={"books": Cap(1, "rare")}))


@pytest.mark.parametrize(("epochs", "reason"), [(0, "none"), (float("inf"), "all"), (2, " ")])
def test_a_cap_needs_epochs_and_a_reason(epochs: float, reason: str) -> None:
    with pytest.raises(GristmillError, match="epochs above 0 and a reason"):
        Cap(epochs, reason)


def test_a_mixture_is_shown_at_several_caps() -> None:
    goal = Goal(90_000, max_epochs=2, caps={"web": Cap(1, "rare")})
    mixture = cap(one_stage(GIVEN, "static", "", goal, {}), DOMAINS, goal)
    shown = {(row.cap, row.domain): (row.weight, row.epochs) for row in at_caps(mixture, DOMAINS, goal)}
    assert [shown[epochs, "web"][0] for epochs in (4.0, 8.0, 16.0)] == pytest.approx([0.4, 0.6, 0.6])
    assert shown[4.0, "web"][1] == pytest.approx(4)
    assert shown[8.0, "web"][1] == pytest.approx(6)
    solved = at_caps(mixture, DOMAINS, goal, [8], lambda loose: {"code": 0.5, "prose": 0.5, "web": 0.0})
    assert [row.weight for row in solved] == [0.5, 0.5, 0.0]


def test_a_cap_that_the_domains_cannot_meet_has_no_rows() -> None:
    goal = Goal(600_000, max_epochs=8)
    mixture = one_stage(GIVEN, "static", "", goal, {})
    assert {row.cap for row in at_caps(mixture, DOMAINS, goal)} == {8.0, 16.0}
    with pytest.raises(GristmillError, match="at most 396000 can"):
        limits(DOMAINS, Goal(600_000))


def test_a_mixture_stands_beside_proportional_and_uniform_raw_and_capped() -> None:
    goal = Goal(90_000, max_epochs=2, caps={"web": Cap(1, "rare")})
    mixture = cap(one_stage(GIVEN, "swarm", "", goal, {}), DOMAINS, goal)
    rows = {(row.mixture, row.domain): row for row in beside_baselines("mine", mixture, DOMAINS, goal)}
    assert {name for name, _ in rows} == {"mine", "proportional", "uniform"}
    web = rows["mine", "web"]
    assert (web.raw, web.capped, web.epochs, web.reason) == (0.6, pytest.approx(0.1), pytest.approx(1), "rare")
    assert (rows["uniform", "web"].raw, rows["uniform", "web"].capped) == pytest.approx((1 / 3, 0.1))
    assert rows["proportional", "code"].reason == "default"


def test_stages_are_shown_by_their_part_of_the_run() -> None:
    first, second = {"code": 1.0, "prose": 0.0, "web": 0.0}, {"code": 0.0, "prose": 1.0, "web": 0.0}
    mixture = Mixture((Stage(10_000, first, first), Stage(40_000, second, second)), "static", "")
    rows = at_caps(mixture, DOMAINS, Goal(40_000), [4])
    assert [row.weight for row in rows] == pytest.approx([0.25, 0.75, 0.0])
