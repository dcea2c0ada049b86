"""Each route's requests to the user pool, recorded as they are sent."""

import pytest

from chalicelib.storage.cognito import service
from testbed.routes import ROUTES, Who
from tests.api.accounts import accepted_requests

pytestmark = pytest.mark.parametrize("api", ["inprocess"], indirect=True)


@pytest.fixture
def received(monkeypatch):
    """The operations of the user pool that Roster calls during the test."""
    operations = []
    send = service._called

    def called(client, operation, parameters):
        operations.append(operation)
        return send(client, operation, parameters)

    monkeypatch.setattr(service, "_called", called)
    return operations


ACCOUNTS = [route for route in ROUTES if route.capability == "accounts" and route.who is not Who.ADMINS]


@pytest.fixture(scope="module")
def requests(api):
    return accepted_requests(api)


@pytest.mark.parametrize("route", ACCOUNTS, ids=str)
def test_a_route_makes_exactly_the_requests_that_the_table_of_routes_lists(api, requests, received, route):
    answer = requests[route.method, route.path].send(api, route.method)
    assert 200 <= answer.status < 300
    assert received == list(route.pool_calls)


def test_a_rejected_body_makes_no_request(api, requests, received):
    for route in ACCOUNTS:
        if route.has_body:
            accepted = requests[route.method, route.path]
            answer = accepted._replace(body={**accepted.body, "unknown": 1}).send(api, route.method)
            assert answer.status == 400
    assert received == []
