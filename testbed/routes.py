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
    OWNER_OR_ADMINS = "the user whom the path names, and administrators"

    @property
    def has_jwt_authorizer(self) -> bool:
        """Whether the JWT authorizer guards the route."""
        return self in (Who.ADMINS, Who.OWNER_OR_ADMINS)


class Cost(Enum):
    """What a route does that costs money. ``bench/costs.py`` has the prices."""

    NOTHING = "no AWS call"
    READ = "one read"
    WRITE = "one write"
    PATCH = "one read and one write"
    PAGE = "a page of records"
    READINESS = "a read of each table"


class Route(NamedTuple):
    """A route of the API.

    ``calls`` are its AWS calls in order, each ``<operation> <table>``. ``capability`` is the one that adds the route.
    ``tokens`` are the kinds of token that the route accepts, if its authorizer accepts more. The first parameter of
    the path is the owner's id. ``accepted`` is a body that the route accepts, if it reads one.
    """

    method: str
    path: str
    who: Who
    cost: Cost = Cost.NOTHING
    calls: tuple[str, ...] = ()
    capability: str = "core"
    tokens: tuple[str, ...] = ()
    accepted: Mapping[str, str] = MappingProxyType({"name": "Jane"})

    def at(self, value: str) -> str:
        """Return the path with ``value`` for each parameter."""
        return filled(self.path, value)

    @property
    def has_body(self) -> bool:
        """Whether the route reads a body."""
        return self.method in ("POST", "PUT", "PATCH")

    @property
    def body(self) -> bytes:
        """A body that the route accepts; empty if it reads none."""
        return json.dumps(dict(self.accepted)).encode() if self.has_body else b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


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
    """Return the table in docs/architecture.md: the DynamoDB requests of each route."""
    rows = [f"| `{route}` | {', '.join(route.calls) or '–'} |" for route in ROUTES]
    return _table("Route", "DynamoDB requests", rows)


def _table(first: str, second: str, rows: list[str]) -> str:
    return "\n".join([f"| {first} | {second} |", "| --- | --- |", *rows]) + "\n"
