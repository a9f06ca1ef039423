"""``--help`` of verbs whose options are generated: a golden file each shows what a change of a field does to it.

After a change on purpose: ``gristmill VERB --help`` makes the text of its file.
"""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gristmill.flows.cli.app import app

GOLDEN = Path(__file__).parents[3] / "golden" / "help"


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_help_is_the_golden_one(golden: Path) -> None:
    """Word by word: where lines break is the terminal's affair."""
    shown = CliRunner().invoke(app, [*golden.stem.split("-"), "--help"], prog_name="gristmill")
    assert shown.exit_code == 0
    assert shown.output.split() == golden.read_text(encoding="utf-8").split()


def test_every_verb_with_generated_options_on_results_has_a_golden_file() -> None:
    named = {path.stem for path in GOLDEN.glob("*.txt")}
    assert named >= {"classifier-score", "classifier-train", "demo", "export", "grade", "regrade", "speed"}
