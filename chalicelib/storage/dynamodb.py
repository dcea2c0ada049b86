"""DynamoDB: its client, and the translation of its errors.

Times: an attempt takes at most 1.5 s, botocore waits at most 2 s between attempts, and no attempt starts later than
3.5 s after its operation, or group of operations, started. So an operation ends within 7 s. docs/reliability.md has
the details.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from chalicelib.errors import Conflict, RosterError, TooLarge
from chalicelib.storage import connections
from chalicelib.storage.connections import Backoff, Connection, Service, one_patience

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue

READ_TIMEOUT = 1.0
ATTEMPTS = 3
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
"""DynamoDB's error codes for temporary errors ("Error handling with DynamoDB" in the developer guide)."""

Stored = TypeVar("Stored")

CHANGED = "The stored record does not meet your precondition: read it again, then retry."


class ConditionFailed(Conflict):
    """DynamoDB rejected a conditional write. ``item`` is the existing item, if there is one.

    ``is_resent`` is true if this was a retry, after an attempt whose response was lost or was an error.
    """

    def __init__(self, item: "Mapping[str, AttributeValue] | None", *, is_resent: bool) -> None:
        super().__init__(CHANGED)
        self.item = item
        self.is_resent = is_resent


def _translated(error: Any, _operation: str) -> RosterError | None:
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        resent = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        return ConditionFailed(error.response.get("Item"), is_resent=resent)
    if code == "ValidationException" and "has exceeded the maximum allowed size" in error.response["Error"].get(
        "Message", ""
    ):
        return TooLarge("The document is too large: DynamoDB's limit is 400 KB per item, keys and overhead included.")
    return None


SERVICE = Service(
    id="dynamodb",
    name="DynamoDB",
    role="The database",
    late="The database did not respond in time, or too many clients are writing this record: retry later.",
    transient=TRANSIENT,
    translated=_translated,
)


class DynamoDB:
    """A connection that is created on first use: requests that need no database do not wait for botocore's import."""

    def __init__(self, region: str) -> None:
        self._connection = Connection(SERVICE, region)

    @cached_property
    def client(self) -> "DynamoDBClient":
        """Botocore's client, which is the same as boto3's. It is safe to share between threads."""
        return cast("DynamoDBClient", self._connection.client(read_timeout=READ_TIMEOUT, attempts=ATTEMPTS))


def failures_named(operation: str) -> AbstractContextManager[None]:
    """Translate botocore's exceptions to Roster's errors."""
    return connections.failures_named(SERVICE, operation)


def updated(attempt: Callable[[], Stored]) -> Stored:
    """Return the result of ``attempt``, which reads an item and then replaces it if it is still the same.

    If another writer gets in between, so that it raises ``ConditionFailed``, ``attempt`` is called again. All calls
    share one time limit.
    """
    backoff = Backoff()
    with one_patience():
        while True:
            try:
                return attempt()
            except ConditionFailed:
                backoff.wait()
