"""The access rules: who may call which route.

Every route states one ``Rule`` (``allow=``); a route without one cannot be registered. Both locks are made from it: the
authorizer's policy (``reach``) and the check before each handler (``require``). This module knows neither Chalice nor
AWS.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.errors import Forbidden

NOT_LITERAL = frozenset("*?/${}")
"""Characters with a meaning in a policy or in the path of a route: wildcards, variables, parameters and separators."""
PARAMETER = re.compile(r"\{\w+\}")
NO_PARAMETERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a valid token speaks for.

    ``sub`` is Cognito's id of the user. An admin is a member of the admin group. ``token_use`` is the kind of token, as
    the claim of that name has it: ``id``, ``access``, or empty if it is not known.
    """

    sub: str
    is_admin: bool = False
    token_use: str = ""

    def __post_init__(self) -> None:
        if not self.sub or NOT_LITERAL.intersection(self.sub):
            raise ValueError("a sub must be literal text in a policy")


class Rule(NamedTuple):
    """Whom a route admits: everyone to whom one of its conditions applies.

    ``who`` describes them for people. ``owner`` is the name of the path parameter that holds the owner's ``sub``.
    ``tokens`` are the kinds of token that the rule accepts; if it is empty, every kind that the authorizer accepts.
    """

    who: str
    anyone: bool = False
    signed_in: bool = False
    admins: bool = False
    owner: str | None = None
    tokens: frozenset[str] = frozenset()

    def permits(self, caller: Caller | None, path_parameters: Mapping[str, str]) -> bool:
        """Return whether ``caller`` (``None``: nobody is signed in) may call a route with these path parameters."""
        if self.anyone:
            return True
        if caller is None or (self.tokens and caller.token_use not in self.tokens):
            return False
        if self.signed_in or (self.admins and caller.is_admin):
            return True
        return self.owner is not None and path_parameters.get(self.owner) == caller.sub

    @property
    def only_for_admins(self) -> bool:
        """Whether nobody but administrators may call a route with this rule."""
        return self.admins and not (self.anyone or self.signed_in or self.owner)

    def only_with(self, *tokens: str) -> "Rule":
        """Return this rule for callers who send one of these kinds of token, such as ``access``."""
        if not tokens or self.anyone:
            raise ValueError("name the kinds of token of a rule that requires one")
        return self._replace(tokens=frozenset(tokens))


def owner_or_admins(parameter: str) -> Rule:
    """Return the rule that admits the user whose ``sub`` the path parameter holds, and administrators."""
    return Rule(
        f"the user whose {parameter} the path names, and members of the admin group", admins=True, owner=parameter
    )


ANYONE = Rule("anyone, with or without a token", anyone=True)
SIGNED_IN = Rule("any signed-in user, for their own data", signed_in=True)
ADMINS = Rule("members of the admin group", admins=True)
THEMSELVES_OR_ADMINS = owner_or_admins("userid")
OWN_ACCOUNT = SIGNED_IN._replace(who="any signed-in user, for their own account").only_with("access")
"""For calls to Cognito on behalf of the caller, which need the caller's access token."""
ACCOUNT_SCOPE = "aws.cognito.signin.user.admin"
"""What an access token needs for these calls ("Scopes, M2M, and resource servers", Cognito developer guide)."""


class Route(NamedTuple):
    """One method of one path, such as ``GET`` of ``/users/{userid}``, and its rule."""

    method: str
    path: str
    rule: Rule


def require(rule: Rule, caller: Caller | None, path_parameters: Mapping[str, str]) -> None:
    """The second lock: raise ``Forbidden`` unless ``rule`` permits the call."""
    if not rule.permits(caller, path_parameters):
        raise Forbidden(f"You do not have access. This route is for {rule.who}.")


def reach(caller: Caller, routes: Iterable[Route]) -> dict[str, list[str]]:
    """The first lock: return everything among ``routes`` that ``caller`` may call, as paths and their methods.

    API Gateway caches the policy for the token and applies it to every route, so it holds all that the caller may do,
    not only the path of this call. ``*`` replaces a path parameter that may have any value. The owner's parameter is
    replaced by the caller's ``sub``, which holds no character that a policy would interpret (``Caller``).

    In a policy, ``*`` matches ``/`` too. No stricter route may therefore continue a path that ends in such a parameter:
    ``tests/security/test_policies.py`` fails if one does.
    """
    paths: dict[str, list[str]] = {}
    for method, path, rule in routes:
        if rule.permits(caller, {rule.owner: caller.sub} if rule.owner else NO_PARAMETERS):
            own = None if rule.admins and caller.is_admin else rule.owner
            resource = _resource(path, own, caller.sub) if "{" in path else path
            paths.setdefault(resource, []).append(method)
    return paths


def _resource(path: str, own: str | None, sub: str) -> str:
    """Return ``path`` as a policy has it: ``sub`` for the parameter ``own``, ``*`` for the others."""
    if own is not None:
        path = path.replace(f"{{{own}}}", sub)
    return PARAMETER.sub("*", path) if "{" in path else path
