"""The calls that people make about their own account, with their access token.

All are unsigned: the token, with the scope ``aws.cognito.signin.user.admin``, authorizes them ("Amazon Cognito user
pools API authenticated and unauthenticated operations", Cognito developer guide).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.errors import Unauthorized, Unavailable
from chalicelib.json.strict_json import Json, JsonObject
from chalicelib.storage.cognito.attributes import NAMES, TOTP, app_metadata
from chalicelib.storage.cognito.service import NOT_SIGNED_IN, Cognito, Declined, incomplete, text


class Gone(Unauthorized):
    """The account has been deleted."""


class Account(NamedTuple):
    """An account, as its owner may see it. ``username`` names it to Cognito, and never changes.

    ``names`` has those of ``name``, ``given_name`` and ``family_name`` that the account has. ``totp`` is true if a
    sign-in asks for a code of an authenticator app.
    """

    userid: str
    username: str
    email: str | None
    email_verified: bool
    names: Mapping[str, str]
    totp: bool
    app_metadata: JsonObject

    def to_json(self, groups: list[Json]) -> JsonObject:
        """Return the account as its owner sees it."""
        return {
            "userid": self.userid,
            "email": self.email,
            "email_verified": self.email_verified,
            **{name: self.names.get(name) for name in NAMES},
            "groups": [*groups],
            "totp": self.totp,
            "app_metadata": self.app_metadata,
        }


class OwnAccount:
    """The account that ``access_token`` belongs to.

    All calls raise ``Unauthorized`` if the token is no longer accepted: it was revoked or has expired, or the account
    is disabled, needs a new password, or is ``Gone``.
    """

    def __init__(self, cognito: Cognito, access_token: str) -> None:
        self._cognito = cognito
        self._token = access_token

    def get(self) -> Account:
        """Return the account."""
        answer = self._call("GetUser")
        given = answer.get("UserAttributes")
        if not isinstance(given, list):
            raise incomplete()
        attributes = {one.get("Name"): one.get("Value", "") for one in given}
        return Account(
            userid=text(attributes, "sub"),
            username=text(answer, "Username"),
            email=attributes.get("email"),
            email_verified=attributes.get("email_verified") == "true",
            names={name: attributes[name] for name in NAMES if attributes.get(name)},
            totp=TOTP in (answer.get("UserMFASettingList") or []),
            app_metadata=app_metadata(attributes),
        )

    # Attributes

    def set_names(self, names: Mapping[str, str]) -> None:
        """Set attributes. An empty value deletes one ("UpdateUserAttributes"). Raises ``Declined``."""
        self._call("UpdateUserAttributes", UserAttributes=[{"Name": n, "Value": v} for n, v in names.items()])

    def mail_code_to(self, email: str) -> None:
        """Mail a code to a new address, which replaces the present one when it is verified. Raises ``Declined``."""
        self._call_once("UpdateUserAttributes", UserAttributes=[{"Name": "email", "Value": email}])

    def verify_email(self, code: str) -> None:
        """Replace the address by the new one, which ``code`` was mailed to. Raises ``Declined``.

        A code works once, so a repeated call would report that it is wrong.
        """
        self._call_once("VerifyUserAttribute", AttributeName="email", Code=code)

    # Passwords and authenticators

    def change_password(self, present: str, new: str) -> None:
        """Change the password. Raises ``Declined`` (``NotAuthorized`` if the present password is wrong).

        That may also mean that the token is no longer accepted: call ``get`` first. A repeated call would report that
        the password is wrong, because it has been changed.
        """
        try:
            self._cognito.call_once(
                "ChangePassword", AccessToken=self._token, PreviousPassword=present, ProposedPassword=new
            )
        except Declined as declined:
            if declined.reason == "NotAuthorized":
                raise
            raise _as_unauthorized(declined) from None

    def begin_totp(self) -> str:
        """Return the secret of a new authenticator app, base32. Raises ``Declined``.

        It replaces one that was not verified.
        """
        try:
            return text(self._call("AssociateSoftwareToken"), "SecretCode")
        except Declined as declined:
            if declined.reason == "ConcurrentModification":
                raise Unavailable("Another request is setting up an authenticator app: retry later.") from None
            raise

    def verify_totp(self, code: str) -> None:
        """Prove with a code that the app has the secret. Raises ``Declined``. A code works once."""
        answer = self._call_once("VerifySoftwareToken", UserCode=code)
        if answer.get("Status") != "SUCCESS":
            raise Declined("EnableSoftwareTokenMFA")

    def set_totp(self, *, enabled: bool) -> None:
        """Ask for a code of the authenticator app at each sign-in, or ask no longer. Raises ``Declined``."""
        self._call("SetUserMFAPreference", SoftwareTokenMfaSettings={"Enabled": enabled, "PreferredMfa": enabled})

    # Leaving

    def end_sessions(self) -> None:
        """Revoke all tokens of the account, this one too."""
        self._call("GlobalSignOut")

    def delete(self) -> None:
        """Delete the account. It may be gone already."""
        try:
            self._call("DeleteUser")
        except Gone:
            return

    # Calls

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            return self._cognito.call(operation, AccessToken=self._token, **parameters)
        except Declined as declined:
            raise _as_unauthorized(declined) from None

    def _call_once(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            return self._cognito.call_once(operation, AccessToken=self._token, **parameters)
        except Declined as declined:
            raise _as_unauthorized(declined) from None


def _as_unauthorized(declined: Declined) -> Exception:
    """Return ``declined``, or the error for a token that is no longer accepted."""
    if declined.reason == "UserNotFound":
        return Gone("Your account no longer exists.")
    if declined.reason in NOT_SIGNED_IN:
        return Unauthorized("Your session has ended: sign in again.")
    return declined
