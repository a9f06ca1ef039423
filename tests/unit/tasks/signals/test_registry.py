"""The registry of sets of signals: it is complete and in order, and a run computes what it is asked for."""

from pathlib import Path

import pytest

from gristmill.schemas.tables import SIGNALS, Documents, HiddenSpans, Records, Spans
from gristmill.tasks.signals.registry import SETS, SignalSettings, chosen, steps_of
from tools import signal_sets

NOTHING = SignalSettings()
ALWAYS = [
    "signals/language",
    "signals/gopher_quality",
    "signals/gopher_repetition",
    "signals/c4",
    "signals/c4_paper",
    "signals/c4_tfds",
    "signals/fineweb",
    "signals/domain",
    "spans",
    "hidden_spans",
]
ASKED = ["signals/refinedweb", "signals/fineweb2", "signals/chinese", "signals/code", "signals/url", "signals/rights"]


def names(given: SignalSettings = NOTHING, *asked: str, everything: bool = False) -> list[str]:
    return [entry.table.name for entry in chosen(given, asked, everything=everything)]


def test_every_table_of_signals_is_one_set() -> None:
    assert sorted(entry.table.name for entry in SETS) == sorted(table.name for table in (*SIGNALS, Spans, HiddenSpans))


def test_a_set_is_written_by_its_step_which_writes_nothing_else() -> None:
    for entry in SETS:
        assert entry.table in entry.step.writes
        assert set(entry.step.writes) <= {other.table for other in SETS if other.step == entry.step}


def test_what_a_step_reads_is_computed_before_it() -> None:
    done = {Records.name, Documents.name}
    for entry in SETS:
        assert {table.name for table in entry.step.reads} <= done
        done.add(entry.table.name)


def test_a_table_that_some_runs_leave_out_is_optional() -> None:
    assert all(entry.table.optional for entry in SETS if entry.default != "always")


def test_a_run_computes_the_common_sets() -> None:
    assert names() == ALWAYS


def test_a_policy_asks_for_a_set_but_not_for_one_that_needs_a_file() -> None:
    assert names(NOTHING, "signals/code", "signals/classifier", "signals/c4") == [*ALWAYS, "signals/code"]


def test_all_is_everything_that_needs_no_file() -> None:
    everything = names(everything=True)
    assert set(everything) >= {*ALWAYS, *ASKED}
    assert everything == [entry.table.name for entry in SETS if entry.default != "given"]


@pytest.mark.parametrize(
    ("given", "added"),
    [
        (SignalSettings(url_lists=Path("ut1")), "signals/url"),
        (SignalSettings(classifier=Path("model.bin")), "signals/classifier"),
        (SignalSettings(decontaminate=Path("items.parquet")), "signals/contamination"),
        (SignalSettings(robots=Path("robots")), "signals/rights"),
        (SignalSettings(harm=Path("model")), "signals/harm"),
    ],
)
def test_a_file_turns_its_set_on(given: SignalSettings, added: str) -> None:
    assert names(given) == [*ALWAYS, added]
    assert set(names(given, everything=True)) == {*names(everything=True), added}


def test_a_step_that_writes_several_sets_runs_once() -> None:
    steps = [step.name for step, _ in steps_of(chosen(NOTHING, everything=True), NOTHING)]
    assert steps[:3] == ["language", "heuristics", "findings"]
    assert len(steps) == len(set(steps))


def test_the_table_of_sets_in_the_docs_is_that_of_the_registry() -> None:
    page = signal_sets.PAGE.read_text(encoding="utf-8")
    assert page == signal_sets.renewed(page), "run: python tools/signal_sets.py"
    assert page.count("| `heuristics` | `signals/") == 7
