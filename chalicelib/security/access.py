"""Who may do what: the one statement of it.

Every route names one of the rules below (``allow=`` in ``app.py``; a route without one can't be declared). The two
locks are both made from that: the authorizer's policy (``reach``) and the handlers' own check (``require``). Pure: no
Chalice, no AWS.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from chalicelib.errors import Forbidden

NOT_LITERAL = frozenset("*?/$")
"""What is not just itself in a policy's resource: IAM's wildcards and variables, and the path's separator."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a valid token speaks for. ``sub`` is Cognito's id of the user; an admin is a member of the admin group."""

    sub: str
    is_admin: bool = False

    def __post_init__(self) -> None:
        if not self.sub or NOT_LITERAL.intersection(self.sub):
            raise ValueError("a sub must be literal text in a policy")


class Rule(Enum):
    """Whom a route lets in."""

    ANYONE = "anyone, with or without a token"
    SIGNED_IN = "any signed-in user, for what is their own by construction"
    ADMINS = "members of the admin group"
    THEMSELVES_OR_ADMINS = "the user whose userid the path names, and members of the admin group"

    def permits(self, caller: Caller | None, path_parameters: Mapping[str, str]) -> bool:
        """Whether ``caller`` (``None``: nobody signed in) may use a route with these path parameters."""
        if self is Rule.ANYONE:
            return True
        if caller is None:
            return False
        if self is Rule.SIGNED_IN:
            return True
        if caller.is_admin:
            return True
        return self is Rule.THEMSELVES_OR_ADMINS and path_parameters.get("userid") == caller.sub


ANYONE, SIGNED_IN, ADMINS, THEMSELVES_OR_ADMINS = Rule


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, such as ``GET`` of ``/users/{userid}``, and whom it lets in."""

    method: str
    path: str
    rule: Rule


def require(rule: Rule, caller: Caller | None, path_parameters: Mapping[str, str]) -> None:
    """The handlers' lock: raises ``Forbidden`` unless ``rule`` permits the call."""
    if not rule.permits(caller, path_parameters):
        raise Forbidden("This is not yours to use: it takes an administrator, or the user whom the path names.")


def reach(caller: Caller, routes: Iterable[Route]) -> dict[str, list[str]]:
    """The authorizer's lock: everything among ``routes`` that ``caller`` may use, as paths to their methods.

    API Gateway caches a policy per token and asks it about every route, so it says all that the caller may do, and
    never only the path being called. An admin's paths hold ``*`` where a path parameter stands. A caller's own path
    holds their ``sub``, which ``tokens.py`` keeps free of the policy language's wildcards.
    """
    paths: dict[str, list[str]] = {}
    for route in routes:
        if route.rule.permits(caller, {"userid": caller.sub}):
            path = route.path.replace("{userid}", "*" if caller.is_admin else caller.sub)
            paths.setdefault(path, []).append(route.method)
    return paths
