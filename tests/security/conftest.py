"""Roster with a user pool whose keys the tests own, in process and over ``chalice local``."""

import logging
from contextlib import contextmanager

import httpx
import pytest

from chalicelib.web.logs import TerminalFormatter
from embedded import aws, processes, stack
from infra import backend, parts, stages
from testbed import logged
from testbed.in_process import InProcess, in_process, on_moto
from testbed.pool import KeyServer, Pool


class Guarded:
    """An API that trusts the user pool ``pool``. ``keys`` is the pool's key server."""

    def __init__(self, pool, keys, send):
        self.pool = pool
        self.keys = keys
        self._send = send

    def status(self, path, authorization, method="GET"):
        """Return the status of a request with this ``Authorization`` header, or without one if it is ``None``."""
        return self._send(method, path, {} if authorization is None else {"Authorization": authorization})


@contextmanager
def in_process_status(pool, keys, _):
    with on_moto(), in_process(pool.settings(keys)) as roster:
        yield roster.status


@contextmanager
def local(pool, keys, folder):
    port, aws_port = processes.free_port(), processes.free_port()
    with aws.start(aws_port, folder):
        outputs = backend.deploy(aws.account(aws_port), stages.stage("local"))
        environ = {**aws.environ(aws_port), **parts.values(outputs), **pool.settings(keys)}
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


@pytest.fixture(scope="session", params=[in_process_status, local], ids=["inprocess", "local"])
def guarded(request, tmp_path_factory):
    """Roster, guarded by its authorizers."""
    pool = Pool()
    keys = KeyServer(pool.key.jwk)
    with request.param(pool, keys, tmp_path_factory.mktemp("security")) as send:
        yield Guarded(pool, keys, send)
    keys.close()


class Served(InProcess):
    """Roster in process. It trusts the user pool ``pool``, whose key server is ``keys``."""

    def __init__(self, roster, pool, keys):
        super().__init__(roster.app, roster.client, roster.tables, roster.buckets, roster.queue)
        self.pool = pool
        self.keys = keys


@pytest.fixture(scope="module")
def served():
    """Roster in process, with a user pool whose keys the tests own."""
    pool = Pool()
    keys = KeyServer(pool.key.jwk)
    nobody = {"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "http://127.0.0.1:1"}
    with on_moto(), in_process({**pool.settings(keys), **nobody}) as roster:
        yield Served(roster, pool, keys)
    keys.close()


@pytest.fixture(name="logged")
def logged_lines(monkeypatch):
    """The lines that Roster logs during the test."""
    lines = []
    handler = logging.Handler()
    handler.setFormatter(TerminalFormatter())
    monkeypatch.setattr(handler, "emit", lambda record: lines.append(handler.format(record)))
    logger = logging.getLogger("roster")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)
