"""What operations raise to respond with one of Cognito's errors."""


class Rejected(Exception):
    """The request is rejected with the error ``code``, such as ``NotAuthorizedException``, and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def not_authorized(message: str = "Incorrect username or password.") -> Rejected:
    """Return a ``NotAuthorizedException``."""
    return Rejected("NotAuthorizedException", message)


def invalid_parameter(message: str) -> Rejected:
    """Return an ``InvalidParameterException``."""
    return Rejected("InvalidParameterException", message)
