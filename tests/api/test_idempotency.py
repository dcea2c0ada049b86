"""An ``Idempotency-Key`` makes POST /users safe to retry."""

import uuid

import pytest


@pytest.fixture
def key():
    return f"key-{uuid.uuid4()}"


def post(api, caller, key, body):
    return api.post("/users", token=caller.token, json=body, headers={"Idempotency-Key": key})


def test_a_retry_returns_the_same_user(api, admin, key):
    first = post(api, admin, key, {"name": "Jane", "age": 30})
    assert first.status == 200
    for again in (
        post(api, admin, key, {"name": "Jane", "age": 30}),
        post(api, admin, key, {"age": 30.0, "name": "Jane"}),
    ):
        assert again.status == 200
        assert again.json == first.json
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["location"] == first.headers["location"]
    assert uuid.UUID(first.json["userid"]).version == 5


def test_another_key_creates_another_user(api, admin, key):
    first, second = post(api, admin, key, {"name": "Jane"}), post(api, admin, key + "-", {"name": "Jane"})
    assert first.json["userid"] != second.json["userid"]


def test_the_same_key_from_another_caller_creates_another_user(api, admin, key):
    other = api.make_admin(api.sign_up())
    assert post(api, admin, key, {"n": 1}).json["userid"] != post(api, other, key, {"n": 1}).json["userid"]


def test_reusing_a_key_with_another_body_returns_422_and_changes_nothing(api, admin, key):
    first = post(api, admin, key, {"n": 1})
    answer = post(api, admin, key, {"n": 2})
    assert answer.status == 422
    assert answer.json["type"] == "urn:roster:problem:idempotency-key-reused"
    assert api.get(f"/users/{first.json['userid']}", token=admin.token).json == first.json


def test_a_retry_after_an_update_returns_the_updated_user(api, admin, key):
    userid = post(api, admin, key, {"n": 1}).json["userid"]
    changed = api.put(f"/users/{userid}", token=admin.token, json={"n": 5})
    again = post(api, admin, key, {"n": 1})
    assert again.json == changed.json
    assert post(api, admin, key, {"n": 5}).status == 422


def test_a_key_and_a_userid_together_are_rejected(api, admin, key):
    answer = post(api, admin, key, {"userid": "chosen"})
    assert answer.status == 400
    assert answer.json["errors"][0]["pointer"] == "/userid"


def test_a_key_and_if_match_together_are_rejected(api, admin, key):
    headers = {"Idempotency-Key": key, "If-Match": "*"}
    assert api.post("/users", token=admin.token, json={}, headers=headers).status == 400


def test_64_concurrent_posts_with_the_same_key_create_one_user(api, admin, key):
    answers = api.at_once([lambda: post(api, admin, key, {"name": "Jane"})] * 64)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1


def test_a_retry_with_if_none_match_returns_412(api, admin, key):
    headers = {"Idempotency-Key": key, "If-None-Match": "*"}
    first = api.post("/users", token=admin.token, json={"n": 1}, headers=headers)
    assert first.status == 200
    assert api.post("/users", token=admin.token, json={"n": 1}, headers=headers).status == 412
    assert post(api, admin, key, {"n": 1}).json == first.json


def test_a_key_and_any_other_precondition_together_are_rejected(api, admin, key):
    for condition in ({"If-None-Match": '"x"'}, {"If-None-Match": ""}, {"If-Match": '"x"'}):
        answer = api.post("/users", token=admin.token, json={}, headers={"Idempotency-Key": key, **condition})
        assert answer.status == 400
    assert post(api, admin, key, {}).status == 200
