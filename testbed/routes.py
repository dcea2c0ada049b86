"""Every route of the API, as its contract states it: the table behind the tests, the cost model and the docs.

This module does not import the app. ``tests/security/test_policies.py`` compares the two.
"""

import json
import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple


def filled(path: str, value: str) -> str:
    """Return the path of a route with ``value`` for each parameter."""
    return re.sub(r"\{\w+\}", value, path)


class Who(Enum):
    """Who may call a route, according to the contract."""

    ANYONE = "anyone"
    SIGNED_IN = "any signed-in user, with an ID token"
    ADMINS = "administrators"
    OWN_ACCOUNT = "any signed-in user, with an access token"
    OWN_DATA = "any signed-in user, with an ID or access token"
    OWNER_OR_ADMINS = "the user whom the path names, and administrators"

    @property
    def has_jwt_authorizer(self) -> bool:
        """Whether the JWT authorizer guards the route."""
        return self in (Who.ADMINS, Who.OWN_ACCOUNT, Who.OWN_DATA, Who.OWNER_OR_ADMINS)


class Cost(Enum):
    """What a route does that costs money. ``bench/costs.py`` has the prices."""

    NOTHING = "no AWS call"
    READ = "one read"
    WRITE = "one write"
    PATCH = "one read and one write"
    PAGE = "a page of records"
    READINESS = "a read of each table"
    PICTURE = "a picture made smaller"
    POOL = "calls to the user pool"
    EVEN = "a wait until an even time, so that nobody learns who has an account"


class Route(NamedTuple):
    """A route of the API.

    ``calls`` are its requests to DynamoDB in order, each ``<operation> <table>``, and ``pool_calls`` its requests to
    the user pool, if it succeeds. ``capability`` is the one that adds the route. ``tokens`` are the kinds of token that
    the route accepts, if its authorizer accepts more. The first parameter of the path is the owner's id. ``accepted``
    is a body that the route accepts, if it reads one; empty if it reads none although its method has bodies, or none in
    JSON. ``content_type`` is the media type that a body must have.
    """

    method: str
    path: str
    who: Who
    cost: Cost = Cost.NOTHING
    calls: tuple[str, ...] = ()
    capability: str = "core"
    tokens: tuple[str, ...] = ()
    accepted: Mapping[str, str | int] = MappingProxyType({"name": "Jane"})
    pool_calls: tuple[str, ...] = ()
    content_type: str = "application/json"

    def at(self, value: str) -> str:
        """Return the path with ``value`` for each parameter."""
        return filled(self.path, value)

    @property
    def has_body(self) -> bool:
        """Whether the route reads a body."""
        return self.method in ("POST", "PUT", "PATCH") and bool(self.accepted)

    @property
    def body(self) -> bytes:
        """A body that the route accepts; empty if it reads none."""
        return json.dumps(dict(self.accepted)).encode() if self.has_body else b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ANNOUNCED: Mapping[str, str | int] = {"content_type": "image/png", "size": 70}
ADDRESS = {"email": "nobody@example.com"}
CREDENTIALS = {**ADDRESS, "password": "Correct-horse-42"}

CALLER_CHECK = ("AdminGetUser", "AdminListGroupsForUser")
"""What each route of administration asks about its caller. Once in 10 minutes, it also records the caller in the
table of accounts."""

ERASURE = ("UpdateItem accounts", "GetItem accounts", "Query media", "DeleteItem profiles", "DeleteItem users")
"""The requests that erase a person without media."""

