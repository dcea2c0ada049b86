"""Erasing an account and everything that is stored about its owner (GDPR, article 17).

Each step can be repeated, and the account goes last: an erasure that ends after any step is finished by sending it
again. Tokens that were issued before remain valid, and can write afterwards. So a marker makes the housekeeping erase
again until they have expired.

A marker alone does nothing to an account that still exists. The function that writes markers for everybody may delete
single records, but no accounts of others, and must not be able to make the housekeeping do so.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.accounts.errors import LastAdmin
from chalicelib.accounts.last_admin import Administrators
from chalicelib.deadline import Deadline
from chalicelib.errors import Conflict, RosterError
from chalicelib.json.strict_json import JsonObject
from chalicelib.personal_data import PersonalData
from chalicelib.storage.dynamodb import DynamoDB, failures_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue

SECONDS = 20.0
"""No step starts later after the request has arrived."""
TOKENS_EXPIRE = 24 * 3600 + 900
"""Seconds after which no token of an erased account is accepted. A token lives for a day at most
("AccessTokenValidity", Cognito API reference), and API Gateway caches what it permits for 5 minutes."""
MARKERS_EXPIRE = 30 * 24 * 3600
"""Seconds after which DynamoDB deletes a marker, even if no housekeeping has run."""
CONTINUED: JsonObject = {"message": "Part of the data is erased. Send this request again to erase the rest."}
RETRY_AFTER = 1
"""The body of the response to a request that has not erased everything, and its ``Retry-After`` in seconds."""
PREFIX = "erasure#"
SEGMENTS = 8
"""Parts of the table that the housekeeping reads one after another, in any order ("Parallel scan", DynamoDB guide)."""
PAGE = 100
"""Items that one request of the housekeeping reads."""

log = logging.getLogger("roster")


def time_limit() -> Deadline:
    """Return the deadline of an erasure, for a request that has just arrived."""
    return Deadline(SECONDS)


class Marker(NamedTuple):
    """Records that an erasure of a person began at the time ``erased``, in seconds since 1970."""

    userid: str
    erased: int

    @property
    def is_over(self) -> bool:
        """Whether every token of that time has expired."""
        return time.time() > self.erased + TOKENS_EXPIRE


class Erasure:
    """Erases people. Markers are stored in the table ``table``."""

    def __init__(
        self, database: DynamoDB, table: str, personal_data: PersonalData, administrators: Administrators
    ) -> None:
        self._database = database
        self._table = table
        self._personal_data = personal_data
        self._administrators = administrators

    def erase(self, userid: str, delete_account: Callable[[], object], deadline: Deadline, *, is_admin: bool) -> bool:
        """Erase a person: what is stored about them, and then the account, with ``delete_account``.

        Return ``False`` if not everything was erased before the deadline. Raises ``LastAdmin``.

        The marker comes first. So whoever makes an account an administrator at the same moment, and then looks for a
        marker, either finds it or is seen here.
        """
        marker = self._mark(userid)
        try:
            self._administrators.leave(userid, is_admin=is_admin)
        except LastAdmin:
            self._unmark(marker)
            raise
        if not self._personal_data.erase(userid, deadline) or deadline.is_over:
            log.info("erasure_continues", extra={"userid": userid})
            return False
        delete_account()
        log.info("erased", extra={"userid": userid})
        return True

    def is_marked(self, userid: str) -> bool:
        """Return whether an erasure of ``userid`` has begun recently."""
        with failures_named("GetItem"):
            found = self._client.get_item(TableName=self._table, Key=_key(userid), ConsistentRead=True)
        return "Item" in found

    def erase_again(self, exists: Callable[[str], bool], deadline: Deadline) -> int:
        """Erase what was written about marked people since. Return how many markers were removed.

        A marker is removed once every token has expired. ``exists`` returns whether there is an account with a userid:
        then its erasure was interrupted, and waits for being sent again. A marker that fails does not keep the others
        from being processed; the failure is raised afterwards.
        """
        removed = 0
        failure: RosterError | None = None
        for marker in self._markers():
            if deadline.is_over:
                break
            try:
                removed += self._erase_marked(marker, exists, deadline)
            except RosterError as error:
                log.error("not_erased_again", extra={"userid": marker.userid, "reason": type(error).__name__})
                failure = error
        if failure is not None:
            raise failure
        return removed

    def _erase_marked(self, marker: Marker, exists: Callable[[str], bool], deadline: Deadline) -> bool:
        """Return whether the marker is removed."""
        if exists(marker.userid) or not self._personal_data.erase(marker.userid, deadline):
            return False
        if marker.is_over:
            self._unmark(marker)
        return marker.is_over

    def _markers(self) -> Iterator[Marker]:
        """Read all markers, in any order: what one run does not reach, another one does."""
        for segment in random.sample(range(SEGMENTS), SEGMENTS):
            position: dict[str, Any] = {}
            while True:
                with failures_named("Scan"):
                    page = self._client.scan(
                        TableName=self._table,
                        Segment=segment,
                        TotalSegments=SEGMENTS,
                        Limit=PAGE,
                        ConsistentRead=True,
                        **position,
                    )
                yield from (_marker(item) for item in page["Items"] if item["id"]["S"].startswith(PREFIX))
                if "LastEvaluatedKey" not in page:
                    break
                position = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _mark(self, userid: str) -> Marker:
        """Store a marker. One of an earlier attempt is renewed."""
        marker = Marker(userid, int(time.time()))
        with failures_named("UpdateItem"):
            self._client.update_item(
                TableName=self._table,
                Key=_key(userid),
                UpdateExpression="SET userid = :userid, erased = :now, expires = :later",
                ExpressionAttributeValues={
                    ":userid": {"S": userid},
                    ":now": {"N": str(marker.erased)},
                    ":later": {"N": str(marker.erased + MARKERS_EXPIRE)},
                },
            )
        return marker

    def _unmark(self, marker: Marker) -> None:
        """Delete a marker, unless it has been renewed meanwhile."""
        with suppress(Conflict), failures_named("DeleteItem"):
            self._client.delete_item(
                TableName=self._table,
                Key=_key(marker.userid),
                ConditionExpression="erased = :erased",
                ExpressionAttributeValues={":erased": {"N": str(marker.erased)}},
            )

    @property
    def _client(self) -> "DynamoDBClient":
        return self._database.client


def _key(userid: str) -> "dict[str, AttributeValue]":
    return {"id": {"S": PREFIX + userid}}


def _marker(item: "Mapping[str, AttributeValue]") -> Marker:
    return Marker(item["userid"]["S"], int(item["erased"]["N"]))
