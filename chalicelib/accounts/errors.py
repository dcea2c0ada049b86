"""The errors of accounts, and the problem types that clients see."""

from http import HTTPStatus

from chalicelib.accounts.passwords import PasswordRejected
from chalicelib.errors import RosterError
from chalicelib.web.problems import Problem, Problems


class InvalidCode(RosterError):
    """The code does not fit the address. Clients are not told why."""

    def __init__(self) -> None:
        super().__init__("The code is wrong or has expired, or there is nothing to confirm: ask for a new code.")


class InvalidCredentials(RosterError):
    """A sign-in, an answer to a challenge, or a refresh failed. Clients are not told why."""


class PasswordResetRequired(RosterError):
    """Somebody else chose the account's password."""

    def __init__(self) -> None:
        super().__init__(
            "Your address is confirmed, but this is not the password that the account was created with. A code to "
            "set a new password is mailed to you: send it with PUT /accounts/password-reset. If none arrives, ask for "
            "one with POST /accounts/password-reset."
        )


class SignUpClosed(RosterError):
    """The stage allows invitations only."""

    def __init__(self) -> None:
        super().__init__("Accounts are created by invitation only: ask an administrator for one.")


PROBLEMS: Problems = {
    InvalidCode: Problem("invalid-code", HTTPStatus.BAD_REQUEST, "Invalid code"),
    InvalidCredentials: Problem("invalid-credentials", HTTPStatus.UNAUTHORIZED, "Invalid credentials"),
    PasswordRejected: Problem("password-rejected", HTTPStatus.UNPROCESSABLE_ENTITY, "Password rejected"),
    PasswordResetRequired: Problem("password-reset-required", HTTPStatus.CONFLICT, "Password reset required"),
    SignUpClosed: Problem("sign-up-closed", HTTPStatus.FORBIDDEN, "Sign-up closed"),
}
