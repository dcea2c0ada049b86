"""The connection to DynamoDB: botocore's client, its limits, and its failures in the domain's words.

Botocore, not boto3 on top of it: the client is the same, and a cold start is a tenth shorter (docs/performance.md).
Nothing else knows botocore.

Times: an attempt takes 1.5 s at the most, botocore pauses for 2 s at the most between two, and none begins later than
3.5 s after an operation (or a group of them) began; so it ends within 7 s, and the Lambda function has 10.
docs/reliability.md says what is beyond that.
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
"""Seconds after which nothing is tried again."""
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
"""DynamoDB's error codes that may pass ("Error handling with DynamoDB" in the developer guide)."""

CHANGED = "What is stored is not what the precondition asks for."


class Refused(Conflict):
    """A conditional write that DynamoDB refused; ``item`` is what is there, if anything is.

    ``is_resent`` if botocore had sent it before, and had got no answer or none that counts.
    """

    def __init__(self, item: "Mapping[str, AttributeValue] | None", *, is_resent: bool) -> None:
        super().__init__(CHANGED)
        self.item = item
        self.is_resent = is_resent


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
            # Botocore would put its own together anew for each request, a tenth of the time that one takes, and look
            # through parameters that mypy has looked through.
            user_agent=f"roster/{__version__}",
            parameter_validation=False,
        )
        with failures_named("connect"):
            client: Any = Session().create_client("dynamodb", region_name=self._region, config=config)
        client.meta.events.register("request-created.dynamodb", _while_there_is_time)
        client.meta.events.register("before-parse.dynamodb", _if_whole)
        return cast("DynamoDBClient", client)


@contextmanager
def one_patience() -> Iterator[None]:
    """What is asked meanwhile has ``PATIENCE`` together; ``Unavailable`` beyond it."""
    before = _give_up_at.set(time.monotonic() + PATIENCE)
    try:
        yield
    finally:
        _give_up_at.reset(before)


def _while_there_is_time(request: Any, **_: object) -> None:
    """Called before each attempt: botocore counts them, but sets no limit to the time that all take together."""
    now = time.monotonic()
    first = request.context.setdefault("roster_first_attempt", now)
    if now > min(first + PATIENCE, _give_up_at.get()):
        raise Unavailable("The database did not answer in time, or too many are writing the same record.")


def _if_whole(response_dict: Mapping[str, Any], **_: object) -> None:
    """Called before an answer is read: botocore would take whatever is no JSON for an answer that says nothing."""
    body, checksum = response_dict["body"], response_dict["headers"].get("x-amz-crc32")
    is_whole = _is_object(body) if checksum is None else str(crc32(body)) == checksum
    if not is_whole and response_dict["status_code"] < 300:
        raise Unavailable("The database's answer did not arrive whole.")


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


@contextmanager
def failures_named(operation: str) -> Iterator[None]:
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
        resent = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        return Refused(error.response.get("Item"), is_resent=resent)
    if code == "ValidationException" and "has exceeded the maximum allowed size" in error.response["Error"].get(
        "Message", ""
    ):
        return TooLarge("The document is too large: DynamoDB stores at most 400 KB an item, names and types included.")
    if code in TRANSIENT or status >= 500:
        return Unavailable("The database is overloaded or unwell just now.")
    return Misconfigured(f"DynamoDB {operation}: {code or status}")
