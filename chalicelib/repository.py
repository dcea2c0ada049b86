"""Where records are kept: DynamoDB.

Both tables hold a record as a key, ``document`` (a map), ``timestamp`` and ``revision``; a record that was made under
an Idempotency-Key has an ``origin`` too. The client's own members live
inside ``document``, so that no name they choose can collide with ours. Reads are strongly consistent: who has written
sees it. Every write is one ``UpdateItem`` or ``DeleteItem``, conditional where it has to be, so that nothing is ever
half-written and DynamoDB decides every race.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Conflict, KeyReused, NotFound
from chalicelib.records import ABSENT, Precondition, Record, still
from chalicelib.storage import attribute_values
from chalicelib.storage.dynamodb import CHANGED, DynamoDB, Refused, failures_named, one_patience

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue

    from chalicelib.json.strict_json import JsonObject

    Key = dict[str, AttributeValue]


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
        with failures_named("GetItem"):
            answer = self._connection.client.get_item(TableName=self._name, Key=self._key(userid), ConsistentRead=True)
        return _record(answer["Item"]) if "Item" in answer else None

    def put(self, record: Record, only_if: Precondition | None = None) -> None:
        """See ``records.Records``."""
        self._write(record, _condition(only_if))

    def create(self, record: Record, origin: str, only_if: Precondition | None = None) -> Record:
        """See ``records.Records``. One request: DynamoDB tells what is there when it refuses."""
        try:
            self._write(record, _condition(ABSENT), origin)
        except Refused as refused:
            if only_if is not None:
                raise
            if not refused.item or refused.item.get("origin") != {"S": origin}:
                raise KeyReused("This Idempotency-Key was sent before, with another body.") from None
            return _record(refused.item)
        return record

    def delete(self, userid: str, only_if: Precondition | None = None) -> None:
        """See ``records.Records``."""
        try:
            with failures_named("DeleteItem"):
                self._connection.client.delete_item(TableName=self._name, Key=self._key(userid), **_condition(only_if))
        except Refused as refused:
            # Sent again because an answer was lost, and nothing is there: it has been deleted, by all appearances by
            # us (RFC 9110, section 13.1.1, lets a server say so).
            if refused.item or not refused.is_resent:
                raise

    def update(self, userid: str, change: Callable[[Record], Record], only_if: Precondition | None = None) -> Record:
        """See ``records.Records``. Two requests, and two more for each race lost."""
        pause = 0.05
        with one_patience():
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
                    # Full jitter, so that racers part: "Exponential backoff and jitter" in the AWS Architecture Blog.
                    time.sleep(random.uniform(0, pause))  # noqa: S311
                    pause = min(pause * 2, 0.4)
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
        try:
            with failures_named("UpdateItem"):
                self._connection.client.update_item(TableName=self._name, Key=key, **request)
        except Refused as refused:
            # Botocore sends again when an answer is lost. Then what is in the way may be what we have just written.
            if not refused.item or refused.item["revision"] != values[":revision"]:
                raise

    def ping(self) -> None:
        """Raise unless the table can be read. Asks for a name that no record can have."""
        self.get("#ping")


def _condition(only_if: Precondition | None) -> dict[str, Any]:
    """The members of a request that make DynamoDB hold to ``only_if``, and say what is there when it refuses."""
    if only_if is None:
        return {}
    told: dict[str, Any] = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if not only_if.exists:
        return {**told, "ConditionExpression": "attribute_not_exists(revision)"}
    if only_if.revisions is None:
        return {**told, "ConditionExpression": "attribute_exists(revision)"}
    if not only_if.revisions:
        raise Conflict(CHANGED)
    values = {f":was{n}": {"S": revision} for n, revision in enumerate(only_if.revisions)}
    expression = f"revision IN ({', '.join(values)})"
    return {**told, "ConditionExpression": expression, "ExpressionAttributeValues": values}


class UserRepository(_Table):
    """Users: partition key ``userid``."""

    def _key(self, userid: str) -> "Key":
        return {"userid": {"S": userid}}

    def page(self, limit: int, after: str | None = None) -> Page:
        """At most ``limit`` users, going on after the userid ``after``, in DynamoDB's own (hashed) order.

        One request that reads ``limit`` items or 1 MB at the most, however many users there are.
        """
        start: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": self._key(after)}
        with failures_named("Scan"):
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
