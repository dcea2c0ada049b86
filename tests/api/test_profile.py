"""/ and /user/profile: the routes for the signed-in user."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings

from testbed.pool import Pool
from tests import documents
from tests.api.test_users import DOCUMENT

PROFILE = "/user/profile"


def test_a_profile_does_not_exist_until_it_is_posted(api, person):
    assert api.get(PROFILE, token=person.token).status == 404
    assert api.patch(PROFILE, token=person.token, json={}).status == 404


def test_values_of_every_type_are_returned_unchanged(api, person):
    posted = api.post(PROFILE, token=person.token, json=DOCUMENT)
    assert posted.status == 200
    assert posted.json.keys() == {"userid", "profile_data", "timestamp"}
    assert posted.json["userid"] == person.sub
    assert posted.json["profile_data"] == DOCUMENT
    got = api.get(PROFILE, token=person.token)
    assert got.json == posted.json
    assert got.headers["etag"] == posted.headers["etag"]
    assert got.headers["cache-control"] == "private, no-cache"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(document=documents.objects)
def test_any_valid_object_is_returned_unchanged(api, stranger, document):
    assert api.post(PROFILE, token=stranger.token, json=document).status == 200
    assert api.get(PROFILE, token=stranger.token).json["profile_data"] == document


def test_a_profile_is_patched_and_deleted(api, person):
    api.post(PROFILE, token=person.token, json={"a": 1, "b": 2})
    patched = api.patch(PROFILE, token=person.token, json={"a": None, "userid": "an ordinary key"})
    assert patched.json["profile_data"] == {"b": 2, "userid": "an ordinary key"}
    assert patched.json["userid"] == person.sub
    for _ in range(2):
        deleted = api.delete(PROFILE, token=person.token)
        assert (deleted.status, deleted.json) == (200, {})
    assert api.get(PROFILE, token=person.token).status == 404


def test_users_cannot_read_or_delete_the_profiles_of_others(api, person):
    other = api.sign_up()
    api.post(PROFILE, token=person.token, json={"mine": True})
    assert api.get(PROFILE, token=other.token).status == 404
    api.delete(PROFILE, token=other.token)
    assert api.get(PROFILE, token=person.token).json["profile_data"] == {"mine": True}


def test_the_greeting_contains_sub_email_and_groups(api, person, admin):
    answer = api.get("/", token=person.token)
    assert answer.status == 200
    assert answer.json["sub"] == person.sub
    assert answer.json["email"] == person.email
    assert answer.json["groups"] == []
    assert api.get("/", token=admin.token).json["groups"] == ["apiAdmins"]


def test_the_greeting_addresses_the_caller_by_name(api):
    # moto's tokens have no names, so the greeting falls back to the e-mail address
    greeted = "Jane Doe"
    answer = api.get("/", token=api.sign_up(given_name="Jane", family_name="Doe").token)
    assert greeted in answer.json["message"]


def _with_payload(token, **changes):
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**claims, **changes}).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


BAD_AUTHORIZATIONS = {
    "missing": lambda api, person: None,
    "empty": lambda api, person: "",
    "garbage": lambda api, person: "Bearer garbage",
    "three single letters": lambda api, person: "Bearer a.b.c",
    "only Bearer": lambda api, person: "Bearer",
    "an unsigned token": lambda api, person: person.token.rpartition(".")[0] + ".",
    "a changed payload": lambda api, person: _with_payload(person.token, sub="somebody-else"),
    "an expired token": lambda api, person: Pool(api.user_pool_id, api.client_id).token(iat=1, auth_time=1, exp=2),
    "another pool's token": lambda api, person: Pool().token(),
}


@pytest.mark.parametrize("kind", BAD_AUTHORIZATIONS)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", PROFILE), ("POST", PROFILE), ("DELETE", PROFILE)])
def test_a_request_without_a_valid_id_token_returns_401(api, stranger, kind, method, path):
    authorization = BAD_AUTHORIZATIONS[kind](api, stranger)
    headers = {} if authorization is None else {"Authorization": authorization}
    assert api.request(method, path, headers=headers, json={} if method == "POST" else ...).status == 401


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", PROFILE), ("POST", PROFILE), ("DELETE", PROFILE)])
def test_an_access_token_is_rejected(api, stranger, method, path):
    answer = api.request(method, path, token=api.access_token(stranger.email), json={} if method == "POST" else ...)
    assert answer.status == int(api.how("An access token at `/` and `/user/profile`")[:3])
