"""The notes, on every target."""

import pytest


def problem(answer):
    return answer.json["type"].rpartition(":")[2]


@pytest.fixture
def access_token(api, person):
    return api.access_token(person.email)


def test_a_note_is_stored_and_read_back(api, person, access_token):
    path = f"/notes/{person.sub}"
    stored = api.put(path, token=access_token, json={"text": "Buy milk"})
    assert stored.status == 200
    read = api.get(path, token=person.token)
    assert read.json == {"text": "Buy milk", "userid": person.sub, "timestamp": stored.json["timestamp"]}
    assert api.get(path, token=person.token, headers={"If-None-Match": stored.headers["etag"]}).status == 304


def test_a_missing_note_is_a_problem_of_the_capabilitys_own(api, person):
    answer = api.get(f"/notes/{person.sub}", token=person.token)
    assert (answer.status, problem(answer)) == (404, "no-note")


def test_a_note_without_a_text_is_rejected_with_its_pointer(api, person, access_token):
    answer = api.put(f"/notes/{person.sub}", token=access_token, json={"text": 1})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, "/text")


def test_a_rule_may_name_another_parameter_as_the_owners(api, admin, person, stranger):
    path = f"/notes/{person.sub}"
    assert api.get(path, token=stranger.token).status == 403
    assert api.get(path, token=person.token).status == 404
    assert api.get(path, token=admin.token).status == 404
    assert api.get(path).status == 401


def test_a_rule_may_require_an_access_token(api, admin, person, access_token):
    path = f"/notes/{person.sub}"
    assert api.put(path, token=person.token, json={"text": "x"}).status == 403
    assert api.put(path, token=admin.token, json={"text": "x"}).status == 403
    assert api.put(path, token=access_token, json={"text": "x"}).status == 200


def test_the_routes_are_described(api):
    description = api.get("/openapi.json").json
    assert {"name": "Notes"} in description["tags"]
    assert description["paths"]["/notes/{author}"]["put"]["description"].endswith("Accepts an access token.")


def test_everything_else_still_works(api, person):
    assert api.get("/", token=person.token).status == 200
    assert api.put(f"/users/{person.sub}", token=person.token, json={"name": "Jane"}).status == 200
