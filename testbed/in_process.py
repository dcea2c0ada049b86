"""Roster in this process: the app imported anew, its tables moto's."""

import importlib
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import LimitedSizeDict

from infra import parts
from testbed import backend_template


class InProcess:
    """The module ``app`` and Chalice's test client for it. ``tables`` are the tables' names by logical id."""

    def __init__(self, app: Any, client: Any, tables: Mapping[str, str]) -> None:
        self.app = app
        self.client = client
        self.tables = tables

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Any:
        """Return the response to one request."""
        lower = {name.lower(): value for name, value in headers.items()}
        return self.client.http.request(method, path, headers=lower, body=body)

    def status(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> int:
        """Return the status of the response to one request."""
        status: int = self.send(method, path, headers, body).status_code
        return status


@contextmanager
def on_moto() -> Iterator[None]:
    """Let this process use moto instead of AWS, with DynamoDB's way of measuring an item."""
    with mock_aws(), _replaced_values_counted_once():
        yield


@contextmanager
def in_process(environ: Mapping[str, str]) -> Iterator[InProcess]:
    """Yield Roster with these settings and new tables. To be used ``on_moto``."""
    from chalice.test import Client

    tables = backend_template.create_tables(boto3.client("dynamodb"), f"inprocess-{uuid.uuid4().hex}")
    settings = {**parts.examples(), **parts.values(tables), **environ, "AWS_CHALICE_CLI_MODE": "true"}
    with imported_app(settings) as app, Client(app.app) as client:
        yield InProcess(app, client, tables)


@contextmanager
def imported_app(environ: Mapping[str, str]) -> Iterator[Any]:
    """Yield the module ``app``, imported anew with these environment variables."""
    import chalice.local

    before = os.environ.copy()
    replaced = ("LocalGatewayAuthorizer", "RouteMatcher", "LambdaEventConverter")
    originals = {name: getattr(chalice.local, name) for name in replaced}
    sys.modules.pop("app", None)
    try:
        os.environ |= environ
        try:
            app = importlib.import_module("app")
        finally:  # the app has read them; processes that other tests start must not
            os.environ.clear()
            os.environ |= before
        yield app
    finally:
        sys.modules.pop("app", None)
        for name, original in originals.items():
            setattr(chalice.local, name, original)


@contextmanager
def _replaced_values_counted_once() -> Iterator[None]:
    """Moto counts a value that an update replaces as well as the new one, against DynamoDB's 400 KB."""
    original = LimitedSizeDict.__setitem__

    def set_item(self: Any, name: str, value: Any) -> None:
        replaced = {name: self.pop(name)} if name in self else {}
        try:
            original(self, name, value)
        except ItemSizeTooLarge:
            dict.update(self, replaced)
            raise

    LimitedSizeDict.__setitem__ = set_item  # type: ignore[method-assign]
    try:
        yield
    finally:
        LimitedSizeDict.__setitem__ = original  # type: ignore[method-assign]
