"""Ctrl-C: what is said, and the exit code."""

import pytest
import typer

from gristmill.flows.cli import app as command_line


def test_ctrl_c_says_that_work_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def long() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "app", app)
    monkeypatch.setattr(command_line, "ENVIRONMENT", {})
    monkeypatch.setattr("atexit.register", lambda *_: None)
    monkeypatch.setattr("gc.set_threshold", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["gristmill"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 130
    assert "Finished work is kept; the same command resumes from there." in capsys.readouterr().err
