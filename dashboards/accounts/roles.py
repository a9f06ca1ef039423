"""The role that a page or a route needs: declared where it is defined, checked here for every request to it.

A page declares it as ``Page.role``, a route of the API as ``dependencies=[needs(Role.VIEWER)]``. One that declares
none is not registered.
"""

from dataclasses import dataclass

from fastapi import Depends, HTTPException, Request
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute

from gristmill.dashboards.accounts.people import Person, Role, person_of


@dataclass(frozen=True)
class Needs:
    """A dependency that refuses a request of somebody whose role does not include ``role``."""

    role: Role

    async def __call__(self, request: Request) -> None:
        """Raises 403 with the role that is missing."""
        told = refusal(person_of(request), self.role)
        if told is not None:
            raise HTTPException(403, told)


def needs(role: Role) -> Dependency:
    """The declaration for a route: ``dependencies=[needs(Role.VIEWER)]``."""
    dependency: Dependency = Depends(Needs(role))
    return dependency


def refusal(person: Person, role: Role) -> str | None:
    """Why ``person`` may not do what needs ``role``; None if they may."""
    if person.role.includes(role):
        return None
    return (
        f"This needs the role {role.value}, and {person.name} has the role {person.role.value}. "
        f"An admin can change it: gristmill accounts role NAME {role.value}"
    )


def declared_role(route: APIRoute) -> Role | None:
    """The role that a route declares; None if it declares none."""
    found = [each.dependency.role for each in route.dependencies if isinstance(each.dependency, Needs)]
    return found[0] if len(found) == 1 else None
