"""``gristmill accounts``: each verb, through the command line."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.sessions import Sessions
from gristmill.flows.cli.app import app
from tests.helpers.people import NAMES, PASSWORD, some_people


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return Lake.open(tmp_path / "lake").root


def gristmill(lake: Path, *words: str, typed: str = "") -> Result:
    """The result of ``gristmill accounts``, with a line on standard input."""
    return CliRunner().invoke(app, ["accounts", *words, "--lake", str(lake)], input=typed)


def told(result: Result) -> str:
    """The message of the error that a command ended with."""
    assert isinstance(result.exception, GristmillError), result.output
    return str(result.exception)


def test_an_account_from_beginning_to_end(lake: Path) -> None:
    assert (
        "安娜 can sign in, as admin." in gristmill(lake, "add", "安娜", "--role", "admin", typed=PASSWORD + "\n").output
    )
    assert gristmill(lake, "add", "vera", typed=PASSWORD + "\n").exit_code == 0
    listed = json.loads(gristmill(lake, "list", "--json").stdout)
    assert [(row["name"], row["role"], row["sessions"]) for row in listed] == [
        ("vera", "viewer", 0),
        ("安娜", "admin", 0),
    ]
    assert "vera is reviewer now" in gristmill(lake, "role", "VERA", "reviewer").output
    assert gristmill(lake, "password", "vera", typed="another long password\n").exit_code == 0
    assert "安娜 is the last admin" in told(gristmill(lake, "remove", "安娜"))
    assert gristmill(lake, "remove", "vera").exit_code == 0
    assert "there is no account 'vera'" in told(gristmill(lake, "role", "vera", "admin"))
    acts = json.loads(gristmill(lake, "audit", "--json").stdout)
    assert [line["what"] for line in acts] == [
        "account added",
        "account added",
        "role changed",
        "password changed",
        "account removed",
    ]
    assert {line["where"] for line in acts} == {"command line"}
    assert "5 lines, all as they were written." in gristmill(lake, "audit", "--verify").output
    assert PASSWORD not in (lake / "state" / "audit.jsonl").read_text(encoding="utf-8")


def test_a_token_is_shown_once_and_ended_by_its_id(lake: Path) -> None:
    people = some_people(lake)
    made = gristmill(lake, "token", NAMES[Role.EVALUATOR], "--role", "evaluator", "--label", "nightly CI")
    secret = made.stdout.strip()
    sessions = Sessions(people.accounts.store, lambda: 0.0)
    found = sessions.session(secret)
    assert found is not None
    assert found.person.role is Role.EVALUATOR
    (row,) = json.loads(gristmill(lake, "sessions", "安娜", "--json").stdout)
    assert (row["kind"], row["label"], row["role"]) == ("token", "nightly CI", "evaluator")
    assert secret not in gristmill(lake, "sessions").output + gristmill(lake, "audit").output
    assert "there is no such session" in told(gristmill(lake, "sessions", "--end", "0123"))
    assert "1 ended." in gristmill(lake, "sessions", "--end", row["id"]).output
    assert sessions.session(secret) is None
    assert "cannot have admin" in told(gristmill(lake, "token", "vera", "--role", "admin"))


def test_a_log_that_was_changed_ends_with_an_error(lake: Path) -> None:
    some_people(lake)
    log = lake / "state" / "audit.jsonl"
    digest = json.loads(gristmill(lake, "audit", "--verify", "--json").stdout)["digest"]
    assert gristmill(lake, "audit", "--verify", "--noted", digest).exit_code == 0
    log.write_text("".join(log.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    assert "1 lines are missing at the end" in told(gristmill(lake, "audit", "--verify"))


@pytest.mark.parametrize(
    ("words", "typed", "message"),
    [
        (("add", "ann"), "", "standard input has no line"),
        (("add", "ann"), "short\n", "at least 12 characters"),
        (("add", "a/b"), PASSWORD + "\n", "the name 'a/b' may have letters"),
        (("role", "ann", "admin"), "", "there is no account 'ann'"),
    ],
)
def test_what_is_wrong_is_told(lake: Path, words: tuple[str, ...], typed: str, message: str) -> None:
    assert message in told(gristmill(lake, *words, typed=typed))
    assert not (lake / "state" / "accounts.sqlite").exists()


def test_a_password_is_never_an_argument(lake: Path) -> None:
    for verb in ("add", "password"):
        shown = CliRunner().invoke(app, ["accounts", verb, "--help"]).output
        assert "--password" not in shown
        assert gristmill(lake, verb, "ann", "--password", PASSWORD).exit_code == 2


def test_a_file_of_accounts_is_shared_by_lakes(lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.sqlite"
    for words in (("add", "ann", "--role", "admin"), ("list",), ("audit", "--verify")):
        assert gristmill(lake, *words, "--accounts", str(file), typed=PASSWORD + "\n").exit_code == 0, words
    assert (tmp_path / "people.sqlite.audit.jsonl").is_file()
    assert not (lake / "state").exists()
