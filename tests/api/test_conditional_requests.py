"""Conditional requests with ``If-Match`` and ``If-None-Match``."""

import time

import pytest

PROFILE = "/user/profile"


@pytest.fixture(params=["user", "profile"])
def own(request, api, person):
    """The path of a record that the user may read and write, and the method that replaces it."""
    return (f"/users/{person.sub}", "PUT") if request.param == "user" else (PROFILE, "POST")


def content(answer):
    """Return the attributes that the client sent."""
    document = answer.json.get("profile_data", answer.json)
    return {name: value for name, value in document.items() if name not in ("userid", "timestamp")}


def assert_rejected(answer):
    assert answer.status == 412
    assert answer.json["type"] == "urn:roster:problem:precondition-failed"


def test_a_read_with_if_none_match_returns_304_until_the_record_changes(api, person, own):
    path, write = own
    tag = api.request(write, path, token=person.token, json={"n": 1}).headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = api.get(path, token=person.token, headers={"If-None-Match": known})
        assert answer.status == 304
        assert answer.headers["etag"] == tag
        assert answer.headers["cache-control"] == "private, no-cache"
    api.request(write, path, token=person.token, json={"n": 2})
    answer = api.get(path, token=person.token, headers={"If-None-Match": tag})
    assert answer.status == 200
    assert content(answer) == {"n": 2}


def test_a_write_with_the_current_etag_succeeds(api, person, own):
    path, write = own
    tag = api.request(write, path, token=person.token, json={"n": 1}).headers["etag"]
    put = api.request(write, path, token=person.token, json={"n": 2}, headers={"If-Match": tag})
    assert put.status == 200
    patch = api.patch(path, token=person.token, json={"m": 3}, headers={"If-Match": put.headers["etag"]})
    assert content(patch) == {"n": 2, "m": 3}
    several = f'"x", {patch.headers["etag"]}'
    assert api.delete(path, token=person.token, headers={"If-Match": several}).status == 200
    assert api.patch(path, token=person.token, json={}).status == 404


@pytest.mark.parametrize("tag", ['"another"', 'W/"another"', '"x", "y"'])
def test_a_write_with_another_etag_returns_412_and_changes_nothing(api, person, own, tag):
    path, write = own
    before = api.request(write, path, token=person.token, json={"n": 1})
    for method, body in ((write, {"n": 2}), ("PATCH", {"n": 2}), ("DELETE", ...)):
        assert_rejected(api.request(method, path, token=person.token, json=body, headers={"If-Match": tag}))
    assert api.get(path, token=person.token).json == before.json


def test_a_write_with_a_weak_etag_returns_412(api, person, own):
    path, write = own
    tag = api.request(write, path, token=person.token, json={"n": 1}).headers["etag"]
    assert_rejected(api.patch(path, token=person.token, json={}, headers={"If-Match": f"W/{tag}"}))


@pytest.mark.parametrize("tag", ['"any"', "*"])
def test_a_write_of_a_missing_record_with_if_match_returns_412_and_creates_nothing(api, person, own, tag):
    path, write = own
    for method, body in ((write, {"n": 2}), ("PATCH", {"n": 2}), ("DELETE", ...)):
        assert_rejected(api.request(method, path, token=person.token, json=body, headers={"If-Match": tag}))
    assert api.patch(path, token=person.token, json={}).status == 404


def test_a_write_with_if_match_any_replaces_an_existing_record(api, person, own):
    path, write = own
    api.request(write, path, token=person.token, json={"n": 1})
    answer = api.request(write, path, token=person.token, json={"n": 2}, headers={"If-Match": "*"})
    assert content(answer) == {"n": 2}


def test_a_write_with_if_none_match_any_creates_a_record_but_never_replaces_one(api, person, own):
    path, write = own
    headers = {"If-None-Match": "*"}
    first = api.request(write, path, token=person.token, json={"n": 1}, headers=headers)
    assert first.status == 200
    assert_rejected(api.request(write, path, token=person.token, json={"n": 2}, headers=headers))
    assert api.get(path, token=person.token).json == first.json


def test_posting_an_existing_user_updates_it_unless_if_none_match_forbids_it(api, admin, person):
    body = {"userid": person.sub, "n": 1}
    headers = {"If-None-Match": "*"}
    assert api.post("/users", token=admin.token, json=body, headers=headers).status == 200
    assert_rejected(api.post("/users", token=admin.token, json=body, headers=headers))
    assert api.post("/users", token=admin.token, json=body).status == 200


def test_exactly_one_of_64_concurrent_writes_with_the_same_if_match_succeeds(api, person, own):
    path, write = own
    tag = api.request(write, path, token=person.token, json={"n": -1}).headers["etag"]
    answers = api.at_once(
        [
            lambda n=n: api.request(write, path, token=person.token, json={"n": n}, headers={"If-Match": tag})
            for n in range(64)
        ]
    )
    assert sorted(answer.status for answer in answers) == [200] + [412] * 63
    (winner,) = [answer for answer in answers if answer.status == 200]
    assert api.get(path, token=person.token).json == winner.json


def test_none_of_64_concurrent_patches_is_lost(api, person, own):
    path, write = own
    api.request(write, path, token=person.token, json={})

    def patch(key):
        """Patch one key. Retry after ``Retry-After`` if contention outlasts the time limit of the request."""
        answer = api.patch(path, token=person.token, json={key: int(key)})
        for _ in range(5):
            if answer.status != 503:
                break
            time.sleep(int(answer.headers["retry-after"]))
            answer = api.patch(path, token=person.token, json={key: int(key)})
        return answer

    answers = api.at_once([lambda n=n: patch(str(n)) for n in range(64)])
    assert {answer.status for answer in answers} == {200}
    assert content(api.get(path, token=person.token)) == {str(n): n for n in range(64)}


def test_a_read_with_if_match_returns_412_unless_the_etag_is_current(api, person, own):
    path, write = own
    tag = api.request(write, path, token=person.token, json={"n": 1}).headers["etag"]
    for expected in (tag, f'"x", {tag}', "*"):
        assert content(api.get(path, token=person.token, headers={"If-Match": expected})) == {"n": 1}
    for expected in ('"x"', f"W/{tag}"):
        assert_rejected(api.get(path, token=person.token, headers={"If-Match": expected}))
        assert_rejected(api.get(path, token=person.token, headers={"If-Match": expected, "If-None-Match": tag}))
    assert api.get(path, token=person.token, headers={"If-Match": tag, "If-None-Match": tag}).status == 304
    assert api.get(path, token=person.token, headers={"If-Match": "no tag"}).status == 400


def test_a_read_with_if_match_returns_412_for_a_missing_user_and_404_for_a_missing_profile(api, person):
    for expected in ("*", '"x"'):
        assert_rejected(api.get(f"/users/{person.sub}", token=person.token, headers={"If-Match": expected}))
        assert api.get(PROFILE, token=person.token, headers={"If-Match": expected}).status == 404


def test_a_read_with_if_match_any_succeeds_where_responses_have_no_etag(api, admin):
    for path in ("/users?limit=1", "/open"):
        assert api.get(path, token=admin.token, headers={"If-Match": "*"}).status == 200
