"""Each route's requests to the user pool, recorded as they are sent."""

import pytest

from chalicelib.storage import cognito
from testbed.routes import ROUTES
from tests.api.accounts import accepted_bodies

pytestmark = pytest.mark.parametrize("api", ["inprocess"], indirect=True)


@pytest.fixture
def received(monkeypatch):
    """The operations of the user pool that Roster calls during the test."""
    operations = []
    send = cognito._called

    def called(client, operation, parameters):
        operations.append(operation)
        return send(client, operation, parameters)

    monkeypatch.setattr(cognito, "_called", called)
    return operations


@pytest.fixture(scope="module")
def bodies(api):
    return accepted_bodies(api)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.capability == "accounts"], ids=str)
def test_a_route_makes_exactly_the_requests_that_the_table_of_routes_lists(api, bodies, received, route):
    answer = api.request(route.method, route.path, json=bodies[route.method, route.path])
    assert 200 <= answer.status < 300
    assert received == list(route.pool_calls)


def test_a_rejected_body_makes_no_request(api, received):
    for route in ROUTES:
        if route.capability == "accounts":
            assert api.request(route.method, route.path, json={**route.accepted, "unknown": 1}).status == 400
    assert received == []
