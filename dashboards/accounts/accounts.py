"""Accounts: a name, a role and the hash of a password. Every change is written down, and ends the account's sessions.

Names may have letters of every script. Two that differ only in case, width or composition are one account (NFKC and
case folding), so nobody can sit beside ``ann`` as ``Ａnn``.
"""

import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gristmill.core.config import did_you_mean
from gristmill.core.errors import UsageError
from gristmill.core.files.audit import Act
from gristmill.dashboards.accounts.passwords import Passwords
from gristmill.dashboards.accounts.people import Person, Role
from gristmill.dashboards.accounts.store import Store

MOST_NAME = 64
"""Characters of a name."""
PUNCTUATION = "._-@+ '"
"""What a name may have beside letters, marks and digits."""
Clock = Callable[[], float]
"""Gives seconds since 1970. Tests have their own."""


@dataclass(frozen=True)
class Account:
    """An account. ``sessions`` counts what is open: sessions and tokens."""

    key: str
    name: str
    role: Role
    created_at: datetime
    sessions: int


@dataclass(frozen=True)
class Accounts:
    """The accounts in ``store``, as somebody (``by``, from ``where``) manages them."""

    store: Store
    passwords: Passwords = field(default_factory=Passwords)
    clock: Clock = time.time

    def all(self) -> list[Account]:
        """Every account, by name."""
        rows = self.store.read(
            "SELECT a.*, (SELECT count(*) FROM sessions s WHERE s.account = a.key AND s.ends_at > ?) AS sessions "
            "FROM accounts a ORDER BY key",
            (self.clock(),),
        )
        return [
            Account(row["key"], row["name"], Role(row["role"]), moment(row["created_at"]), row["sessions"])
            for row in rows
        ]

    def account(self, name: str) -> Account:
        """One account. Raises :class:`UsageError` when there is none, with the nearest name."""
        known = self.all()
        found = next((account for account in known if account.key == key_of(name)), None)
        if found is None:
            raise UsageError(f"there is no account {name!r}{did_you_mean(name, [account.name for account in known])}")
        return found

    def add(self, name: str, role: Role, password: str, by: str, where: str) -> Account:
        """Make an account, and the file of accounts with the first one.

        Raises :class:`UsageError` for a name or a password that cannot be one, and for a name that is taken.
        """
        name = account_name(name)
        hashed = self.passwords.hashed(password, name)
        self.store.create()
        with self.store.write() as database:
            taken = database.execute("SELECT name FROM accounts WHERE key = ?", (key_of(name),)).fetchone()
            if taken is not None:
                raise UsageError(
                    f"there is an account {taken['name']!r} already. Its role: gristmill accounts role; its password: "
                    "gristmill accounts password"
                )
            self.store.audit.append(Act.ACCOUNT_ADDED, by, where, {"account": name, "role": role.value})
            row = (key_of(name), name, role.value, hashed, self.clock())
            database.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?)", row)
        return self.account(name)

    def set_role(self, name: str, role: Role, by: str, where: str) -> Account:
        """Give another role, and end the account's sessions. Tokens stay, and can do no more than the new role.

        Raises :class:`UsageError` when there is no such account, or it is the last admin.
        """
        found = self.account(name)
        about = {"account": found.name, "before": found.role.value, "role": role.value}
        if role is not Role.ADMIN:
            self._not_the_last_admin(found)
        with self.store.write() as database:
            self.store.audit.append(Act.ROLE_CHANGED, by, where, about)
            database.execute("UPDATE accounts SET role = ? WHERE key = ?", (role.value, found.key))
            database.execute("DELETE FROM sessions WHERE account = ? AND role IS NULL", (found.key,))
        return self.account(name)

    def set_password(self, name: str, password: str, by: str, where: str) -> None:
        """Give another password, and end the account's sessions and tokens. Raises as :meth:`add`."""
        found = self.account(name)
        hashed = self.passwords.hashed(password, found.name)
        with self.store.write() as database:
            self.store.audit.append(Act.PASSWORD_CHANGED, by, where, {"account": found.name})
            database.execute("UPDATE accounts SET password = ? WHERE key = ?", (hashed, found.key))
            database.execute("DELETE FROM sessions WHERE account = ?", (found.key,))

    def remove(self, name: str, by: str, where: str) -> None:
        """Remove an account with its sessions and tokens. What it did stays in the audit log.

        Raises :class:`UsageError` when there is no such account, or it is the last admin among several accounts.
        """
        found = self.account(name)
        if len(self.all()) > 1:
            self._not_the_last_admin(found)
        with self.store.write() as database:
            self.store.audit.append(Act.ACCOUNT_REMOVED, by, where, {"account": found.name})
            database.execute("DELETE FROM accounts WHERE key = ?", (found.key,))

    def right(self, name: str, password: str) -> Person | None:
        """Who ``name`` and ``password`` belong to; None if to nobody. Hashes once, whether the name exists or not."""
        rows = self.store.read("SELECT * FROM accounts WHERE key = ?", (key_of(name),))
        stored = str(rows[0]["password"]) if rows else None
        if not self.passwords.check(stored, password) or stored is None:
            return None
        if self.passwords.outdated(stored):
            with self.store.write() as database:
                changed = (self.passwords.hashed(password, ""), rows[0]["key"], stored)
                database.execute("UPDATE accounts SET password = ? WHERE key = ? AND password = ?", changed)
        return Person(rows[0]["name"], Role(rows[0]["role"]))

    def _not_the_last_admin(self, account: Account) -> None:
        admins = [each for each in self.all() if each.role is Role.ADMIN]
        if admins == [account]:
            raise UsageError(
                f"{account.name} is the last admin. Give somebody else that role first: "
                "gristmill accounts role NAME admin"
            )


def account_name(text: str) -> str:
    """A name as it is stored and shown. Raises :class:`UsageError` for one that cannot be a name."""
    name = unicodedata.normalize("NFC", text.strip())
    if not 0 < len(name) <= MOST_NAME:
        raise UsageError(f"a name has 1 to {MOST_NAME} characters")
    wrong = next(
        (each for each in name if unicodedata.category(each)[0] not in "LMN" and each not in PUNCTUATION), None
    )
    if wrong is not None or unicodedata.category(name[0])[0] == "M":
        raise UsageError(
            f"the name {name!r} may have letters, digits and any of {PUNCTUATION!r}, and begins with no mark"
        )
    return name


def key_of(name: str) -> str:
    """What tells accounts apart: the name without differences of case, width and composition."""
    folded = unicodedata.normalize("NFKC", name[: 4 * MOST_NAME].strip()).casefold()
    return unicodedata.normalize("NFKC", folded).encode(errors="replace").decode()


def moment(seconds: float) -> datetime:
    """A moment of the store, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
