"""Roster with a user pool whose keys the tests own, in process and over ``chalice local``."""

from contextlib import contextmanager
from uuid import uuid4

import boto3
import httpx
import pytest
from chalice.test import Client
from moto import mock_aws

from embedded import aws, processes, stack
from infra import backend, parts, stages
from testbed import backend_template, logged
from testbed.pool import KeyServer, Pool
from testbed.targets import imported_app


class Guarded:
    """An API that trusts the user pool ``pool``. ``keys`` is the pool's key server."""

    def __init__(self, pool, keys, send):
        self.pool = pool
        self.keys = keys
        self._send = send

    def status(self, path, authorization, method="GET"):
        """Return the status of a request with this ``Authorization`` header, or without one if it is ``None``."""
        return self._send(method, path, {} if authorization is None else {"Authorization": authorization})


def _settings(pool, keys):
    return {
        "USER_POOL_ID": pool.id,
        "USER_POOL_ARN": pool.arn,
        "APPLICATION_CLIENT_ID": pool.client_id,
        "JWKS_URL": keys.url,
    }


@contextmanager
def in_process(pool, keys, _):
    with mock_aws():
        tables = backend_template.create_tables(boto3.client("dynamodb"), f"security-{uuid4().hex}")
        environ = {
            **_settings(pool, keys),
            "USERS_TABLE": tables["UsersTable"],
            "PROFILES_TABLE": tables["ProfilesTable"],
            "AWS_CHALICE_CLI_MODE": "true",
        }
        with imported_app(environ) as app, Client(app.app) as client:

            def send(method, path, headers, body=b""):
                headers = {name.lower(): value for name, value in headers.items()}
                return client.http.request(method, path, headers=headers, body=body).status_code

            yield send


@contextmanager
def local(pool, keys, folder):
    port, aws_port = processes.free_port(), processes.free_port()
    with aws.start(aws_port, folder):
        outputs = backend.deploy(aws.account(aws_port), stages.stage("local"))
        environ = {**aws.environ(aws_port), **parts.values(outputs), **_settings(pool, keys)}
        with (
            stack.serve(port, environ, folder / "api.log"),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client,
        ):

            def send(method, path, headers):
                # Bytes, because an attacker is not limited to ASCII.
                headers = {name: value.encode("latin-1") for name, value in headers.items()}
                return client.request(method, path, headers=headers).status_code

            yield send
        logged.texts.append((folder / "api.log").read_text())


@pytest.fixture(scope="session", params=[in_process, local], ids=["inprocess", "local"])
def guarded(request, tmp_path_factory):
    """Roster, guarded by its authorizers."""
    pool = Pool()
    keys = KeyServer(pool.key.jwk)
    with request.param(pool, keys, tmp_path_factory.mktemp("security")) as send:
        yield Guarded(pool, keys, send)
    keys.close()
