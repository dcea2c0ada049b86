"""Routes return 503 or 500, never 4xx, when DynamoDB is unavailable or rejects requests. The cause is not disclosed.

The user pool responds. Some routes ask it first whether the caller is still an administrator, and for the account.
"""

import json

import botocore.exceptions
import pytest

from chalicelib.storage.cognito.directory import Account, Directory
from testbed.routes import STORING
from tests.unit.test_repository import _client_error, _Failing

ATTRIBUTES = {"email": "jane@example.com", "email_verified": "true"}
ROUTES = [
    pytest.param(route.method, route.at("jane"), route.body, id=str(route)) for route in STORING if not route.tokens
]


@pytest.fixture
def user_pool(monkeypatch):
    """The user pool has every account, and only the caller is an administrator."""
    monkeypatch.setattr(Directory, "find", lambda _, userid: Account(userid, "confirmed", True, "", "", ATTRIBUTES))
    monkeypatch.setattr(Directory, "groups_of", lambda _, userid: [] if userid == "jane" else ["apiAdmins"])


@pytest.fixture
def failing(served, user_pool):
    """How to send an administrator's request while every DynamoDB call raises ``failure``."""
    token = served.pool.token(**{"cognito:groups": ["apiAdmins"]})
    headers = {"Authorization": token, "Content-Type": "application/json"}

    def send(failure, method, path, body=b""):
        served.app.database.client = _Failing(failure)
        return served.send(method, path, headers, body)

    return send


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_an_unreachable_database_returns_503_with_retry_after(failing, method, path, body):
    answer = failing(botocore.exceptions.EndpointConnectionError(endpoint_url="https://secret"), method, path, body)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert json.loads(answer.body)["type"] == "urn:roster:problem:unavailable"
    assert b"secret" not in answer.body


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_a_database_that_denies_access_returns_500_without_the_cause(failing, method, path, body):
    answer = failing(_client_error("AccessDeniedException"), method, path, body)
    assert answer.status_code == 500
    assert json.loads(answer.body)["type"] == "urn:roster:problem:internal-error"
    assert b"secret" not in answer.body
    assert b"AccessDenied" not in answer.body


def test_readiness_returns_503_and_names_the_failed_dependencies_without_the_cause(failing):
    answer = failing(_client_error("AccessDeniedException"), "GET", "/health/ready")
    assert answer.status_code == 503
    report = json.loads(answer.body)
    assert report["status"] == "fail"
    assert report["checks"] == {"users_table": "fail", "profiles_table": "fail", "signing_keys": "ok"}
    assert b"AccessDenied" not in answer.body


def test_health_still_returns_200(failing):
    assert failing(_client_error("AccessDeniedException"), "GET", "/health").status_code == 200
