"""The calls with which administrators run the user pool. All are signed: the function's role must permit them.

An account is named by its ``userid``, which is its ``sub``. Those that no account has raise ``NotFound``.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalicelib.deadline import Deadline
from chalicelib.errors import NotFound
from chalicelib.json.strict_json import Json, JsonObject
from chalicelib.storage.cognito.attributes import TOTP, app_metadata
from chalicelib.storage.cognito.service import Cognito, Declined, incomplete, text

STATUSES = {
    "CONFIRMED": "confirmed",
    "UNCONFIRMED": "unconfirmed",
    "FORCE_CHANGE_PASSWORD": "invited",
    "RESET_REQUIRED": "reset-required",
}
"""Roster's names for the statuses that its accounts have. The others keep Cognito's, in lower case with hyphens."""
MAX_FILTER = 256
"""``UserFilterType`` (Cognito API reference), in UTF-16 code units."""
PAGE = 60
"""The most that a page of any list has ("QueryLimitType", Cognito API reference)."""


class Account(NamedTuple):
    """An account, as administrators may see it.

    ``created`` and ``modified`` are in ISO 8601, UTC. ``totp`` is true if a sign-in asks for a code of an authenticator
    app; accounts in lists do not have it.
    """

    userid: str
    status: str
    enabled: bool
    created: str
    modified: str
    attributes: Mapping[str, str]
    totp: bool = False

    @property
    def email(self) -> str | None:
        """The e-mail address, if there is one."""
        return self.attributes.get("email")

    @property
    def email_verified(self) -> bool:
        """Whether the owner has proved to receive e-mails at the address."""
        return self.attributes.get("email_verified") == "true"

    @property
    def can_sign_in(self) -> bool:
        """Whether the account is enabled and confirmed."""
        return self.enabled and self.status == "confirmed"

    @property
    def app_metadata(self) -> JsonObject:
        """What administrators have stored."""
        return app_metadata(self.attributes)

    def summary(self) -> JsonObject:
        """Return the account as lists present it."""
        return {
            "userid": self.userid,
            "email": self.email,
            "name": self.attributes.get("name"),
            "status": self.status,
            "enabled": self.enabled,
            "created": self.created,
            "modified": self.modified,
        }

    def to_json(self, groups: list[str]) -> JsonObject:
        """Return the account as administrators see it."""
        return {
            **self.summary(),
            "email_verified": self.email_verified,
            "given_name": self.attributes.get("given_name"),
            "family_name": self.attributes.get("family_name"),
            "groups": [*groups],
            "totp": self.totp,
            "app_metadata": self.app_metadata,
        }


class Group(NamedTuple):
    """A group of the user pool."""

    name: str
    description: str | None

    def to_json(self) -> JsonObject:
        """Return the group as administrators see it."""
        return {"group": self.name, "description": self.description}


class Page(NamedTuple):
    """A page of a list. ``token`` is Cognito's for the next one, or ``None`` on the last page."""

    accounts: list[Account]
    token: str | None


