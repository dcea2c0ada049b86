"""Inviting people: an account with a temporary password, which is mailed to them."""

import logging

from chalicelib.accounts.errors import AccountExists, WrongStatus
from chalicelib.errors import Invalid, NotFound, Throttled, Unavailable, Violation
from chalicelib.storage.cognito.directory import Account, Directory
from chalicelib.storage.cognito.service import NOT_MAILED, Declined

RETRY_AFTER = 3600
"""Seconds. Cognito's own sender has a limit per day ("Quotas in Amazon Cognito")."""

log = logging.getLogger("roster")


def require_groups(directory: Directory, groups: list[str]) -> None:
    """Raise ``Invalid`` if one of ``groups`` does not exist."""
    unknown = [index for index, group in enumerate(groups) if not directory.has_group(group)]
    if unknown:
        detail = "The user pool has no such group. GET /groups lists them."
        raise Invalid(detail, *(Violation(f"/groups/{index}", detail) for index in unknown))


def invite(directory: Directory, email: str, name: str) -> tuple[Account, bool]:
    """Create an account and mail a temporary password. Return the account, and whether it is new.

    If the person was invited before and has not come, the invitation is mailed again, with another password, and the
    account keeps its name. So an invitation that was interrupted is finished by sending it again. Raises
    ``AccountExists``.
    """
    try:
        return directory.invite(email, name), True
    except Declined as declined:
        if declined.reason not in ("AliasExists", "UsernameExists"):
            raise _failure(declined) from None
    account = directory.find_by_email(email)
    if account is None or account.status != "invited":
        raise AccountExists
    if not account.enabled:
        raise WrongStatus("The person was invited before, but the account is disabled: enable it first.")
    try:
        directory.invite_again(email)
    except Declined as declined:
        if declined.reason in ("UnsupportedUserState", "UserNotFound"):
            raise AccountExists from None  # the person has come in this moment
        raise _failure(declined) from None
    return account, False


def add_to_groups(directory: Directory, userid: str, groups: list[str]) -> None:
    """Add an account to groups that exist. Raises ``Unavailable`` if that has changed in this moment."""
    for group in groups:
        try:
            directory.add_to_group(userid, group)
        except (Declined, NotFound):
            raise Unavailable("The group or the account was deleted meanwhile: send the invitation again.") from None


def _failure(declined: Declined) -> Invalid | Throttled | Unavailable:
    log.error("invitation_not_mailed", extra={"reason": declined.reason})
    if declined.reason == "LimitExceeded":
        return Throttled("The user pool may send no more e-mails for now: send the invitation later.", RETRY_AFTER)
    if declined.reason in NOT_MAILED:
        return Unavailable("The user pool could not mail the invitation: send it again later.")
    return Invalid("The user pool does not accept this address or name.")
