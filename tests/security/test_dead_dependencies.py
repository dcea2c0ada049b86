"""What each route answers when DynamoDB can't be had or refuses us: never a 4xx, never a word of why."""

import json

import botocore.exceptions
import pytest

from testbed.routes import STORING
from tests.unit.test_repository import _client_error, _Failing

ROUTES = [(route.method, route.at("jane")) for route in STORING]


@pytest.fixture
def failing(served):
    """How to send an administrator's request while every DynamoDB call raises ``failure``."""
    token = served.pool.token(**{"cognito:groups": ["apiAdmins"]})
    headers = {"Authorization": token, "Content-Type": "application/json"}

    def send(failure, method, path):
        served.app.database.client = _Failing(failure)
        return served.send(method, path, headers, b"{}")

    return send


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_database_out_of_reach_is_503_and_says_when_to_try_again(failing, method, path):
    answer = failing(botocore.exceptions.EndpointConnectionError(endpoint_url="https://secret"), method, path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert json.loads(answer.body)["type"] == "urn:roster:problem:unavailable"
    assert b"secret" not in answer.body


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_database_that_refuses_us_is_500_and_says_nothing(failing, method, path):
    answer = failing(_client_error("AccessDeniedException"), method, path)
    assert answer.status_code == 500
    assert json.loads(answer.body)["type"] == "urn:roster:problem:internal-error"
    assert b"secret" not in answer.body
    assert b"AccessDenied" not in answer.body


def test_readiness_is_503_and_names_what_fails_but_not_why(failing):
    answer = failing(_client_error("AccessDeniedException"), "GET", "/health/ready")
    assert answer.status_code == 503
    report = json.loads(answer.body)
    assert report["status"] == "fail"
    assert report["checks"] == {"users_table": "fail", "profiles_table": "fail", "signing_keys": "ok"}
    assert b"AccessDenied" not in answer.body


def test_health_is_200_all_the_same(failing):
    assert failing(_client_error("AccessDeniedException"), "GET", "/health").status_code == 200
