"""Curricula: what presets stand for, what stages of one's own give, and what is refused."""

from typing import Any

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.curriculum import Curriculum, staged
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, Order, cap, one_stage

DOMAINS = (Domain("code", 20_000, 1, "f0"), Domain("prose", 80_000, 1, "f1"))
GOAL = Goal(100_000)
FOUND = one_stage({"code": 0.2, "prose": 0.8}, "static", "inputs", GOAL, {})


def stages_of(curriculum: Any, mixture: Mixture = FOUND, goal: Goal = GOAL) -> list[tuple[int, float, Order | None]]:
    """Where each stage ends, the weight of code in it, and its order."""
    found = staged(mixture, Curriculum.parse(curriculum, "curriculum"), DOMAINS, goal)
    assert found.method == mixture.method
    return [(stage.until_token, round(stage.weights["code"], 6), stage.order) for stage in found.stages]


def test_presets() -> None:
    assert stages_of({"preset": "annealing", "boost": {"code": 4}}) == [(90_000, 0.2, None), (100_000, 0.5, None)]
    annealed = stages_of({"preset": "annealing", "last": 0.3, "boost": {"prose": 0}})
    assert annealed == [(70_000, 0.2, None), (100_000, 1.0, None)]
    assert stages_of("quality-ascending") == [(100_000, 0.2, Order("quality"))]
    assert stages_of("long-documents-last") == [(100_000, 0.2, Order("length"))]
    assert Curriculum.parse("quality-ascending", "").signals == ("quality",)
    assert Curriculum.parse("long-documents-last", "").signals == ()


def test_stages_of_ones_own() -> None:
    given = {
        "stages": [
            {"until": 0.25, "order": "shuffled"},
            {"until_token": 60_000, "weights": {"code": 0.9, "prose": 0.1}, "order": "gopher_quality.words"},
            {"order": {"by": "quality", "descending": True}},
        ]
    }
    assert stages_of(given) == [
        (25_000, 0.2, None),
        (60_000, 0.9, Order("gopher_quality.words")),
        (100_000, 0.2, Order("quality", descending=True)),
    ]
    curriculum = Curriculum.parse(given, "")
    assert curriculum.signals == ("gopher_quality.words", "quality")
    assert [stage.until_token for stage in curriculum.resized(0.5).stages] == [None, 30_000, None]
    assert staged(FOUND, None, DOMAINS, GOAL) == FOUND


def test_stages_keep_what_a_method_solved_under_the_caps() -> None:
    (found,) = FOUND.stages
    solved = Mixture((type(found)(100_000, found.raw, {"code": 0.1, "prose": 0.9}),), "swarm", "inputs")
    (stage,) = staged(solved, Curriculum.parse("long-documents-last", ""), DOMAINS, GOAL).stages
    assert (stage.raw["code"], stage.weights["code"]) == pytest.approx((0.2, 0.1))


def test_a_scarce_domain_is_kept_for_the_last_stage() -> None:
    annealed = staged(FOUND, Curriculum.parse({"preset": "annealing", "boost": {"code": 16}}, ""), DOMAINS, GOAL)
    first, last = cap(annealed, DOMAINS, Goal(100_000, max_epochs=1.01)).stages
    assert last.weights["code"] == pytest.approx(0.8)  # 8 000 tokens, and 12 200 are left for the first
    assert first.weights["code"] == pytest.approx(12_200 / 90_000)


@pytest.mark.parametrize(
    ("curriculum", "said"),
    [
        ("anneling", "curriculum: preset: Input should be 'annealing', 'quality-ascending' or 'long-documents-last'"),
        ({}, "give a preset (annealing, quality-ascending, long-documents-last), or stages of your own"),
        ({"preset": "annealing"}, "annealing needs the domains to see more of: `boost: {code: 4}`"),
        ({"preset": "annealing", "boost": {"code": -1}}, "the factor of code must be 0 or more"),
        ({"preset": "quality-ascending", "boost": {"code": 2}}, "last and boost are of the preset annealing"),
        ({"stages": [{}, {}]}, "every stage but the last needs its end"),
        ({"stages": [{"until": 0.5, "until_token": 5}]}, "say the same: give one of them"),
        ({"stages": [{"weights": {"code": 1.0}, "boost": {"code": 2}}]}, "boost multiplies the weights"),
        ({"stages": [{"order": "qualty"}]}, "there is no signal 'qualty' (did you mean \"quality\"?)"),
        ({"stages": [{"ordr": "quality"}]}, 'ordr: unknown key (did you mean "order"?)'),
    ],
)
def test_wrong_settings_say_what_to_do(curriculum: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Curriculum.parse(curriculum, "curriculum")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("curriculum", "said"),
    [
        ({"stages": [{"until": 0.9}, {"until": 0.5}]}, r"stage 1 .* goes from token 90,000 to 50,000 of 100,000"),
        ({"stages": [{"until": 0.5}]}, "the last with the run"),
        ({"stages": [{"until_token": 200_000}]}, "to 200,000 of 100,000"),
        ({"preset": "annealing", "boost": {"web": 2}}, r"boost for unknown domains \['web'\]"),
        ({"preset": "annealing", "boost": {"code": 0, "prose": 0}}, "leaves no domain any weight"),
        ({"stages": [{"weights": {"code": 1.0}}]}, r"no weight for the domains \['prose'\]"),
    ],
)
def test_stages_that_do_not_fit_the_run_are_refused(curriculum: Any, said: str) -> None:
    with pytest.raises(GristmillError, match=said):
        stages_of(curriculum)
