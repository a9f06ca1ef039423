"""Experiments without their jobs: the file, what is registered, what is planned, and cells from samples."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.flows.cli.experiment.report import predicted, sentence
from gristmill.flows.experiment.outcomes import measure, rows_of, seed_rows
from gristmill.flows.experiment.preview import power_of, preview
from gristmill.flows.experiment.registered import path_of, read_register, register
from gristmill.flows.experiment.settings import ExperimentSettings, experiment_name
from gristmill.flows.experiment.work import choices_of, plan_work
from tests.helpers.small_curated import document
from tests.helpers.small_lake import commit

FILE: dict[str, Any] = {
    "question": "代码有用吗？",
    "seeds": 4,
    "target_tokens": 20_000,
    "arms": {"without-code": {"leave_out": [{"domain": "code"}]}, "same": {}, "half": {"weigh": {"code": 0.5}}},
    "outcomes": [
        {"subset": "prose", "primary": True, "smallest": 0.05, "predicted": {"without-code": "up"}},
        {"subset": "code"},
    ],
    "train": {"batch_rows": 8},
}


def settings_of(**more: Any) -> ExperimentSettings:
    return ExperimentSettings.parse({**FILE, **more}, "test")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    home = Lake.open(tmp_path / "lake")
    rows = [document(f"{domain}{n}", domain, "x y z") for domain in ("code", "prose") for n in range(4)]
    commit(home, "curation", "test", {"curated": {"test": rows}})
    return home


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"arms": {"control": {}}}, "an arm cannot be called 'control'"),
        ({"arms": {"a": {"leave_out": [{"domains": "code"}]}}}, "did you mean.*domain"),
        ({"outcomes": [{"subset": "prose"}]}, "no outcome is primary"),
        ({"outcomes": [{"primary": True}, {"primary": True}]}, "heldout/all is given twice"),
        ({"outcomes": [{"suite": "gsm8k", "primary": True}]}, "needs evaluate.suites to name gsm8k"),
        ({"outcomes": [{"primary": True, "predicted": {"nobody": "up"}}]}, "predicts 'nobody'"),
        ({"weights": {"code": 0.5}}, "weights sum to 0.5"),
        ({"train": {"seed": 3}}, "train.seed is the run's own seed"),
        ({"seeds": 2}, "greater than or equal to 3"),
    ],
)
def test_a_wrong_file_says_what_to_change(more: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        settings_of(**more)


def test_a_file_is_read_and_names_the_experiment(tmp_path: Path) -> None:
    file = tmp_path / "does-code-help.yaml"
    file.write_text(yaml.safe_dump(FILE | {"evaluate": {"suites": ["mine.yaml"]}}), encoding="utf-8")
    read = ExperimentSettings.read(file)
    assert read.train.checkpoints == 1
    assert read.evaluate.suites == (str(tmp_path / "mine.yaml"),)
    assert experiment_name(file, None) == "does-code-help"
    with pytest.raises(UsageError, match="no space or slash"):
        experiment_name(file, "a/b")
    assert settings_of().digest == settings_of(question="another wording").digest
    assert settings_of().digest != settings_of(seeds=5).digest


def test_what_was_not_there_at_first_is_exploratory_forever(lake: Lake) -> None:
    first = register("e", settings_of(), lake)
    before = path_of("e", lake).read_bytes()
    assert register("e", settings_of(), lake) == first
    assert path_of("e", lake).read_bytes() == before, "the same design is written once"
    both = [
        {"subset": name, "primary": True, "smallest": 1.0, "predicted": {"new": "down"}} for name in ("code", "prose")
    ]
    later = register("e", settings_of(outcomes=both, arms={**FILE["arms"], "new": {}}), lake)
    assert len(later.designs) == 2
    assert later.designs[0] == first.designs[0]
    assert later.is_primary("half", "heldout/prose")
    assert not later.is_primary("half", "heldout/code"), "an outcome that was made primary afterwards"
    assert not later.is_primary("new", "heldout/prose"), "an arm that was added afterwards"
    assert (later.smallest("heldout/prose"), later.smallest("heldout/code")) == (0.05, None)
    assert (later.predicted("without-code", "heldout/prose"), later.predicted("new", "heldout/prose")) == ("up", "")
    path_of("e", lake).write_text("{", encoding="utf-8")
    with pytest.raises(GristmillError, match="cannot be read"):
        read_register("e", lake)


def test_arms_that_choose_the_same_documents_share_a_choice() -> None:
    choices, bits = choices_of(settings_of())
    assert len(choices) == 2
    assert bits == {"control": 0, "without-code": 1, "same": 0, "half": 0}
    work = plan_work(settings_of(), [])
    assert [entry.shard for entry in work][:5] == ["control@0", "without-code@0", "same@0", "half@0", "control@1"]
    assert len(work) == 16
    # A new wording of why an arm is there makes no new plan.
    told = {**FILE["arms"], "same": {"why": "an A/A arm"}}
    assert [entry.config for entry in plan_work(settings_of(arms=told), [])] == [entry.config for entry in work]


def test_a_plan_says_jobs_and_power(lake: Lake) -> None:
    planned = preview("e", settings_of(), lake)
    assert (planned.arms, planned.jobs, planned.tokens, planned.registered) == (4, 16, 320_000, "")
    prose, code = planned.powers
    assert prose.source.startswith("no runs yet")
    assert prose.shown > code.shown, "three primary cells share the level, an exploratory one has its own"
    stated = settings_of(outcomes=[{"subset": "prose", "primary": True, "noise": 0.1, "smallest": 0.05}])
    power = power_of(stated.outcomes[0], "e", stated, lake)
    assert (power.noise, power.source) == (0.1, "the file")
    assert power.needed is not None
    assert power.needed > 30
    with pytest.raises(UsageError, match=r"are 1 steps of 100 rows.*and there are 2 checkpoints"):
        preview("e", settings_of(target_tokens=16_000, train={"batch_rows": 100, "checkpoints": 2}), lake)
    with pytest.raises(UsageError, match="a recipe of another"):
        preview("e", settings_of(train={"recipe": "megatron-lm"}), lake)


def samples_of(values: dict[str, Any]) -> pl.DataFrame:
    """Held-out samples: ``{checkpoint: bits of (code=1, prose=1, prose=3, prose=2)}``, two texts of each part."""
    parts = ["code=1", "prose=1", "prose=3", "prose=2"]
    rows = [
        {
            "checkpoint": checkpoint,
            "suite": "heldout",
            "item": f"{part}-{number}",
            "repeat": 0,
            "convention": "bits_per_byte",
            "subset": part,
            "cluster": "",
            "value": value * 100.0 * (1 + number),
            "weight": 100.0 * (1 + number),
        }
        for checkpoint, each in values.items()
        for part, value in zip(parts, each, strict=True)
        for number in range(2)
    ]
    return pl.DataFrame(rows)


def test_cells_are_paired_by_seed_over_the_text_that_the_control_holds(lake: Lake) -> None:
    settings = settings_of()
    noise = [0.02, -0.01, 0.0, -0.01]
    values = {f"c{seed}": [2.0 + shift, 1.0 + shift, 1.0 + shift, 9.0] for seed, shift in enumerate(noise)}
    values |= {f"a{seed}": [3.0 + 2 * shift, 1.2 + shift, 1.2 + shift, 0.0] for seed, shift in enumerate(noise)}
    runs = {
        "control": {seed: f"c{seed}" for seed in range(4)},
        "without-code": {seed: f"a{seed}" for seed in range(4)},
        "same": {seed: f"c{seed}" for seed in range(4)},
    }
    cells = measure(samples_of(values), runs, list(settings.arms), settings.outcomes)
    by_name = {(cell.arm, cell.outcome): cell for cell in cells}
    assert set(by_name) == {(arm, f"heldout/{of}") for arm in ("without-code", "same") for of in ("prose", "code")}
    prose = by_name["without-code", "heldout/prose"]
    assert prose.effect.value == pytest.approx(0.2), "text that only the arm holds (9 and 0 bits) does not count"
    assert prose.effect.items == 4
    assert prose.control == pytest.approx([1 + shift for shift in noise])
    assert not prose.higher_is_better
    assert np.std(by_name["without-code", "heldout/code"].effect.by_seed) > 0
    written = register("e", settings, lake)
    rows = {(row["arm"], row["outcome"]): row for row in rows_of("e", cells, written)}
    moved = rows["without-code", "heldout/prose"]
    assert (moved["verdict"], moved["primary"], moved["predicted"]) == ("moved", True, "up")
    assert (sentence(moved), predicted(moved)) == ("moved up (worse)", "up: came so")
    none = rows["same", "heldout/prose"]
    assert (none["verdict"], sentence(none), predicted(none)) == ("no effect", "no effect larger than 0.0000", "")
    assert not rows["without-code", "heldout/code"]["primary"]
    assert len(seed_rows("e", cells)) == 16
    json.dumps(seed_rows("e", cells))


def test_an_outcome_without_items_names_what_there_is() -> None:
    settings = settings_of(outcomes=[{"subset": "poems", "primary": True}])
    values = {"c0": [2.0, 1.0, 1.0, 9.0]}
    with pytest.raises(GristmillError, match="heldout/poems has no items; heldout has code=1, prose=1"):
        measure(samples_of(values), {"control": {0: "c0"}}, ["same"], settings.outcomes)
