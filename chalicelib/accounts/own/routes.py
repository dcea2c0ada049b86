"""The routes of one's own account. They take an access token, with which Roster calls Cognito on its owner's behalf.

What a stolen token alone must not allow also takes the password.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.accounts.errors import (
    EmailTaken,
    InvalidCode,
    LastAdmin,
    TotpOff,
    TotpOn,
    TotpRequired,
    WrongPassword,
    WrongStatus,
)
from chalicelib.accounts.passwords import PasswordRejected
from chalicelib.errors import InsufficientScope
from chalicelib.security.access import OWN_ACCOUNT
from chalicelib.web.blueprint import Blueprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.accounts.own.handlers import Handlers


def add(accounts: Blueprint, authorizer: Any, handlers: "Callable[[], Handlers]") -> None:
    """Declare the routes. ``authorizer`` guards them."""
    route = partial(accounts.route, authorizer=authorizer, allow=OWN_ACCOUNT, section="One's own account")

    @route("/account", methods=["GET"], returns="OwnAccount", errors=[InsufficientScope])
    def get_own_account() -> Response:
        """Return your account. ``groups`` are those in your token."""
        return handlers().get_account(accounts.request)

    @route("/account", methods=["PATCH"], accepts="OwnAccountPatch", returns="OwnAccount", errors=[InsufficientScope])
    def patch_own_account() -> Response:
        """Merge a patch (RFC 7396) of your names into your account."""
        return handlers().patch_account(accounts.request)

    @route(
        "/account/password",
        methods=["PUT"],
        accepts="PasswordChange",
        returns=None,
        status=204,
        errors=[InsufficientScope, PasswordRejected, WrongPassword],
    )
    def put_own_password() -> Response:
        """Change your password. All your sessions end, this one too."""
        return handlers().put_password(accounts.request)

    @route(
        "/account/email",
        methods=["PUT"],
        accepts="EmailChange",
        returns="Mailed",
        status=202,
        errors=[InsufficientScope, WrongPassword],
    )
    def put_own_email() -> Response:
        """Mail a code to your new e-mail address. The old one stays until the new one is confirmed."""
        return handlers().put_email(accounts.request)

    @route(
        "/account/email/confirmation",
        methods=["POST"],
        accepts="Code",
        returns=None,
        status=204,
        errors=[EmailTaken, InsufficientScope, InvalidCode],
    )
    def post_own_email_confirmation() -> Response:
        """Confirm your new e-mail address with the code that was mailed to it."""
        return handlers().post_email_confirmation(accounts.request)

    @route(
        "/account/totp",
        methods=["POST"],
        accepts=None,
        returns="Authenticator",
        errors=[InsufficientScope, TotpOff, TotpOn],
    )
    def post_own_totp() -> Response:
        """Return the secret of a new authenticator app, also as a QR code. ``PUT`` turns it on."""
        return handlers().post_totp(accounts.request)

    @route(
        "/account/totp",
        methods=["PUT"],
        accepts="Code",
        returns=None,
        status=204,
        errors=[InsufficientScope, InvalidCode, TotpOff, TotpOn, WrongStatus],
    )
    def put_own_totp() -> Response:
        """Turn TOTP on with a code of the new authenticator app. Every sign-in then asks for a code."""
        return handlers().put_totp(accounts.request)

    @route(
        "/account/totp/removal",
        methods=["POST"],
        accepts="Password",
        returns=None,
        status=204,
        errors=[InsufficientScope, TotpRequired, WrongPassword, WrongStatus],
    )
    def post_own_totp_removal() -> Response:
        """Turn TOTP off."""
        return handlers().post_totp_removal(accounts.request)

    @route("/sessions", methods=["DELETE"], returns=None, status=204, errors=[InsufficientScope])
    def delete_own_sessions() -> Response:
        """Sign out everywhere. Tokens that are out are valid until they expire."""
        return handlers().delete_sessions(accounts.request)

    @route("/account/export", methods=["GET"], returns="Export", errors=[InsufficientScope])
    def get_own_export() -> Response:
        """Return everything that is stored about you, as an attachment."""
        return handlers().get_export(accounts.request)

    @route(
        "/account/deletion",
        methods=["POST"],
        accepts="Password",
        returns="Erasing",
        status=204,
        errors=[InsufficientScope, LastAdmin, WrongPassword],
    )
    def post_own_deletion() -> Response:
        """Erase your account and everything that is stored about you. After a 202, send it again."""
        return handlers().post_deletion(accounts.request)
