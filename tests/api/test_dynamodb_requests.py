"""What each route costs: the requests that it makes to DynamoDB, as botocore sends them; and that they are granted."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

POLICY = Path(__file__).parent.parent.parent / ".chalice" / "policy-api.json"

pytestmark = pytest.mark.parametrize("api", ["inprocess"], indirect=True)


@contextmanager
def recorded(api):
    """The operations that DynamoDB is asked for meanwhile."""
    with recorded_with_tables(api) as asked:
        names = []
        yield names
    names.extend(operation for operation, _ in asked)


@contextmanager
def recorded_with_tables(api):
    """The operations that DynamoDB is asked for meanwhile, each with its table."""
    asked = []

    def note(request, **_):
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        asked.append((operation, json.loads(request.body)["TableName"]))

    events = api.connection.client.meta.events
    events.register("before-send.dynamodb", note)
    try:
        yield asked
    finally:
        events.unregister("before-send.dynamodb", note)


@pytest.fixture
def own(api, person):
    """A user and a profile that are there, the person's own."""
    api.put(f"/users/{person.sub}", token=person.token, json={"n": 1})
    api.post("/user/profile", token=person.token, json={"n": 1})
    return f"/users/{person.sub}"


ROUTES = [
    ("GET", "{own}", ["GetItem"]),
    ("PUT", "{own}", ["UpdateItem"]),
    ("PATCH", "{own}", ["GetItem", "UpdateItem"]),
    ("DELETE", "{own}", ["DeleteItem"]),
    ("GET", "/user/profile", ["GetItem"]),
    ("POST", "/user/profile", ["UpdateItem"]),
    ("PATCH", "/user/profile", ["GetItem", "UpdateItem"]),
    ("DELETE", "/user/profile", ["DeleteItem"]),
    ("GET", "/users?limit=100", ["Scan"]),
    ("POST", "/users", ["UpdateItem"]),
    ("GET", "/", []),
    ("GET", "/open", []),
    ("GET", "/health", []),
    ("GET", "/openapi.json", []),
]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: " ".join(route[:2]))
def test_a_route_makes_one_request_and_patch_two(api, admin, person, own, route):
    method, path, requests = route
    caller = admin if path.startswith("/users") else person
    body = ... if method in ("GET", "DELETE") else {"name": "Jane"}
    with recorded(api) as asked:
        answer = api.request(method, path.format(own=own), token=caller.token, json=body)
    assert answer.status == 200
    assert asked == requests


@pytest.mark.parametrize("headers", [{"If-Match": '"another"'}, {"If-Match": "*"}, {"If-None-Match": "*"}], ids=str)
def test_a_condition_costs_nothing_more(api, person, own, headers):
    with recorded(api) as asked:
        api.put(own, token=person.token, json={}, headers=headers)
    assert asked == ["UpdateItem"]


def test_a_reader_who_has_it_already_costs_nothing_more(api, person, own):
    tag = api.get(own, token=person.token).headers["etag"]
    with recorded(api) as asked:
        assert api.get(own, token=person.token, headers={"If-None-Match": tag}).status == 304
    assert asked == ["GetItem"]


def test_an_idempotent_post_is_one_request_first_and_when_repeated(api, admin):
    for _ in range(2):
        with recorded(api) as asked:
            assert api.post("/users", token=admin.token, json={}, headers={"Idempotency-Key": "once"}).status == 200
        assert asked == ["UpdateItem"]


def test_whoever_is_refused_costs_nothing(api, person, own):
    with recorded(api) as asked:
        assert api.get("/users", token=person.token).status == 403
        assert api.get("/users/another", token=person.token).status == 403
        assert api.put(own, token=person.token, body=b"[", headers={"Content-Type": "application/json"}).status == 400
        assert api.get("/user/profile").status == 401
    assert asked == []


def test_exactly_what_is_asked_for_is_granted(api, admin, person, own):
    with recorded_with_tables(api) as asked:
        for method, path, _ in ROUTES:
            caller = admin if path.startswith("/users") else person
            body = ... if method in ("GET", "DELETE") else {"name": "Jane"}
            api.request(method, path.format(own=own), token=caller.token, json=body)
        api.post("/users", token=admin.token, json={}, headers={"Idempotency-Key": "granted"})
        assert api.get("/health/ready").status == 200
    tables = {"UsersTableArn": api.users_table, "ProfilesTableArn": api.profiles_table}
    granted = {
        (action.removeprefix("dynamodb:"), tables[statement["Resource"]["Ref"]])
        for statement in json.loads(POLICY.read_text())["Statement"]
        for action in statement["Action"]
        if action.startswith("dynamodb:")
    }
    assert set(asked) == granted
