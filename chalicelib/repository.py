"""Where records are kept: DynamoDB, through botocore's client. Nothing else knows botocore.

Botocore, not boto3 on top of it: the client is the same, and a cold start is a tenth shorter (docs/performance.md).

Both tables hold a record as a key, ``document`` (a map), ``timestamp`` and ``revision``; a record that was made under
an Idempotency-Key has an ``origin`` too. The client's own members live
inside ``document``, so that no name they choose can collide with ours. Reads are strongly consistent: who has written
sees it. Every write is one ``UpdateItem`` or ``DeleteItem``, conditional where it has to be, so that nothing is ever
half-written and DynamoDB decides every race.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from chalicelib import attribute_values
from chalicelib.errors import Conflict, KeyReused, Misconfigured, NotFound, RosterError, TooLarge, Unavailable
from chalicelib.records import ABSENT, Precondition, Record, still

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue

    from chalicelib.strict_json import JsonObject

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


CHANGED = "What is stored is not what the precondition asks for."


class _Refused(Conflict):
    """A conditional write that DynamoDB refused; ``item`` is what is there, if anything is and it was asked for."""

    def __init__(self, item: "Mapping[str, AttributeValue] | None") -> None:
        super().__init__(CHANGED)
        self.item = item


class DynamoDB:
    """A connection, made when first used: what never reads or writes never pays for importing botocore."""

    def __init__(self, region: str) -> None:
        self._region = region

    @cached_property
    def client(self) -> "DynamoDBClient":
        """Botocore's client, which is all that boto3's would be; safe to share between threads."""
        from botocore.config import Config
        from botocore.session import Session

        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        with _failures_named("connect"):
            client: Any = Session().create_client("dynamodb", region_name=self._region, config=config)
            return cast("DynamoDBClient", client)


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

    def put(self, record: Record, only_if: Precondition | None = None) -> None:
        """See ``records.Records``."""
        self._write(record, _condition(only_if))

    def create(self, record: Record, origin: str) -> Record:
        """See ``records.Records``. One request: DynamoDB tells what is there when it refuses."""
        try:
            self._write(record, _condition(ABSENT), origin)
        except _Refused as refused:
            if not refused.item or refused.item.get("origin") != {"S": origin}:
                raise KeyReused("This Idempotency-Key was sent before, with another body.") from None
            return _record(refused.item)
        return record

    def delete(self, userid: str, only_if: Precondition | None = None) -> None:
        """See ``records.Records``."""
        with _failures_named("DeleteItem"):
            self._connection.client.delete_item(TableName=self._name, Key=self._key(userid), **_condition(only_if))

    def update(self, userid: str, change: Callable[[Record], Record], only_if: Precondition | None = None) -> Record:
        """See ``records.Records``. Two requests, and two more for each race lost."""
        deadline = time.monotonic() + UPDATE_PATIENCE
        pause = 0.005
        while True:
            before = self.get(userid)
            if only_if is not None and not only_if.holds(before):
                raise Conflict(CHANGED)
            if before is None:
                raise NotFound("Nothing is stored under this name.")
            after = change(before)
            try:
                self.put(after, only_if=still(before))
            except Conflict:
                if time.monotonic() > deadline:
                    raise Unavailable("Too many others are writing this record just now.") from None
                # Full jitter, so that racers part: "Exponential backoff and jitter" in the AWS Architecture Blog.
                time.sleep(random.uniform(0, pause))  # noqa: S311
                pause = min(pause * 2, 0.2)
            else:
                return after

    def _write(self, record: Record, condition: dict[str, Any], origin: str | None = None) -> None:
        """An ``UpdateItem`` that sets everything: a ``PutItem`` would drop the ``origin`` of an earlier ``create``."""
        key = self._key(record.userid)
        members: JsonObject = {
            "userid": record.userid,
            "document": record.document,
            "timestamp": record.timestamp,
            "revision": record.revision,
        }
        if origin is not None:
            members["origin"] = origin
        names = [name for name in members if name not in key]
        values = {f":{name}": attribute_values.from_json(members[name]) for name in names}
        request: dict[str, Any] = {
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in names),
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
            **condition,
            "ExpressionAttributeValues": {**values, **condition.get("ExpressionAttributeValues", {})},
        }
        if condition:
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            with _failures_named("UpdateItem"):
                self._connection.client.update_item(TableName=self._name, Key=key, **request)
        except _Refused as refused:
            # boto3 sends again when an answer is lost. Then what is in the way may be what we have just written.
            if not refused.item or refused.item["revision"] != values[":revision"]:
                raise

    def ping(self) -> None:
        """Raise unless the table can be read. Asks for a name that no record can have."""
        self.get("#ping")


def _condition(only_if: Precondition | None) -> dict[str, Any]:
    """The members of a request that make DynamoDB hold to ``only_if``."""
    if only_if is None:
        return {}
    if not only_if.exists:
        return {"ConditionExpression": "attribute_not_exists(revision)"}
    if only_if.revisions is None:
        return {"ConditionExpression": "attribute_exists(revision)"}
    if not only_if.revisions:
        raise Conflict(CHANGED)
    values = {f":was{n}": {"S": revision} for n, revision in enumerate(only_if.revisions)}
    return {"ConditionExpression": f"revision IN ({', '.join(values)})", "ExpressionAttributeValues": values}


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
        return _Refused(error.response.get("Item"))
    if code == "ValidationException" and "size has exceeded" in error.response["Error"].get("Message", ""):
        return TooLarge("The document is too large: DynamoDB stores at most 400 KB an item, names and types included.")
    if code in TRANSIENT or status >= 500:
        return Unavailable("The database is overloaded or unwell just now.")
    return Misconfigured(f"DynamoDB {operation}: {code or status}")
