"""The table of media items: every read and every conditional write. Only this module knows its attributes.

The key is ``mediaid``. The index ``by-owner`` (``owner``, ``created``) lists a person's own items. The index
``public-by-day`` (``day``, ``created``) is sparse: ``day`` is the date of ``created`` if the item is public and ready.
No partition holds everything, and a page costs the same whether there are a hundred pictures or a million. An item that
is not ready has its status as ``day``, after a ``#``, which is how the housekeeping finds it.

Reads of an item are strongly consistent, those of lists are not. Each write is a single ``PutItem`` or ``DeleteItem``
that is conditional on the revision, so DynamoDB decides every race.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from chalicelib.errors import KeyReused, NotFound, Unavailable
from chalicelib.media.items import READY, MediaItem
from chalicelib.storage import attribute_values
from chalicelib.storage.dynamodb import ConditionFailed, DynamoDB, failures_named, updated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue

FIRST_DAY = date(2026, 11, 1)
"""No item is older: there were no media before. The list of public items ends here."""
MAX_QUERIES = 30
"""Days that a page of public items looks at."""
BATCH = 100
"""Keys of one ``BatchGetItem`` (DynamoDB API reference), and items of one request of the housekeeping."""
BY_OWNER, BY_DAY = "by-owner", "public-by-day"
MEMBERS = tuple(field.name for field in fields(MediaItem))


class Position(NamedTuple):
    """Where a page of a list starts: after the item ``mediaid``, which was ``created`` then.

    In the list of public items, ``mediaid`` can be empty: the page starts with the newest of the day ``created``.
    """

    created: str
    mediaid: str


class Page(NamedTuple):
    """One page of a list, newest first. ``next`` is where the next page starts, or ``None`` on the last page."""

    items: list[MediaItem]
    next: Position | None


class Index:
    """The media items in the table ``table``."""

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    # Items

    def get(self, mediaid: str) -> MediaItem | None:
        """Return the item, whatever its status, or ``None``."""
        with failures_named("GetItem"):
            found = self._client.get_item(TableName=self._table, Key=_key(mediaid), ConsistentRead=True)
        return _item(found["Item"]) if "Item" in found else None

    def create(self, item: MediaItem, *, may_exist: bool) -> MediaItem:
        """Store a new item unless there is one with its ``mediaid``, and return the stored one.

        Raises ``KeyReused`` if the existing one has another ``origin``, and ``Conflict`` unless it ``may_exist``.
        """
        try:
            self._put(item, {"ConditionExpression": "attribute_not_exists(revision)"})
        except ConditionFailed as failed:
            if not may_exist:
                raise
            if not failed.item or failed.item.get("origin") != {"S": item.origin or ""}:
                raise KeyReused from None
            return _item(failed.item)
        return item

    def replace(self, before: MediaItem, after: MediaItem) -> None:
        """Store ``after``. Raises ``Conflict`` unless ``before`` is still stored: it has been changed, or is gone."""
        values: dict[str, Any] = {":was": {"S": before.revision}}
        self._put(after, {"ConditionExpression": "revision = :was", "ExpressionAttributeValues": values})

    def update(self, mediaid: str, change: Callable[[MediaItem], MediaItem]) -> MediaItem:
        """Replace an item with the result of ``change`` and return it. Concurrent updates are never lost.

        If another writer gets in between, ``change`` is called again with the new item. What it raises ends the update,
        and nothing is written. Raises ``NotFound`` if there is no item.
        """

        def attempt() -> MediaItem:
            before = self.get(mediaid)
            if before is None:
                raise missing()
            after = change(before)
            self.replace(before, after)
            return after

        return updated(attempt)

    def delete(self, item: MediaItem) -> None:
        """Delete an item, if it is still the stored one, or gone already. Raises ``Conflict`` if it has changed."""
        try:
            with failures_named("DeleteItem"):
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(item.mediaid),
                    ConditionExpression="revision = :was",
                    ExpressionAttributeValues={":was": {"S": item.revision}},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailed as failed:
            if failed.item:
                raise

    def missing_of(self, mediaids: Iterable[str]) -> set[str]:
        """Return those of ``mediaids`` for which there is no item, of whatever status."""
        missing = set(mediaids)
        wanted = sorted(missing)
        for start in range(0, len(wanted), BATCH):
            keys = [_key(mediaid) for mediaid in wanted[start : start + BATCH]]
            request: Any = {self._table: {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "mediaid"}}
            with failures_named("BatchGetItem"):
                answer = self._client.batch_get_item(RequestItems=request)
            if answer.get("UnprocessedKeys"):
                raise Unavailable("The database is overloaded: retry later.")
            missing -= {item["mediaid"]["S"] for item in answer["Responses"].get(self._table, [])}
        return missing

    def any_item(self) -> MediaItem | None:
        """Return a random item, or ``None`` if there is none.

        DynamoDB reads a table in the order of its keys' hashes, so a random start makes each item as likely as any
        other. Userids would not: Cognito's are not evenly distributed.
        """
        starts: list[Any] = [{"ExclusiveStartKey": _key(str(uuid4()))}, {}]
        for start in starts:
            with failures_named("Scan"):
                found = self._client.scan(TableName=self._table, Limit=1, **start)
            if found["Items"]:
                return _item(found["Items"][0])
        return None

    # Lists

    def of_owner(self, owner: str, limit: int, after: Position | None = None) -> Page:
        """Return up to ``limit`` items of a person, of whatever status. Takes one request."""
        return self._page(BY_OWNER, "owner", owner, limit, after)

    def public(self, limit: int, after: Position | None = None, *, queries: int = MAX_QUERIES) -> Page:
        """Return up to ``limit`` items that are public and ready, of all people.

        Takes at most ``queries`` requests, one for each day. So a page can have fewer items than ``limit``, or none,
        and still be followed by another one.
        """
        if after is None:
            after = Position(datetime.now(UTC).date().isoformat(), "")
        day = date.fromisoformat(after.created[:10])
        items: list[MediaItem] = []
        for _ in range(queries):
            if day < FIRST_DAY:
                return Page(items, None)
            page = self._page(BY_DAY, "day", day.isoformat(), limit - len(items), after if after.mediaid else None)
            items += page.items
            if page.next is not None:
                return Page(items, page.next)
            day -= timedelta(days=1)
            after = Position(day.isoformat(), "")
            if len(items) == limit:
                break
        return Page(items, None if day < FIRST_DAY else after)

    def with_status(self, status: str, before: str) -> Iterator[MediaItem]:
        """Yield the items that have a status other than ``ready``, the oldest first.

        They were created before the time ``before``. Takes one request for each ``BATCH`` of them.
        """
        position: dict[str, Any] = {}
        while True:
            with failures_named("Query"):
                answer = self._client.query(
                    TableName=self._table,
                    IndexName=BY_DAY,
                    KeyConditionExpression="#day = :status AND created < :before",
                    ExpressionAttributeNames={"#day": "day"},
                    ExpressionAttributeValues={":status": {"S": _unfinished(status)}, ":before": {"S": before}},
                    Limit=BATCH,
                    **position,
                )
            yield from map(_item, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            position = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _page(self, index: str, attribute: str, value: str, limit: int, after: Position | None) -> Page:
        start: dict[str, Any] = {}
        if after is not None:
            position = {attribute: value, "created": after.created, "mediaid": after.mediaid}
            start["ExclusiveStartKey"] = {name: {"S": text} for name, text in position.items()}
        with failures_named("Query"):
            answer = self._client.query(
                TableName=self._table,
                IndexName=index,
                KeyConditionExpression="#attribute = :value",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues={":value": {"S": value}},
                ScanIndexForward=False,
                Limit=limit,
                **start,
            )
        last = answer.get("LastEvaluatedKey")
        following = Position(last["created"]["S"], last["mediaid"]["S"]) if last else None
        return Page([_item(item) for item in answer["Items"]], following)

    # Requests

    @property
    def _client(self) -> "DynamoDBClient":
        return self._database.client

    def _put(self, item: MediaItem, condition: dict[str, Any]) -> None:
        members = {name: getattr(item, name) for name in MEMBERS} | {"day": _day(item)}
        attributes = {name: attribute_values.from_json(value) for name, value in members.items() if value is not None}
        try:
            with failures_named("PutItem"):
                self._client.put_item(
                    TableName=self._table,
                    Item=attributes,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **condition,
                )
        except ConditionFailed as failed:
            # Botocore retries when a response is lost. The conflicting item may then be the one that was just written.
            if not failed.item or failed.item["revision"] != {"S": item.revision}:
                raise


def missing() -> NotFound:
    """Return the error for an item that does not exist, or that the caller must not know of."""
    return NotFound("No media item has this mediaid, or it is not yours.")


def _key(mediaid: str) -> "dict[str, AttributeValue]":
    return {"mediaid": {"S": mediaid}}


def _day(item: MediaItem) -> str | None:
    """Return the item's partition in the index ``public-by-day``, or ``None`` if it is not in it."""
    if item.status != READY:
        return _unfinished(item.status)
    return item.created[:10] if item.is_public else None


def _unfinished(status: str) -> str:
    return f"#{status}"


def _item(attributes: "Mapping[str, AttributeValue]") -> MediaItem:
    members: dict[str, Any] = {
        name: attribute_values.to_json(attributes[name]) for name in MEMBERS if name in attributes
    }
    return MediaItem(**members)
