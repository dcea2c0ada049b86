"""Any stored record can be read, sent back unchanged and reduced. No page is larger than Lambda can return."""

import json

import pytest

from chalicelib import records
from tests.api.test_users import walk

LAMBDA_RESPONSE_LIMIT = 6 * 1024 * 1024

LARGE = {
    "120 KB of umlauts": ("ü" * 60_000,),
    "350 KB of control characters": ("\x01" * 58_000,),
    "6,200 large numbers": (10**125,) * 6_200,
}


def written(content):
    """Return a document with ``content`` as JSON, in as few bytes as possible."""
    body = json.dumps({"list": content, "rest": 1}, ensure_ascii=False, separators=(",", ":"))
    return body.replace("1" + "0" * 125, "1e125").encode()


@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_a_large_user_can_be_sent_back_unchanged_and_reduced(api, person, content):
    path, headers = f"/users/{person.sub}", {"Content-Type": "application/json"}
    body = written(content)
    put = api.put(path, token=person.token, body=body, headers=headers)
    assert put.status == 200
    read = api.get(path, token=person.token)
    assert read.json["list"] == list(content)
    assert len(read.body) <= len(body) + 200
    again = api.put(path, token=person.token, body=read.body, headers=headers)
    assert again.status == 200
    assert without_timestamp(again) == without_timestamp(read)
    smaller = api.patch(path, token=person.token, json={"rest": None})
    assert smaller.json.get("list") == list(content)
    assert "rest" not in smaller.json
    assert api.patch(path, token=person.token, json={"list": None}).json.keys() == {"userid", "timestamp"}


def test_a_large_profile_can_be_sent_back_unchanged_and_reduced(api, person):
    content = LARGE["120 KB of umlauts"]
    headers = {"Content-Type": "application/json"}
    api.post("/user/profile", token=person.token, body=written(content), headers=headers)
    read = api.get("/user/profile", token=person.token)
    assert read.json["profile_data"]["list"] == list(content)
    unchanged = read.body.partition(b'"profile_data":')[2].rpartition(b',"timestamp"')[0]
    again = api.post("/user/profile", token=person.token, body=unchanged, headers=headers)
    assert again.status == 200
    assert again.json["profile_data"] == read.json["profile_data"]
    assert api.patch("/user/profile", token=person.token, json={"rest": None}).status == 200


def without_timestamp(answer):
    return {name: value for name, value in answer.json.items() if name != "timestamp"}


def test_a_body_of_350_kb_is_stored_and_one_byte_more_returns_413(api, person):
    path, headers = f"/users/{person.sub}", {"Content-Type": "application/json"}
    fits = b'{"a": "%s"}' % (b"x" * (350 * 1024 - 9))
    assert api.put(path, token=person.token, body=fits, headers=headers).status == 200
    echoed = fits[:-1] + b',"userid":"%s","timestamp":"2026-11-22T00:00:00.000Z"}' % person.sub.encode()
    assert api.put(path, token=person.token, body=echoed, headers=headers).status == 200
    for larger in (fits + b" ", echoed + b" "):
        answer = api.put(path, token=person.token, body=larger, headers=headers)
        assert answer.status == 413
        assert answer.json["detail"] == "The document has 358,401 bytes; at most 358,400 are accepted."


@pytest.fixture
def crowd(api):
    """Users that are large only as JSON: a page from DynamoDB holds 17 or more of them."""
    made = [f"large-{number}" for number in range(40)]
    for userid in made:
        api.users.put(records.stamp(userid, {"a": "\x01" * 57_000}))
    yield made
    for userid in made:
        api.users.delete(userid)


def test_a_page_ends_before_it_is_too_large_for_lambda_and_no_user_is_left_out(api, admin, crowd):
    pages, met = 0, []
    target = "/users?limit=100"
    while target:
        answer = api.get(target, token=admin.token)
        as_lambda_returns_it = json.dumps({"statusCode": 200, "headers": answer.headers, "body": answer.body.decode()})
        assert len(as_lambda_returns_it) < LAMBDA_RESPONSE_LIMIT
        met += [user["userid"] for user in answer.json]
        pages += 1
        target = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
    assert len(met) == len(set(met))
    assert set(crowd) <= set(met)
    assert pages >= 2
    assert set(met) == {user["userid"] for page in walk(api, admin.token, "/users?limit=7") for user in page}
