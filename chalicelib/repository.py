"""Where records are kept: DynamoDB, through boto3's client. Nothing else knows boto3.

Both tables hold a record as a key, ``document`` (a map), ``timestamp`` and ``revision``. The client's own members live
inside ``document``, so that no name they choose can collide with ours. Reads are strongly consistent: who has written
sees it. Every write is one conditional ``PutItem`` or a ``DeleteItem``, so that nothing is ever half-written.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib import attribute_values
from chalicelib.errors import Conflict, Misconfigured, NotFound, RosterError, TooLarge, Unavailable
from chalicelib.records import Record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue

    Key = dict[str, AttributeValue]

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 2.0
ATTEMPTS = 3
UPDATE_PATIENCE = 4.0
"""Seconds for which ``update`` tries again after lost races: well within the Lambda function's own time."""

TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ReplicatedWriteConflictException",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""DynamoDB's error codes that may pass ("Error handling with DynamoDB" in the developer guide)."""


class DynamoDB:
    """A connection, made when first used: what never reads or writes never pays for importing boto3."""

    def __init__(self, region: str) -> None:
        self._region = region

    @cached_property
    def client(self) -> "DynamoDBClient":
        """boto3's client; safe to share between threads."""
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        with _failures_named("connect"):
            return boto3.session.Session().client("dynamodb", region_name=self._region, config=config)


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and the userid to go on after, if there may be more."""

    records: list[Record]
    last: str | None


class _Table:
    """Records of one kind in one table."""

    def __init__(self, connection: DynamoDB, name: str) -> None:
        self._connection = connection
        self._name = name

    def _key(self, userid: str) -> "Key":
        raise NotImplementedError

    def get(self, userid: str) -> Record | None:
        """See ``records.Records``."""
        with _failures_named("GetItem"):
            answer = self._connection.client.get_item(TableName=self._name, Key=self._key(userid), ConsistentRead=True)
        return _record(answer["Item"]) if "Item" in answer else None

    def put(self, record: Record, replacing: Record | None = None) -> None:
        """See ``records.Records``."""
        condition: dict[str, Any] = {}
        if replacing is not None:
            condition = {
                "ConditionExpression": "revision = :revision",
                "ExpressionAttributeValues": {":revision": {"S": replacing.revision}},
            }
        item = {
            **self._key(record.userid),
            "userid": attribute_values.from_json(record.userid),
            "document": attribute_values.from_json(record.document),
            "timestamp": attribute_values.from_json(record.timestamp),
            "revision": attribute_values.from_json(record.revision),
        }
        with _failures_named("PutItem"):
            self._connection.client.put_item(TableName=self._name, Item=item, **condition)

    def delete(self, userid: str) -> None:
        """See ``records.Records``."""
        with _failures_named("DeleteItem"):
            self._connection.client.delete_item(TableName=self._name, Key=self._key(userid))

    def update(self, userid: str, change: Callable[[Record], Record]) -> Record:
        """See ``records.Records``. Two requests, and two more for each race lost."""
        deadline = time.monotonic() + UPDATE_PATIENCE
        pause = 0.005
        while True:
            before = self.get(userid)
            if before is None:
                raise NotFound("Nothing is stored under this name.")
            after = change(before)
            try:
                self.put(after, replacing=before)
            except Conflict:
                if time.monotonic() > deadline:
                    raise Unavailable("Too many others are writing this record just now.") from None
                # Full jitter, so that racers part: "Exponential backoff and jitter" in the AWS Architecture Blog.
                time.sleep(random.uniform(0, pause))  # noqa: S311
                pause = min(pause * 2, 0.2)
            else:
                return after

    def ping(self) -> None:
        """Raise unless the table can be read. Asks for a name that no record can have."""
        self.get("#ping")


class UserRepository(_Table):
    """Users: partition key ``userid``."""

    def _key(self, userid: str) -> "Key":
        return {"userid": {"S": userid}}

    def page(self, limit: int, after: str | None = None) -> Page:
        """At most ``limit`` users, going on after the userid ``after``, in DynamoDB's own (hashed) order.

        One request that reads ``limit`` items or 1 MB at the most, however many users there are.
        """
        start: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": self._key(after)}
        with _failures_named("Scan"):
            answer = self._connection.client.scan(TableName=self._name, Limit=limit, ConsistentRead=True, **start)
        last = answer.get("LastEvaluatedKey")
        return Page([_record(item) for item in answer["Items"]], last["userid"]["S"] if last else None)


class ProfileRepository(_Table):
    """Profiles: ``pk`` is ``USER#<sub>`` and ``sk`` is ``PROFILE#<sub>``, so that each user has a partition of their
    own; the index ``sk-pk-index`` turns the two around."""

    def _key(self, userid: str) -> "Key":
        return {"pk": {"S": f"USER#{userid}"}, "sk": {"S": f"PROFILE#{userid}"}}


def _record(item: Mapping[str, "AttributeValue"]) -> Record:
    return Record(
        userid=item["userid"]["S"],
        document=attribute_values.object_to_json(item["document"]),
        timestamp=item["timestamp"]["S"],
        revision=item["revision"]["S"],
    )


@contextmanager
def _failures_named(operation: str) -> Iterator[None]:
    """Botocore's failures as the domain's errors.

    None of botocore's own texts gets any further: they can quote keys, names and addresses.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _meaning(error, operation) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.NoRegionError) as error:
        raise Misconfigured(f"DynamoDB {operation}: {type(error).__name__}") from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.CredentialRetrievalError) as error:
        raise Unavailable(f"The database can't be reached now ({type(error).__name__}).") from None


def _meaning(error: Any, operation: str) -> RosterError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ConditionalCheckFailedException":
        return Conflict("The record was changed by somebody else in the meantime.")
    if code == "ValidationException" and "size has exceeded" in error.response["Error"].get("Message", ""):
        return TooLarge("The document is too large: DynamoDB stores at most 400 KB an item, names and types included.")
    if code in TRANSIENT or status >= 500:
        return Unavailable("The database is overloaded or unwell just now.")
    return Misconfigured(f"DynamoDB {operation}: {code or status}")
