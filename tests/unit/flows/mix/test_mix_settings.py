"""Settings of mixtures: one model a method, stored keys that stay, and messages that say what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.core.digests import digest_json
from gristmill.core.errors import UsageError
from gristmill.flows.mix.methods import before_training
from gristmill.flows.mix.settings import MixSettings, SwarmSettings, chosen
from gristmill.flows.mix.steps import MixtureConfig
from gristmill.tasks.mix.mixers.mixer import Cap, Goal

PROJECT = Path(__file__).resolve().parents[4]


def mix_of(*mixtures: Any, **more: Any) -> MixSettings:
    return MixSettings.parse({"mixtures": list(mixtures), **more}, "mix")


def config_of(mixture: Any, goal: Goal) -> MixtureConfig:
    return MixtureConfig(mixture=mix_of(mixture).mixtures[0], row_tokens=256, seed=0, goal=goal)


@pytest.mark.parametrize("method", ["proportional", "uniform", "temperature", "unimax", "doremi", "swarm", "mixmin"])
def test_every_method_goes_by_its_name_alone(method: str) -> None:
    (found,) = mix_of(method).mixtures
    assert (found.name, found.method) == (method, method)
    assert MixSettings.parse(json.loads(mix_of(method).model_dump_json()), "again") == mix_of(method)


def test_keys_of_stored_mixtures_stay() -> None:
    goal = {"target_tokens": 50_000, "max_epochs": 4.0, "minimums": {}, "prior": None}
    for method, weights in (("proportional", {}), ("uniform", {}), ("doremi", {}), ("weights", {"code": 1.0})):
        given = {"name": "m", "method": method, "weights": weights, "steps": 150}
        stored = {"mixture": given, "row_tokens": 256, "seed": 0, "goal": goal, "block_rows": 1024}
        config = config_of({"name": "m", "method": method, "weights": weights}, Goal(50_000))
        assert config.model_dump(mode="json") == stored
        assert digest_json(config.model_dump(mode="json")) == digest_json(stored)
    capped = config_of("uniform", Goal(50_000, caps={"code": Cap(8.0, "scarce")}))
    assert capped.model_dump(mode="json")["goal"]["caps"] == {"code": {"epochs": 8.0, "reason": "scarce"}}


def test_static_is_another_word_for_weights() -> None:
    given = {"name": "ours", "weights": {"code": 0.4, "prose": 0.6}}
    assert mix_of({**given, "method": "static"}) == mix_of({**given, "method": "weights"})


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        ("static", "needs weights, such as `weights:"),
        ("regmix", "there is no 'regmix' (did you mean \"doremi\"?)"),
        ({"name": "x"}, "mixtures.0.method: this key is missing"),
        ({"name": "x", "method": "uniform", "weights": {"a": 1.0}}, "uniform finds its own weights"),
        ({"name": "x", "method": "uniform", "options": {}}, "uniform has no options"),
        (
            {"name": "x", "method": "swarm", "steps": 9},
            "steps: unknown key (possible: curriculum, method, name, options)",
        ),
        ({"name": "x", "method": "swarm", "options": {"desing": {}}}, 'desing: unknown key (did you mean "design"?)'),
        (
            {"name": "x", "method": "swarm", "options": {"design": {"trials_per_domian": 8}}},
            'trials_per_domian: unknown key (did you mean "trials_per_domain"?)',
        ),
        ({"name": "x", "method": "doremi", "steps": 30, "options": {"budget": {"steps": 40}}}, "give it once"),
        ({"name": "x", "method": "temperature", "options": {"tau": 0.5}}, "greater than or equal to 1"),
    ],
)
def test_wrong_settings_say_what_to_do(mixture: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        mix_of(mixture)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_two_mixtures_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two mixtures are called 'swarm'"):
        mix_of("swarm", {"name": "swarm", "method": "uniform"})


@pytest.mark.parametrize("name", ["uniform", "proportional"])
def test_a_learned_mixture_does_not_hide_a_baseline(name: str) -> None:
    assert mix_of(name).mixtures[0].name == name
    with pytest.raises(UsageError, match=f"a mixture by swarm is called '{name}', like a baseline"):
        mix_of({"name": name, "method": "swarm"})


def test_a_method_takes_its_settings_from_the_file() -> None:
    ours = {"name": "ours", "method": "swarm", "options": {"kl": 0.1}}
    slow = {"name": "slow", "method": "doremi", "steps": 500}
    assert chosen(["ours", "uniform"], [ours, slow]) == [ours, "uniform"]
    assert chosen(["swarm"], [ours, slow]) == [ours]
    assert chosen(["doremi", "doremi"], [ours]) == ["doremi"]
    assert chosen(["doremi"], ["doremi", ours]) == ["doremi"]


def test_steps_of_doremi_stand_in_one_place() -> None:
    (found,) = mix_of({"name": "x", "method": "doremi", "options": {"rounds": 3, "budget": {"steps": 40}}}).mixtures
    (same,) = mix_of({"name": "x", "method": "doremi", "steps": 40, "options": {"rounds": 3}}).mixtures
    assert found == same
    assert found.model_dump()["steps"] == 40


def test_shorter_runs_have_shorter_trials() -> None:
    options = {"budget": {"steps": 200}}
    names = ("doremi", "swarm", "mixmin")
    long = mix_of(*({"name": name, "method": name, "options": options} for name in names), target_tokens=400_000)
    short = long.resized(40_000)
    assert [mixture.model_dump()["options"]["budget"]["steps"] for mixture in short.mixtures] == [20, 20, 20]
    assert MixSettings.parse(json.loads(short.model_dump_json()), "again") == short


def test_caps_minimums_and_prior_make_the_goal() -> None:
    cap = {"domain": "code", "epochs": 8, "reason": "scarce and clean"}
    found = mix_of("uniform", caps=[cap], minimums={"code": 0.1}, prior={"code": 0.5, "prose": 0.5}).goal
    assert found == Goal(
        400_000, 4.0, {"code": 0.1}, {"code": 0.5, "prose": 0.5}, {"code": Cap(8.0, "scarce and clean")}
    )
    assert not {"caps", "minimums", "prior"} & set(mix_of("uniform").model_dump())
    with pytest.raises(UsageError, match=r"caps\.0\.reason"):
        mix_of("uniform", caps=[{"domain": "code", "epochs": 8}])


def test_weights_do_not_depend_on_trials_of_the_winner() -> None:
    (found,) = mix_of({"name": "x", "method": "swarm", "options": {"adaptive": 3}}).mixtures
    first = before_training(found)
    assert isinstance(first, SwarmSettings)
    assert first.options.adaptive == 0
    assert before_training(mix_of("doremi").mixtures[0]) == mix_of("doremi").mixtures[0]


def test_the_settings_on_the_page_are_settings() -> None:
    page = (PROJECT / "docs" / "mixing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    found, staged = (MixSettings.parse(yaml.safe_load(block), "docs/mixing.md") for block in blocks)
    assert staged.curriculum is not None
    assert [stage.until for stage in staged.curriculum.stages] == [0.6, 0.9, None]
    assert {mixture.method for mixture in found.mixtures} >= {"weights", "temperature", "doremi", "mixmin", "swarm"}
