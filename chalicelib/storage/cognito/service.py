"""Calls to Cognito's API: the connection, time limits, and the errors that say something about a person.

Only this package knows Cognito's API. Nothing that Cognito says is shown to clients, because it reveals who has an
account.

Times: an attempt takes at most 2.5 s, or 3.5 s if it is the only one, and no attempt starts later than 3.5 s after the
request's first call, so a route ends within 7 s. A call whose repetition could do harm is made once.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from chalicelib.errors import RosterError, Throttled, Unavailable
from chalicelib.storage import connections
from chalicelib.storage.connections import Connection, Service

READ_TIMEOUT = 2.0
ATTEMPTS = 2
READ_TIMEOUT_ONCE = 3.0
"""Longer, because these calls send e-mails, or cannot be repeated."""
TRANSIENT = frozenset({"InternalErrorException", "InternalServerError", "ServiceUnavailable", "RequestTimeout"})
THROTTLING = frozenset({"TooManyRequestsException", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
"""Codes for limits of the whole pool ("Quotas in Amazon Cognito"). ``LimitExceededException`` is one person's."""
RETRY_AFTER = 2

_CODES = frozenset({"CodeMismatch", "ExpiredCode", "TooManyFailedAttempts"})
_PERSONS = frozenset({"LimitExceeded", "NotAuthorized", "UserNotFound"})
NOT_MAILED = frozenset(
    {
        "CodeDeliveryFailure",
        "InvalidEmailRoleAccessPolicy",
        "InvalidSmsRoleAccessPolicy",
        "InvalidSmsRoleTrustRelationship",
    }
)
"""Reasons of ``Declined``: the pool cannot send e-mails."""
REJECTED_PASSWORDS = frozenset({"InvalidPassword", "PasswordHistoryPolicyViolation"})
"""Reasons of ``Declined``: the pool does not accept the new password."""
_MAILED = _PERSONS | NOT_MAILED | {"InvalidParameter"}
NOT_SIGNED_IN = frozenset({"NotAuthorized", "PasswordResetRequired", "UserNotConfirmed", "UserNotFound"})
"""Reasons of ``Declined``: the access token is no longer accepted, or, of a sign-in, the password is not."""
_SIGNED_IN = _PERSONS | NOT_SIGNED_IN
_DECLINED: Mapping[str, frozenset[str]] = {
    "SignUp": _PERSONS | NOT_MAILED | {"InvalidParameter", "InvalidPassword", "UsernameExists"},
    "ConfirmSignUp": _CODES | _PERSONS | {"AliasExists", "InvalidParameter"},
    "ResendConfirmationCode": _MAILED,
    "ForgotPassword": _MAILED,
    "ConfirmForgotPassword": _CODES | _PERSONS | REJECTED_PASSWORDS | {"InvalidParameter", "UserNotConfirmed"},
    "InitiateAuth": _SIGNED_IN,
    "RespondToAuthChallenge": _SIGNED_IN
    | _CODES
    | REJECTED_PASSWORDS
    | {"InvalidParameter", "MFAMethodNotFound", "SoftwareTokenMFANotFound"},
    "GetUser": NOT_SIGNED_IN,
    "UpdateUserAttributes": NOT_SIGNED_IN | _MAILED | {"AliasExists"},
    "VerifyUserAttribute": _SIGNED_IN | _CODES | {"AliasExists", "InvalidParameter"},
    "ChangePassword": _SIGNED_IN | REJECTED_PASSWORDS | {"InvalidParameter"},
    "SetUserMFAPreference": NOT_SIGNED_IN | {"InvalidParameter"},
    "GlobalSignOut": NOT_SIGNED_IN,
    "DeleteUser": NOT_SIGNED_IN,
    "AssociateSoftwareToken": _SIGNED_IN | {"ConcurrentModification", "SoftwareTokenMFANotFound"},
    "VerifySoftwareToken": _SIGNED_IN
    | _CODES
    | {"EnableSoftwareTokenMFA", "InvalidParameter", "SoftwareTokenMFANotFound"},
    "GetTokensFromRefreshToken": _PERSONS | {"InvalidParameter", "RefreshTokenReuse"},
    "AdminAddUserToGroup": frozenset({"ResourceNotFound", "UserNotFound"}),
    "AdminCreateUser": NOT_MAILED
    | {"AliasExists", "InvalidParameter", "LimitExceeded", "UnsupportedUserState", "UserNotFound", "UsernameExists"},
    "AdminDeleteSoftwareToken": frozenset({"InvalidParameter", "UserNotConfirmed", "UserNotFound"}),
    "AdminDeleteUser": frozenset({"UserNotFound"}),
    "AdminDisableUser": frozenset({"UserNotFound"}),
    "AdminEnableUser": frozenset({"UserNotFound"}),
    "AdminGetUser": frozenset({"UserNotFound"}),
    "AdminListGroupsForUser": frozenset({"UserNotFound"}),
    "AdminRemoveUserFromGroup": frozenset({"ResourceNotFound", "UserNotFound"}),
    "AdminResetUserPassword": NOT_MAILED | {"InvalidParameter", "LimitExceeded", "UserNotFound"},
    "AdminSetUserMFAPreference": frozenset(
        {"InvalidParameter", "PasswordResetRequired", "UserNotConfirmed", "UserNotFound"}
    ),
    "AdminUpdateUserAttributes": frozenset({"AliasExists", "InvalidParameter", "UserNotFound"}),
    "AdminUserGlobalSignOut": frozenset({"UserNotFound"}),
    "GetGroup": frozenset({"ResourceNotFound"}),
    "ListUsers": frozenset({"InvalidParameter"}),
    "ListUsersInGroup": frozenset({"InvalidParameter", "ResourceNotFound"}),
    "RevokeToken": frozenset({"InvalidParameter", "Unauthorized", "UnsupportedTokenType"}),
}
"""The errors of each operation that say something about the person or about what they sent, without "Exception"."""


