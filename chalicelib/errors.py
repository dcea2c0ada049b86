"""The errors that Roster raises on purpose.

Handlers and everything below them raise these and know nothing of HTTP; only ``problems.py`` maps them to statuses.

    RosterError
    ├── Invalid               the request can't be parsed, or is invalid
    ├── UnsupportedMediaType  the body's media type is not supported
    ├── TooLarge              the body, or the record that would be stored, is too large
    ├── Unauthorized          the caller's token is valid no longer
    ├── Forbidden             the caller is authenticated but not allowed to do this
    ├── InsufficientScope     the access token does not permit its owner to manage the account
    ├── NotFound              the record does not exist
    ├── Conflict              the stored record does not meet the write's precondition
    ├── KeyReused             the Idempotency-Key was used before with a different body
    ├── Throttled             a dependency accepts no more requests at the moment
    ├── Unavailable           a dependency is unavailable: a retry may succeed
    └── Misconfigured         a dependency rejects Roster's requests: a retry will not help
"""

from typing import NamedTuple


class Violation(NamedTuple):
    """One error in a document: its location (a JSON Pointer, RFC 6901) and a description."""

    pointer: str
    detail: str


class RosterError(Exception):
    """The base class. ``detail`` is shown to the client, unless a subclass says otherwise."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Invalid(RosterError):
    """The request can't be parsed or is invalid; ``violations`` locate the errors."""

    def __init__(self, detail: str, *violations: Violation) -> None:
        super().__init__(detail)
        self.violations = violations

    @classmethod
    def at(cls, pointer: str, detail: str) -> "Invalid":
        """Return an error with a single violation, whose ``detail`` it shares."""
        return cls(detail, Violation(pointer, detail))


class UnsupportedMediaType(RosterError):
    """The route does not support the body's media type or content coding."""


class TooLarge(RosterError):
    """The body exceeds the size limit, or the record would not fit into a DynamoDB item."""


class Unauthorized(RosterError):
    """The caller's token was revoked, or its account is gone or disabled."""


class Forbidden(RosterError):
    """The caller is authenticated but not allowed to do this."""


class InsufficientScope(RosterError):
    """The access token does not permit its owner to manage the account (RFC 6750, section 3.1)."""

    def __init__(self) -> None:
        super().__init__(
            "Your access token lacks the scope aws.cognito.signin.user.admin. Tokens of POST /sessions have it."
        )


class NotFound(RosterError):
    """The record does not exist."""


class Conflict(RosterError):
    """The stored record does not meet the write's precondition. Nothing was written."""


class KeyReused(RosterError):
    """The Idempotency-Key was used before with a different body."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used with a different body: send a new key.")


class Throttled(RosterError):
    """A dependency accepts no more requests at the moment, whoever sends them. ``retry_after`` is in seconds."""

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(RosterError):
    """A dependency is unavailable; nothing was partially written. ``retry_after`` is in seconds."""

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Misconfigured(RosterError):
    """A dependency rejects Roster's requests: permissions or a table are missing, for example.

    ``detail`` is logged and never shown to the client.
    """
