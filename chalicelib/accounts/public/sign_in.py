"""Signing in: passwords, challenges, and the tokens that they lead to."""

import json
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib import users
from chalicelib.accounts import authenticators
from chalicelib.accounts.errors import InvalidCredentials
from chalicelib.accounts.passwords import PasswordPolicy, PasswordRejected
from chalicelib.errors import Conflict, Invalid, Misconfigured, RosterError
from chalicelib.json.strict_json import JsonObject
from chalicelib.records import ABSENT, Records
from chalicelib.storage.cognito.service import REJECTED_PASSWORDS, Declined
from chalicelib.storage.cognito.user_pool import Pending, Tokens, UserPool

REJECTED = (
    "The e-mail address or the password is wrong, or the account is not ready. If you have not confirmed your address, "
    "sign up again for a new code. If you do not know your password, or an administrator has reset it, reset it."
)
NOT_ANSWERED = "The code is wrong, or the session is unknown or has expired: try again, or sign in again."
NOT_REFRESHED = "The refresh token is unknown, has expired or was revoked: sign in again."

MIN_SESSION, MAX_SESSION = 20, 4096
"""Characters of ``SessionType`` (Cognito API reference)."""

log = logging.getLogger("roster")


class Session(NamedTuple):
    """A sign-in that waits for the answer to a challenge. Clients get it as opaque text.

    It holds nothing that its reader could misuse: Cognito accepts only sessions that it has issued, for the user whom
    they were issued for. ``is_first`` is true if the person signs in for the first time.
    """

    pending: Pending
    email: str
    is_first: bool

    def __str__(self) -> str:
        members = [self.pending.session, self.pending.username, self.email, self.is_first]
        return urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Session":
        """Return the session that ``text`` states. Raises ``InvalidCredentials``."""
        try:
            session, username, email, is_first = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (TypeError, ValueError, RecursionError):
            raise InvalidCredentials(NOT_ANSWERED) from None
        if not all(isinstance(member, str) and member for member in (session, username, email)):
            raise InvalidCredentials(NOT_ANSWERED)
        if not MIN_SESSION <= len(session) <= MAX_SESSION:
            raise InvalidCredentials(NOT_ANSWERED)
        return cls(Pending("", session, username), email, bool(is_first))


class SignIn:
    """Signs people in, and creates their record at the first time. ``product`` names the service to authenticators."""

    def __init__(self, pool: UserPool, records: Records, policy: PasswordPolicy, product: str) -> None:
        self._pool = pool
        self._records = records
        self._policy = policy
        self._product = product

    def with_password(self, email: str, password: str) -> Tokens | JsonObject:
        """Sign in. Return tokens, or a challenge. Raises ``InvalidCredentials``."""
        try:
            outcome = self._pool.sign_in(email, password)
        except Declined as declined:
            raise failed(declined, REJECTED) from None
        return self.proceed(outcome, email)

    def with_answer(
        self, session: Session, challenge: str, answer: str, names: Mapping[str, str]
    ) -> Tokens | JsonObject:
        """Answer a challenge: with a new password and the missing ``names``, or with a code.

        Raises ``InvalidCredentials``, ``PasswordRejected`` and ``Invalid``.
        """
        is_first = session.is_first or challenge == "NEW_PASSWORD"
        try:
            if challenge == "NEW_PASSWORD":
                self._policy.require(answer)
                outcome = self._pool.set_first_password(session.pending, answer, names)
            elif challenge == "TOTP":
                outcome = self._pool.enter_totp(session.pending, answer)
            else:
                outcome = self._pool.finish_totp_setup(session.pending, answer)
        except Declined as declined:
            if declined.reason in REJECTED_PASSWORDS:
                raise PasswordRejected(self._policy.rules) from None
            if declined.reason == "InvalidParameter" and challenge == "NEW_PASSWORD":
                raise Invalid("Send the attributes that the challenge lists as missing.") from None
            raise failed(declined, NOT_ANSWERED) from None
        return self.proceed(outcome, session.email, is_first=is_first)

    def refreshed(self, refresh_token: str | None) -> Tokens:
        """Return new tokens. Raises ``InvalidCredentials``, also if there is no refresh token."""
        if refresh_token is None:
            raise InvalidCredentials(NOT_REFRESHED)
        try:
            return self._pool.refresh(refresh_token)
        except Declined as declined:
            log.info("refresh_declined", extra={"reason": declined.reason})
            raise InvalidCredentials(NOT_REFRESHED) from None

    def revoke(self, refresh_token: str) -> None:
        """Make a refresh token useless. An unknown one is not an error (RFC 7009, section 2.2)."""
        try:
            self._pool.revoke(refresh_token)
        except Declined as declined:
            log.info("revocation_declined", extra={"reason": declined.reason})

    def proceed(self, outcome: Tokens | Pending, email: str, *, is_first: bool = False) -> Tokens | JsonObject:
        """Finish a sign-in, or return the challenge that comes next."""
        if isinstance(outcome, Pending):
            return self._challenge(outcome, email, is_first=is_first)
        if is_first:
            self._create_record(outcome.claims)
        log.info("signed_in", extra={"userid": outcome.claims["sub"]})
        return outcome

    def _challenge(self, pending: Pending, email: str, *, is_first: bool) -> JsonObject:
        asked: JsonObject = {}
        if pending.challenge == "NEW_PASSWORD":
            asked = {"missing": list(pending.missing)}
        elif pending.challenge == "TOTP_SETUP":
            pending, secret = self._pool.begin_totp_setup(pending)
            asked = {"secret": secret, "uri": authenticators.uri(self._product, email, secret)}
        session = str(Session(pending, email, is_first))
        return {"challenge": pending.challenge, "session": session, **asked}

    def _create_record(self, claims: Mapping[str, Any]) -> None:
        """Create the person's record unless there is one. The person is signed in even if that fails."""
        document: JsonObject = {name: claims[name] for name in ("name", "email") if name in claims}
        try:
            self._records.put(users.stored_as(claims["sub"], document), only_if=ABSENT)
        except Conflict:
            return
        except RosterError as error:
            reason = error.detail if isinstance(error, Misconfigured) else type(error).__name__
            log.error("record_not_created", extra={"userid": claims["sub"], "reason": reason})


def failed(declined: Declined, detail: str) -> InvalidCredentials:
    """Log why a sign-in failed, and return the error, which does not say so."""
    log.warning("sign_in_failed", extra={"reason": declined.reason})
    return InvalidCredentials(detail)
