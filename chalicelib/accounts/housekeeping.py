"""The hourly housekeeping of accounts: three chores."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from chalicelib.accounts.erasure import Erasure
from chalicelib.accounts.last_admin import Administrators
from chalicelib.deadline import Deadline
from chalicelib.storage.cognito.directory import Account

UNCONFIRMED = timedelta(days=7)
"""How long an account may stay unconfirmed."""


class Pool(Protocol):
    """What the housekeeping needs of ``Directory``."""

    def all_members(self, group: str) -> Iterable[Account]:
        """See ``Directory``."""

    def unconfirmed(self, deadline: Deadline) -> Iterable[Account]:
        """See ``Directory``."""

    def find(self, userid: str) -> Account | None:
        """See ``Directory``."""

    def delete(self, userid: str) -> None:
        """See ``Directory``."""


class AccountsHousekeeping:
    """The chores, as ``chalicelib/housekeeping.py`` describes them. ``admin_group`` is the administrators' group."""

    def __init__(self, pool: Pool, erasure: Erasure, administrators: Administrators, admin_group: str) -> None:
        self._pool = pool
        self._erasure = erasure
        self._administrators = administrators
        self._admin_group = admin_group

    def erase_again(self, deadline: Deadline) -> Mapping[str, int]:
        """Erase what was written after an erasure."""
        removed = self._erasure.erase_again(lambda userid: self._pool.find(userid) is not None, deadline)
        return {"erasure_markers": removed}

    def delete_unconfirmed(self, deadline: Deadline) -> Mapping[str, int]:
        """Delete accounts that nobody has confirmed for a week."""
        before = (datetime.now(UTC) - UNCONFIRMED).isoformat()
        deleted = 0
        for listed in self._pool.unconfirmed(deadline):
            if deadline.is_over:
                break
            if listed.created < before and self._is_unconfirmed(listed.userid):
                self._pool.delete(listed.userid)
                deleted += 1
        return {"unconfirmed_accounts": deleted}

    def refresh_administrators(self, _: Deadline) -> Mapping[str, int]:
        """Ask Cognito who is an administrator."""
        members = self._pool.all_members(self._admin_group)
        self._administrators.refresh([member.userid for member in members if member.can_sign_in])
        return {}

    def _is_unconfirmed(self, userid: str) -> bool:
        """Ask again: the list is only eventually consistent, and the person may have confirmed the account since."""
        account = self._pool.find(userid)
        return account is not None and account.status == "unconfirmed"
