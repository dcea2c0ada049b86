"""No operation is retried beyond its time limit."""

import time
from types import SimpleNamespace

import pytest

from chalicelib.errors import Unavailable
from chalicelib.repository import UserRepository
from chalicelib.storage import connections, dynamodb
from tests.faults import proxy


@pytest.fixture
def attempts(monkeypatch):
    """The operations sent to a DynamoDB that never responds. Each attempt takes 0.6 s; none starts after 1.0 s.

    Only attempts make the time pass, so that a slow machine counts for nothing.
    """
    asked = []

    def silent(exchange):
        exchange.read()
        asked.append(exchange.operation)
        exchange.hang()

    server = proxy.Proxy(upstream=0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setattr(dynamodb, "READ_TIMEOUT", 0.5)
    monkeypatch.setattr(connections, "PATIENCE", 1.0)
    clock = SimpleNamespace(monotonic=lambda: 0.6 * len(asked), sleep=time.sleep)
    monkeypatch.setattr(connections, "time", clock)
    with server.breaking(silent):
        yield asked
    server.close()


def test_an_operation_is_not_retried_after_its_time_limit(attempts):
    users = UserRepository(dynamodb.DynamoDB("us-east-1"), "users")
    with pytest.raises(Unavailable, match="in time"):
        users.get("jane")
    assert attempts == ["getitem"] * 2  # at 0 and 0.6 s, but not at 1.2 s


def test_several_operations_can_share_one_time_limit(attempts):
    users = UserRepository(dynamodb.DynamoDB("us-east-1"), "users")
    with connections.one_patience():
        for _ in range(3):
            with pytest.raises(Unavailable, match="in time"):
                users.get("jane")
    assert attempts == ["getitem"] * 2
