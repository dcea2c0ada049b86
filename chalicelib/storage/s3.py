"""Objects in one S3 bucket: reading and writing them, and signing addresses with which clients do so themselves.

Times: an attempt takes at most 3.5 s until S3 responds, and no attempt starts later than 3.5 s after its operation, or
group of operations, started. So an operation of the API ends within 7 s.
"""

import hashlib
import hmac
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from chalicelib.errors import Misconfigured, NotFound, RosterError, TooLarge, Unavailable
from chalicelib.storage import connections
from chalicelib.storage.connections import Connection, Service

READ_TIMEOUT = 3.0
ATTEMPTS = 3
MAX_KEYS = 1000
"""Keys that one request lists or deletes ("ListObjectsV2" and "DeleteObjects", S3 API reference)."""
TRANSIENT = frozenset(
    {
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
    }
)
"""S3's codes for temporary errors ("Error responses", S3 API reference)."""
ALGORITHM = "AWS4-HMAC-SHA256"
TIMESTAMP = "%Y%m%dT%H%M%SZ"


def _translated(error: Any, operation: str) -> RosterError | None:
    code = error.response.get("Error", {}).get("Code", "")
    missing = code in ("NoSuchKey", "404") and operation == "GetObject"
    return NotFound("There is no such object.") if missing else None


SERVICE = Service(
    id="s3",
    name="S3",
    role="The object storage",
    late="The object storage did not respond in time: retry later.",
    transient=TRANSIENT,
    translated=_translated,
    answers_json=False,
    by_region=False,
)


class StoredObject(NamedTuple):
    """An object in a list: its key, its size in bytes, and when it was stored."""

    key: str
    size: int
    modified: datetime


class Form(NamedTuple):
    """A form with which a client uploads one object: where to send it, and the fields that come before the file."""

    url: str
    fields: dict[str, str]


class Presentation(NamedTuple):
    """How S3 presents an object to those who fetch it: the values of these headers."""

    content_type: str
    content_disposition: str
    cache_control: str


class Bucket:
    """A bucket. The connection is created on first use."""

    def __init__(self, region: str, name: str) -> None:
        self.name = name
        self._region = region
        self._connection = Connection(SERVICE, region)

    @cached_property
    def client(self) -> Any:
        """Botocore's client, which is the same as boto3's. It is safe to share between threads."""
        # Without "s3v4", botocore signs forms with the version 2, which new regions do not accept.
        # Without "virtual", it signs addresses for S3's global host: new regions do not know it, and others redirect it
        # to a host that the signature does not cover ("Legacy global endpoint", S3 user guide).
        return self._connection.client(
            read_timeout=READ_TIMEOUT,
            attempts=ATTEMPTS,
            signature_version="s3v4",
            s3={"addressing_style": "virtual"},
        )

    # Objects

    def get(self, key: str, limit: int) -> bytes:
        """Return an object. Raises ``NotFound``, or ``TooLarge`` if it has more than ``limit`` bytes."""
        with connections.failures_named(SERVICE, "GetObject"):
            answer = self.client.get_object(Bucket=self.name, Key=key)
            with closing(answer["Body"]) as body:  # the body as a context manager would not check its length
                if answer["ContentLength"] > limit:
                    raise TooLarge(f"The object has {answer['ContentLength']:,} bytes.")
                content: bytes = body.read()
                return content

    def put(self, key: str, content: bytes, shown: Presentation) -> None:
        """Store an object, replacing any earlier one."""
        with connections.failures_named(SERVICE, "PutObject"):
            self.client.put_object(
                Bucket=self.name,
                Key=key,
                Body=content,
                ContentType=shown.content_type,
                ContentDisposition=shown.content_disposition,
                CacheControl=shown.cache_control,
            )

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, at most ``MAX_KEYS``. Those that do not exist count as deleted."""
        if not keys:
            return
        with connections.failures_named(SERVICE, "DeleteObjects"):
            answer = self.client.delete_objects(Bucket=self.name, Delete={"Objects": [{"Key": key} for key in keys]})
        failed = {error.get("Code", "") for error in answer.get("Errors", [])}
        if failed - TRANSIENT:
            raise Misconfigured(f"S3 DeleteObjects: {', '.join(sorted(failed))}")
        if failed or {deleted["Key"] for deleted in answer.get("Deleted", [])} != set(keys):
            raise Unavailable("The object storage did not delete all objects: retry later.")

    def list(self, prefix: str, after: str = "", limit: int = MAX_KEYS) -> list[StoredObject]:
        """Return up to ``limit`` objects whose keys begin with ``prefix`` and come after ``after``, in their order."""
        with connections.failures_named(SERVICE, "ListObjectsV2"):
            answer = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix, StartAfter=after, MaxKeys=limit)
        if "Name" not in answer:  # botocore reads an empty response as one without objects
            raise connections.incomplete(SERVICE)
        return [StoredObject(one["Key"], one["Size"], one["LastModified"]) for one in answer.get("Contents", [])]

    def exists(self, key: str) -> bool:
        """Return whether there is an object with this key."""
        return any(found.key == key for found in self.list(key, limit=1))

    # Addresses for clients

    def upload_form(self, key: str, content_type: str, size: int, seconds: int) -> Form:
        """Return a form that stores exactly one object: with this key, type and size in bytes, within ``seconds``.

        It can be used again until it expires ("POST Object", S3 API reference).
        """
        with connections.failures_named(SERVICE, "connect"):
            form = self.client.generate_presigned_post(
                self.name,
                key,
                Fields={"Content-Type": content_type},
                Conditions=[{"Content-Type": content_type}, ["content-length-range", size, size]],
                ExpiresIn=seconds,
            )
        return Form(form["url"], form["fields"])

    def address(self, key: str, signed_at: int, seconds: int) -> str:
        """Return an address at which anybody can fetch an object until ``seconds`` after ``signed_at``.

        ``signed_at`` is in seconds since 1970. With the same credentials, the same time gives the same address, which
        botocore cannot do. ("Authenticating Requests: Using Query Parameters", S3 API reference.)
        """
        time = datetime.fromtimestamp(signed_at, UTC).strftime(TIMESTAMP)
        keys = self._connection.credentials
        scope = f"{time[:8]}/{self._region}/s3/aws4_request"
        signed = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{keys.access_key}/{scope}",
            "X-Amz-Date": time,
            "X-Amz-Expires": str(seconds),
            **({"X-Amz-Security-Token": keys.token} if keys.token else {}),
            "X-Amz-SignedHeaders": "host",
        }
        query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in signed.items())
        base = urlsplit(self._base)
        path = base.path + quote(key, safe="/-_.~")
        request = "\n".join(["GET", path, query, f"host:{base.netloc}", "", "host", "UNSIGNED-PAYLOAD"])
        text = "\n".join([ALGORITHM, time, scope, hashlib.sha256(request.encode()).hexdigest()])
        signature = _hmac(_signing_key(str(keys.secret_key), scope), text).hex()
        return f"{base.scheme}://{base.netloc}{path}?{query}&X-Amz-Signature={signature}"

    @cached_property
    def _base(self) -> str:
        """The address of the bucket, with a slash at the end: botocore knows its form in each region."""
        with connections.failures_named(SERVICE, "connect"):
            address: str = self.client.generate_presigned_url("get_object", {"Bucket": self.name, "Key": "-"}, 60)
        return address.partition("?")[0].removesuffix("-")


@lru_cache(maxsize=1)  # a page of 50 items has 150 addresses with the same key
def _signing_key(secret: str, scope: str) -> bytes:
    """Return the key of one day, region and service ("Derive a signing key", IAM user guide)."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
