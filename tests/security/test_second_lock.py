"""The handlers reject callers that API Gateway should not have let through."""

import json

import pytest

from infra import parts
from testbed.events import proxy_event
from testbed.in_process import imported_app
from testbed.pool import b64
from testbed.routes import GUARDED, PATHS, methods_of

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"]
CLAIMS = {"sub": "jane", "token_use": "id", "aud": parts.examples()["APPLICATION_CLIENT_ID"]}


@pytest.fixture(scope="module")
def app():
    with imported_app(parts.examples()) as module:
        yield module.app


@pytest.fixture(scope="module")
def answer(app):
    """A function that sends a GET with an authorizer's context to the Lambda function and returns the status."""

    def call(resource, authorizer):
        answer = app(proxy_event("GET", resource, authorizer=authorizer), None)
        assert answer["statusCode"] == 200 or json.loads(answer["body"])["type"] == "urn:roster:problem:forbidden"
        return answer["statusCode"]

    return call


def test_requests_through_an_any_method_are_rejected_where_a_token_is_needed(app):
    """API Gateway's ``ANY`` methods have no authorizer. During a deploy, they may receive a supported method."""
    needs_token = {(route.method, route.path): route.content_type for route in GUARDED}
    for path in PATHS:
        for method in METHODS:
            content_type = needs_token.get((method, path), "application/json")
            answer = app(proxy_event(method, path, body="{}", authorizer={}, content_type=content_type), None)
            if method not in methods_of(path):
                assert answer["statusCode"] == 405
                assert answer["headers"]["Allow"] == ", ".join(methods_of(path))
            elif (method, path) in needs_token:
                assert answer["statusCode"] == 403, f"{method} {path}"


def test_an_id_token_of_the_app_client_is_accepted(answer):
    assert answer("/", {"claims": CLAIMS}) == 200


@pytest.mark.parametrize(
    "change",
    [{"token_use": "access"}, {"token_use": None}, {"aud": "another-client"}, {"aud": None}],
    ids=str,
)
def test_an_access_token_or_a_token_of_another_client_is_rejected(answer, change):
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    assert answer("/", {"claims": claims}) == 403


@pytest.mark.parametrize(
    "authorizer", [{}, {"principalId": "john"}, {"principalId": "john", "admin": "false"}], ids=str
)
def test_another_user_or_an_unauthenticated_caller_cannot_read_a_user(answer, authorizer):
    assert answer("/users/{userid}", authorizer) == 403
    assert answer("/users", authorizer) == 403


def test_a_token_that_the_authorizer_has_not_seen_is_rejected(app):
    """A request may have two: API Gateway may pass one to the authorizer and the other to the function."""
    claims = {"sub": "john", "scope": "aws.cognito.signin.user.admin"}
    event = proxy_event("GET", "/account", authorizer={"principalId": "jane", "token_use": "access"})
    event["multiValueHeaders"]["Authorization"] = [f"header.{b64(claims)}.signature"]
    event["headers"]["Authorization"] = event["multiValueHeaders"]["Authorization"][0]
    assert app(event, None)["statusCode"] == 401
