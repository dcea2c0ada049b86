"""Roster over HTTP, with a proxy between it and DynamoDB."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx
import pytest

from chalicelib.repository import ProfileRepository, UserRepository
from embedded import aws, processes, stack
from infra import backend, parts, stages
from testbed import logged
from testbed.pool import KeyServer, Pool
from testbed.targets import Connected, rarely_saved
from tests.faults.proxy import Proxy

WITHIN = 7.0
"""Seconds within which every response must arrive, whatever happens."""


@dataclass
class Broken:
    """The API, the proxy in front of its DynamoDB, and direct access to the tables."""

    proxy: Proxy
    pool: Pool
    connection: Connected
    users: UserRepository
    profiles: ProfileRepository
    api: str
    log: Path

    @cached_property
    def http(self):
        """One client for all threads. Requests time out if the response is too late."""
        limits = httpx.Limits(max_connections=100)
        return httpx.Client(base_url=self.api, timeout=WITHIN, trust_env=False, limits=limits)

    def ask(self, method, path, document=..., sub="admin", **headers):
        """Send a request as an administrator or, with ``sub``, as another user."""
        groups = {"cognito:groups": ["apiAdmins"]} if sub == "admin" else {}
        sent = {"Authorization": self.pool.token(sub=sub, **groups), **headers}
        if document is ...:
            return self.http.request(method, path, headers=sent)
        sent["Content-Type"] = "application/json"
        return self.http.request(method, path, headers=sent, content=json.dumps(document))

    def logged_since(self, start):
        """Return what the API has logged after the first ``start`` characters of its log."""
        return self.log.read_text()[start:]


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Start Roster with a proxy. Each module starts its own, because botocore limits its retries (its retry quota)."""
    folder = rarely_saved(tmp_path_factory.mktemp("faults"))
    port, aws_port = processes.free_port(), processes.free_port()
    pool = Pool()
    keys = KeyServer(pool.key.jwk)
    with aws.start(aws_port, folder):
        outputs = backend.deploy(aws.account(aws_port), stages.stage("local"))
        proxy = Proxy(aws_port)
        environ = {
            **aws.environ(aws_port),
            **parts.values(outputs),
            "AWS_ENDPOINT_URL": aws.endpoint(proxy.port),
            "USER_POOL_ID": pool.id,
            "USER_POOL_ARN": pool.arn,
            "APPLICATION_CLIENT_ID": pool.client_id,
            "JWKS_URL": keys.url,
        }
        connection = Connected(aws_port)
        users = UserRepository(connection, outputs["UsersTable"])
        profiles = ProfileRepository(connection, outputs["ProfilesTable"])
        log = folder / "api.log"
        with stack.serve(port, environ, log):
            broken = Broken(proxy, pool, connection, users, profiles, f"http://127.0.0.1:{port}", log)
            assert broken.http  # before there are threads: since Python 3.12, each could create a client of its own
            yield broken
            broken.http.close()
        logged.texts.append(log.read_text())
        proxy.close()
    keys.close()
