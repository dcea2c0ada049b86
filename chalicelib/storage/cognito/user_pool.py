"""The calls that sign people up and in.

All but ``end_sessions`` and ``force_reset`` are unsigned: they need no credentials and no permissions ("Amazon Cognito
user pools API authenticated and unauthenticated operations", Cognito developer guide).
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from chalicelib.json import web_token
from chalicelib.storage.cognito.service import Cognito, Declined, incomplete, text

CHALLENGES = {
    "NEW_PASSWORD_REQUIRED": "NEW_PASSWORD",
    "SOFTWARE_TOKEN_MFA": "TOTP",
    "MFA_SETUP": "TOTP_SETUP",
}
"""Roster's names for Cognito's challenges."""
TOKEN = re.compile(r"[A-Za-z0-9._=-]+")
"""``TokenModelType`` of the Cognito API reference."""

Result = TypeVar("Result")


class Tokens(NamedTuple):
    """What a sign-in or a refresh returns. ``expires_in`` is in seconds. Without ``refresh``, the old one is kept."""

    access: str
    id: str
    refresh: str | None
    expires_in: int

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims of the ID token. It comes from Cognito itself, so its signature is not checked."""
        try:
            return web_token.claims(self.id)
        except ValueError:
            raise incomplete() from None


class Pending(NamedTuple):
    """A sign-in that needs another answer: Cognito's ``challenge``, under Roster's name if there is one.

    ``session`` and ``username`` belong to the answer. ``missing`` are the attributes that the person has to send.
    """

    challenge: str
    session: str
    username: str
    missing: tuple[str, ...] = ()


class UserPool:
    """The user pool, through the first of its app clients ``client_ids``.

    Refresh tokens of the others are accepted, too. ``rotates`` states whether a refresh replaces the refresh token.
    """

    def __init__(self, cognito: Cognito, client_ids: tuple[str, ...], *, rotates: bool) -> None:
        self._cognito = cognito
        self._client_id = client_ids[0]
        self._client_ids = client_ids
        self._rotates = rotates

    # Signing up

    def sign_up(self, email: str, password: str, attributes: Mapping[str, str]) -> str:
        """Create an unconfirmed account, mail a code, and return the account's ``sub``. Raises ``Declined``."""
        answer = self._call_once(
            "SignUp",
            Username=email,
            Password=password,
            UserAttributes=[{"Name": name, "Value": value} for name, value in {"email": email, **attributes}.items()],
        )
        return text(answer, "UserSub")

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
        """Revoke every refresh token of the account. Needs permission. An account that is gone has none."""
        try:
            self._call_signed("AdminUserGlobalSignOut", email)
        except Declined:
            return

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
        answer = self._cognito.call_once("AssociateSoftwareToken", Session=pending.session)
        return pending._replace(session=text(answer, "Session")), text(answer, "SecretCode")

    def finish_totp_setup(self, pending: Pending, code: str) -> Tokens | Pending:
        """Answer ``TOTP_SETUP``. Raises ``Declined``."""
        answer = self._cognito.call_once("VerifySoftwareToken", Session=pending.session, UserCode=code)
        if answer.get("Status") != "SUCCESS":
            raise Declined("EnableSoftwareTokenMFA")
        return self._respond("MFA_SETUP", pending._replace(session=text(answer, "Session")))

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
        return self._cognito.call(operation, ClientId=client_id or self._client_id, **parameters)

    def _call_once(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return self._cognito.call_once(operation, ClientId=self._client_id, **parameters)

    def _call_signed(self, operation: str, email: str) -> None:
        self._cognito.call(operation, UserPoolId=self._cognito.pool_id, Username=email)


def _signed_in(answer: Mapping[str, Any], username: str = "") -> Tokens | Pending:
    result = answer.get("AuthenticationResult")
    if isinstance(result, dict):
        expires_in = result.get("ExpiresIn")
        if not isinstance(expires_in, int):
            raise incomplete()
        refresh = result.get("RefreshToken")
        tokens = Tokens(text(result, "AccessToken"), text(result, "IdToken"), refresh, expires_in)
        if "sub" not in tokens.claims:
            raise incomplete()
        return tokens
    parameters = answer.get("ChallengeParameters") or {}
    name = text(answer, "ChallengeName")
    missing = tuple(attribute.removeprefix("userAttributes.") for attribute in _names(parameters))
    # Later answers must name the user by this parameter, not by an alias ("InitiateAuth", Cognito API reference).
    known = parameters.get("USER_ID_FOR_SRP") or username
    return Pending(CHALLENGES.get(name, name), text(answer, "Session"), known, missing)


def _names(parameters: Mapping[str, str]) -> list[str]:
    """Return the required attributes that the person lacks: a parameter that holds JSON."""
    try:
        return [str(name) for name in json.loads(parameters.get("requiredAttributes") or "[]")]
    except (TypeError, ValueError):
        raise incomplete() from None
