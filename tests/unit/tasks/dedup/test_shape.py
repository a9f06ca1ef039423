"""datasketch's optimiser beside the presets, and the verb that shows both."""

import json

import pytest
from typer.testing import CliRunner

from gristmill.core.errors import UsageError
from gristmill.flows.cli.app import app
from gristmill.tasks.dedup.presets import PRESETS
from gristmill.tasks.dedup.shape import candidate_probability, optimal_shape


def test_the_optimiser_gives_the_shapes_that_its_users_ship() -> None:
    """text-dedup and Data-Juicer copied it: 24 x 10 of 240 and 25 x 10 of 256 permutations at 0.7."""
    for name, threshold, permutations in (("text-dedup", 0.7, 240), ("data-juicer", 0.7, 256), ("rpv2@0.8", 0.8, 128)):
        assert optimal_shape(threshold, permutations) == (PRESETS[name].bands, PRESETS[name].rows)


def test_weights_move_the_shape_and_nonsense_is_refused() -> None:
    recall, precision = (optimal_shape(0.7, 64, weights) for weights in ((0.1, 0.9), (0.9, 0.1)))
    assert recall[1] < precision[1]
    with pytest.raises(UsageError, match=r"threshold 1\.5"):
        optimal_shape(1.5, 128)


def test_the_verb_shows_the_best_shape_and_every_preset_by_what_it_proposes() -> None:
    ran = CliRunner().invoke(app, ["bands", "--threshold", "0.7", "--permutations", "240", "--json"])
    assert ran.exit_code == 0, ran.output
    best, *presets = json.loads(ran.stdout)
    assert (best["preset"], best["bands"], best["rows"]) == (None, 24, 10)
    assert best["candidates"] == {
        str(value): round(candidate_probability(value, 24, 10), 4) for value in (0.5, 0.6, 0.7, 0.8, 0.9)
    }
    assert {shape["preset"] for shape in presets} == set(PRESETS)
    # The curve of text-dedup is the best one itself, so nothing can be nearer.
    assert presets[0]["preset"] == "text-dedup"


def test_the_verb_shows_the_threshold_that_was_asked_for() -> None:
    ran = CliRunner().invoke(app, ["bands", "--threshold", "0.75"])
    assert ran.exit_code == 0, ran.output
    header = next(line for line in ran.stdout.splitlines() if "bands" in line and "0.5" in line)
    assert header.index("0.7 ") < header.index("0.75") < header.index("0.8")
