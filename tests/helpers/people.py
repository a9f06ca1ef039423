"""Accounts for tests: cheap to hash, with a clock that can be set and a count of the hashing done."""

from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher

from gristmill.dashboards.accounts.accounts import Accounts
from gristmill.dashboards.accounts.passwords import Passwords
from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.store import Store

PASSWORD = "a mill grinds slowly 磨"  # noqa: S105 - of accounts that only tests have
NAMES = {Role.VIEWER: "vera", Role.REVIEWER: "René", Role.EVALUATOR: "安娜", Role.ADMIN: "ann"}


@dataclass
class SetClock:
    """A clock that stands still."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class CountedHasher(PasswordHasher):
    """Argon2 with the least cost, which counts what it is asked."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.work: list[tuple[str, str]] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        """Check, and note with which parameters."""
        self.work.append(("verify", str(hash).rpartition("$")[0].rpartition("$")[0]))
        return super().verify(hash, password)

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Hash, and note it."""
        self.work.append(("hash", ""))
        return super().hash(password, salt=salt)


@dataclass(frozen=True)
class SomePeople:
    """One account of each role, in the lake at ``root``."""

    root: Path
    accounts: Accounts
    clock: SetClock
    hasher: CountedHasher = field(repr=False)


def some_people(root: Path, file: Path | None = None) -> SomePeople:
    """Accounts as a test needs them: those of the lake at ``root``, or in a file of their own."""
    hasher, clock = CountedHasher(), SetClock()
    accounts = Accounts(Store.of_lake(root) if file is None else Store.at(file), Passwords(hasher), clock)
    for role, name in NAMES.items():
        accounts.add(name, role, PASSWORD, "test", "test")
    return SomePeople(root, accounts, clock, hasher)
