"""Routes return 503 or 500, never 4xx, when DynamoDB is unavailable or rejects requests. The cause is not disclosed."""

import json

import botocore.exceptions
import pytest
from chalice.test import Client

from infra import parts
from testbed.pool import KeyServer, Pool
from testbed.routes import STORING
from testbed.targets import imported_app
from tests.unit.test_repository import _client_error, _Failing

ROUTES = [(route.method, route.path.format(userid="jane")) for route in STORING]


@pytest.fixture(scope="module")
def served():
    pool = Pool()
    keys = KeyServer(pool.key.jwk)
    settings = {"USER_POOL_ID": pool.id, "USER_POOL_ARN": pool.arn, "APPLICATION_CLIENT_ID": pool.client_id}
    environ = {**parts.examples(), **settings, "JWKS_URL": keys.url, "AWS_CHALICE_CLI_MODE": "true"}
    with imported_app(environ) as app, Client(app.app) as client:
        headers = {
            "authorization": pool.token(**{"cognito:groups": ["apiAdmins"]}),
            "content-type": "application/json",
        }

        def send(failure, method, path):
            app.database.client = _Failing(failure)
            return client.http.request(method, path, headers=headers, body=b"{}")

        yield send
    keys.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_unreachable_database_returns_503_with_retry_after(served, method, path):
    answer = served(botocore.exceptions.EndpointConnectionError(endpoint_url="https://secret"), method, path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert json.loads(answer.body)["type"] == "urn:roster:problem:unavailable"
    assert b"secret" not in answer.body


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_database_that_denies_access_returns_500_without_the_cause(served, method, path):
    answer = served(_client_error("AccessDeniedException"), method, path)
    assert answer.status_code == 500
    assert json.loads(answer.body)["type"] == "urn:roster:problem:internal-error"
    assert b"secret" not in answer.body
    assert b"AccessDenied" not in answer.body


def test_readiness_returns_503_and_names_the_failed_dependencies_without_the_cause(served):
    answer = served(_client_error("AccessDeniedException"), "GET", "/health/ready")
    assert answer.status_code == 503
    report = json.loads(answer.body)
    assert report["status"] == "fail"
    assert report["checks"] == {"users_table": "fail", "profiles_table": "fail", "signing_keys": "ok"}
    assert b"AccessDenied" not in answer.body


def test_health_still_returns_200(served):
    assert served(_client_error("AccessDeniedException"), "GET", "/health").status_code == 200