ROUTES = (
    Route("GET", "/open", Who.ANYONE),
    Route("GET", "/openapi.json", Who.ANYONE),
    Route("GET", "/health", Who.ANYONE),
    Route("GET", "/health/ready", Who.ANYONE, Cost.READINESS, ("GetItem users", "GetItem profiles")),
    Route("GET", "/", Who.SIGNED_IN),
    Route("GET", "/user/profile", Who.SIGNED_IN, Cost.READ, ("GetItem profiles",)),
    Route("POST", "/user/profile", Who.SIGNED_IN, Cost.WRITE, ("UpdateItem profiles",)),
    Route("PATCH", "/user/profile", Who.SIGNED_IN, Cost.PATCH, ("GetItem profiles", "UpdateItem profiles")),
    Route("DELETE", "/user/profile", Who.SIGNED_IN, Cost.WRITE, ("DeleteItem profiles",)),
    Route("GET", "/users", Who.ADMINS, Cost.PAGE, ("Scan users",)),
    Route("POST", "/users", Who.ADMINS, Cost.WRITE, ("UpdateItem users",)),
    Route("GET", "/users/{userid}", Who.OWNER_OR_ADMINS, Cost.READ, ("GetItem users",)),
    Route("PUT", "/users/{userid}", Who.OWNER_OR_ADMINS, Cost.WRITE, ("UpdateItem users",)),
    Route("PATCH", "/users/{userid}", Who.OWNER_OR_ADMINS, Cost.PATCH, ("GetItem users", "UpdateItem users")),
    Route("DELETE", "/users/{userid}", Who.OWNER_OR_ADMINS, Cost.WRITE, ("DeleteItem users",)),
    *(
        Route(method, path, Who.ANYONE, cost, calls, "accounts", accepted=accepted, pool_calls=pool_calls)
        for method, path, cost, calls, pool_calls, accepted in (
            ("POST", "/accounts", Cost.EVEN, (), ("SignUp",), {**CREDENTIALS, "name": "Jane Doe"}),
            (
                "POST",
                "/accounts/confirmation",
                Cost.POOL,
                ("UpdateItem users",),
                ("ConfirmSignUp", "InitiateAuth"),
                {**CREDENTIALS, "code": "271828"},
            ),
            ("POST", "/accounts/confirmation/code", Cost.EVEN, (), ("ResendConfirmationCode",), ADDRESS),
            ("POST", "/accounts/password-reset", Cost.EVEN, (), ("ForgotPassword",), ADDRESS),
            (
                "PUT",
                "/accounts/password-reset",
                Cost.POOL,
                (),
                ("ConfirmForgotPassword", "AdminUserGlobalSignOut"),
                {**CREDENTIALS, "code": "271828"},
            ),
            ("POST", "/sessions", Cost.POOL, (), ("InitiateAuth",), CREDENTIALS),
            (
                "POST",
                "/sessions/challenge",
                Cost.POOL,
                (),
                ("RespondToAuthChallenge",),
                {"session": "unknown", "challenge": "TOTP", "code": "271828"},
            ),
            ("POST", "/sessions/refresh", Cost.POOL, (), ("InitiateAuth",), {"refresh_token": "unknown"}),
            ("POST", "/sessions/revocation", Cost.POOL, (), ("RevokeToken",), {"refresh_token": "unknown"}),
        )
    ),
    *(
        Route(method, path, Who.OWN_ACCOUNT, Cost.POOL, calls, "accounts", ("access",), accepted, pool_calls)
        for method, path, calls, pool_calls, accepted in (
            ("GET", "/account", (), ("GetUser",), {}),
            ("PATCH", "/account", (), ("UpdateUserAttributes", "GetUser"), {"given_name": "Jane"}),
            (
                "PUT",
                "/account/password",
                (),
                ("GetUser", "ChangePassword", "GlobalSignOut"),
                {"password": "Correct-horse-42", "new_password": "Better-horse-43"},
            ),
            (
                "PUT",
                "/account/email",
                (),
                ("GetUser", "InitiateAuth", "RevokeToken", "UpdateUserAttributes"),
                {"email": "nobody@example.com", "password": "Correct-horse-42"},
            ),
            ("POST", "/account/email/confirmation", (), ("VerifyUserAttribute",), {"code": "271828"}),
            ("POST", "/account/totp", (), ("GetUser", "AssociateSoftwareToken"), {}),
            (
                "PUT",
                "/account/totp",
                (),
                ("GetUser", "VerifySoftwareToken", "SetUserMFAPreference"),
                {"code": "271828"},
            ),
            (
                "POST",
                "/account/totp/removal",
                (),
                ("GetUser", "InitiateAuth", "SetUserMFAPreference"),
                {"password": "Correct-horse-42"},
            ),
            ("DELETE", "/sessions", (), ("GlobalSignOut",), {}),
            ("GET", "/account/export", ("GetItem users", "GetItem profiles"), ("GetUser",), {}),
            (
                "POST",
                "/account/deletion",
                ERASURE,
                ("GetUser", "InitiateAuth", "RevokeToken", "DeleteUser"),
                {"password": "Correct-horse-42"},
            ),
        )
    ),
    *(
        Route(method, path, Who.ADMINS, Cost.POOL, calls, "accounts", (), accepted, (*CALLER_CHECK, *pool_calls))
        for method, path, calls, pool_calls, accepted in (
            ("GET", "/accounts", (), ("ListUsers",), {}),
            (
                "POST",
                "/accounts/invitations",
                (),
                ("AdminCreateUser",),
                {"email": "nobody@example.com", "name": "Jane Doe"},
            ),
            ("GET", "/accounts/{userid}", (), ("AdminGetUser", "AdminListGroupsForUser"), {}),
            (
                "PATCH",
                "/accounts/{userid}",
                (),
                ("AdminGetUser", "AdminUpdateUserAttributes", "AdminGetUser", "AdminListGroupsForUser"),
                {"name": "Jane"},
            ),
            (
                "DELETE",
                "/accounts/{userid}",
                ERASURE,
                ("AdminGetUser", "AdminListGroupsForUser", "AdminDeleteUser"),
                {},
            ),
            ("GET", "/groups", (), ("ListGroups",), {}),
            ("PUT", "/accounts/{userid}/groups/{group}", (), ("AdminGetUser", "AdminAddUserToGroup"), {}),
            (
                "DELETE",
                "/accounts/{userid}/groups/{group}",
                (),
                ("AdminGetUser", "AdminRemoveUserFromGroup", "AdminUserGlobalSignOut"),
                {},
            ),
            (
                "POST",
                "/accounts/{userid}/password-reset",
                ("GetItem accounts", "GetItem accounts"),
                ("AdminGetUser", "AdminListGroupsForUser", "AdminResetUserPassword"),
                {},
            ),
            (
                "DELETE",
                "/accounts/{userid}/totp",
                (),
                ("AdminGetUser", "AdminDeleteSoftwareToken", "AdminSetUserMFAPreference"),
                {},
            ),
            ("DELETE", "/accounts/{userid}/sessions", (), ("AdminGetUser", "AdminUserGlobalSignOut"), {}),
        )
    ),
    Route(
        "POST",
        "/account/aws-credentials",
        Who.OWN_ACCOUNT,
        Cost.POOL,
        (),
        "media",
        ("access",),
        {"id_token": "unknown"},
        ("GetUser", "GetId", "GetCredentialsForIdentity"),
    ),
    *(
        Route(method, path, who, cost, calls, "media", accepted=accepted)
        for method, path, who, cost, calls, accepted in (
            ("POST", "/media", Who.OWN_DATA, Cost.WRITE, ("PutItem media",), ANNOUNCED),
            ("GET", "/media", Who.OWN_DATA, Cost.PAGE, ("Query media",), {}),
            ("GET", "/media/{mediaid}", Who.OWN_DATA, Cost.READ, ("GetItem media",), {}),
            (
                "PATCH",
                "/media/{mediaid}",
                Who.OWN_DATA,
                Cost.PATCH,
                ("GetItem media", "PutItem media"),
                {"title": "Dawn"},
            ),
            (
                "DELETE",
                "/media/{mediaid}",
                Who.OWN_DATA,
                Cost.PATCH,
                ("GetItem media", "PutItem media", "DeleteItem media"),
                {},
            ),
            ("GET", "/public/media", Who.ANYONE, Cost.PAGE, ("Query media",), {}),
            ("GET", "/public/media/{mediaid}", Who.ANYONE, Cost.READ, ("GetItem media",), {}),
        )
    ),
    Route(
        "POST",
        "/thumbnails",
        Who.OWN_DATA,
        Cost.PICTURE,
        capability="media",
        accepted={},
        content_type="image/png",
    ),
    Route("GET", "/console", Who.ANYONE, capability="console"),
    Route("GET", "/console/{version}/{file}", Who.ANYONE, capability="console"),
)

GUARDED = tuple(route for route in ROUTES if route.who is not Who.ANYONE)
STORING = tuple(route for route in GUARDED if route.calls)


def methods_of(path: str) -> list[str]:
    """Return the methods that a path supports, in order."""
    return [route.method for route in ROUTES if route.path == path]


PATHS = tuple(dict.fromkeys(route.path for route in ROUTES))
TABLES = tuple(sorted({call.split()[1] for route in ROUTES for call in route.calls}))


# The tables of the docs


def who_may_call() -> str:
    """Return the table in docs/security.md: the routes, by who may call them."""
    rows = []
    for who in Who:
        routes = ", ".join(f"`{route}`" for route in ROUTES if route.who is who)
        rows.append(f"| {who.value} | {routes} |")
    return _table("Who may call", "Routes", rows)


def aws_calls() -> str:
    """Return the table in docs/architecture.md: the requests of each route to DynamoDB and the user pool."""
    rows = [f"| `{route}` | {', '.join((*route.pool_calls, *route.calls)) or '–'} |" for route in ROUTES]
    return _table("Route", "Requests", rows)


def _table(first: str, second: str, rows: list[str]) -> str:
    return "\n".join([f"| {first} | {second} |", "| --- | --- |", *rows]) + "\n"
