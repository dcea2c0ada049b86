"""Storage of records in DynamoDB.

In both tables, an item has a key, ``document`` (a map), ``timestamp`` and ``revision``. An item that was created with
an Idempotency-Key also has an ``origin``. The client's attributes are stored inside ``document``, so their names can't
collide with Roster's. Reads are strongly consistent. Each write is a single ``UpdateItem`` or ``DeleteItem``,
conditional where needed: nothing is ever partially written, and DynamoDB decides every race.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.errors import Conflict, KeyReused, NotFound
from chalicelib.records import ABSENT, Precondition, Record, still
from chalicelib.storage import attribute_values
from chalicelib.storage.dynamodb import CHANGED, ConditionFailed, DynamoDB, failures_named, updated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue

    from chalicelib.json.strict_json import JsonObject

    Key = dict[str, AttributeValue]


class Page(NamedTuple):
    """One page of a list. ``last`` is the userid after which the next page starts, or ``None`` on the last page."""

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
            found = self._connection.client.get_item(TableName=self._name, Key=self._key(userid), ConsistentRead=True)
        return _record(found["Item"]) if "Item" in found else None

    def put(self, record: Record, only_if: Precondition | None = None) -> None:
        """See ``records.Records``."""
        self._write(record, _condition(only_if))

    def create(self, record: Record, origin: str, only_if: Precondition | None = None) -> Record:
        """See ``records.Records``. Takes one request: when DynamoDB rejects it, it returns the existing item."""
        try:
            self._write(record, _condition(ABSENT), origin)
        except ConditionFailed as failed:
            if only_if is not None:
                raise
            if not failed.item or failed.item.get("origin") != {"S": origin}:
                raise KeyReused from None
            return _record(failed.item)
        return record

    def delete(self, userid: str, only_if: Precondition | None = None) -> None:
        """See ``records.Records``."""
        try:
            with failures_named("DeleteItem"):
                self._connection.client.delete_item(TableName=self._name, Key=self._key(userid), **_condition(only_if))
        except ConditionFailed as failed:
            # A retry after a lost response, and the item is gone: most likely, an earlier attempt of this request
            # deleted it. RFC 9110, section 13.1.1, allows reporting success then.
            if failed.item or not failed.is_resent:
                raise

    def update(self, userid: str, change: Callable[[Record], Record], only_if: Precondition | None = None) -> Record:
        """See ``records.Records``. Takes two requests, and two more for each lost race."""

        def attempt() -> Record:
            before = self.get(userid)
            if only_if is not None and not only_if.holds(before):
                raise Conflict(CHANGED)
            if before is None:
                raise NotFound("No record exists for this userid: create it first.")
            after = change(before)
            self.put(after, only_if=still(before))
            return after

        return updated(attempt)

    def _write(self, record: Record, condition: dict[str, Any], origin: str | None = None) -> None:
        """Set all attributes with ``UpdateItem``; ``PutItem`` would drop the ``origin`` of an earlier ``create``."""
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
        except ConditionFailed as failed:
            # Botocore retries when a response is lost. The conflicting item may then be the one that was just written.
            if not failed.item or failed.item["revision"] != values[":revision"]:
                raise

    def ping(self) -> None:
        """Raise unless the table can be read. Reads a key that no record can have."""
        self.get("#ping")


def _condition(only_if: Precondition | None) -> dict[str, Any]:
    """Return the request parameters that enforce ``only_if`` and return the existing item if the check fails."""
    if only_if is None:
        return {}
    returning: dict[str, Any] = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if not only_if.exists:
        return {**returning, "ConditionExpression": "attribute_not_exists(revision)"}
    if only_if.revisions is None:
        return {**returning, "ConditionExpression": "attribute_exists(revision)"}
    if not only_if.revisions:
        raise Conflict(CHANGED)
    values = {f":was{n}": {"S": revision} for n, revision in enumerate(only_if.revisions)}
    expression = f"revision IN ({', '.join(values)})"
    return {**returning, "ConditionExpression": expression, "ExpressionAttributeValues": values}


class UserRepository(_Table):
    """Users. The partition key is ``userid``."""

    def _key(self, userid: str) -> "Key":
        return {"userid": {"S": userid}}

    def page(self, limit: int, after: str | None = None) -> Page:
        """Return up to ``limit`` users after the userid ``after``, in DynamoDB's hash order.

        Takes one request, which reads at most ``limit`` items or 1 MB, whatever the size of the table.
        """
        start: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": self._key(after)}
        with failures_named("Scan"):
            response = self._connection.client.scan(TableName=self._name, Limit=limit, ConsistentRead=True, **start)
        last = response.get("LastEvaluatedKey")
        return Page([_record(item) for item in response["Items"]], last["userid"]["S"] if last else None)


class ProfileRepository(_Table):
    """Profiles. ``pk`` is ``USER#<sub>`` and ``sk`` is ``PROFILE#<sub>``, so each user has their own partition.

    The index ``sk-pk-index`` swaps the two.
    """

    def _key(self, userid: str) -> "Key":
        return {"pk": {"S": f"USER#{userid}"}, "sk": {"S": f"PROFILE#{userid}"}}


def _record(item: Mapping[str, "AttributeValue"]) -> Record:
    return Record(
        userid=item["userid"]["S"],
        document=attribute_values.object_to_json(item["document"]),
        timestamp=item["timestamp"]["S"],
        revision=item["revision"]["S"],
    )
