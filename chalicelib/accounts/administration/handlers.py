"""Handles the requests of administrators.

Each is checked first, and then Cognito is asked whether the caller is still an administrator: a token says so for as
long as it is valid. What is done to an account is logged with the ids of who did it (``sub``) and of the account
(``userid``).
"""

import logging
import re
from http import HTTPStatus

from chalice.app import Response

from chalicelib.accounts.administration import invitations, metadata, search
from chalicelib.accounts.administration.search import Search
from chalicelib.accounts.bodies import Body
from chalicelib.accounts.erasure import CONTINUED, RETRY_AFTER, Erasure, time_limit
from chalicelib.accounts.errors import EmailTaken, WrongStatus
from chalicelib.accounts.last_admin import Administrators
from chalicelib.accounts.settings import MAX_LIMIT, AccountSettings
from chalicelib.errors import Forbidden, Invalid, Misconfigured, NotFound, Throttled
from chalicelib.json.strict_json import JsonObject
from chalicelib.records import USERID
from chalicelib.storage.cognito.attributes import APP_METADATA
from chalicelib.storage.cognito.directory import Account, Directory
from chalicelib.storage.cognito.service import Cognito, Declined
from chalicelib.storage.connections import one_patience
from chalicelib.web import responses
from chalicelib.web.request import Request

GROUP = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@-]{1,128}")
"""A segment of a path without escapes (RFC 3986, section 3.3)."""
LIMITED = 300
"""Seconds. Cognito documents no time for the limit on one person's codes ("Quotas in Amazon Cognito")."""
MAILED: JsonObject = {"message": "A code that sets a new password has been mailed to the address of the account."}

log = logging.getLogger("roster")


