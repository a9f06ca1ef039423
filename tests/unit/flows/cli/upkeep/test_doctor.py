"""Doctor: what is missing is said with what it costs, and only what everybody needs makes the exit code 1."""

import json
from importlib import metadata

import pytest
from typer.testing import CliRunner

from gristmill.flows.cli.app import app
from gristmill.flows.cli.upkeep.doctor import OPTIONAL_PACKAGES, PACKAGES, Finding, of_languages

REAL = metadata.version
OPTIONAL = OPTIONAL_PACKAGES | of_languages()


@pytest.mark.parametrize(("absent", "code"), [("ray", 0), ("sudachipy", 0), ("numba", 1)])
def test_only_what_is_needed_makes_the_exit_code_one(monkeypatch: pytest.MonkeyPatch, absent: str, code: int) -> None:
    def version(name: str) -> str:
        if name == absent:
            raise metadata.PackageNotFoundError(name)
        return REAL(name) if name not in OPTIONAL else "1"

    monkeypatch.setattr(metadata, "version", version)
    sound = Finding("code jail", True, "bubblewrap", "")  # starting one depends on the machine that runs the tests
    monkeypatch.setattr("gristmill.flows.cli.upkeep.doctor.jail", lambda: sound)
    ended = CliRunner().invoke(app, ["doctor", "--json"])
    assert ended.exit_code == code, ended.output
    (found,) = (entry for entry in json.loads(ended.stdout) if entry["what"] == absent)
    assert not found["ok"]
    assert found["optional"] is (absent in OPTIONAL)
    assert found["cost"] == {**PACKAGES, **OPTIONAL}[absent]
