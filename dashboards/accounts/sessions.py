"""Sessions of people and tokens of scripts: random words that the server knows by their hash, and that end.

Both are 256 random bits. The store has their SHA-256, which is enough for a secret that cannot be guessed and is quick.
A session ends two hours after its last request, a day after its login at the latest, at sign-out, and when its
account is removed or gets another role or password. A token ends on a day that was chosen when it was made.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from sqlite3 import Row

from gristmill.core.errors import UsageError
from gristmill.core.files.audit import Act
from gristmill.dashboards.accounts.accounts import Accounts, Clock, moment
from gristmill.dashboards.accounts.people import Person, Role
from gristmill.dashboards.accounts.store import Store

IDLE_SECONDS = 2 * 3600.0
LONGEST_SECONDS = 24 * 3600.0
TOUCH_SECONDS = 60.0
"""How exactly the last request is known: noting each would be a write to disk each."""
MOST_TOKEN = 200
"""Characters of what is looked up at all."""
TOKEN_MARK = "gristmill_"  # noqa: S105 - how a token begins, so that scanners for secrets know one
SHOWN_DIGITS = 12
"""Of an id, as people see and name it."""
DAY = 24 * 3600.0


@dataclass(frozen=True)
class Session:
    """What a session or token stands for. A token (``token``) may have a lesser role than its owner."""

    id: str
    person: Person
    token: bool
    label: str
    address: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Sessions:
    """The sessions and tokens in ``store``."""

    store: Store
    clock: Clock

    @classmethod
    def of(cls, accounts: Accounts) -> "Sessions":
        """The sessions of these accounts."""
        return cls(accounts.store, accounts.clock)

    def begin(self, person: Person, address: str) -> str:
        """A new session, as the secret that the browser gets. Also forgets sessions that are over."""
        secret, now = secrets.token_urlsafe(32), self.clock()
        with self.store.write() as database:
            database.execute(
                "DELETE FROM sessions WHERE ends_at <= ? OR (role IS NULL AND seen_at <= ?)", (now, now - IDLE_SECONDS)
            )
            row = (_id(secret), person.name, None, "", address, now, now, now + LONGEST_SECONDS)
            database.execute(
                "INSERT INTO sessions SELECT ?, key, ?, ?, ?, ?, ?, ? FROM accounts WHERE name = ?",
                (row[0], *row[2:], person.name),
            )
        return secret

    def make_token(self, owner: Person, role: Role, label: str, days: int, by: str, where: str) -> str:
        """A new token of ``owner``, which is shown once. Raises :class:`UsageError` for a role above the owner's."""
        if not owner.role.includes(role):
            raise UsageError(f"{owner.name} has the role {owner.role.value}, so its tokens cannot have {role.value}")
        secret, now = TOKEN_MARK + secrets.token_urlsafe(32), self.clock()
        about = {"account": owner.name, "role": role.value, "label": label, "id": _id(secret)[:SHOWN_DIGITS]}
        with self.store.write() as database:
            self.store.audit.append(Act.TOKEN_MADE, by, where, about)
            database.execute(
                "INSERT INTO sessions SELECT ?, key, ?, ?, ?, ?, ?, ? FROM accounts WHERE name = ?",
                (_id(secret), role.value, label, where, now, now, now + days * DAY, owner.name),
            )
        return secret

    def session(self, secret: str) -> Session | None:
        """The session or token of which ``secret`` is the secret; None if it is over, or never was."""
        return self.alive(_id(secret)) if 0 < len(secret) <= MOST_TOKEN else None

    def alive(self, id: str) -> Session | None:
        """The session ``id``; None if it is over."""
        now = self.clock()
        found = self._found(
            "s.id = ? AND s.ends_at > ? AND (s.role IS NOT NULL OR s.seen_at > ?)", (id, now, now - IDLE_SECONDS)
        )
        return found[0] if found else None

    def all(self) -> list[Session]:
        """Every session and token that is not over, newest first."""
        now = self.clock()
        return self._found("s.ends_at > ? AND (s.role IS NOT NULL OR s.seen_at > ?)", (now, now - IDLE_SECONDS))

    def untouched(self, session: Session) -> bool:
        """Whether its last use was noted longer ago than a minute."""
        return self.clock() - session.seen_at.timestamp() >= TOUCH_SECONDS

    def touch(self, session: Session) -> None:
        """Note that the session is in use now."""
        with self.store.write() as database:
            query = "UPDATE sessions SET seen_at = max(seen_at, ?) WHERE id = ?"
            database.execute(query, (self.clock(), session.id))

    def end(self, session: Session, act: Act, by: str, where: str) -> None:
        """End a session or token now, and write it down."""
        about = {"account": session.person.name, "id": session.id[:SHOWN_DIGITS]}
        with self.store.write() as database:
            self.store.audit.append(act, by, where, about)
            database.execute("DELETE FROM sessions WHERE id = ?", (session.id,))

    def _found(self, condition: str, values: tuple[object, ...]) -> list[Session]:
        rows = self.store.read(
            "SELECT s.*, a.name, a.role AS owner_role FROM sessions s JOIN accounts a ON a.key = s.account "  # noqa: S608
            f"WHERE {condition} ORDER BY s.created_at DESC, s.id",
            values,
        )
        return [_session(row) for row in rows]


def _session(row: Row) -> Session:
    """A row as a session. A token has the lesser of its own role and what its owner has now."""
    role = Role(row["owner_role"])
    if row["role"] is not None and role.includes(Role(row["role"])):
        role = Role(row["role"])
    return Session(
        id=row["id"],
        person=Person(row["name"], role),
        token=row["role"] is not None,
        label=row["label"],
        address=row["address"],
        created_at=moment(row["created_at"]),
        seen_at=moment(row["seen_at"]),
        ends_at=moment(row["ends_at"]),
    )


def _id(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()
