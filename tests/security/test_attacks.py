"""The attacks, at the front door: each is 401 at both authorizers, and never 200, 403 or a server's error."""

import time

import pytest

from testbed.in_process import in_process, on_moto
from testbed.pool import Key, KeyServer, Pool
from tests.security.attacks import ATTACKS, COGNITO_ONLY, ODDITIES

SUB = "5f0c2b7e-0000-4000-8000-00000000c0de"
OWN = f"/users/{SUB}"


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_is_401_at_both_authorizers(guarded, attack):
    authorization = attack.authorization(guarded.pool)
    assert guarded.status(OWN, authorization) == 401  # the JWT authorizer's
    assert guarded.status("/", authorization) == 401  # the Cognito authorizer's


@pytest.mark.parametrize("attack", COGNITO_ONLY, ids=str)
def test_it_is_401_at_the_cognito_authorizer(guarded, attack):
    assert guarded.status("/", attack.authorization(guarded.pool)) == 401


def test_no_authorization_is_401(guarded):
    assert guarded.status(OWN, None) == 401
    assert guarded.status("/", None) == 401


@pytest.mark.parametrize("oddity", ODDITIES, ids=str)
def test_it_is_unusual_and_let_through(guarded, oddity):
    assert guarded.status("/", oddity.authorization(guarded.pool)) == 200


@pytest.mark.parametrize("use", ["id", "access"])
def test_both_kinds_of_token_open_ones_own_users_route_and_no_other(guarded, use):
    token = guarded.pool.token(use)
    assert guarded.status(OWN, token) == 200
    assert guarded.status("/users/another", token) == 403
    assert guarded.status("/users", token) == 403


@pytest.mark.parametrize("groups", [["apiAdmins"], ["a", "apiAdmins", "z"]])
def test_the_admin_group_counts_wherever_it_stands(guarded, groups):
    token = guarded.pool.token(**{"cognito:groups": groups})
    assert guarded.status("/users", token) == 200
    assert guarded.status("/users/another", token) == 200


@pytest.mark.parametrize("groups", [["apiadmins"], ["apiAdmins "], ["apiAdmins,x"], ["xapiAdmins"], [""]])
def test_no_other_group_is_the_admin_group(guarded, groups):
    token = guarded.pool.token(**{"cognito:groups": groups})
    assert guarded.status("/users", token) == 403


@pytest.mark.parametrize(
    "path",
    ["/users/*", "/users/?", f"/users/{SUB}/", f"/users//{SUB}", "/users/%2A", f"/users/{SUB}%00", "/users/./another",
     f"/users/{SUB.upper()}", f"/users/{SUB}x"],
)  # fmt: skip
def test_no_spelling_of_a_path_opens_anothers_record(guarded, path):
    assert guarded.status(path, guarded.pool.token()) in (403, 404)  # 404: no route has such a path


def test_a_key_that_appears_while_the_service_runs_is_taken_and_unknown_ones_cost_at_most_a_fetch(guarded):
    """Rotation. Comes last: within a minute of one refresh for an unknown key there is no other."""
    before = guarded.keys.requests
    for n in range(20):
        assert guarded.status(OWN, guarded.pool.token(header={"kid": f"unknown-{n}"})) == 401
    assert guarded.keys.requests - before <= 1


def test_when_no_key_can_be_had_it_is_a_503_and_never_a_401():
    """An outage is not a bad token."""
    pool, keys = Pool(), KeyServer()
    keys.answer = b"out of order"
    with on_moto(), in_process(pool.settings(keys)) as roster:
        send = roster.status
        for path in (OWN, "/"):
            assert send("GET", path, {"Authorization": pool.token()}) == 503
        keys.serve(pool.key.jwk)
        for path in (OWN, "/"):
            assert send("GET", path, {"Authorization": pool.token()}) == 200
    keys.close()


def test_the_first_token_of_a_new_key_passes_while_the_service_runs():
    pool = Pool()
    keys = KeyServer(pool.key.jwk)
    with on_moto(), in_process(pool.settings(keys)) as roster:
        send = roster.status
        assert send("GET", "/", {"Authorization": pool.token()}) == 200
        new = Key()
        keys.serve(pool.key.jwk, new.jwk)
        roster.app.signing_keys._clock = lambda: time.time() + 61
        assert send("GET", "/", {"Authorization": pool.token(key=new)}) == 200
        assert keys.requests == 2
    keys.close()
