"""Each route's requests to the user pool and the identity pool, recorded as they are sent."""

import pytest

from chalicelib.storage import connections
from testbed.routes import ROUTES, Who
from tests.api.accounts import accepted_requests

pytestmark = pytest.mark.parametrize("api", ["inprocess"], indirect=True)


@pytest.fixture
def received(monkeypatch):
    """The operations of the pools that Roster calls during the test."""
    operations = []
    named = connections.failures_named

    def note(service, operation):
        if service.id.startswith("cognito-") and operation != "connect":
            operations.append(operation)
        return named(service, operation)

    monkeypatch.setattr(connections, "failures_named", note)
    return operations


ACCOUNTS = [
    route
    for route in ROUTES
    if (route.capability == "accounts" or route.who is Who.OWN_ACCOUNT) and route.who is not Who.ADMINS
]


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
