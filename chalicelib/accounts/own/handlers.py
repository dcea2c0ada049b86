"""Handles the requests about one's own account, with the caller's access token.

Bodies and settings are checked before Cognito is called.
"""

import logging
from http import HTTPStatus

from chalice.app import Response

from chalicelib.accounts import authenticators
from chalicelib.accounts.bodies import Body
from chalicelib.accounts.cookies import RefreshCookie
from chalicelib.accounts.erasure import CONTINUED, RETRY_AFTER, Erasure, time_limit
from chalicelib.accounts.errors import (
    EmailTaken,
    InvalidCode,
    TotpOff,
    TotpOn,
    TotpRequired,
    WrongPassword,
    WrongStatus,
)
from chalicelib.accounts.even_time import EvenTime
from chalicelib.accounts.own.reauthentication import require_password
from chalicelib.accounts.passwords import PasswordRejected
from chalicelib.accounts.settings import AccountSettings
from chalicelib.errors import Invalid, RosterError, Unavailable
from chalicelib.json.strict_json import Json, JsonObject
from chalicelib.personal_data import PersonalData
from chalicelib.storage.cognito.own_account import Account, Gone, OwnAccount
from chalicelib.storage.cognito.service import NOT_MAILED, REJECTED_PASSWORDS, Cognito, Declined
from chalicelib.storage.cognito.user_pool import UserPool
from chalicelib.storage.connections import one_patience
from chalicelib.web import responses
from chalicelib.web.request import Request

MAILED: JsonObject = {"message": "If nobody else has this address, a code has been mailed to it."}
CHANGING = 2.5
ENDING_SESSIONS = 1.0
"""Seconds after which no call starts. So ending the sessions is tried even if the change has taken long."""

log = logging.getLogger("roster")


class Handlers:
    """The handlers, by the names of the routes. Without the scope of the token, all raise ``InsufficientScope``."""

    def __init__(
        self, settings: AccountSettings, cognito: Cognito, personal_data: PersonalData, erasure: Erasure
    ) -> None:
        self._mfa = settings.mfa
        self._admin_group = settings.admin_group
        self._even_time = EvenTime(settings.step)
        self._product = settings.product
        self._policy = settings.password_policy
        self._cookie = RefreshCookie(settings.refresh_seconds)
        self._cognito = cognito
        self._pool = UserPool(cognito, settings.client_ids, rotates=settings.rotates)
        self._personal_data = personal_data
        self._erasure = erasure

    # The account

    def get_account(self, request: Request) -> Response:
        """Return the account."""
        own = self._own(request)
        with one_patience():
            return _shown(own.get(), request)

    def patch_account(self, request: Request) -> Response:
        """Change names, and return the account."""
        own = self._own(request)
        body = Body.of(request)
        names = body.changed_names()
        body.require_no_faults()
        with one_patience():
            if names:
                try:
                    own.set_names({name: value or "" for name, value in names.items()})
                except Declined as declined:
                    log.info("names_declined", extra={"reason": declined.reason})
                    raise Invalid("The user pool does not accept these names.") from None
            return _shown(own.get(), request)

    def get_export(self, request: Request) -> Response:
        """Return everything that is stored about the caller."""
        own = self._own(request)
        with one_patience():
            account = own.get()
        groups = _groups(request)
        stored = self._personal_data.export(account.userid, request.address_of)
        document: JsonObject = {"account": account.to_json(groups), "groups": groups, **stored}
        return responses.attachment(document, f"roster-{account.userid}.json")

    # Password and address

    def put_password(self, request: Request) -> Response:
        """Change the password, and end all sessions."""
        own = self._own(request)
        body = Body.of(request)
        present, new = body.password(), body.password("new_password")
        body.require_no_faults()
        self._policy.require(new)
        with one_patience(CHANGING):
            account = own.get()
            self._change_password(own, account, present, new)
        log.info("password_changed", extra={"userid": account.userid})
        with one_patience(ENDING_SESSIONS):
            _end_sessions_after_change(own)
        return self._cookie.clear(responses.no_content(), request)

    def _change_password(self, own: OwnAccount, account: Account, present: str, new: str) -> None:
        try:
            own.change_password(present, new)
        except Declined as declined:
            log.warning("password_not_changed", extra={"userid": account.userid, "reason": declined.reason})
            if declined.reason in REJECTED_PASSWORDS | {"InvalidParameter"}:
                raise PasswordRejected(self._policy.rules) from None
            raise WrongPassword from None
        except Unavailable:
            raise Unavailable(
                "The user pool did not respond. Your password may have been changed: sign in with the new one, or with "
                "the present one and try again."
            ) from None

    def put_email(self, request: Request) -> Response:
        """Mail a code to a new address. The response does not tell whether the address has an account."""
        own = self._own(request)
        body = Body.of(request)
        email, password = body.email(), body.password()
        body.require_no_faults()
        with one_patience():
            require_password(self._pool, own.get(), password)
            with self._even_time.always():
                _mail_code(own, email)
        return responses.document(MAILED, responses.UNCACHED, HTTPStatus.ACCEPTED)

    def post_email_confirmation(self, request: Request) -> Response:
        """Replace the address by the new one."""
        own = self._own(request)
        code = _code(request)
        with one_patience():
            try:
                own.verify_email(code)
            except Declined as declined:
                if declined.reason == "AliasExists":
                    raise EmailTaken from None
                raise _invalid_code(declined) from None
        return responses.no_content()

    # TOTP

    def post_totp(self, request: Request) -> Response:
        """Return the secret of a new authenticator app."""
        own = self._own(request)
        with one_patience():
            account = self._without_totp(own)
            try:
                secret = own.begin_totp()
            except Declined as declined:
                log.info("totp_declined", extra={"reason": declined.reason})
                raise TotpOff from None
        uri = authenticators.uri(self._product, account.email or account.userid, secret)
        shown: JsonObject = {"secret": secret, "uri": uri, "qr": authenticators.qr_code(uri)}
        return responses.document(shown, responses.UNCACHED)

    def put_totp(self, request: Request) -> Response:
        """Turn TOTP on."""
        own = self._own(request)
        code = _code(request)
        with one_patience():
            account = self._without_totp(own)
            try:
                own.verify_totp(code)
            except Declined as declined:
                raise _invalid_code(declined) from None
            _set_totp(own, enabled=True)
        log.info("totp_turned_on", extra={"userid": account.userid})
        return responses.no_content()

    def _without_totp(self, own: OwnAccount) -> Account:
        """Return the account. Raises ``TotpOff``, and ``TotpOn`` if it has an authenticator app: a new one would
        replace it without the password."""
        if self._mfa == "OFF":
            raise TotpOff
        account = own.get()
        if account.totp:
            raise TotpOn
        return account

    def post_totp_removal(self, request: Request) -> Response:
        """Turn TOTP off."""
        own = self._own(request)
        password = _password(request)
        if self._mfa == "ON":
            raise TotpRequired
        with one_patience():
            account = own.get()
            require_password(self._pool, account, password)
            _set_totp(own, enabled=False)
        log.info("totp_turned_off", extra={"userid": account.userid})
        return responses.no_content()

    # Leaving

    def delete_sessions(self, request: Request) -> Response:
        """Sign out everywhere."""
        own = self._own(request)
        with one_patience():
            own.end_sessions()
        return self._cookie.clear(responses.no_content(), request)

    def post_deletion(self, request: Request) -> Response:
        """Erase the account and everything that is stored about its owner."""
        own, deadline = self._own(request), time_limit()
        password = _password(request)
        with one_patience():
            account = own.get()
            try:
                groups = require_password(self._pool, account, password)
            except WrongPassword:
                return self._gone_meanwhile(own, request)
        caller = request.caller
        is_admin = self._admin_group in groups or (caller is not None and caller.is_admin)
        if self._erasure.erase(account.userid, own.delete, deadline, is_admin=is_admin):
            return self._cookie.clear(responses.no_content(), request)
        return responses.unfinished(CONTINUED, RETRY_AFTER)

    def _gone_meanwhile(self, own: OwnAccount, request: Request) -> Response:
        """Return the response if the same request, sent twice, has deleted the account. Raises ``WrongPassword``."""
        try:
            own.get()
        except Gone:
            return self._cookie.clear(responses.no_content(), request)
        raise WrongPassword

    def _own(self, request: Request) -> OwnAccount:
        """Return the caller's account. Raises what ``Request.account_token`` raises."""
        return OwnAccount(self._cognito, request.account_token)


