"""Numbered SQL files: 001_name.sql, 002_name.sql, ... applied in order, each identified by name and digest.

The warehouse and the state database follow the same rules: numbers start at 1 without gaps, and a file that has been
applied somewhere never changes; the next change gets the next number.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError

FILE_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")


@dataclass(frozen=True)
class Migration:
    """One SQL file."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """xxh3-128 of the SQL."""
        return digest_text(self.sql)


def read_sql(folder: Path) -> list[Migration]:
    """Every SQL file of ``folder`` by number. Raises :class:`GristmillError` for a file with another kind of name."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise GristmillError(f"{path.name}: name it with three digits and a word, such as 003_reviews.sql")
        found.append(Migration(int(match.group(1)), path.stem, path.read_text(encoding="utf-8")))
    return found


def read_migrations(folder: Path) -> list[Migration]:
    """The migrations of ``folder``. Raises :class:`GristmillError` for a gap, a number used twice, or none at all."""
    migrations = read_sql(folder)
    numbers = [migration.number for migration in migrations]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise GristmillError(
            f"migrations in {folder.name}/ must be numbered 001, 002, ... without gaps or repeats; found {numbers}"
        )
    return migrations


def pending(migrations: list[Migration], applied: Mapping[str, str], hint: str) -> list[Migration]:
    """The migrations after those in ``applied`` (name -> digest).

    Raises :class:`GristmillError`, ending in ``hint``, when an applied migration has changed or is gone.
    """
    known = {migration.name: migration.digest for migration in migrations}
    for name, digest in applied.items():
        if name not in known:
            raise GristmillError(f"migration {name} was applied but is missing from this gristmill. {hint}")
        if known[name] != digest:
            raise GristmillError(f"migration {name} was changed after it was applied. {hint}")
    todo = [migration for migration in migrations if migration.name not in applied]
    if todo and applied and todo[0].number <= len(applied):
        raise GristmillError(f"migration {todo[0].name} comes before one that is already applied. {hint}")
    return todo
