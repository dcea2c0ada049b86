"""Asking for the password again before something that a stolen token must not suffice for.

Cognito has no operation that only checks a password, so Roster signs in with it, and revokes the tokens at once.
"""

import logging

from chalicelib.accounts.errors import WrongPassword
from chalicelib.errors import Misconfigured, RosterError
from chalicelib.storage.cognito.own_account import Account
from chalicelib.storage.cognito.service import Declined
from chalicelib.storage.cognito.user_pool import Tokens, UserPool

log = logging.getLogger("roster")


def require_password(pool: UserPool, account: Account, password: str) -> frozenset[str]:
    """Raise ``WrongPassword`` if this is not the account's password, or if there were too many attempts.

    Return the account's present groups. They are unknown, and so empty, if the pool asks for a second factor. That
    comes after the password, so it means that the password is right.
    """
    try:
        outcome = pool.sign_in(account.username, password)
    except Declined as declined:
        log.warning("wrong_password", extra={"userid": account.userid, "reason": declined.reason})
        raise WrongPassword from None
    if not isinstance(outcome, Tokens):
        return frozenset()
    if outcome.refresh is not None:
        _revoke(pool, outcome.refresh)
    return frozenset(outcome.claims.get("cognito:groups", ()))


def _revoke(pool: UserPool, refresh_token: str) -> None:
    """Revoke tokens that nobody has seen. If that fails, they expire."""
    try:
        pool.revoke(refresh_token)
    except RosterError as error:
        reason = error.detail if isinstance(error, Declined | Misconfigured) else type(error).__name__
        log.error("tokens_not_revoked", extra={"reason": reason})