class Directory:
    """The accounts and groups of the user pool."""

    def __init__(self, cognito: Cognito) -> None:
        self._cognito = cognito

    # Reading

    def find(self, userid: str) -> Account | None:
        """Return the account with this ``sub``, or ``None``. The call is strongly consistent.

        ``AdminGetUser`` finds accounts by their e-mail address, too: these are not returned.
        """
        account = self.find_by_email(userid)
        return account if account is not None and account.userid == userid else None

    def get(self, userid: str) -> Account:
        """Return the account with this ``sub``. Raises ``NotFound``."""
        account = self.find(userid)
        if account is None:
            raise _no_account()
        return account

    def find_by_email(self, email: str) -> Account | None:
        """Return the account with this e-mail address, or ``None``."""
        try:
            answer = self._call("AdminGetUser", Username=email)
        except Declined:
            return None
        account = _account(answer, "UserAttributes")
        return account._replace(totp=TOTP in (answer.get("UserMFASettingList") or []))

    def groups_of(self, userid: str) -> list[str]:
        """Return the names of the account's groups, in order."""
        pages = self._pages("AdminListGroupsForUser", "Groups", Username=userid)
        return sorted(text(group, "GroupName") for group in pages)

    def page(self, limit: int, expression: str | None = None, token: str | None = None) -> Page:
        """Return up to ``limit`` accounts that match a filter expression (see ``matching``); all without one.

        Eventually consistent. A page may have fewer accounts, even none, although others follow. Raises ``Declined``
        (``InvalidParameter``) if Cognito does not know ``token`` or the expression.
        """
        given = _present(Limit=limit, Filter=expression, PaginationToken=token)
        answer = self._call("ListUsers", **given)
        return Page(_accounts(answer), answer.get("PaginationToken") or None)

    def unconfirmed(self, deadline: Deadline) -> Iterator[Account]:
        """Return the accounts that nobody has confirmed. Eventually consistent. No page is read after the deadline."""
        expression = matching("cognito:user_status", "=", "UNCONFIRMED")
        for page in _followed(lambda token: self.page(PAGE, expression, token)):
            yield from page.accounts
            if deadline.is_over:
                return

    def members(self, group: str, limit: int = PAGE, token: str | None = None) -> Page:
        """Return up to ``limit`` members of a group. Otherwise as ``page``.

        Raises ``Declined`` (``ResourceNotFound``) if there is no such group.
        """
        answer = self._call("ListUsersInGroup", GroupName=group, **_present(Limit=limit, NextToken=token))
        return Page(_accounts(answer), answer.get("NextToken") or None)

    def all_members(self, group: str) -> Iterator[Account]:
        """Return the members of a group, from as many pages as there are."""
        for page in _followed(lambda token: self.members(group, token=token)):
            yield from page.accounts

    def groups(self) -> list[Group]:
        """Return all groups, by name."""
        pages = self._pages("ListGroups", "Groups")
        return sorted(Group(text(group, "GroupName"), group.get("Description") or None) for group in pages)

    def has_group(self, group: str) -> bool:
        """Return whether there is a group of this name."""
        try:
            self._call("GetGroup", GroupName=group)
        except Declined:
            return False
        return True

    # Inviting

    def invite(self, email: str, name: str) -> Account:
        """Create an account and mail a temporary password. Raises ``Declined``. A repetition would be declined."""
        attributes = {"email": email, "email_verified": "true", "name": name}
        answer = self._cognito.call_once(
            "AdminCreateUser",
            UserPoolId=self._cognito.pool_id,
            Username=email,
            UserAttributes=_listed(attributes),
            DesiredDeliveryMediums=["EMAIL"],
        )
        return _account(answer.get("User") or {}, "Attributes")

    def invite_again(self, email: str) -> None:
        """Mail a new temporary password to an account that was invited. Raises ``Declined``."""
        self._cognito.call_once(
            "AdminCreateUser",
            UserPoolId=self._cognito.pool_id,
            Username=email,
            MessageAction="RESEND",
            DesiredDeliveryMediums=["EMAIL"],
        )

    # Changing

    def update(self, userid: str, attributes: Mapping[str, str]) -> None:
        """Set attributes. An empty value deletes one ("AdminUpdateUserAttributes"). Raises ``Declined``."""
        self._change("AdminUpdateUserAttributes", userid, UserAttributes=_listed(attributes))

    def enable(self, userid: str) -> None:
        """Let the owner sign in again."""
        self._change("AdminEnableUser", userid)

    def disable(self, userid: str) -> None:
        """Do not let the owner sign in any more."""
        self._change("AdminDisableUser", userid)

    def add_to_group(self, userid: str, group: str) -> None:
        """Add the account to a group. Raises ``Declined`` (``ResourceNotFound``) if there is no such group."""
        self._change("AdminAddUserToGroup", userid, GroupName=group)

    def remove_from_group(self, userid: str, group: str) -> None:
        """Remove the account from a group. Raises ``Declined`` (``ResourceNotFound``) if there is no such group."""
        self._change("AdminRemoveUserFromGroup", userid, GroupName=group)

    def reset_password(self, userid: str) -> None:
        """Make the present password useless and mail a code that sets a new one. Raises ``Declined``."""
        self._change("AdminResetUserPassword", userid, is_repeatable=False)

    def remove_totp(self, userid: str) -> None:
        """Forget the account's authenticator app, and ask for no code at sign-ins. Raises ``Declined``.

        A version of botocore without ``AdminDeleteSoftwareToken`` only turns it off. Then the app is replaced when the
        owner sets up another one. One of both calls has to succeed: Cognito may decline the first if there is no app.
        """
        is_forgotten = False
        if self._cognito.has("AdminDeleteSoftwareToken"):
            try:
                self._change("AdminDeleteSoftwareToken", userid)
                is_forgotten = True
            except Declined:
                pass
        try:
            off = {"Enabled": False, "PreferredMfa": False}
            self._change("AdminSetUserMFAPreference", userid, SoftwareTokenMfaSettings=off)
        except Declined:
            if not is_forgotten:
                raise

    def end_sessions(self, userid: str) -> None:
        """Revoke all tokens of the account."""
        self._change("AdminUserGlobalSignOut", userid)

    def delete(self, userid: str) -> None:
        """Delete the account. It may be gone already."""
        try:
            self._change("AdminDeleteUser", userid)
        except NotFound:
            return

    # Calls

    def _change(self, operation: str, userid: str, *, is_repeatable: bool = True, **parameters: Any) -> None:
        call = self._cognito.call if is_repeatable else self._cognito.call_once
        try:
            call(operation, UserPoolId=self._cognito.pool_id, Username=userid, **parameters)
        except Declined as declined:
            if declined.reason == "UserNotFound":
                raise _no_account() from None
            raise

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return self._cognito.call(operation, UserPoolId=self._cognito.pool_id, **parameters)

    def _pages(self, operation: str, member: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        token: str | None = None
        while True:
            try:
                answer = self._call(operation, **parameters, **_present(Limit=PAGE, NextToken=token))
            except Declined:
                raise _no_account() from None
            yield from _list(answer, member)
            token = answer.get("NextToken") or None
            if token is None:
                return


def _followed(read: Callable[[str | None], Page]) -> Iterator[Page]:
    """Yield a page, which ``read`` returns for a token, and those that follow it."""
    page = read(None)
    yield page
    while page.token is not None:
        page = read(page.token)
        yield page


def matching(attribute: str, operator: str, value: str) -> str | None:
    """Return a filter expression, or ``None`` if it would be longer than Cognito allows.

    ``operator`` is ``=``, or ``^=`` for accounts whose attribute starts with ``value`` ("ListUsers", Cognito API
    reference).
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    expression = f'{attribute} {operator} "{escaped}"'
    return expression if len(expression.encode("utf-16-le")) // 2 <= MAX_FILTER else None


def _account(user: Mapping[str, Any], member: str) -> Account:
    attributes = {text(one, "Name"): str(one.get("Value", "")) for one in _list(user, member)}
    status = text(user, "UserStatus")
    return Account(
        userid=text(attributes, "sub"),
        status=STATUSES.get(status, status.lower().replace("_", "-")),
        enabled=user.get("Enabled") is True,
        created=_time(user.get("UserCreateDate")),
        modified=_time(user.get("UserLastModifiedDate")),
        attributes=attributes,
    )


def _accounts(answer: Mapping[str, Any]) -> list[Account]:
    return [_account(user, "Attributes") for user in _list(answer, "Users")]


def _list(answer: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    value = answer.get(member)
    if not isinstance(value, list):
        raise incomplete()
    return value


def _listed(attributes: Mapping[str, str]) -> list[Json]:
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def _present(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _time(value: Any) -> str:
    """Return a time of botocore's in ISO 8601, UTC."""
    if not isinstance(value, datetime):
        raise incomplete()
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _no_account() -> NotFound:
    return NotFound("No account has this userid.")