class Handlers:
    """The handlers, by the names of the routes."""

    def __init__(
        self, settings: AccountSettings, cognito: Cognito, administrators: Administrators, erasure: Erasure
    ) -> None:
        self._group = settings.admin_group
        self._directory = Directory(cognito)
        self._administrators = administrators
        self._erasure = erasure

    # Accounts

    def list_accounts(self, request: Request) -> Response:
        """Return a page of accounts."""
        wanted, limit, cursor = Search.of(request), request.limit(MAX_LIMIT), request.query("cursor")
        with one_patience():
            self._require_administrator(request)
            page = search.page(self._directory, wanted, limit, cursor)
        headers = dict(responses.UNCACHED)
        if page.token is not None:
            headers |= responses.next_page(request.address_with(limit=limit, **wanted.query, cursor=page.token))
        return responses.document([account.summary() for account in page.accounts], headers)

    def post_invitation(self, request: Request) -> Response:
        """Invite a person, or mail the invitation again."""
        body = Body.of(request)
        email, name, groups = body.email(), body.only_name(), body.group_names()
        body.require_no_faults()
        with one_patience():
            caller = self._require_administrator(request)
            invitations.require_groups(self._directory, groups)
            account, is_new = invitations.invite(self._directory, email, name)
            invitations.add_to_groups(self._directory, account.userid, groups)
            log.info("invited", extra={"sub": caller, "userid": account.userid, "groups": groups})
            all_groups = sorted(groups) if is_new else self._directory.groups_of(account.userid)
        location = f"{request.address().removesuffix('/invitations')}/{account.userid}"
        headers = {**responses.UNCACHED, "Location": location}
        return responses.document(account.to_json(all_groups), headers, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    def get_account(self, request: Request, userid: str) -> Response:
        """Return an account."""
        with one_patience():
            self._require_administrator(request)
            return self._shown(self._account(userid))

    def patch_account(self, request: Request, userid: str) -> Response:
        """Change an account. If it is to be disabled, its sessions end.

        Two patches of ``app_metadata`` at the same moment may lose one of both: Cognito has no conditional writes.
        """
        body = Body.of(request)
        enabled, email, names = body.optional_flag("enabled"), body.optional_email(), body.changed_names()
        metadata_change = body.object_change(metadata.MEMBER)
        body.require_no_faults()
        with one_patience():
            caller = self._require_administrator(request)
            account = self._account(userid)
            attributes = {name: value or "" for name, value in names.items()}
            if metadata_change:
                attributes[APP_METADATA] = metadata.changed(account.app_metadata, metadata_change)
            if email is not None:
                _require_somebody_else(caller, userid, "PUT /account/email")
                attributes |= {"email": email, "email_verified": "true"}
            is_admin = enabled is False and self._refresh(account)
            if is_admin:
                self._administrators.require_another(userid)
            if attributes:
                self._update(userid, attributes)
                log.info("changed", extra={"sub": caller, "userid": userid, "attributes": [*attributes]})
            if enabled is True:
                self._directory.enable(userid)
                log.info("enabled", extra={"sub": caller, "userid": userid})
            elif enabled is False:
                self._administrators.leave(userid, is_admin=is_admin)
                self._directory.disable(userid)
                self._administrators.forget(userid)
                log.info("disabled", extra={"sub": caller, "userid": userid})
                self._directory.end_sessions(userid)
            return self._shown(self._account(userid))

    def _update(self, userid: str, attributes: dict[str, str]) -> None:
        try:
            self._directory.update(userid, attributes)
        except Declined as declined:
            if declined.reason == "AliasExists":
                raise EmailTaken from None
            raise Invalid("The user pool does not accept this address, a name or the metadata.") from None

    def delete_account(self, request: Request, userid: str) -> Response:
        """Erase an account and everything that is stored about its owner."""
        deadline = time_limit()
        with one_patience():
            caller = self._require_administrator(request)
            _require_userid(userid)
            account = self._directory.find(userid)
            if account is None and not self._erasure.is_marked(userid):
                raise _no_account()
            is_admin = account is not None and self._refresh(account)
            if is_admin:
                self._administrators.require_another(userid)
            _require_somebody_else(caller, userid, "POST /account/deletion")
        log.info("deletion", extra={"sub": caller, "userid": userid})
        if self._erasure.erase(userid, lambda: self._directory.delete(userid), deadline, is_admin=is_admin):
            return responses.no_content()
        return responses.unfinished(CONTINUED, RETRY_AFTER)

    # Groups

    def list_groups(self, request: Request) -> Response:
        """Return all groups."""
        with one_patience():
            self._require_administrator(request)
            groups = self._directory.groups()
        return responses.document({"groups": [group.to_json() for group in groups]}, responses.UNCACHED)

    def put_group(self, request: Request, userid: str, group: str) -> Response:
        """Add an account to a group."""
        _require_segment(group)
        with one_patience():
            caller = self._require_administrator(request)
            account = self._account(userid)
            try:
                self._directory.add_to_group(userid, group)
            except Declined:
                raise _no_group() from None
            log.info("group_added", extra={"sub": caller, "userid": userid, "group": group})
            if group == self._group and account.can_sign_in:
                self._note(userid)
        return responses.no_content()

    def delete_group(self, request: Request, userid: str, group: str) -> Response:
        """Remove an account from a group, and end its sessions: its tokens still name the group."""
        _require_segment(group)
        with one_patience():
            caller = self._require_administrator(request)
            account = self._account(userid)
            if group == self._group:
                self._leave(account)
            try:
                self._directory.remove_from_group(userid, group)
            except Declined:
                raise _no_group() from None
            log.info("group_removed", extra={"sub": caller, "userid": userid, "group": group})
            self._directory.end_sessions(userid)
        return responses.no_content()

    # Passwords, authenticators and sessions

    def post_password_reset(self, request: Request, userid: str) -> Response:
        """Make the password useless and mail a code that sets a new one."""
        with one_patience():
            caller = self._require_administrator(request)
            account = self._account(userid)
            _require_resettable(account)
            self._leave(account)
            try:
                self._directory.reset_password(userid)
            except Declined as declined:
                raise _not_reset(declined) from None
            self._administrators.forget(userid)
            log.info("password_reset_required", extra={"sub": caller, "userid": userid})
        return responses.document(MAILED, responses.UNCACHED, HTTPStatus.ACCEPTED)

    def delete_totp(self, request: Request, userid: str) -> Response:
        """Remove the authenticator app of an account."""
        with one_patience():
            caller = self._require_administrator(request)
            self._account(userid)
            _require_somebody_else(caller, userid, "POST /account/totp/removal")
            try:
                self._directory.remove_totp(userid)
            except Declined as declined:
                log.info("totp_not_removed", extra={"userid": userid, "reason": declined.reason})
                raise WrongStatus("The user pool cannot remove it in the present status of the account.") from None
            log.info("totp_removed", extra={"sub": caller, "userid": userid})
        return responses.no_content()

    def delete_sessions(self, request: Request, userid: str) -> Response:
        """Sign the owner of an account out everywhere."""
        with one_patience():
            caller = self._require_administrator(request)
            self._account(userid)
            self._directory.end_sessions(userid)
            log.info("sessions_ended", extra={"sub": caller, "userid": userid})
        return responses.no_content()

    # What they share

    def _require_administrator(self, request: Request) -> str:
        """Return the userid of the caller. Raises ``Forbidden`` unless Cognito says that it is an administrator."""
        userid = request.caller_sub
        account = self._directory.find(userid)
        try:
            is_administrator = account is not None and self._is_administrator(account)
        except NotFound:  # deleted meanwhile
            is_administrator = False
        if not is_administrator:
            raise Forbidden("You are no longer an administrator.")
        self._administrators.note(userid)
        return userid

    def _is_administrator(self, account: Account) -> bool:
        return account.can_sign_in and self._group in self._directory.groups_of(account.userid)

    def _account(self, userid: str) -> Account:
        """Return an account. Raises ``NotFound``."""
        _require_userid(userid)
        return self._directory.get(userid)

    def _shown(self, account: Account) -> Response:
        return responses.document(account.to_json(self._directory.groups_of(account.userid)), responses.UNCACHED)

    def _note(self, userid: str) -> None:
        """Note a new administrator, and look again: the account may have been disabled or deleted meanwhile."""
        self._administrators.note(userid)
        account = self._directory.find(userid)
        if account is None or not account.can_sign_in or self._erasure.is_marked(userid):
            self._administrators.forget(userid)

    def _leave(self, account: Account) -> None:
        """Raise ``LastAdmin`` if no administrator would remain without this account."""
        self._administrators.leave(account.userid, is_admin=self._refresh(account))

    def _refresh(self, account: Account) -> bool:
        """Return whether an account is an administrator. If it is, ask Cognito who the others are."""
        if not self._is_administrator(account):
            return False
        members = self._directory.all_members(self._group)
        self._administrators.refresh([member.userid for member in members if member.can_sign_in])
        return True


def _require_somebody_else(caller: str, userid: str, route: str) -> None:
    """Raise ``Forbidden`` if the account is the caller's own. Otherwise, a stolen token would replace the password."""
    if userid == caller:
        raise Forbidden(f"This is your own account: use {route}, which takes your password.")


def _require_userid(userid: str) -> None:
    if not USERID.fullmatch(userid):
        raise _no_account()


def _require_segment(group: str) -> None:
    if not GROUP.fullmatch(group):
        raise _no_group()


def _require_resettable(account: Account) -> None:
    """Raise ``WrongStatus`` unless Cognito can reset the account's password."""
    if not account.enabled:
        raise WrongStatus("The account is disabled: enable it first.")
    if account.status == "invited":
        raise WrongStatus("The person has not signed in yet: invite them again with POST /accounts/invitations.")
    if account.status not in ("confirmed", "reset-required"):
        raise WrongStatus("The account is not confirmed. Its owner can sign up again for a new code.")
    if not (account.email and account.email_verified):
        raise WrongStatus("The account has no verified e-mail address: set one with PATCH.")


def _not_reset(declined: Declined) -> Exception:
    if declined.reason == "LimitExceeded":
        return Throttled("Too many codes have been mailed to this account: retry later.", LIMITED)
    if declined.reason in ("Disabled", "InvalidParameter"):
        return WrongStatus("The status of the account does not permit this any more: read it again.")
    return Misconfigured(f"Cognito AdminResetUserPassword: {declined.reason}")


def _no_account() -> NotFound:
    return NotFound("No account has this userid.")


def _no_group() -> NotFound:
    return NotFound("The user pool has no group of this name. GET /groups lists them.")
