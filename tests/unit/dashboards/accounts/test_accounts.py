"""Accounts, sessions and tokens in their file."""

import sqlite3
import stat
import unicodedata
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.audit import Act
from gristmill.dashboards.accounts.accounts import Accounts, account_name
from gristmill.dashboards.accounts.passwords import MOST_BYTES
from gristmill.dashboards.accounts.people import Person, Role
from gristmill.dashboards.accounts.sessions import IDLE_SECONDS, LONGEST_SECONDS, Sessions
from gristmill.dashboards.accounts.store import Store
from tests.helpers.people import NAMES, PASSWORD, SomePeople, some_people

ANN = Person("ann", Role.ADMIN)


@pytest.fixture
def people(tmp_path: Path) -> SomePeople:
    return some_people(tmp_path)


def test_the_file_is_for_its_owner_only(people: SomePeople) -> None:
    files = [path for path in (people.root / "state").iterdir() if path.name.startswith("accounts")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    store = Store.of_lake(people.root)
    store.path.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        Accounts(store).all()


def test_the_file_holds_no_password_and_no_secret(people: SomePeople) -> None:
    secrets = [Sessions.of(people.accounts).begin(ANN, "10.0.0.7")]
    secrets.append(Sessions.of(people.accounts).make_token(ANN, Role.VIEWER, "ci", 9, "test", "test"))
    people.accounts.store.close()
    held = b"".join(path.read_bytes() for path in (people.root / "state").iterdir())
    for secret in (*secrets, PASSWORD):
        assert secret.encode() not in held
    assert held.count(b"$argon2id$") >= len(NAMES)


def test_what_the_file_says_opens_nothing(people: SomePeople) -> None:
    sessions = Sessions.of(people.accounts)
    sessions.begin(ANN, "10.0.0.7")
    sessions.make_token(ANN, Role.ADMIN, "", 9, "test", "test")
    with sqlite3.connect(people.accounts.store.path) as stolen:
        ids = [row[0] for row in stolen.execute("SELECT id FROM sessions")]
        hashes = [row[0] for row in stolen.execute("SELECT password FROM accounts")]
    assert len(ids) == 2
    for secret in (*ids, *(bytes.fromhex(id).decode("latin-1") for id in ids), *hashes):
        assert sessions.session(secret) is None
        assert people.accounts.right("ann", secret) is None


@pytest.mark.parametrize("name", ["ann", "  ANN ", "Ａnn", "AnN"])
def test_names_that_look_alike_are_one_account(people: SomePeople, name: str) -> None:
    assert people.accounts.right(name, PASSWORD) == ANN
    with pytest.raises(UsageError, match="there is an account 'ann' already"):
        people.accounts.add(name, Role.ADMIN, PASSWORD, "test", "test")


def test_names_and_passwords_of_every_script(people: SomePeople) -> None:
    assert people.accounts.right("安娜", PASSWORD) == Person("安娜", Role.EVALUATOR)
    people.accounts.add("Zoë Ångström", Role.VIEWER, "décomposé ångström", "test", "test")
    for form in ("NFC", "NFD", "NFKC"):
        typed = [unicodedata.normalize(form, text) for text in ("zoë ångström", "décomposé ångström")]
        assert people.accounts.right(*typed) == Person("Zoë Ångström", Role.VIEWER)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "a" * 65,
        "a\nb",
        "a\x00",
        "a\u202eb",
        "a\u200bb",
        "<b>",
        "a/b",
        "a:b",
        "\u0301a",
        "a;b",
        "😀",
        "\ud800",
    ],
)
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        account_name(name)


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short", "at least 12"),
        ("x" * (MOST_BYTES + 1), "at most 1,024 bytes"),
        ("磨" * 342, "at most 1,024 bytes"),
        ("aaaaaaaaaaaaaaaa", "too easy"),
        ("Somebody Else", "too easy"),
    ],
)
def test_what_cannot_be_a_password(people: SomePeople, password: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        people.accounts.add("somebody else", Role.VIEWER, password, "test", "test")


def test_an_oversized_password_is_wrong_and_costs_what_every_other_does(people: SomePeople) -> None:
    people.hasher.work.clear()
    for password in ("x" * 10_000_000, "\ud800" * 2000, PASSWORD + "x"):
        assert people.accounts.right("ann", password) is None
    assert [kind for kind, _ in people.hasher.work if kind == "verify"] == ["verify"] * 3


def test_a_session_ends_when_idle_and_after_a_day_at_the_latest(people: SomePeople) -> None:
    sessions = Sessions.of(people.accounts)
    secret = sessions.begin(ANN, "10.0.0.7")
    found = sessions.session(secret)
    assert found is not None
    assert found.person == ANN
    people.clock.now += IDLE_SECONDS - 1
    assert sessions.session(secret) is not None
    people.clock.now += 2
    assert sessions.session(secret) is None
    assert sessions.alive(found.id) is None
    secret = sessions.begin(ANN, "10.0.0.7")
    for _ in range(int(LONGEST_SECONDS // IDLE_SECONDS) * 2 - 1):
        people.clock.now += IDLE_SECONDS / 2
        used = sessions.session(secret)
        assert used is not None
        assert sessions.untouched(used)
        sessions.touch(used)
    people.clock.now += IDLE_SECONDS / 2
    assert sessions.session(secret) is None, "however busy it was"
    assert sessions.all() == []


def test_a_change_of_the_account_ends_its_sessions_and_no_others(people: SomePeople) -> None:
    sessions = Sessions.of(people.accounts)

    def fresh() -> tuple[str, str, str]:
        mine = Person("vera", Role.VIEWER)
        token = sessions.make_token(mine, Role.VIEWER, "", 9, "test", "test")
        return sessions.begin(mine, ""), token, sessions.begin(ANN, "")

    def open_ones(secrets: tuple[str, str, str]) -> list[bool]:
        return [sessions.session(secret) is not None for secret in secrets]

    secrets = fresh()
    people.accounts.set_role("vera", Role.VIEWER, "ann", "test")
    assert open_ones(secrets) == [False, True, True]
    secrets = fresh()
    people.accounts.set_password("vera", PASSWORD + "!", "ann", "test")
    assert open_ones(secrets) == [False, False, True]
    secrets = fresh()
    people.accounts.remove("vera", "ann", "test")
    assert open_ones(secrets) == [False, False, True]
    people.accounts.add("vera", Role.ADMIN, PASSWORD, "ann", "test")
    assert open_ones(secrets) == [False, False, True], "an account of the same name inherits nothing"


def test_a_token_can_do_no_more_than_its_owner_can_now(people: SomePeople) -> None:
    sessions = Sessions.of(people.accounts)
    with pytest.raises(UsageError, match="its tokens cannot have admin"):
        sessions.make_token(Person("安娜", Role.EVALUATOR), Role.ADMIN, "", 9, "test", "test")
    secret = sessions.make_token(Person("安娜", Role.EVALUATOR), Role.EVALUATOR, "ci", 9, "test", "test")
    found = sessions.session(secret)
    assert found is not None
    assert (found.token, found.person.role) == (True, Role.EVALUATOR)
    people.accounts.set_role("安娜", Role.VIEWER, "ann", "test")
    reduced = sessions.session(secret)
    assert reduced is not None
    assert reduced.person.role is Role.VIEWER
    people.accounts.set_role("安娜", Role.ADMIN, "ann", "test")
    grown = sessions.session(secret)
    assert grown is not None
    assert grown.person.role is Role.EVALUATOR, "its own role bounds it"
    people.clock.now += 9 * 86_400
    assert sessions.session(secret) is None


def test_the_last_admin_stays(people: SomePeople) -> None:
    for act in (
        lambda: people.accounts.set_role("ann", Role.VIEWER, "ann", "test"),
        lambda: people.accounts.remove("ann", "ann", "test"),
    ):
        with pytest.raises(UsageError, match="the last admin"):
            act()
    people.accounts.set_role("vera", Role.ADMIN, "ann", "test")
    people.accounts.remove("ann", "vera", "test")
    with pytest.raises(UsageError, match="there is no account 'van'"):
        people.accounts.remove("van", "vera", "test")


def test_every_change_is_written_down_and_none_happens_without(people: SomePeople) -> None:
    log = people.accounts.store.audit
    people.accounts.set_role("vera", Role.REVIEWER, "ann", "command line")
    line = list(log.lines())[-1]
    assert (line.who, line.what, line.about) == (
        "ann",
        Act.ROLE_CHANGED,
        {"account": "vera", "before": "viewer", "role": "reviewer"},
    )
    log.path.unlink()
    log.path.mkdir()
    with pytest.raises(GristmillError, match="cannot be written"):
        people.accounts.set_role("vera", Role.ADMIN, "ann", "command line")
    assert people.accounts.account("vera").role is Role.REVIEWER


def test_a_file_of_another_version_is_not_touched(people: SomePeople) -> None:
    people.accounts.store.close()
    with sqlite3.connect(people.accounts.store.path) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(UsageError, match="another version of gristmill"):
        people.accounts.all()


def test_a_damaged_file_says_so(people: SomePeople) -> None:
    store = Store.at(people.root / "broken.sqlite")
    store.path.write_bytes(b"not a database at all" * 400)
    store.path.chmod(0o600)
    with pytest.raises(GristmillError, match="damaged"):
        Accounts(store).all()
