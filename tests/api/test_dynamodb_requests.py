"""Each route's requests to DynamoDB, recorded as botocore sends them, and the permissions for them."""

import json
from contextlib import contextmanager

import pytest

from infra import parts
from testbed.routes import ROUTES, Cost, Who
from tests.api.accounts import own_requests

pytestmark = pytest.mark.parametrize("api", ["inprocess"], indirect=True)


@contextmanager
def recorded(api):
    """Record the requests to DynamoDB in a list, each as operation and table."""
    tables = {name: table for table, name in api.tables.items()}
    received = []

    def note(request, **_):
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        received.append(f"{operation} {tables[json.loads(request.body)['TableName']]}")

    events = api.connection.client.meta.events
    events.register("before-send.dynamodb", note)
    try:
        yield received
    finally:
        events.unregister("before-send.dynamodb", note)


def call(api, route, admin, person):
    """Call a route on the person's own user or profile; return the response."""
    caller = admin if route.who.has_jwt_authorizer else person
    body = dict(route.accepted) if route.has_body else ...
    return api.request(route.method, route.at(person.sub), token=caller.token, json=body)


@pytest.fixture
def own(api, person):
    """The path of the person's user. The user and the profile are stored."""
    api.put(f"/users/{person.sub}", token=person.token, json={"n": 1})
    api.post("/user/profile", token=person.token, json={"n": 1})
    return f"/users/{person.sub}"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.capability == "core"], ids=str)
def test_a_route_makes_exactly_the_requests_that_the_table_of_routes_lists(api, admin, person, own, route):
    with recorded(api) as received:
        assert call(api, route, admin, person).status == 200
    in_order = sorted if route.cost is Cost.READINESS else list  # its checks run at the same time
    assert in_order(received) == in_order(route.calls)


@pytest.fixture(scope="module")
def requests(api):
    return own_requests(api)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.who is Who.OWN_ACCOUNT], ids=str)
def test_a_route_of_the_own_account_makes_exactly_the_requests_that_the_table_lists(api, requests, route):
    with recorded(api) as received:
        assert 200 <= requests[route.method, route.path].send(api, route.method).status < 300
    assert received == list(route.calls)


@pytest.mark.parametrize("headers", [{"If-Match": '"another"'}, {"If-Match": "*"}, {"If-None-Match": "*"}], ids=str)
def test_a_precondition_adds_no_request(api, person, own, headers):
    with recorded(api) as received:
        api.put(own, token=person.token, json={}, headers=headers)
    assert received == ["UpdateItem users"]


def test_a_read_that_returns_304_makes_one_request(api, person, own):
    tag = api.get(own, token=person.token).headers["etag"]
    with recorded(api) as received:
        assert api.get(own, token=person.token, headers={"If-None-Match": tag}).status == 304
    assert received == ["GetItem users"]


def test_an_idempotent_post_and_its_retry_make_one_request_each(api, admin):
    for _ in range(2):
        with recorded(api) as received:
            assert api.post("/users", token=admin.token, json={}, headers={"Idempotency-Key": "once"}).status == 200
        assert received == ["UpdateItem users"]


def test_a_rejected_request_makes_no_request_to_dynamodb(api, person, own):
    with recorded(api) as received:
        assert api.get("/users", token=person.token).status == 403
        assert api.get("/users/another", token=person.token).status == 403
        assert api.put(own, token=person.token, body=b"[", headers={"Content-Type": "application/json"}).status == 400
        assert api.get("/user/profile").status == 401
    assert received == []


def table_of(resource):
    """The table that a resource of a policy is, or of which it is the indexes."""
    return (resource.get("Ref") or resource["Fn::Sub"][2:].partition("}")[0]).removesuffix("TableArn").lower()


def test_the_policy_grants_exactly_the_operations_that_the_routes_use(api):
    granted = {
        f"{action.removeprefix('dynamodb:')} {table_of(statement['Resource'])}"
        for statement in parts.policy("api", "admin")["Statement"]
        for action in statement["Action"]
        if action.startswith("dynamodb:")
    }
    assert granted == {request for route in ROUTES for request in route.calls}
