"""The user pool: the calls that sign people up and in, in the words of accounts and sessions.

Only this module knows Cognito's API. All calls but ``end_sessions`` and ``force_reset`` are unsigned: they need no
credentials and no permissions ("Amazon Cognito user pools API authenticated and unauthenticated operations", Cognito
developer guide). Nothing that Cognito says is shown to clients, because it reveals who has an account.

Times: an attempt takes at most 2.5 s, or 3.5 s if it is the only one, and no attempt starts later than 3.5 s after the
request's first call, so a route ends within 7 s; ``sign_up.confirm`` has limits of its own. A call whose repetition
could do harm is made once.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

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
_SIGNED_IN = _PERSONS | {"PasswordResetRequired", "UserNotConfirmed"}
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
    "AssociateSoftwareToken": _SIGNED_IN | {"ConcurrentModification", "SoftwareTokenMFANotFound"},
    "VerifySoftwareToken": _SIGNED_IN | _CODES | {"EnableSoftwareTokenMFA", "InvalidParameter"},
    "GetTokensFromRefreshToken": _PERSONS | {"InvalidParameter", "RefreshTokenReuse"},
    "AdminResetUserPassword": NOT_MAILED | {"InvalidParameter", "LimitExceeded"},
    "RevokeToken": frozenset({"InvalidParameter", "Unauthorized", "UnsupportedTokenType"}),
}
"""The errors of each operation that say something about the person or about what they sent, without "Exception"."""

CHALLENGES = {
    "NEW_PASSWORD_REQUIRED": "NEW_PASSWORD",
    "SOFTWARE_TOKEN_MFA": "TOTP",
    "MFA_SETUP": "TOTP_SETUP",
}
"""Roster's names for Cognito's challenges."""
TOKEN = re.compile(r"[A-Za-z0-9._=-]+")
"""``TokenModelType`` of the Cognito API reference."""

Result = TypeVar("Result")


class Declined(RosterError):
    """Cognito declined a call for a reason that lies with this person or with what they sent.

    ``reason`` is Cognito's code without "Exception", such as ``CodeMismatch``. It is for the log: clients must not
    learn it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Tokens(NamedTuple):
    """What a sign-in or a refresh returns. ``expires_in`` is in seconds. Without ``refresh``, the old one is kept."""

    access: str
    id: str
    refresh: str | None
    expires_in: int

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims of the ID token. It comes from Cognito itself, so its signature is not checked."""
        return _claims(self.id)


class Pending(NamedTuple):
    """A sign-in that needs another answer: Cognito's ``challenge``, under Roster's name if there is one.

    ``session`` and ``username`` belong to the answer. ``missing`` are the attributes that the person has to send.
    """

    challenge: str
    session: str
    username: str
    missing: tuple[str, ...] = ()


class UserPool:
    """The user pool ``pool_id``, through the first of its app clients ``client_ids``.

    Refresh tokens of the others are accepted, too. ``rotates`` states whether a refresh replaces the refresh token.
    ``endpoint`` replaces AWS's address. Botocore's clients are created on first use.
    """

    def __init__(
        self, pool_id: str, client_ids: tuple[str, ...], *, rotates: bool, endpoint: str | None = None
    ) -> None:
        self._pool_id = pool_id
        self._client_id = client_ids[0]
        self._client_ids = client_ids
        self._rotates = rotates
        self._connection = Connection(SERVICE, pool_id.partition("_")[0], endpoint)

    # Signing up

    def sign_up(self, email: str, password: str, attributes: Mapping[str, str]) -> str:
        """Create an unconfirmed account, mail a code, and return the account's ``sub``. Raises ``Declined``."""
        answer = self._call_once(
            "SignUp",
            Username=email,
            Password=password,
            UserAttributes=[{"Name": name, "Value": value} for name, value in {"email": email, **attributes}.items()],
        )
        return _text(answer, "UserSub")

    def confirm(self, email: str, code: str) -> None:
        """Confirm an account with the code that was mailed to ``email``. Raises ``Declined``.

        This is the proof that somebody owns the address, so it counts only if Cognito says so: the call is made once.
        """
        self._call_once("ConfirmSignUp", Username=email, ConfirmationCode=code)

    def mail_confirmation_code(self, email: str) -> None:
        """Mail a new code to an unconfirmed account. Raises ``Declined``."""
        self._call_once("ResendConfirmationCode", Username=email)

    # Passwords

    def mail_reset_code(self, email: str) -> None:
        """Mail a code that sets a new password. Raises ``Declined``."""
        self._call_once("ForgotPassword", Username=email)

    def reset_password(self, email: str, code: str, password: str) -> None:
        """Set a new password. Raises ``Declined``."""
        self._call_once("ConfirmForgotPassword", Username=email, ConfirmationCode=code, Password=password)

    def force_reset(self, email: str) -> None:
        """Make the present password useless and mail a code that sets a new one. Needs permission.

        Raises ``Declined`` if an administrator has disabled the account.
        """
        self._call_signed("AdminResetUserPassword", email)

    def end_sessions(self, email: str) -> None:
        """Revoke every refresh token of the account. Needs permission."""
        self._call_signed("AdminUserGlobalSignOut", email)

    # Signing in

    def sign_in(self, email: str, password: str) -> Tokens | Pending:
        """Sign in with a password. Raises ``Declined``."""
        parameters = {"USERNAME": email, "PASSWORD": password}
        return _signed_in(self._call("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters))

    def set_first_password(self, pending: Pending, password: str, attributes: Mapping[str, str]) -> Tokens | Pending:
        """Answer ``NEW_PASSWORD``. Raises ``Declined``."""
        named = {f"userAttributes.{name}": value for name, value in attributes.items()}
        return self._respond("NEW_PASSWORD_REQUIRED", pending, NEW_PASSWORD=password, **named)

    def enter_totp(self, pending: Pending, code: str) -> Tokens | Pending:
        """Answer ``TOTP``. Raises ``Declined``."""
        return self._respond("SOFTWARE_TOKEN_MFA", pending, SOFTWARE_TOKEN_MFA_CODE=code)

    def begin_totp_setup(self, pending: Pending) -> tuple[Pending, str]:
        """Return the secret of a new authenticator, base32, and how to go on. Raises ``Declined``."""
        answer = _called(self._once, "AssociateSoftwareToken", {"Session": pending.session})
        return pending._replace(session=_text(answer, "Session")), _text(answer, "SecretCode")

    def finish_totp_setup(self, pending: Pending, code: str) -> Tokens | Pending:
        """Answer ``TOTP_SETUP``. Raises ``Declined``."""
        answer = _called(self._once, "VerifySoftwareToken", {"Session": pending.session, "UserCode": code})
        if answer.get("Status") != "SUCCESS":
            raise Declined("EnableSoftwareTokenMFA")
        return self._respond("MFA_SETUP", pending._replace(session=_text(answer, "Session")))

    def _respond(self, name: str, pending: Pending, **responses: str) -> Tokens | Pending:
        answer = self._call_once(
            "RespondToAuthChallenge",
            ChallengeName=name,
            Session=pending.session,
            ChallengeResponses={"USERNAME": pending.username, **responses},
        )
        return _signed_in(answer, pending.username)

    # Sessions

    def refresh(self, refresh_token: str) -> Tokens:
        """Return new tokens. Raises ``Declined``.

        Rotation has an operation of its own, and turns the other one off ("Refresh token rotation", Cognito developer
        guide). The old token stays good for a while, so a repeated call is harmless.
        """

        def refreshed(client_id: str) -> Tokens:
            if self._rotates:
                answer = self._call("GetTokensFromRefreshToken", client_id, RefreshToken=refresh_token)
            else:
                given = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": refresh_token}}
                answer = self._call("InitiateAuth", client_id, **given)
            tokens = _signed_in(answer)
            if isinstance(tokens, Pending):
                raise Declined("NotAuthorized")
            return tokens

        return self._by_any_client(refresh_token, refreshed)

    def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token, and the access tokens that came with it. Raises ``Declined``."""
        self._by_any_client(refresh_token, lambda client_id: self._call("RevokeToken", client_id, Token=refresh_token))

    def _by_any_client(self, refresh_token: str, call: Callable[[str], Result]) -> Result:
        """Return what ``call`` returns for the app client that the token was issued to."""
        declined = Declined("Malformed")
        if TOKEN.fullmatch(refresh_token):
            for client_id in self._client_ids:
                try:
                    return call(client_id)
                except Declined as reason:
                    declined = reason
        raise declined

    # Calls

    def _call(self, operation: str, client_id: str | None = None, **parameters: Any) -> Mapping[str, Any]:
        """Make a call that botocore may repeat."""
        return _called(self._repeating, operation, {"ClientId": client_id or self._client_id, **parameters})

    def _call_signed(self, operation: str, email: str) -> None:
        """Make a call that needs permission. Botocore may repeat it."""
        _called(self._repeating, operation, {"UserPoolId": self._pool_id, "Username": email})

    def _call_once(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Make a call that is never repeated."""
        return _called(self._once, operation, {"ClientId": self._client_id, **parameters})

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
    text: str = error.response.get("Error", {}).get("Message", "")
    if code in THROTTLING:
        return Throttled("Too many people are signing in or up at the moment: retry later.", RETRY_AFTER)
    if code == "NotAuthorizedException" and "secret" in text.lower():
        return None  # the app client has a secret, which Roster does not know
    if operation == "AdminResetUserPassword" and code == "NotAuthorizedException" and "disabled" in text.lower():
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


def _signed_in(answer: Mapping[str, Any], username: str = "") -> Tokens | Pending:
    result = answer.get("AuthenticationResult")
    if isinstance(result, dict):
        expires_in = result.get("ExpiresIn")
        if not isinstance(expires_in, int):
            raise _incomplete()
        refresh = result.get("RefreshToken")
        tokens = Tokens(_text(result, "AccessToken"), _text(result, "IdToken"), refresh, expires_in)
        if "sub" not in tokens.claims:
            raise _incomplete()
        return tokens
    parameters = answer.get("ChallengeParameters") or {}
    name = _text(answer, "ChallengeName")
    missing = tuple(attribute.removeprefix("userAttributes.") for attribute in _names(parameters))
    # Later answers must name the user by this parameter, not by an alias ("InitiateAuth", Cognito API reference).
    known = parameters.get("USER_ID_FOR_SRP") or username
    return Pending(CHALLENGES.get(name, name), _text(answer, "Session"), known, missing)


def _names(parameters: Mapping[str, str]) -> list[str]:
    """Return the required attributes that the person lacks: a parameter that holds JSON."""
    try:
        return [str(name) for name in json.loads(parameters.get("requiredAttributes") or "[]")]
    except (TypeError, ValueError):
        raise _incomplete() from None


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise _incomplete()
    return value


def _claims(token: str) -> Mapping[str, Any]:
    try:
        payload = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        raise _incomplete() from None
    if not isinstance(claims, dict):
        raise _incomplete()
    return claims


def _incomplete() -> Unavailable:
    return Unavailable("The user pool's response was incomplete: retry later.")
