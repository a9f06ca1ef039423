"""Signing in: a bounded number of tries by name and by address, the same work for every name, and a new session.

Tries are counted before the password is looked at, in one transaction, so that a thousand at once are counted too.
Names are counted whether they exist or not. Within a quarter of an hour one address has five tries at one name and
thirty at all, and a name takes fifty from everywhere: so nobody tries more than 4,800 passwords a day at an account,
however many machines they have, at the price that they can keep its owner out for that long.
"""

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network, ip_address

from gristmill.core.files.audit import Act
from gristmill.dashboards.accounts.accounts import Accounts, key_of
from gristmill.dashboards.accounts.people import Person
from gristmill.dashboards.accounts.sessions import Session, Sessions

WINDOW_SECONDS = 15 * 60.0
MOST_OF_BOTH = 5
MOST_OF_ADDRESS = 30
MOST_OF_NAME = 50
UNKNOWN = "(unknown name)"
"""What the audit log calls somebody who has no account: what was typed there may be a password."""


@dataclass(frozen=True)
class SignedIn:
    """A login: who, and the secret of the new session."""

    person: Person
    secret: str


@dataclass(frozen=True)
class Refused:
    """A failed login. ``wait`` is how many seconds to wait where the tries are used up, and 0 otherwise."""

    wait: float = 0.0


def sign_in(
    accounts: Accounts, name: str, password: str, address: str, earlier: Session | None = None
) -> SignedIn | Refused:
    """Try to sign in from ``address``. A session of the same browser from before (``earlier``) ends.

    Hashes one password, or none where the tries are used up. Blocks for about a tenth of a second.
    """
    place = network_of(address)
    wait = _counted(accounts, name, place)
    audit = accounts.store.audit
    if wait:
        return Refused(wait)
    person = accounts.right(name, password)
    if person is None:
        known = accounts.store.read("SELECT name FROM accounts WHERE key = ?", (key_of(name),))
        audit.append(Act.LOGIN_FAILED, known[0]["name"] if known else UNKNOWN, address)
        return Refused()
    sessions = Sessions.of(accounts)
    audit.append(Act.LOGIN, person.name, address, {"role": person.role.value})
    if earlier is not None and not earlier.token:
        sessions.end(earlier, Act.SESSION_ENDED, person.name, address)
    with accounts.store.write() as database:
        database.execute("DELETE FROM attempts WHERE name = ? AND address = ?", (_counted_name(name), place))
    return SignedIn(person, sessions.begin(person, address))


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, since one machine has the others to itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((parsed, 64), strict=False))


def _counted(accounts: Accounts, name: str, place: str) -> float:
    """Count one more try, and give 0; after too many count none, and give the seconds until the next one."""
    now, typed = accounts.clock(), _counted_name(name)
    limits = (
        ("name = ? AND address = ?", (typed, place), MOST_OF_BOTH),
        ("address = ?", (place,), MOST_OF_ADDRESS),
        ("name = ?", (typed,), MOST_OF_NAME),
    )
    with accounts.store.write() as database:
        database.execute("DELETE FROM attempts WHERE at <= ?", (now - WINDOW_SECONDS,))
        for condition, values, most in limits:
            query = f"SELECT at FROM attempts WHERE {condition} ORDER BY at DESC LIMIT 1 OFFSET ?"  # noqa: S608
            used_up = database.execute(query, (*values, most - 1)).fetchone()
            if used_up is not None:
                return float(max(1.0, used_up["at"] + WINDOW_SECONDS - now))
        database.execute("INSERT INTO attempts VALUES (?, ?, ?)", (now, typed, place))
    return 0.0


def _counted_name(name: str) -> str:
    """A name as it is counted: its hash, since what is typed there may be a password."""
    return sha256(key_of(name).encode()).hexdigest()
