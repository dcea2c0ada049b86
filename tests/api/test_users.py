"""/users and /users/{userid}."""

import uuid
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from chalicelib import records
from tests import documents

DOCUMENT = {
    "age": 30,
    "height": Decimal("1.75"),
    "big": 123456789012345678901234567890,
    "tags": ["a", None, True, {}],
    "empty": "",
}


def sent_attributes(user):
    """Return the attributes that the client sent."""
    return {name: value for name, value in user.items() if name not in ("userid", "timestamp")}


def walk(api, token, path):
    """Yield every page from ``path`` on, following ``Link``."""
    while path:
        answer = api.get(path, token=token)
        assert answer.status == 200
        yield answer.json
        link = answer.headers.get("link")
        path = link and link.removeprefix("<").removesuffix('>; rel="next"')
        assert path is None or path.startswith(f"{api.base_url}/users?")


def test_values_of_every_type_are_returned_unchanged_by_post_get_and_list(api, admin):
    posted = api.post("/users", token=admin.token, json=DOCUMENT)
    assert sent_attributes(posted.json) == DOCUMENT
    got = api.get(f"/users/{posted.json['userid']}", token=admin.token)
    assert got.json == posted.json
    listed = [user for page in walk(api, admin.token, "/users") for user in page]
    assert posted.json in listed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(document=documents.attributes)
def test_any_valid_object_is_returned_unchanged(api, admin, document):
    path = "/users/round-trip"
    put = api.put(path, token=admin.token, json=document)
    assert put.status == 200
    got = api.get(path, token=admin.token)
    assert sent_attributes(got.json) == sent_attributes(put.json) == document


def test_a_posted_user_has_a_userid_a_timestamp_an_etag_and_a_location(api, admin):
    answer = api.post("/users", token=admin.token, json={"name": "Jane"})
    assert answer.json.keys() == {"name", "userid", "timestamp"}
    assert datetime.fromisoformat(answer.json["timestamp"]).utcoffset().total_seconds() == 0
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["location"] == f"{api.base_url}/users/{answer.json['userid']}"
    there = api.get(answer.headers["location"], token=admin.token)
    assert there.json == answer.json
    assert there.headers["etag"] == answer.headers["etag"]


def test_the_etag_changes_with_every_write(api, person):
    path = f"/users/{person.sub}"
    tags = [api.put(path, token=person.token, json={"same": 1}).headers["etag"] for _ in range(3)]
    assert len(set(tags)) == 3


def test_a_missing_user_is_returned_as_an_empty_object_without_an_etag(api, person):
    answer = api.get(f"/users/{person.sub}", token=person.token)
    assert answer.json == {}
    assert "etag" not in answer.headers


def test_put_replaces_the_whole_user_and_ignores_the_userid_in_the_body(api, person):
    path = f"/users/{person.sub}"
    api.put(path, token=person.token, json={"a": 1, "b": 2})
    answer = api.put(path, token=person.token, json={"a": 3, "userid": "somebody-else", "timestamp": "never"})
    assert sent_attributes(answer.json) == {"a": 3}
    assert answer.json["userid"] == person.sub
    assert answer.json["timestamp"] != "never"
    assert api.users.get("somebody-else") is None


@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
def test_patch_merges_into_the_user(api, person, media_type):
    path = f"/users/{person.sub}"
    api.put(path, token=person.token, json={"a": 1, "b": {"c": 2, "d": 3}})
    change = {"a": None, "b": {"c": 9}, "e": [None]}
    answer = api.patch(path, token=person.token, json=change, headers={"Content-Type": media_type})
    assert answer.status == 200
    assert sent_attributes(answer.json) == {"b": {"c": 9, "d": 3}, "e": [None]}
    assert api.get(path, token=person.token).json == answer.json


def test_patching_a_missing_user_returns_404_and_creates_none(api, person):
    answer = api.patch(f"/users/{person.sub}", token=person.token, json={"a": 1})
    assert answer.status == 404
    assert answer.json["type"] == "urn:roster:problem:not-found"
    assert api.users.get(person.sub) is None


def test_an_access_token_is_accepted_like_an_id_token(api, person):
    token = api.access_token(person.email)
    assert api.put(f"/users/{person.sub}", token=token, json={"a": 1}).status == 200
    assert api.get("/users/somebody-else", token=token).status == 403


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "BEARER ", ""])
def test_a_token_is_accepted_after_bearer_in_any_case_or_bare(api, person, prefix):
    headers = {"Authorization": prefix + person.token}
    assert api.get(f"/users/{person.sub}", headers=headers).status == 200


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_the_json_media_type_is_accepted_with_parameters_and_in_any_case(api, person, media_type):
    headers = {"Content-Type": media_type}
    assert api.put(f"/users/{person.sub}", token=person.token, body=b"{}", headers=headers).status == 200


def test_unknown_query_parameters_are_ignored(api, admin):
    assert api.get("/users?limit=1&sort=name&x", token=admin.token).status == 200


CROWD = {"inprocess": 500, "local": 2500, "deployed": 500}
"""How many users there are on each target. To read one page, moto sorts all of them."""


@pytest.fixture
def crowd(api):
    """The userids of all users, most of which exist only during the test."""
    existing = {record.userid for record in _all(api.users)}
    made = {f"crowd-{uuid.uuid4().hex}" for _ in range(CROWD[api.name])}
    record = records.stamp("crowd", {"n": 1})
    stored = {"document": {"M": {"n": {"N": "1"}}}, "timestamp": {"S": record.timestamp}, "revision": {"S": "1"}}
    write_all(api, [{"PutRequest": {"Item": {"userid": {"S": userid}, **stored}}} for userid in made])
    yield existing | made
    write_all(api, [{"DeleteRequest": {"Key": {"userid": {"S": userid}}}} for userid in made])


def write_all(api, requests):
    """Send the requests in batches of 25, the most that DynamoDB accepts."""
    for start in range(0, len(requests), 25):
        batch = {api.tables["users"]: requests[start : start + 25]}
        assert api.connection.client.batch_write_item(RequestItems=batch)["UnprocessedItems"] == {}


def test_following_link_returns_each_user_exactly_once(api, admin, crowd):
    for query, limit in (("", 50), ("?limit=100", 100), ("?limit=77", 77)):
        pages = list(walk(api, admin.token, f"/users{query}"))
        met = [user["userid"] for page in pages for user in page]
        assert len(met) == len(crowd)
        assert set(met) == crowd
        assert max(map(len, pages)) == limit


def _all(users):
    after = None
    while True:
        page = users.page(100, after)
        yield from page.records
        after = page.last
        if after is None:
            return
