"""Each administration route's requests to Cognito and DynamoDB, and bodies that it does not accept."""

import pytest

from testbed.routes import ROUTES, Who
from testbed.targets import new_email
from tests.api.test_bad_input import BODIES, OTHER_TYPE, TOO_LARGE, assert_rejected
from tests.api.test_dynamodb_requests import recorded
from tests.api.test_pool_requests import received as received_by_the_pool

pytestmark = pytest.mark.parametrize("api", ["inprocess"], indirect=True)

received = received_by_the_pool  # a fixture
ADMINISTRATION = [route for route in ROUTES if route.who is Who.ADMINS and route.capability == "accounts"]
WITH_BODY = [route for route in ADMINISTRATION if route.has_body]


@pytest.fixture(scope="module")
def groups(api):
    """A group of the name that the paths have."""
    api.cognito.create_group(UserPoolId=api.user_pool_id, GroupName="readers")
    yield
    api.cognito.delete_group(UserPoolId=api.user_pool_id, GroupName="readers")


def send(api, admin, route, userid, **members):
    """Send a request that the route accepts, to an account."""
    path = route.path.replace("{userid}", userid).replace("{group}", "readers")
    body = {**route.accepted, **members} if route.has_body else ...
    if "email" in route.accepted:
        body["email"] = new_email()
    return api.request(route.method, path, token=admin.token, json=body)


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("route", ADMINISTRATION, ids=str)
def test_a_route_makes_exactly_the_requests_that_the_table_of_routes_lists(api, admin, person, received, route):
    assert api.get("/groups", token=admin.token).status == 200  # so that the caller is noted
    received.clear()
    with recorded(api) as requests:
        assert 200 <= send(api, admin, route, person.sub).status < 300
    assert received == list(route.pool_calls)
    assert requests == list(route.calls)


def test_a_rejected_body_makes_no_request(api, admin, person, received):
    received.clear()
    for route in WITH_BODY:
        assert send(api, admin, route, person.sub, unknown=1).status == 400
    assert received == []


@pytest.mark.parametrize("case", BODIES)
def test_an_invalid_body_is_rejected(api, admin, person, case):
    body, problem, pointer = BODIES[case]
    if len(body) > 32 * 1024:
        problem, pointer = TOO_LARGE, None
    headers = {"Content-Type": "application/json"}
    for route in WITH_BODY:
        answer = api.request(route.method, route.at(person.sub), token=admin.token, body=body, headers=headers)
        assert_rejected(answer, problem, pointer)


def test_only_json_is_accepted(api, admin, person):
    for route in WITH_BODY:
        headers = {"Content-Type": "text/plain"}
        answer = api.request(route.method, route.at(person.sub), token=admin.token, body=b"{}", headers=headers)
        assert_rejected(answer, OTHER_TYPE)
