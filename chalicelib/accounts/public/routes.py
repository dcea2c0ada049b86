"""The routes that anybody may call: none of them takes a token."""

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.accounts.errors import InvalidCode, InvalidCredentials, PasswordResetRequired, SignUpClosed
from chalicelib.accounts.passwords import PasswordRejected
from chalicelib.errors import Forbidden
from chalicelib.security.access import ANYONE
from chalicelib.web.blueprint import Blueprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.accounts.public.handlers import Handlers


def add(accounts: Blueprint, handlers: "Callable[[], Handlers]") -> None:
    """Declare the routes."""

    @accounts.route(
        "/accounts",
        methods=["POST"],
        allow=ANYONE,
        accepts="NewAccount",
        returns="Mailed",
        status=202,
        errors=[PasswordRejected, SignUpClosed],
    )
    def post_account() -> Response:
        """Sign up. The response is the same whether or not the address has an account.

        A code is mailed to a new or unconfirmed address, and nothing to one that has an account.
        """
        return handlers().post_account(accounts.request)

    @accounts.route(
        "/accounts/confirmation",
        methods=["POST"],
        allow=ANYONE,
        accepts="Confirmation",
        returns="SignedIn",
        errors=[InvalidCode, PasswordResetRequired, Forbidden],
    )
    def post_confirmation() -> Response:
        """Confirm the address with the code that was mailed to it, and sign in."""
        return handlers().post_confirmation(accounts.request)

    @accounts.route(
        "/accounts/confirmation/code",
        methods=["POST"],
        allow=ANYONE,
        accepts="Address",
        returns="Mailed",
        status=202,
    )
    def post_confirmation_code() -> Response:
        """Mail a new code, if there is an account to confirm."""
        return handlers().post_confirmation_code(accounts.request)

    @accounts.route(
        "/accounts/password-reset", methods=["POST"], allow=ANYONE, accepts="Address", returns="Mailed", status=202
    )
    def post_password_reset() -> Response:
        """Mail a code that sets a new password, if there is such an account."""
        return handlers().post_password_reset(accounts.request)

    @accounts.route(
        "/accounts/password-reset",
        methods=["PUT"],
        allow=ANYONE,
        accepts="PasswordReset",
        returns=None,
        status=204,
        errors=[InvalidCode, PasswordRejected],
    )
    def put_password_reset() -> Response:
        """Set a new password with the code that was mailed. All sessions of the account end."""
        return handlers().put_password_reset(accounts.request)

    @accounts.route(
        "/sessions",
        methods=["POST"],
        allow=ANYONE,
        accepts="Credentials",
        returns="SignedIn",
        errors=[InvalidCredentials, Forbidden],
    )
    def post_session() -> Response:
        """Sign in with an e-mail address and a password. Returns tokens, or a challenge (202)."""
        return handlers().post_session(accounts.request)

    @accounts.route(
        "/sessions/challenge",
        methods=["POST"],
        allow=ANYONE,
        accepts="ChallengeAnswer",
        returns="SignedIn",
        errors=[InvalidCredentials, PasswordRejected, Forbidden],
    )
    def post_challenge() -> Response:
        """Answer the challenge of a sign-in. Returns tokens, or the next challenge (202)."""
        return handlers().post_challenge(accounts.request)

    @accounts.route(
        "/sessions/refresh",
        methods=["POST"],
        allow=ANYONE,
        accepts="RefreshToken",
        returns="Tokens",
        errors=[InvalidCredentials, Forbidden],
    )
    def post_refresh() -> Response:
        """Return new tokens for a refresh token, in the body or in the cookie."""
        return handlers().post_refresh(accounts.request)

    @accounts.route(
        "/sessions/revocation",
        methods=["POST"],
        allow=ANYONE,
        accepts="RefreshToken",
        returns=None,
        status=204,
        errors=[Forbidden],
    )
    def post_revocation() -> Response:
        """Sign out: the refresh token, in the body or in the cookie, no longer works. An unknown one is no error."""
        return handlers().post_revocation(accounts.request)
