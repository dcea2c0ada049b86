"""The routes of administration. Each asks Cognito whether the caller is still enabled and still an administrator."""

from functools import partial
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.accounts.errors import AccountExists, EmailTaken, LastAdmin, WrongStatus
from chalicelib.accounts.settings import MAX_LIMIT
from chalicelib.errors import NotFound
from chalicelib.security.access import ADMINS
from chalicelib.web.blueprint import Blueprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.accounts.administration.handlers import Handlers


def add(accounts: Blueprint, authorizer: Any, handlers: "Callable[[], Handlers]") -> None:
    """Declare the routes. ``authorizer`` guards them."""
    route = partial(accounts.route, authorizer=authorizer, allow=ADMINS, section="Administration")

    @route(
        "/accounts",
        methods=["GET"],
        returns="Accounts",
        paged=MAX_LIMIT,
        query=["email", "name", "status", "group"],
    )
    def list_accounts() -> Response:
        """Return a page of accounts: all, or those with an address, a name, a status or a group."""
        return handlers().list_accounts(accounts.request)

    @route(
        "/accounts/invitations",
        methods=["POST"],
        accepts="Invitation",
        returns="InvitedAccount",
        errors=[AccountExists, WrongStatus],
        locates=True,
    )
    def post_invitation() -> Response:
        """Create an account (201) and mail a temporary password.

        If the person was invited before and has not signed in, the invitation is mailed again (200).
        """
        return handlers().post_invitation(accounts.request)

    @route("/accounts/{userid}", methods=["GET"], returns="Account", errors=[NotFound])
    def get_account(userid: str) -> Response:
        """Return an account."""
        return handlers().get_account(accounts.request, userid)

    @route(
        "/accounts/{userid}",
        methods=["PATCH"],
        accepts="AccountPatch",
        returns="Account",
        errors=[EmailTaken, LastAdmin, NotFound],
    )
    def patch_account(userid: str) -> Response:
        """Merge a patch (RFC 7396) into an account. Disabling it ends all its sessions."""
        return handlers().patch_account(accounts.request, userid)

    @route(
        "/accounts/{userid}",
        methods=["DELETE"],
        returns="Erasing",
        status=204,
        errors=[LastAdmin, NotFound],
    )
    def delete_account(userid: str) -> Response:
        """Erase an account and everything that is stored about its owner. After a 202, send it again."""
        return handlers().delete_account(accounts.request, userid)

    @route("/groups", methods=["GET"], returns="GroupList")
    def list_groups() -> Response:
        """Return the groups of the user pool."""
        return handlers().list_groups(accounts.request)

    @route(
        "/accounts/{userid}/groups/{group}",
        methods=["PUT"],
        accepts=None,
        returns=None,
        status=204,
        errors=[NotFound],
    )
    def put_account_group(userid: str, group: str) -> Response:
        """Add an account to a group."""
        return handlers().put_group(accounts.request, userid, group)

    @route(
        "/accounts/{userid}/groups/{group}",
        methods=["DELETE"],
        returns=None,
        status=204,
        errors=[LastAdmin, NotFound],
    )
    def delete_account_group(userid: str, group: str) -> Response:
        """Remove an account from a group. All its sessions end."""
        return handlers().delete_group(accounts.request, userid, group)

    @route(
        "/accounts/{userid}/password-reset",
        methods=["POST"],
        accepts=None,
        returns="Mailed",
        status=202,
        errors=[LastAdmin, NotFound, WrongStatus],
    )
    def post_account_password_reset(userid: str) -> Response:
        """Make the account's password useless and mail a code that sets a new one."""
        return handlers().post_password_reset(accounts.request, userid)

    @route("/accounts/{userid}/totp", methods=["DELETE"], returns=None, status=204, errors=[NotFound, WrongStatus])
    def delete_account_totp(userid: str) -> Response:
        """Remove the account's authenticator app, such as one on a lost phone."""
        return handlers().delete_totp(accounts.request, userid)

    @route("/accounts/{userid}/sessions", methods=["DELETE"], returns=None, status=204, errors=[NotFound])
    def delete_account_sessions(userid: str) -> Response:
        """Sign the account's owner out everywhere, such as on a stolen laptop."""
        return handlers().delete_sessions(accounts.request, userid)
