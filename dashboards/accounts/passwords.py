"""Passwords: what may be one, and its hash.

Hashes are Argon2id (RFC 9106) with argon2-cffi's defaults: 64 MiB, three passes. A login hashes exactly once, whether
the account exists or not: one that does not exist is checked against the hash of a password that nobody knows. So the
time of an answer says nothing about who has an account.

Passwords are compared in Unicode's form NFKC, so that keyboards that compose characters differently give the same one
(NIST SP 800-63B 5.1.1.2).
"""

import secrets
from dataclasses import dataclass, field
from functools import cached_property
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gristmill.core.errors import UsageError

LEAST_CHARACTERS = 12
MOST_BYTES = 1024
"""Of a password in UTF-8: hashing begins with reading all of it."""


@dataclass(frozen=True)
class Passwords:
    """Hashes and checks passwords."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)

    @cached_property
    def decoy(self) -> str:
        """The hash that stands for an account that does not exist."""
        return self.hasher.hash(secrets.token_urlsafe())

    def hashed(self, password: str, name: str) -> str:
        """The hash to store for the account ``name``.

        Raises :class:`UsageError` for a password that is too short, too long, or the name.
        """
        plain = _plain(password)
        if len(plain) < LEAST_CHARACTERS:
            raise UsageError(f"a password needs at least {LEAST_CHARACTERS} characters: a sentence is easy to remember")
        if len(plain.encode()) > MOST_BYTES:
            raise UsageError(f"a password may have at most {MOST_BYTES:,} bytes")
        if plain.casefold() == name.casefold() or len(set(plain)) < 4:
            raise UsageError("this password is too easy to guess: take a sentence that has nothing to do with the name")
        return self.hasher.hash(plain)

    def check(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one whose hash is ``stored``. None stands for an account that does not exist.

        Hashes once in every case. One that is too long counts as empty.
        """
        plain, decoy = _plain(password), self.decoy  # which is made once, for whichever name comes first
        if len(plain.encode()) > MOST_BYTES:
            plain = ""
        try:
            right = self.hasher.verify(stored or decoy, plain)
        except (Argon2Error, InvalidHashError):
            return False
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self.hasher.check_needs_rehash(stored)


def _plain(password: str) -> str:
    """The form that is hashed. What is no text in UTF-8 (half a surrogate pair) is replaced; it matches nothing."""
    return normalize("NFKC", password[: 2 * MOST_BYTES]).encode(errors="replace").decode()
