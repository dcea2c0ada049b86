"""The functions have the permissions that they need and no others. Only the deployed stage enforces IAM."""

import json

import pytest

from testbed.routes import STORING
from testbed.targets import PASSWORD
from tests.api.accounts import NEW, confirm, confirmed, sign_in, signed_up, with_code

pytestmark = pytest.mark.parametrize("api", ["deployed"], indirect=True)

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
"""Lambda itself needs these, not the functions' code. The emulator works without them."""


@pytest.fixture
def iam(api):
    return api.client("iam")


def policies(api, function):
    """Return the name of the function's role and its inline policies by name. Assert that it has no others."""
    stack = {"StackName": "roster-api-local", "LogicalResourceId": function}
    resource = api.client("cloudformation").describe_stack_resource(**stack)["StackResourceDetail"]
    name = resource["PhysicalResourceId"]
    role = api.client("lambda").get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    iam = api.client("iam")
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return role, {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}


def grants(document):
    """Return every action of every statement, with the index of the statement."""
    return [
        (number, action)
        for number, statement in enumerate(document["Statement"])
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]


def without(document, number, action):
    """Return the policy without one action."""
    smaller = json.loads(json.dumps(document))
    actions = smaller["Statement"][number]["Action"]
    if actions == [action]:
        del smaller["Statement"][number]
    else:
        actions.remove(action)
    return smaller


def works(api, admin, person):
    """Return whether every route that needs a permission succeeds."""
    return uses_the_tables(api, admin, person) and resets_passwords(api)


def uses_the_tables(api, admin, person):
    """Return whether every route that uses the tables succeeds. Stop at the first that does not."""
    order = ("PUT", "POST", "GET", "PATCH", "DELETE")
    for route in sorted(STORING, key=lambda route: order.index(route.method)):
        caller = admin if route.who.has_jwt_authorizer else person
        body = dict(route.accepted) if route.has_body else ...
        path = route.at(person.sub)
        if api.request(route.method, path, token=caller.token, json=body).status != 200:
            return False
    return True


def resets_passwords(api):
    """Return whether a reset ends the sessions, and whether confirming a pre-registered address leads to one."""
    email, taken = confirmed(api), signed_up(api, password="Attackers-horse-1")
    api.post("/accounts/password-reset", json={"email": email})
    reset = api.put("/accounts/password-reset", json={**with_code(api, email), "password": NEW})
    confirmation = confirm(api, taken)
    assert reset.status in (204, 500)
    assert confirmation.status in (409, 500)
    return (reset.status, confirmation.status) == (204, 409)


def test_the_api_function_has_every_permission_that_it_needs_and_no_other(api, admin, person, iam, monkeypatch):
    monkeypatch.setattr(api, "_check", lambda answer: None)  # without a permission, the API returns 500
    role, all_policies = policies(api, "APIHandler")
    ((name, document),) = all_policies.items()
    assert "*" not in {character for _, action in grants(document) for character in action}
    assert works(api, admin, person)
    spare = set()
    for number, action in grants(document):
        iam.put_role_policy(
            RoleName=role, PolicyName=name, PolicyDocument=json.dumps(without(document, number, action))
        )
        if works(api, admin, person):
            spare.add(action)
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    assert spare == LOGS
    assert works(api, admin, person)


CALLS = {"cognito-idp:AdminResetUserPassword": (204, 500), "cognito-idp:AdminUserGlobalSignOut": (500, 500)}
"""The responses to a password reset and to the confirmation of a pre-registered address, without a permission."""


@pytest.mark.parametrize("missing", CALLS)
def test_signing_up_and_in_needs_none_of_the_permissions_for_the_pool(api, iam, monkeypatch, missing):
    monkeypatch.setattr(api, "_check", lambda answer: None)
    role, all_policies = policies(api, "APIHandler")
    ((name, document),) = all_policies.items()
    number = next(number for number, action in grants(document) if action == missing)
    smaller = json.dumps(without(document, number, missing))
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=smaller)
    try:
        email, taken = confirmed(api), signed_up(api, password="Attackers-horse-1")
        token = {"refresh_token": sign_in(api, email).json["refresh_token"]}
        assert api.post("/sessions/refresh", json=token).status == 200
        assert api.post("/sessions/revocation", json=token).status == 204
        assert api.post("/accounts/password-reset", json={"email": email}).status == 202
        reset = api.put("/accounts/password-reset", json={**with_code(api, email), "password": PASSWORD})
        assert (reset.status, confirm(api, taken).status) == CALLS[missing]
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def test_the_authorizer_may_only_write_its_logs(api):
    _, all_policies = policies(api, "JwtAuthorizer")
    (document,) = all_policies.values()
    assert {action for _, action in grants(document)} == LOGS
    (statement,) = document["Statement"]
    assert statement["Resource"].endswith(":log-group:/aws/lambda/roster-local-jwt-authorizer:*")
