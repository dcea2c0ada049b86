"""Roster in this process: a new import of the app, with tables in moto."""

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

from embedded import aws
from infra import parts
from testbed import backend_template


class InProcess:
    """The module ``app`` and Chalice's test client for it. ``tables`` and ``buckets`` have the names by logical id.

    ``queue`` is the address of the queue of uploads.
    """

    def __init__(
        self, app: Any, client: Any, tables: Mapping[str, str], buckets: Mapping[str, str], queue: str
    ) -> None:
        self.app = app
        self.client = client
        self.tables = tables
        self.buckets = buckets
        self.queue = queue

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Any:
        """Send a request and return the response."""
        lower = {name.lower(): value for name, value in headers.items()}
        return self.client.http.request(method, path, headers=lower, body=body)

    def status(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> int:
        """Send a request and return the status of the response."""
        status: int = self.send(method, path, headers, body).status_code
        return status


@contextmanager
def on_moto() -> Iterator[None]:
    """Make this process use moto instead of AWS. Items are measured as DynamoDB measures them.

    The credentials are those of the embedded AWS, for the user pool. moto accepts any.
    """
    before = os.environ.copy()
    os.environ |= aws.CREDENTIALS
    try:
        with (
            mock_aws(config={"core": {"mock_credentials": False, "reset_boto3_session": True}}),
            _measured_without_replaced_values(),
        ):
            yield
    finally:
        os.environ.clear()
        os.environ |= before


@contextmanager
def in_process(environ: Mapping[str, str]) -> Iterator[InProcess]:
    """Yield Roster with these settings and new tables. Use it inside ``on_moto``."""
    from chalice.test import Client

    prefix = f"inprocess-{uuid.uuid4().hex[:12]}"
    tables = backend_template.create_tables(boto3.client("dynamodb"), prefix)
    buckets = backend_template.create_buckets(boto3.client("s3"), prefix)
    queue = backend_template.create_queue(boto3.client("sqs"), boto3.client("s3"), prefix, buckets["MediaBucket"])
    own = parts.values({**tables, **buckets})
    settings = {**parts.examples(), **environ, **own, "AWS_CHALICE_CLI_MODE": "true"}
    with imported_app(settings) as app, Client(app.app) as client:
        yield InProcess(app, client, tables, buckets, queue)


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
        finally:  # the app has read them; processes that other tests start must not inherit them
            os.environ.clear()
            os.environ |= before
        yield app
    finally:
        sys.modules.pop("app", None)
        for name, original in originals.items():
            setattr(chalice.local, name, original)


@contextmanager
def _measured_without_replaced_values() -> Iterator[None]:
    """Make moto drop a value that an update replaces before it measures the item against DynamoDB's 400 KB."""
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
