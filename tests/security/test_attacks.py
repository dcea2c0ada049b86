"""Every attack returns 401 at both authorizers, and never 200, 403 or a server error."""

import time

import pytest

from testbed.in_process import in_process, on_moto
from testbed.pool import Key, KeyServer, Pool
from tests.security.attacks import ATTACKS, COGNITO_ONLY, ODDITIES

SUB = "5f0c2b7e-0000-4000-8000-00000000c0de"
OWN = f"/users/{SUB}"


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_returns_401_at_both_authorizers(guarded, attack):
    authorization = attack.authorization(guarded.pool)
    assert guarded.status(OWN, authorization) == 401  # the JWT authorizer's
    assert guarded.status("/", authorization) == 401  # the Cognito authorizer's


@pytest.mark.parametrize("attack", COGNITO_ONLY, ids=str)
def test_an_access_token_returns_401_at_the_cognito_authorizer(guarded, attack):
    assert guarded.status("/", attack.authorization(guarded.pool)) == 401


def test_a_request_without_authorization_returns_401(guarded):
    assert guarded.status(OWN, None) == 401
    assert guarded.status("/", None) == 401


@pytest.mark.parametrize("oddity", ODDITIES, ids=str)
def test_an_unusual_but_valid_token_is_accepted(guarded, oddity):
    assert guarded.status("/", oddity.authorization(guarded.pool)) == 200


@pytest.mark.parametrize("use", ["id", "access"])
def test_id_and_access_tokens_give_access_to_the_own_user_only(guarded, use):
    token = guarded.pool.token(use)
    assert guarded.status(OWN, token) == 200
    assert guarded.status("/users/another", token) == 403
    assert guarded.status("/users", token) == 403


@pytest.mark.parametrize("groups", [["apiAdmins"], ["a", "apiAdmins", "z"]])
def test_a_token_with_the_admin_group_anywhere_in_its_groups_is_an_admin_token(guarded, groups):
    token = guarded.pool.token(**{"cognito:groups": groups})
    assert guarded.status("/users", token) == 200
    assert guarded.status("/users/another", token) == 200


@pytest.mark.parametrize("groups", [["apiadmins"], ["apiAdmins "], ["apiAdmins,x"], ["xapiAdmins"], [""]])
def test_a_group_with_a_similar_name_is_not_the_admin_group(guarded, groups):
    token = guarded.pool.token(**{"cognito:groups": groups})
    assert guarded.status("/users", token) == 403


@pytest.mark.parametrize(
    "path",
    ["/users/*", "/users/?", f"/users/{SUB}/", f"/users//{SUB}", "/users/%2A", f"/users/{SUB}%00", "/users/./another",
     f"/users/{SUB.upper()}", f"/users/{SUB}x"],
)  # fmt: skip
def test_no_spelling_of_a_path_gives_access_to_another_user(guarded, path):
    assert guarded.status(path, guarded.pool.token()) in (403, 404)  # 404 if no route matches the path


def test_unknown_keys_cause_at_most_one_fetch(guarded):
    """Comes last, because the keys are not fetched again within a minute of a fetch for an unknown key."""
    before = guarded.keys.requests
    for n in range(20):
        assert guarded.status(OWN, guarded.pool.token(header={"kid": f"unknown-{n}"})) == 401
    assert guarded.keys.requests - before <= 1


def test_unavailable_signing_keys_return_503_and_never_401():
    """An outage does not make a token invalid."""
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


def test_the_first_token_signed_with_a_new_key_is_accepted_without_a_restart():
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
