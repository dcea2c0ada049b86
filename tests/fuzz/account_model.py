"""A model of accounts: what Roster and its user pool should know of three addresses, and who may administer them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyotp

from embedded.emulator import limits
from testbed.targets import new_email

GROUP = "apiAdmins"
UNKNOWN, UNCONFIRMED, CONFIRMED, RESET, INVITED = "unknown", "unconfirmed", "confirmed", "reset-required", "invited"
NAMES = ("name", "given_name", "family_name")
STEP = 30
"""Seconds for which an authenticator shows a code (RFC 6238)."""


@dataclass
class Session:
    """A sign-in. ``groups`` are those in its latest tokens."""

    access_token: str
    id_token: str
    refresh_token: str
    groups: list[str]
    is_alive: bool = True


@dataclass
class Authenticator:
    """An app with the secret of an account. Each code works once."""

    secret: str
    used: list[int] = field(default_factory=list)

    def unused_code(self) -> str | None:
        """Return a code that Cognito accepts now, also if the next step begins meanwhile. ``None`` if all are used."""
        now = int(time.time() // STEP)
        step = next((step for step in (now, now + 1) if step not in self.used), None)
        return None if step is None else self._use(step)

    def used_code(self) -> str | None:
        """Return a code of the present that has been used, if there is one."""
        step = next((step for step in self.used if step >= int(time.time() // STEP)), None)
        return None if step is None else self._use(step)

    def wrong_code(self) -> str:
        """Return a code that is not right for several steps."""
        now = int(time.time() // STEP)
        right = {self._at(step) for step in range(now - 2, now + 4)}
        return next(code for code in map(str, range(100_000, 100_010)) if code not in right)

    def _use(self, step: int) -> str:
        self.used.append(step)
        return self._at(step)

    def _at(self, step: int) -> str:
        return pyotp.TOTP(self.secret).at(step * STEP)


@dataclass(eq=False)
class Account:
    """What the model knows of an address, and of the account that has it.

    ``codes`` are the valid ones by purpose, ``calls`` those that are limited. ``former`` is the userid of an account
    that was erased. ``is_away`` says that the account has just stopped being an administrator.
    """

    email: str = field(default_factory=new_email)
    former: str | None = None
    userid: str | None = None
    status: str = UNKNOWN
    is_enabled: bool = True
    is_verified: bool = False
    password: str = ""
    names: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(NAMES))
    metadata: dict[str, Any] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    new_email: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    failures: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    authenticator: Authenticator | None = None
    has_totp: bool = False
    has_record: bool = False
    is_away: bool = False

    @property
    def exists(self) -> bool:
        """Whether there is an account."""
        return self.status != UNKNOWN

    @property
    def can_sign_in(self) -> bool:
        """Whether the account is confirmed and enabled."""
        return self.status == CONFIRMED and self.is_enabled

    @property
    def is_administrator(self) -> bool:
        """Whether the account may administer the others."""
        return self.can_sign_in and GROUP in self.groups

    def lets_in(self, password: str) -> bool:
        """Return whether this password, and a code if there is an authenticator, signs in."""
        return self.can_sign_in and password == self.password

    def accepts(self, session: Session) -> bool:
        """Return whether an access token is still accepted."""
        return session.is_alive and self.can_sign_in

    def is_allowed(self, operation: str) -> bool:
        """Count a call. Return whether it is within the person's limit ("Quotas in Amazon Cognito")."""
        self.calls[operation] = self.calls.get(operation, 0) + 1
        return self.calls[operation] <= limits.PER_HOUR[operation]

    def is_code(self, purpose: str, code: str) -> bool:
        """Return whether this is the latest code for a purpose."""
        return self.codes.get(purpose) == code

    def proves(self, password: str) -> bool:
        """Return whether this is the password. Count a wrong one. Without TOTP, the right one resets the count."""
        if password != self.password:
            self.failures += 1
        elif not self.has_totp:
            self.failures = 0
        return password == self.password

    def use(self, purpose: str) -> None:
        """Make a code useless."""
        self.used.append(self.codes.pop(purpose))

    def end_sessions(self) -> None:
        """End all sessions."""
        for session in self.sessions:
            session.is_alive = False

    def as_owner_sees_it(self, session: Session) -> dict[str, Any]:
        """Return the body of ``GET /account``."""
        return {**self._document(), "groups": session.groups}

    def as_administrators_see_it(self) -> dict[str, Any]:
        """Return the body of ``GET /accounts/{userid}``, without times."""
        return {**self._document(), "groups": sorted(self.groups), "status": self.status, "enabled": self.is_enabled}

    def _document(self) -> dict[str, Any]:
        return {
            "userid": self.userid,
            "email": self.email,
            "email_verified": self.is_verified,
            **self.names,
            "totp": self.has_totp,
            "app_metadata": self.metadata,
        }


class Administrators:
    """The administrators that Roster knows. It lets none of them go unless it knows another one."""

    def __init__(self) -> None:
        self._known: set[Account] = set()

    def note(self, account: Account) -> None:
        """An administrator has used a route of administration."""
        if not account.is_away:
            self._known.add(account)

    def refresh(self, accounts: Iterable[Account]) -> None:
        """Roster has asked the user pool."""
        self._known = {account for account in accounts if account.is_administrator and not account.is_away}

    def knows_others(self, account: Account) -> bool:
        """Return whether Roster knows another administrator."""
        return bool(self._known - {account})

    def lets_go(self, account: Account, *, is_admin: bool) -> bool:
        """Return whether an account may stop being an administrator. If so, it is away."""
        if not is_admin and account not in self._known:
            return True
        if not self.knows_others(account):
            return False
        self._known.discard(account)
        account.is_away = True
        return True
