"""The page on experiments does what it says: its file is read, and its plan is made."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gristmill.core.lake import Lake
from gristmill.flows.cli.app import app
from gristmill.flows.experiment.settings import ExperimentSettings
from tests.helpers.pages import mentions
from tests.helpers.small_curated import document
from tests.helpers.small_lake import commit

PAGE = Path(__file__).resolve().parents[4] / "docs" / "experiments.md"


def test_the_file_and_the_commands_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (file,) = re.findall(r"```yaml\n(.*?)```", page, re.S)
    (tmp_path / "code-or-not.yaml").write_text(file, encoding="utf-8")
    rows = [document(f"{domain}{n}", domain, "x y z") for domain in ("code", "prose") for n in range(4)]
    commit(Lake.open(tmp_path / "lake"), "curation", "test", {"curated": {"test": rows}})
    monkeypatch.chdir(tmp_path)
    read = ExperimentSettings.read(Path("code-or-not.yaml"))
    assert [outcome.primary for outcome in read.outcomes] == [True, False]
    commands = [mention.words for mention in mentions(page) if mention.words[0] == "experiment"]
    assert [words[1] for words in commands] == ["plan", "run", "report"]
    planned = CliRunner().invoke(app, commands[0])
    assert planned.exit_code == 0, planned.output
    assert "3 data sets (the control and 2 arms) x 8 seeds = 24 jobs" in " ".join(planned.stdout.split())
    with pytest.raises(Exception, match="has no experiment of 'code-or-not'"):
        CliRunner().invoke(app, commands[2], catch_exceptions=False)