def _shown(account: Account, request: Request) -> Response:
    return responses.document(account.to_json(_groups(request)), responses.UNCACHED)


def _groups(request: Request) -> list[Json]:
    """Return the groups in the caller's token, in order."""
    return sorted(request.token_claims.get("cognito:groups", []))


def _code(request: Request) -> str:
    """Return the code in a body that has nothing else."""
    body = Body.of(request)
    code = body.code()
    body.require_no_faults()
    return code


def _password(request: Request) -> str:
    """Return the password in a body that has nothing else."""
    body = Body.of(request)
    password = body.password()
    body.require_no_faults()
    return password


def _invalid_code(declined: Declined) -> InvalidCode:
    log.info("code_declined", extra={"reason": declined.reason})
    return InvalidCode()


def _mail_code(own: OwnAccount, email: str) -> None:
    """Mail a code to a new address, unless somebody else has it, which must not be reported."""
    try:
        own.mail_code_to(email)
    except Declined as declined:
        if declined.reason == "InvalidParameter":
            raise Invalid.at("/email", "The user pool does not accept this address.") from None
        level = logging.ERROR if declined.reason in NOT_MAILED else logging.INFO
        log.log(level, "code_not_mailed", extra={"reason": declined.reason})


def _set_totp(own: OwnAccount, *, enabled: bool) -> None:
    """Turn TOTP on or off. Raises ``WrongStatus`` if Cognito no longer knows the app, such as after another setup."""
    try:
        own.set_totp(enabled=enabled)
    except Declined as declined:
        log.error("totp_declined", extra={"reason": declined.reason})
        raise WrongStatus(
            "The user pool does not know your authenticator app. Set it up again, or ask an administrator to reset it."
        ) from None


def _end_sessions_after_change(own: OwnAccount) -> None:
    """End all sessions. Raises ``Unavailable`` if that fails, because the password cannot be changed back."""
    try:
        own.end_sessions()
    except RosterError as error:
        log.error("sessions_not_ended", extra={"reason": type(error).__name__})
        raise Unavailable(
            "Your password is changed, but your other sessions may not have ended. Sign in with the new password and "
            "end them with DELETE /sessions."
        ) from None
