"""What a mix or a training that takes the place of an earlier one leaves out is told."""

import pytest

from gristmill.core.manifest import Dataset, FilesRef, Ref
from gristmill.flows.mix.flow import dropped
from gristmill.flows.train.flow import left_out
from gristmill.schemas.tables import Runs
from gristmill.tasks.mix.mixers.checks import diagnostic_checks
from gristmill.tasks.mix.mixers.mixer import Mixture, Stage


def mix(*names: str) -> Dataset:
    plans = tuple(FilesRef(name="plan", shard=name, key="k", digest="d", bytes=1) for name in names)
    return Dataset(kind="mix", name="news", config={}, counts={}, tables={}, files={"plan": plans})


def training(*runs: tuple[str, str]) -> Dataset:
    refs = tuple(Ref(table=Runs.name, shard=name, key=key, digest=key, rows=1, bytes=1) for name, key in runs)
    return Dataset(kind="training", name="news", config={}, counts={}, tables={Runs.name: refs})


def test_mixtures_that_a_mix_no_longer_holds_are_named() -> None:
    assert dropped(None, ["a"]) == []
    assert dropped(mix("a"), ["a", "b"]) == []
    (line,) = dropped(mix("a", "b", "c"), ["b"])
    assert line.startswith("Careful: the mix news no longer holds a, c.")


def test_runs_that_the_tables_lose_are_named() -> None:
    assert left_out(None, training(("a", "1"))) == []
    assert left_out(training(("a", "1")), training(("a", "1"), ("b", "2"))) == []
    (line,) = left_out(training(("a", "1"), ("b", "2")), training(("a", "3"), ("b", "2")))
    assert "earlier runs of news (a) had other settings" in line


@pytest.mark.parametrize(("effective", "warned"), [(1.0, True), (1.3, False)])
def test_a_mixture_of_one_domain_is_a_warning(effective: float, warned: bool) -> None:
    weights = {"web": 1.0, "code": 0.0}
    mixture = Mixture((Stage(100, weights, weights),), "mixmin", "inputs", {"effective_domains": effective})
    (check,) = diagnostic_checks(mixture, [], [])
    assert check.warning is warned
    alone = Mixture((Stage(100, {"web": 1.0}, {"web": 1.0}),), "mixmin", "inputs", {"effective_domains": 1.0})
    assert not diagnostic_checks(alone, [], [])[0].warning, "with one domain there is nothing else to take"