class Declined(RosterError):
    """Cognito declined a call for a reason that lies with this person or with what they sent.

    ``reason`` is Cognito's code without "Exception", such as ``CodeMismatch``. It is for the log: clients must not
    learn it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Cognito:
    """The connection to the service of the user pool ``pool_id``. ``endpoint`` replaces AWS's address.

    Botocore's clients are created on first use.
    """

    def __init__(self, pool_id: str, endpoint: str | None = None) -> None:
        self.pool_id = pool_id
        self._connection = Connection(SERVICE, pool_id.partition("_")[0], endpoint)

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Make a call that botocore may repeat. Raises ``Declined``."""
        return _called(self._repeating, operation, parameters)

    def call_once(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Make a call that is never repeated. Raises ``Declined``."""
        return _called(self._once, operation, parameters)

    def has(self, operation: str) -> bool:
        """Return whether this version of botocore knows an operation. Lambda's may be older than the tests'."""
        return operation in self._repeating.meta.service_model.operation_names

    @cached_property
    def _repeating(self) -> Any:
        return self._connection.client(read_timeout=READ_TIMEOUT, attempts=ATTEMPTS)

    @cached_property
    def _once(self) -> Any:
        return self._connection.client(read_timeout=READ_TIMEOUT_ONCE, attempts=1)


def _called(client: Any, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    from botocore import xform_name

    with connections.failures_named(SERVICE, operation):
        answer: Mapping[str, Any] = getattr(client, xform_name(operation))(**parameters)
        return answer


def _translated(error: Any, operation: str) -> RosterError | None:
    code: str = error.response.get("Error", {}).get("Code", "")
    message: str = error.response.get("Error", {}).get("Message", "")
    if code in THROTTLING:
        return Throttled("The user pool accepts no more requests at the moment: retry later.", RETRY_AFTER)
    if code == "NotAuthorizedException" and "secret" in message.lower():
        return None  # the app client has a secret, which Roster does not know
    if code == "NotAuthorizedException" and "unauthorized attribute" in message.lower():
        return None  # the app client may not write an attribute that Roster lets people change
    if operation == "AdminResetUserPassword" and code == "NotAuthorizedException" and "disabled" in message.lower():
        return Declined("Disabled")  # Cognito has no code of its own for it, and IAM has another one
    reason = code.removesuffix("Exception")
    return Declined(reason) if reason in _DECLINED.get(operation, ()) else None


SERVICE = Service(
    id="cognito-idp",
    name="Cognito",
    role="The user pool",
    late="The user pool did not respond in time: retry later.",
    transient=TRANSIENT,
    translated=_translated,
)


def text(answer: Mapping[str, Any], name: str) -> str:
    """Return a member that a response must have. Raises ``Unavailable``."""
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise incomplete()
    return value


def incomplete() -> Unavailable:
    """Return the error for a response that lacks what it must have."""
    return Unavailable("The user pool's response was incomplete: retry later.")
