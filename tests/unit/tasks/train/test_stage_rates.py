"""The learning rate of each stage, and what is said of a stage that it hardly lets help."""

from typing import Any

import pytest

from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.mixer import Mixture, Order, Stage
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.train.recipe import RunSettings
from gristmill.tasks.train.stage_rates import careful, stage_rates

ROW, BATCH = 10, 4
SHARES = {"code": 1.0}


def plan_of(*stages: tuple[int, Order | None]) -> Plan:
    """A plan whose stages end after so many steps."""
    each = tuple(Stage(steps * BATCH * ROW, SHARES, SHARES, order) for steps, order in stages)
    domain = Domain("code", 4000 * ROW, 1, "f")
    return make_plan(Mixture(each, "", ""), [domain], row_tokens=ROW, block=8, seed=0, max_epochs=4)


def settings(steps: int, **more: Any) -> RunSettings:
    given = {"recipe": "tiny", "batch_rows": BATCH, "learning_rate": 0.01, "seed": 0, "checkpoint_steps": (steps,)}
    return RunSettings.parse(given | {"steps": steps} | more, "test")


def told(plan: Plan, **more: Any) -> list[str]:
    steps = len(plan) // BATCH
    return careful(stage_rates(plan, settings(steps, **more)), steps)


def test_stages_have_their_steps_and_rates() -> None:
    first, last = stage_rates(plan_of((150, None), (200, Order("quality"))), settings(200, schedule="constant"))
    assert (first.first_step, first.last_step, first.signal) == (1, 150, None)
    assert (last.first_step, last.last_step, last.signal, last.descending) == (151, 200, "quality", False)
    assert (last.schedule, last.first_rate, last.last_rate) == ("constant", 0.01, 0.01)
    assert (last.mean_rate, last.end_rate) == (1.0, 1.0)
    assert first.mean_rate == pytest.approx((sum(range(1, 11)) / 10 + 140) / 150)  # 10 steps of warm-up
    (cosine,) = stage_rates(plan_of((200, Order("quality"))), settings(200))
    assert cosine.last_rate == pytest.approx(0.001)
    assert cosine.end_rate == pytest.approx(0.13, abs=0.02)


def test_a_stage_that_shares_a_step_with_another_has_it_too() -> None:
    stages = (Stage(10 * ROW, SHARES, SHARES), Stage(22 * ROW, SHARES, SHARES))
    domain = Domain("code", 40 * ROW, 1, "f")
    plan = make_plan(Mixture(stages, "", ""), [domain], row_tokens=ROW, block=8, seed=0, max_epochs=4)
    found = [(stage.first_step, stage.last_step) for stage in stage_rates(plan, settings(5))]
    assert found == [(1, 3), (3, 5)]


def test_what_hardly_helps_is_said_with_what_to_do() -> None:
    by_quality = plan_of((200, Order("quality")))
    (line,) = told(by_quality)
    assert "stage 0 is sorted by quality, and what comes last is read at 13% of the peak learning rate (cosine)" in line
    assert "--schedule constant" in line
    assert "--set decay_share=0.2" in line
    assert told(by_quality, schedule="wsd", decay_share=0.2) == []
    assert told(by_quality, schedule="constant") == []
    annealed = plan_of((180, None), (200, None))
    (line,) = told(annealed)
    assert "the last stage, stage 1, is read at 11% of the peak learning rate" in line
    assert "--set decay_share=0.1" in line
    assert told(annealed, schedule="wsd", decay_share=0.1) == []
    assert told(plan_of((200, None))) == []
