"""``gristmill train --evaluate``: two mixtures, trained, scored, and compared in one command."""

from collections.abc import Callable
from pathlib import Path

from gristmill.core.lake import Lake
from tests.helpers.cli import Ended
from tests.helpers.training_inputs import make_inputs, mix_in

RECIPE = "{hidden: 16, layers: 1, heads: 2, feed_forward: 32, learning_rate: 0.01}"
SUITE = "gristmill-reading@8"


def test_training_ends_in_the_comparison_of_its_mixtures(run: Callable[..., Ended], tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    mix_in(lake, make_inputs(tmp_path), ("doremi", "proportional"))
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    words = ("train", "--unsigned", "--lake", str(lake.root), "--recipe", str(recipe), "--set", "batch_rows=8")
    ended = run(*words, "--checkpoints", "2", "--set", "keep_last=1", "--evaluate", "--suite", SUITE, "--json")
    assert ended.code == 0, ended.err
    answer = ended.json()
    assert (answer["runs"], answer["checkpoints"]) == (2, 2)  # of two checkpoints each run kept its last
    assert {(row["mixture"], row["step"]) for row in answer["scores"]} == {("doremi", 30), ("proportional", 30)}
    assert {row["suite"] for row in answer["scores"]} == {SUITE, "heldout"}
    (compared,) = answer["comparisons"]
    assert (compared["a"]["mixture"], compared["b"]["mixture"]) == ("proportional", "doremi")
    assert "heldout" in {suite["suite"] for suite in compared["suites"]}

    runs = sorted((lake.root / "log" / "training").iterdir())
    assert len(runs) == 2
    for folder in runs:
        assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-000030"]
        assert [path.name for path in (folder / "state").iterdir()] == ["step-000030.safetensors"]
