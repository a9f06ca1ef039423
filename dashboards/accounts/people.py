"""People and what they may do: four roles, each of which includes those before it.

A page or a route of the API that acts for somebody asks :func:`person_of` who sent the request.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

PERSON = "gristmill.person"
"""The key of an ASGI scope under which the person is found who sent the request."""


class Role(Enum):
    """What a person may do. Roles have no ``<``: as words they would be compared by the alphabet."""

    VIEWER = "viewer"
    """Reads everything."""
    REVIEWER = "reviewer"
    """Also decides reviews."""
    EVALUATOR = "evaluator"
    """Also submits checkpoints."""
    ADMIN = "admin"
    """Also manages accounts."""

    def includes(self, needed: "Role") -> bool:
        """Whether this role may do what ``needed`` may do."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True)
class Person:
    """Who acts: the name of an account and its role."""

    name: str
    role: Role


def local_person() -> Person:
    """Who runs this process: the person behind every request where no accounts exist."""
    from gristmill.warehouse.submissions import submitter  # slow, and the command line needs the roles only

    return Person(submitter(), Role.ADMIN)


def person_of(request: "HTTPConnection") -> Person:
    """Who sent ``request``: the owner of its session or token, or without accounts whoever runs this process.

    Raises ``PermissionError`` for a request of nobody, which only the login page gets.
    """
    if PERSON not in request.scope:
        return local_person()
    person = request.scope[PERSON]
    if not isinstance(person, Person):
        raise PermissionError("nobody has signed in")
    return person
