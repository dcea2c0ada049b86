"""Credentials of a Cognito identity pool: those of the role that AWS lets a signed-in user assume.

The calls are unsigned: the ID token in them authorizes them ("GetId" and "GetCredentialsForIdentity", Cognito identity
pools API reference).

Times: an attempt takes at most 2.5 s, and no attempt starts later than 3.5 s after its group of operations started.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from chalicelib.errors import RosterError, Throttled, Unauthorized
from chalicelib.storage import connections
from chalicelib.storage.connections import Connection, Service

READ_TIMEOUT = 2.0
ATTEMPTS = 2
RETRY_AFTER = 2
TRANSIENT = frozenset(
    {
        "ExternalServiceException",
        "InternalErrorException",
        "ResourceConflictException",
        "ServiceUnavailable",
    }
)
"""Two first requests of the same user at once can be in each other's way (``ResourceConflictException``)."""
THROTTLING = frozenset({"TooManyRequestsException", "Throttling", "ThrottlingException"})


def _translated(error: Any, _: str) -> RosterError | None:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "").lower()
    if code in THROTTLING:
        return Throttled("The identity pool accepts no more requests at the moment: retry later.", RETRY_AFTER)
    if code == "NotAuthorizedException" and "supported provider" not in message:  # the pool knows the app client
        return Unauthorized("Your session has ended: sign in again.")
    return None


SERVICE = Service(
    id="cognito-identity",
    name="Cognito identity pools",
    role="The identity pool",
    late="The identity pool did not respond in time: retry later.",
    transient=TRANSIENT,
    translated=_translated,
)


class Credentials(NamedTuple):
    """Temporary AWS credentials, and the id of the identity that they are for."""

    identity_id: str
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime


class IdentityPool:
    """The identity pool ``pool_id``. ``endpoint`` replaces AWS's address. Botocore's client is created on first use."""

    def __init__(self, pool_id: str, endpoint: str | None = None) -> None:
        self._pool_id = pool_id
        self._connection = Connection(SERVICE, pool_id.partition(":")[0], endpoint)

    @cached_property
    def _client(self) -> Any:
        return self._connection.client(read_timeout=READ_TIMEOUT, attempts=ATTEMPTS)

    def credentials(self, issuer: str, id_token: str) -> Credentials:
        """Return credentials for the user of an ID token, which the user pool ``issuer`` has issued.

        Raises ``Unauthorized`` if Cognito no longer accepts the token: the user has signed out everywhere, is disabled
        or was deleted.
        """
        logins = {issuer.removeprefix("https://"): id_token}
        with connections.failures_named(SERVICE, "GetId"):
            identity_id = _required(self._client.get_id(IdentityPoolId=self._pool_id, Logins=logins), "IdentityId", str)
        with connections.failures_named(SERVICE, "GetCredentialsForIdentity"):
            answer = self._client.get_credentials_for_identity(IdentityId=identity_id, Logins=logins)
        keys = _required(answer, "Credentials", dict)
        return Credentials(
            identity_id=_required(answer, "IdentityId", str),
            access_key_id=_required(keys, "AccessKeyId", str),
            secret_access_key=_required(keys, "SecretKey", str),
            session_token=_required(keys, "SessionToken", str),
            expiration=_required(keys, "Expiration", datetime),
        )


def _required(answer: Mapping[str, Any], name: str, kind: type) -> Any:
    """Return a member that a response must have. Raises ``Unavailable``."""
    value = answer.get(name)
    if not isinstance(value, kind) or not value:
        raise connections.incomplete(SERVICE)
    return value
