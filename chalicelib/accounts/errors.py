"""The errors of accounts, and the problem types that clients see."""

from http import HTTPStatus

from chalicelib.accounts.passwords import PasswordRejected
from chalicelib.errors import RosterError
from chalicelib.web.problems import Problem, Problems


class AccountExists(RosterError):
    """The person to be invited has an account."""

    def __init__(self) -> None:
        super().__init__("This address has an account. Find it with GET /accounts?email=….")


class EmailTaken(RosterError):
    """Another account has the new e-mail address."""

    def __init__(self) -> None:
        super().__init__("Another account has this e-mail address. The address was not changed.")


class InvalidCode(RosterError):
    """The code does not fit the address. Clients are not told why."""

    def __init__(self) -> None:
        super().__init__("The code is wrong or has expired, or there is nothing to confirm: ask for a new code.")


class InvalidCredentials(RosterError):
    """A sign-in, an answer to a challenge, or a refresh failed. Clients are not told why."""


class LastAdmin(RosterError):
    """No administrator would remain."""

    def __init__(self) -> None:
        super().__init__(
            "At least one enabled and confirmed administrator must remain. Make somebody else an administrator first. "
            "If somebody is one already, retry once they have listed accounts, or in an hour."
        )


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


class TotpOff(RosterError):
    """The user pool does not allow TOTP."""

    def __init__(self) -> None:
        super().__init__("This service does not offer authenticator apps (TOTP).")


class TotpOn(RosterError):
    """The account has an authenticator app. Without the password, it cannot be replaced."""

    def __init__(self) -> None:
        super().__init__("Your account has an authenticator app: remove it first with POST /account/totp/removal.")


class TotpRequired(RosterError):
    """The user pool demands TOTP."""

    def __init__(self) -> None:
        super().__init__(
            "This service requires an authenticator app (TOTP). If yours is lost, ask an administrator to reset it."
        )


class WrongPassword(RosterError):
    """The caller's password is wrong. A 401 would make clients refresh their tokens."""

    def __init__(self) -> None:
        super().__init__(
            "This is not the password of your account. After several attempts, wait a while before you try again."
        )


class WrongStatus(RosterError):
    """The account's status does not permit this. ``detail`` says what to do."""


PROBLEMS: Problems = {
    AccountExists: Problem("account-exists", HTTPStatus.CONFLICT, "Account exists"),
    EmailTaken: Problem("email-taken", HTTPStatus.CONFLICT, "E-mail address taken"),
    InvalidCode: Problem("invalid-code", HTTPStatus.BAD_REQUEST, "Invalid code"),
    InvalidCredentials: Problem("invalid-credentials", HTTPStatus.UNAUTHORIZED, "Invalid credentials"),
    LastAdmin: Problem("last-admin", HTTPStatus.CONFLICT, "Last administrator"),
    PasswordRejected: Problem("password-rejected", HTTPStatus.UNPROCESSABLE_ENTITY, "Password rejected"),
    PasswordResetRequired: Problem("password-reset-required", HTTPStatus.CONFLICT, "Password reset required"),
    SignUpClosed: Problem("sign-up-closed", HTTPStatus.FORBIDDEN, "Sign-up closed"),
    TotpOff: Problem("totp-off", HTTPStatus.CONFLICT, "TOTP is off"),
    TotpOn: Problem("totp-on", HTTPStatus.CONFLICT, "TOTP is on"),
    TotpRequired: Problem("totp-required", HTTPStatus.CONFLICT, "TOTP is required"),
    WrongPassword: Problem("wrong-password", HTTPStatus.FORBIDDEN, "Wrong password"),
    WrongStatus: Problem("wrong-status", HTTPStatus.CONFLICT, "Wrong status"),
}
