"""What is printed steers no terminal, whoever wrote it."""

import json
import sys

import pytest

from gristmill.core.errors import UsageError
from gristmill.core.printable import printable, require_printable
from gristmill.flows.cli import app as cli
from gristmill.flows.cli.printing import print_json
from gristmill.flows.describe import table_of

STEERS = "a\x1b[2Jb\x07\x9b1m\u202ec\ud800"


def test_what_cannot_be_shown_is_replaced() -> None:
    assert printable(STEERS) == "a\ufffd[2Jb\ufffd\ufffd1m\ufffdc\ufffd"
    assert printable("一\n\t二 é 👩\u200d💻\r") == "一\n\t二 é 👩\u200d💻\ufffd"


def test_a_name_that_cannot_be_shown_is_refused_with_the_character() -> None:
    assert require_printable("磨坊 1.0", "--label") == "磨坊 1.0"
    with pytest.raises(UsageError, match=r"--label: 'a\\nb' contains '\\n', which cannot be shown"):
        require_printable("a\nb", "--label")


def test_a_table_holds_no_control_characters() -> None:
    table = table_of(STEERS, ["why"], [[STEERS]])

    assert str(table.title).isprintable()
    assert all(str(cell).isprintable() for cell in table.columns[0].cells)


def test_json_writes_them_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"output": "a\x1b\x9b\u202e 一"})

    printed = capsys.readouterr().out
    assert printed.replace("\n", "").isprintable()
    assert "一" in printed
    assert json.loads(printed) == {"output": "a\x1b\x9b\u202e 一"}


def test_neither_does_an_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(prog_name: str) -> None:
        raise UsageError(f"no item {STEERS}")

    monkeypatch.setattr(cli, "app", fails)
    monkeypatch.setattr(cli.atexit, "register", lambda function: function)
    monkeypatch.setattr(sys, "argv", ["gristmill"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err.replace("\n", "").isprintable()
