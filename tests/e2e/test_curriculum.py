"""A mixture of two stages, the second by quality, from the command line to the lineage of its checkpoints."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from gristmill.core.lake import Lake
from gristmill.tasks.lineage.reads import read_ranges
from gristmill.tasks.lineage.seen import summarise
from gristmill.tasks.lineage.trained import mix_of, plan_of, trained_in
from gristmill.tasks.mix.orders.values import DocumentValues
from gristmill.tasks.mix.permutation import unpermute
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import TokenStore
from tests.helpers.cli import Ended
from tests.helpers.small_lake import commit
from tests.helpers.training_inputs import curated_documents

pytest.importorskip("torch", reason="the trainer needs torch (make installs it)")

SETTINGS = {
    "target_tokens": 10_000,
    "vocabulary": 300,
    "row_tokens": 33,
    "mixtures": [{"name": "even", "method": "static", "weights": {"code": 0.5, "prose": 0.5}}],
    "curriculum": {"stages": [{"until": 0.5}, {"order": {"by": "quality", "descending": True}}]},
}


def test_lineage_follows_the_stages_that_a_run_was_trained_in(run: Callable[..., Ended], tmp_path: Path) -> None:
    root, settings = tmp_path / "lake", tmp_path / "mix.yaml"
    rows = [row | {"quality": number / 200} for number, row in enumerate(curated_documents().to_pylist())]
    commit(Lake.open(root), "curation", "test", {"curated": {"test": rows}})
    settings.write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    mixed = run("mix", "--config", str(settings), "--lake", str(root))
    assert mixed.code == 0, mixed.err
    assert "quality, descending" in mixed.out
    assert "Careful: even: stage 1 is sorted by quality" in " ".join(mixed.out.split())
    trained = run("train", "--unsigned", "--lake", str(root), "--set", "batch_rows=8", "--set", "heldout_every=0")
    assert trained.code == 0, trained.err
    assert "Careful: even: stage 1 is sorted by quality" in " ".join((trained.out + trained.err).split())

    lake = Lake.open(root)
    first, middle, last = trained_in("default", lake)
    mix = mix_of(last, lake)
    plan, store = plan_of(last, mix, lake), TokenStore.open([lake.files_path(ref) for ref in mix.files["tokens"]])
    border = plan.stages[0].end_row
    assert first.end_row < border < middle.end_row < last.end_row
    signals = [lake.files_path(ref) for ref in mix.files["signals"]]
    values = DocumentValues.open(store, signals).rows(plan.row_tokens)
    unsorted = tuple(stage.model_copy(update={"order": None}) for stage in plan.stages)
    shuffled = Plan.model_validate(plan.model_dump() | {"stages": unsorted})
    before = shuffled.rows(0, border)
    of_stage = shuffled.rows(border, len(plan))
    for number, domain in enumerate(plan.domains):
        starts = np.arange(domain.rows) * plan.row_tokens
        # By hand: what the first stage read, and the best rows of those that the second was going to read shuffled.
        expected = np.bincount(before.position[before.domain == number], minlength=domain.rows)
        mine = of_stage.domain == number
        positions, epochs = of_stage.position[mine], of_stage.epoch[mine]
        ordinals = unpermute(positions, domain.rows, plan.epoch_key(number, epochs))
        order = np.lexsort((ordinals, -values(domain.name, "quality")[positions], epochs))
        read = int(plan.trees[1].counts(middle.end_row - border)[number])
        expected += np.bincount(positions[order[:read]], minlength=domain.rows)
        seen = read_ranges(plan, domain.name, starts, starts + plan.row_tokens, range(middle.end_row))
        assert np.array_equal(seen.tokens, expected * plan.row_tokens)
    told = summarise(middle, lake, 5, None)
    assert told.whole.tokens_read == middle.end_row * plan.row_tokens
    (stages,) = lake.expect("training", "default").tables["run_stages"]
    assert [(row["signal"], row["schedule"]) for row in lake.read(stages).to_pylist()] == [
        (None, "cosine"),
        ("quality", "cosine"),
    ]
