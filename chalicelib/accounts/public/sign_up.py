"""Signing up, confirming an address, and resetting a password, so that nobody learns who has an account."""

import logging
from collections.abc import Mapping

from chalicelib.accounts.errors import InvalidCode, PasswordResetRequired, SignUpClosed
from chalicelib.accounts.passwords import PasswordPolicy, PasswordRejected
from chalicelib.errors import Invalid, Misconfigured, RosterError, Throttled, Unavailable
from chalicelib.storage.cognito.service import NOT_MAILED, REJECTED_PASSWORDS, Declined
from chalicelib.storage.cognito.user_pool import Pending, Tokens, UserPool
from chalicelib.storage.connections import one_patience

log = logging.getLogger("roster")


CONFIRMING = 2.5
LOCKING_OUT = 1.0
"""Seconds after which no call starts. Both, and the last call, take 9 s at most."""


def sign_up(pool: UserPool, email: str, password: str, names: Mapping[str, str]) -> None:
    """Create an account, or mail a new code if there is an unconfirmed one. Raises ``SignUpClosed``."""
    try:
        sub = pool.sign_up(email, password, names)
        log.info("signed_up", extra={"userid": sub})
    except Declined as declined:
        if declined.reason == "UsernameExists":
            _mail_again(pool, email)
        elif declined.reason == "NotAuthorized":
            raise SignUpClosed from None
        elif declined.reason == "InvalidParameter":
            raise Invalid("The user pool does not accept this address, password or name.") from None
        else:
            # An error response would reveal that the address has no account yet.
            log.error("sign_up_declined", extra={"reason": declined.reason})


def _mail_again(pool: UserPool, email: str) -> None:
    """Mail a new code, and report no failure: it would reveal that the address is known."""
    try:
        mail_confirmation_code(pool, email)
    except (Throttled, Unavailable) as error:
        log.error("code_not_mailed", extra={"reason": type(error).__name__})


def mail_confirmation_code(pool: UserPool, email: str) -> None:
    """Mail a new code to an unconfirmed account, and nothing to any other address."""
    try:
        pool.mail_confirmation_code(email)
    except Declined as declined:
        _log_not_mailed(declined)


def mail_reset_code(pool: UserPool, email: str) -> None:
    """Mail a code that sets a new password, if there is a confirmed account."""
    try:
        pool.mail_reset_code(email)
    except Declined as declined:
        _log_not_mailed(declined)


def _log_not_mailed(declined: Declined) -> None:
    level = logging.ERROR if declined.reason in NOT_MAILED else logging.INFO
    log.log(level, "code_not_mailed", extra={"reason": declined.reason})


def confirm(pool: UserPool, email: str, code: str, password: str) -> Tokens | Pending:
    """Confirm an account and sign in. Raises ``InvalidCode`` and ``PasswordResetRequired``.

    Anybody can sign up with somebody else's address and a password of their own. The code proves the address, so a
    wrong password means that somebody else chose it: it is made useless, and whoever has signed in with it since is
    signed out. The same is done if it remains unknown whether the password is right.
    """
    with one_patience(CONFIRMING):
        try:
            pool.confirm(email, code)
        except Declined as declined:
            log.info("code_declined", extra={"reason": declined.reason})
            raise InvalidCode from None
        try:
            return pool.sign_in(email, password)
        except RosterError as error:
            log.warning("password_of_somebody_else", extra={"reason": _reason(error)})
    with one_patience(LOCKING_OUT):
        _lock_out(pool, email)
    raise PasswordResetRequired


def _lock_out(pool: UserPool, email: str) -> None:
    """Make the account's password useless and end its sessions. Each is tried, whatever becomes of the other.

    For a disabled account, raises ``InvalidCode``. Its password stays as it is, because Cognito does not reset it:
    whoever enables the account should reset it.
    """
    failures: list[RosterError] = []
    for act in (pool.force_reset, pool.end_sessions):
        try:
            act(email)
        except RosterError as error:
            log.error("not_locked_out", extra={"operation": act.__name__, "reason": _reason(error)})
            failures.append(error)
    for failure in failures:
        if isinstance(failure, Declined) and failure.reason == "Disabled":
            raise InvalidCode
        if isinstance(failure, Misconfigured):
            raise failure


def _reason(error: RosterError) -> str:
    return error.reason if isinstance(error, Declined) else type(error).__name__


def reset_password(pool: UserPool, policy: PasswordPolicy, email: str, code: str, password: str) -> None:
    """Set a new password and end all sessions. Raises ``InvalidCode`` and ``PasswordRejected``."""
    try:
        pool.reset_password(email, code, password)
    except Declined as declined:
        log.info("code_declined", extra={"reason": declined.reason})
        if declined.reason in REJECTED_PASSWORDS:
            raise PasswordRejected(policy.rules) from None
        raise InvalidCode from None
    except Unavailable:
        raise Unavailable(
            "The user pool did not respond. Your password may have been changed: try to sign in with it, and ask for a "
            "new code to set it again. That also ends your sessions."
        ) from None
    log.info("password_reset")
    try:
        pool.end_sessions(email)
    except (Throttled, Unavailable) as error:
        log.error("sessions_not_ended", extra={"reason": type(error).__name__})
        raise Unavailable(
            "Your password is changed, but your sessions could not be ended. Reset your password again to end them."
        ) from None
