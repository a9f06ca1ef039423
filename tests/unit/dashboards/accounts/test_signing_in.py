"""Signing in: bounded tries, the same work for every name, and what is written down about it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gristmill.dashboards.accounts.sessions import Sessions
from gristmill.dashboards.accounts.signing_in import (
    MOST_OF_ADDRESS,
    MOST_OF_BOTH,
    MOST_OF_NAME,
    WINDOW_SECONDS,
    Refused,
    SignedIn,
    network_of,
    sign_in,
)
from tests.helpers.people import PASSWORD, SomePeople, some_people

HERE = "10.0.0.7"


@pytest.fixture
def people(tmp_path: Path) -> SomePeople:
    return some_people(tmp_path)


def tries(people: SomePeople, name: str, count: int, address: str = HERE) -> list[float]:
    found = [sign_in(people.accounts, name, "wrong password", address) for _ in range(count)]
    assert all(isinstance(each, Refused) for each in found)
    return [each.wait for each in found if isinstance(each, Refused)]


def test_the_same_work_is_done_for_every_name_and_every_password(people: SomePeople) -> None:
    sign_in(people.accounts, "ann", PASSWORD, HERE)
    seen = []
    for name, password in (
        ("ann", PASSWORD),
        ("ann", "wrong password"),
        ("nobody", PASSWORD),
        ("nobody", ""),
        ("x" * 100_000, "y" * 100_000),
        ("", ""),
        ("a\x00\n\ud800", "\ud800"),
        ("' OR 1=1 --", "' OR 1=1 --"),
    ):
        people.hasher.work.clear()
        sign_in(people.accounts, name, password, "10.0.1.1")
        seen.append(list(people.hasher.work))
    assert [len(work) for work in seen] == [1] * len(seen)
    assert len({work[0] for work in seen}) == 1, "one check each, with the same parameters"


def test_no_try_is_left_after_five_even_with_the_right_password(people: SomePeople) -> None:
    assert tries(people, "ann", MOST_OF_BOTH) == [0.0] * MOST_OF_BOTH
    people.hasher.work.clear()
    refused = sign_in(people.accounts, "ANN", PASSWORD, HERE)
    assert refused == Refused(WINDOW_SECONDS)
    assert people.hasher.work == [], "nothing is hashed for it"
    assert isinstance(sign_in(people.accounts, "vera", PASSWORD, HERE), SignedIn), "another name has its own"
    assert isinstance(sign_in(people.accounts, "ann", PASSWORD, "10.9.9.9"), SignedIn), "and another address"
    people.clock.now += WINDOW_SECONDS + 1
    assert isinstance(sign_in(people.accounts, "ann", PASSWORD, HERE), SignedIn)


def test_a_name_that_does_not_exist_is_limited_alike(people: SomePeople) -> None:
    assert tries(people, "nobody", MOST_OF_BOTH + 1) == tries(people, "ann", MOST_OF_BOTH + 1)


def test_one_address_cannot_try_many_names(people: SomePeople) -> None:
    waits = [tries(people, f"name {number}", 1)[0] for number in range(MOST_OF_ADDRESS + 5)]
    assert waits == [0.0] * MOST_OF_ADDRESS + [WINDOW_SECONDS] * 5


def test_many_addresses_cannot_try_one_name(people: SomePeople) -> None:
    waits = [tries(people, "ann", 1, f"10.1.{number}.1")[0] for number in range(MOST_OF_NAME + 5)]
    assert waits == [0.0] * MOST_OF_NAME + [WINDOW_SECONDS] * 5


def test_signing_in_with_one_s_own_account_buys_no_tries_at_another(people: SomePeople) -> None:
    waits = []
    for _ in range(MOST_OF_BOTH + 2):
        waits += tries(people, "ann", 1)
        assert isinstance(sign_in(people.accounts, "vera", PASSWORD, HERE), SignedIn)
    assert waits == [0.0] * MOST_OF_BOTH + [WINDOW_SECONDS] * 2


def test_tries_at_once_are_counted_like_tries_in_a_row(people: SomePeople) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: sign_in(people.accounts, "ann", "wrong password", HERE), range(64)))
    assert sum(each == Refused() for each in found) == MOST_OF_BOTH


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_machine_with_many_addresses_counts_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_login_makes_a_new_session_and_ends_the_one_before(people: SomePeople) -> None:
    sessions = Sessions.of(people.accounts)
    first = sign_in(people.accounts, "ann", PASSWORD, HERE)
    assert isinstance(first, SignedIn)
    second = sign_in(people.accounts, "ann", PASSWORD, HERE, sessions.session(first.secret))
    assert isinstance(second, SignedIn)
    assert second.secret != first.secret
    assert sessions.session(first.secret) is None
    assert sessions.session(second.secret) is not None


def test_what_is_written_down_says_who_and_never_what_was_typed(people: SomePeople) -> None:
    sign_in(people.accounts, "ann", "typed wrongly 1", HERE)
    sign_in(people.accounts, PASSWORD, "ann", HERE)  # the password in the field of the name
    signed = sign_in(people.accounts, "ANN", PASSWORD, HERE)
    assert isinstance(signed, SignedIn)
    log = people.accounts.store.audit
    assert [(line.what, line.who, line.where) for line in list(log.lines())[-3:]] == [
        ("login failed", "ann", HERE),
        ("login failed", "(unknown name)", HERE),
        ("login", "ann", HERE),
    ]
    people.accounts.store.close()
    held = b"".join(path.read_bytes() for path in (people.root / "state").iterdir())
    for secret in (PASSWORD, "typed wrongly 1", signed.secret):
        assert secret.encode() not in held


def test_the_log_grows_by_no_more_than_the_tries_that_count(people: SomePeople) -> None:
    before = len(list(people.accounts.store.audit.lines()))
    tries(people, "ann", 200)
    assert len(list(people.accounts.store.audit.lines())) == before + MOST_OF_BOTH
