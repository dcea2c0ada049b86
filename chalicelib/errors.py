"""What can go wrong, in the domain's own words.

A handler or anything below it raises one of these and never thinks of HTTP;
``problems.py`` alone knows which status each becomes.

    RosterError
    ├── Invalid               the request can't be read, or isn't valid
    ├── UnsupportedMediaType  the body is of a type that is not taken
    ├── TooLarge              the body, or what it would make of the record, is too large to store
    ├── Forbidden             a known caller who may not do this
    ├── NotFound              nothing is stored under that name
    ├── Conflict              what is stored is not what the write expected
    ├── KeyReused             an Idempotency-Key that has made something else before
    ├── Unavailable           a dependency can't be had now: trying again may help
    └── Misconfigured         a dependency refuses us: trying again will not help
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a document: where (JSON Pointer, RFC 6901) and what."""

    pointer: str
    detail: str


class RosterError(Exception):
    """Base of all errors that Roster raises on purpose. ``detail`` may be shown to the caller."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Invalid(RosterError):
    """The request can't be read or isn't valid; ``violations`` say where."""

    def __init__(self, detail: str, *violations: Violation) -> None:
        super().__init__(detail)
        self.violations = violations

    @classmethod
    def at(cls, pointer: str, detail: str) -> "Invalid":
        """One violation, which is also the whole story."""
        return cls(detail, Violation(pointer, detail))


class UnsupportedMediaType(RosterError):
    """The body's media type (or content coding) is not one that the route takes."""


class TooLarge(RosterError):
    """The body is over the limit, or the record would not fit a DynamoDB item."""


class Forbidden(RosterError):
    """The caller is known and may not do this."""


class NotFound(RosterError):
    """Nothing is stored under that name."""


class Conflict(RosterError):
    """The stored record is not the one that the write expected; nothing was written."""


class KeyReused(RosterError):
    """The Idempotency-Key was sent before, with another body."""


class Unavailable(RosterError):
    """A dependency can't be had now; nothing is half-written. ``retry_after`` is in seconds."""

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Misconfigured(RosterError):
    """A dependency refuses us for good (rights, a missing table). For the log, never for the caller."""
