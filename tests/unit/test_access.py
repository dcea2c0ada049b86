"""The access rules."""

import pytest

from chalicelib.errors import Forbidden
from chalicelib.security.access import (
    ADMINS,
    ANYONE,
    SIGNED_IN,
    THEMSELVES_OR_ADMINS,
    Caller,
    Route,
    owner_or_admins,
    reach,
    require,
)

JANE, ADMIN = Caller("jane"), Caller("ada", is_admin=True)
ROUTES = [
    Route("GET", "/users", ADMINS),
    Route("GET", "/users/{userid}", THEMSELVES_OR_ADMINS),
    Route("PUT", "/users/{userid}", THEMSELVES_OR_ADMINS),
]


@pytest.mark.parametrize(
    ("rule", "caller", "userid", "allowed"),
    [
        (ANYONE, None, None, True),
        (ANYONE, JANE, None, True),
        (SIGNED_IN, None, None, False),
        (SIGNED_IN, JANE, None, True),
        (SIGNED_IN, ADMIN, None, True),
        (ADMINS, None, None, False),
        (ADMINS, JANE, None, False),
        (ADMINS, ADMIN, None, True),
        (THEMSELVES_OR_ADMINS, None, "jane", False),
        (THEMSELVES_OR_ADMINS, JANE, "jane", True),
        (THEMSELVES_OR_ADMINS, JANE, "john", False),
        (THEMSELVES_OR_ADMINS, JANE, "JANE", False),
        (THEMSELVES_OR_ADMINS, JANE, "", False),
        (THEMSELVES_OR_ADMINS, JANE, None, False),
        (THEMSELVES_OR_ADMINS, ADMIN, "jane", True),
    ],
)
def test_a_rule_allows_or_forbids_each_kind_of_caller(rule, caller, userid, allowed):
    parameters = {} if userid is None else {"userid": userid}
    if allowed:
        require(rule, caller, parameters)
    else:
        with pytest.raises(Forbidden):
            require(rule, caller, parameters)


def test_users_can_access_only_their_own_paths():
    assert reach(JANE, ROUTES) == {"/users/jane": ["GET", "PUT"]}


def test_admins_can_access_all_paths():
    assert reach(ADMIN, ROUTES) == {"/users": ["GET"], "/users/*": ["GET", "PUT"]}


@pytest.mark.parametrize("sub", ["", "*", "a*", "a?", "a/b", "${x}"])
def test_a_sub_with_policy_wildcards_is_rejected(sub):
    with pytest.raises(ValueError, match="literal"):
        Caller(sub)


PICTURES = [
    Route("GET", "/users/{userid}/pictures/{pictureid}", owner_or_admins("userid")),
    Route("GET", "/pictures/{pictureid}", SIGNED_IN),
    Route("DELETE", "/account/{author}", owner_or_admins("author").only_with("access")),
]


@pytest.mark.parametrize(
    ("caller", "paths"),
    [
        (Caller("jane", token_use="id"), ["/users/jane/pictures/*", "/pictures/*"]),
        (Caller("jane", token_use="access"), ["/users/jane/pictures/*", "/pictures/*", "/account/jane"]),
        (Caller("ada", is_admin=True, token_use="id"), ["/users/*/pictures/*", "/pictures/*"]),
        (Caller("ada", is_admin=True, token_use="access"), ["/users/*/pictures/*", "/pictures/*", "/account/*"]),
    ],
    ids=str,
)
def test_a_policy_names_the_owner_and_leaves_other_parameters_open(caller, paths):
    assert list(reach(caller, PICTURES)) == paths


def test_a_caller_without_a_known_kind_of_token_cannot_use_routes_that_require_one():
    assert not SIGNED_IN.only_with("access").permits(JANE, {})
    assert SIGNED_IN.permits(JANE, {})
