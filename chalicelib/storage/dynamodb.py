"""The connection to DynamoDB: botocore's client, its time limits, and the translation of its errors.

This is the only module that uses botocore. Roster does without boto3, which wraps the same client, because that makes
a cold start 10 % shorter (docs/performance.md).

Times: an attempt takes at most 1.5 s, botocore waits at most 2 s between attempts, and no attempt starts later than
3.5 s after its operation, or group of operations, started. So an operation ends within 7 s; the Lambda function's
timeout is 10 s. docs/reliability.md has the details.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

from chalicelib import __version__
from chalicelib.errors import Conflict, Misconfigured, RosterError, TooLarge, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue

CONNECT_TIMEOUT = 0.5
READ_TIMEOUT = 1.0
ATTEMPTS = 3
PATIENCE = 3.5
"""Seconds after which nothing is retried."""
_give_up_at: ContextVar[float] = ContextVar("give_up_at", default=math.inf)

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

CHANGED = "The stored record does not meet your precondition: read it again, then retry."


class ConditionFailed(Conflict):
    """DynamoDB rejected a conditional write. ``item`` is the existing item, if there is one.

    ``is_resent`` is true if this was a retry, after an attempt whose response was lost or was an error.
    """

    def __init__(self, item: "Mapping[str, AttributeValue] | None", *, is_resent: bool) -> None:
        super().__init__(CHANGED)
        self.item = item
        self.is_resent = is_resent


class DynamoDB:
    """A connection that is created on first use: requests that need no database do not wait for botocore's import."""

    def __init__(self, region: str) -> None:
        self._region = region

    @cached_property
    def client(self) -> "DynamoDBClient":
        """Botocore's client, which is the same as boto3's. It is safe to share between threads."""
        from botocore.config import Config
        from botocore.session import Session

        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # For speed: building botocore's own user agent for each request takes 10 % of the request's time, and
            # mypy already checks the parameters.
            user_agent=f"roster/{__version__}",
            parameter_validation=False,
        )
        with failures_named("connect"):
            client: Any = Session().create_client("dynamodb", region_name=self._region, config=config)
        client.meta.events.register("request-created.dynamodb", _require_time_left)
        client.meta.events.register("before-parse.dynamodb", _require_complete)
        return cast("DynamoDBClient", client)


@contextmanager
def one_patience() -> Iterator[None]:
    """Make the operations inside share one time limit of ``PATIENCE``. After it, they raise ``Unavailable``."""
    before = _give_up_at.set(time.monotonic() + PATIENCE)
    try:
        yield
    finally:
        _give_up_at.reset(before)


def _require_time_left(request: Any, **_: object) -> None:
    """Enforce the time limit before each attempt: botocore limits their number, but not their total time."""
    now = time.monotonic()
    first = request.context.setdefault("roster_first_attempt", now)
    if now > min(first + PATIENCE, _give_up_at.get()):
        raise Unavailable(
            "The database did not respond in time, or too many clients are writing this record: retry later."
        )


def _require_complete(response_dict: Mapping[str, Any], **_: object) -> None:
    """Reject incomplete responses before they are parsed: botocore treats a body that is not JSON as empty."""
    body, checksum = response_dict["body"], response_dict["headers"].get("x-amz-crc32")
    is_complete = _is_object(body) if checksum is None else str(crc32(body)) == checksum
    if not is_complete and response_dict["status_code"] < 300:
        raise Unavailable("The database's response was incomplete: retry later.")


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


@contextmanager
def failures_named(operation: str) -> Iterator[None]:
    """Translate botocore's exceptions to Roster's errors.

    Botocore's messages are dropped, because they can contain keys, names and addresses.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _translated(error, operation) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.NoRegionError) as error:
        raise Misconfigured(f"DynamoDB {operation}: {type(error).__name__}") from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.CredentialRetrievalError) as error:
        raise Unavailable(f"The database can't be reached ({type(error).__name__}): retry later.") from None


def _translated(error: Any, operation: str) -> RosterError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ConditionalCheckFailedException":
        resent = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        return ConditionFailed(error.response.get("Item"), is_resent=resent)
    if code == "ValidationException" and "has exceeded the maximum allowed size" in error.response["Error"].get(
        "Message", ""
    ):
        return TooLarge("The document is too large: DynamoDB's limit is 400 KB per item, keys and overhead included.")
    if code in TRANSIENT or status >= 500:
        return Unavailable("The database is overloaded or temporarily unavailable: retry later.")
    return Misconfigured(f"DynamoDB {operation}: {code or status}")
