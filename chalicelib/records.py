"""Records: a client's JSON object, stored under a userid with the timestamp and the revision of its last write.

Users and profiles are both records; ``users.py`` and ``profiles.py`` define how clients see each. This module knows
nothing of HTTP or storage.
"""

import os
import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from chalicelib import timestamps
from chalicelib.errors import Invalid, TooLarge
from chalicelib.json.merge_patch import merge
from chalicelib.json.strict_json import MAX_BYTES, Json, JsonObject, dumps, shortest, significant

MAX_STORED = 400 * 1024 - 1024
"""Maximum bytes of a stored document: DynamoDB's item limit less Roster's own attributes."""
MAX_UTF8_BYTES = 4
"""Maximum bytes of one character in UTF-8."""
USERID = re.compile(r"[A-Za-z0-9._-]{1,128}")
DOT_SEGMENTS = (".", "..")
"""Clients that follow RFC 3986 (section 5.2.4) remove these segments from a path."""


class Record(NamedTuple):
    """The client's ``document``, and the ``timestamp`` (ISO 8601, UTC) and ``revision`` of the last write.

    Each write sets a new random ``revision``. Unlike a counter, it never repeats, even if a record is deleted and
    created again, so it makes a strong entity tag (RFC 9110, section 8.8.1).
    """

    userid: str
    document: JsonObject
    timestamp: str
    revision: str


class Revised(Protocol):
    """What is stored under a key: a record, or what a capability stores."""

    @property
    def revision(self) -> str:
        """Another one after each write."""


class Precondition(NamedTuple):
    """A condition that the stored record must meet for a write to succeed (RFC 9110, section 13.1).

    If ``exists`` is false, there must be no record. If it is true, there must be one, and its revision must be one of
    ``revisions`` unless these are ``None``.
    """

    exists: bool
    revisions: frozenset[str] | None = None

    def holds(self, stored: Revised | None) -> bool:
        """Return whether what is ``stored`` (``None`` if nothing is) meets the condition."""
        if stored is None or not self.exists:
            return stored is None and not self.exists
        return self.revisions is None or stored.revision in self.revisions


ABSENT = Precondition(exists=False)


def still(record: Record) -> Precondition:
    """Return the precondition that ``record`` is still the stored one."""
    return Precondition(exists=True, revisions=frozenset({record.revision}))


class Records(Protocol):
    """Storage for records of one kind. The tests use a second implementation, in memory.

    A write with a ``Precondition`` checks it and writes in one atomic step. If the precondition does not hold, the
    write raises ``Conflict`` and changes nothing.
    """

    def get(self, userid: str) -> Record | None:
        """Return the record, or ``None``. Reads are strongly consistent."""

    def put(self, record: Record, only_if: Precondition | None = None) -> None:
        """Store ``record``, replacing any earlier one."""

    def create(self, record: Record, origin: str, only_if: Precondition | None = None) -> Record:
        """Store ``record`` unless a record exists, and return the stored one: ``record``, or an earlier call's.

        ``origin`` is stored with the record and kept until the record is deleted. Raises ``KeyReused`` if the existing
        record has a different one. With the precondition ``ABSENT``, any existing record raises ``Conflict``.
        """

    def delete(self, userid: str, only_if: Precondition | None = None) -> None:
        """Delete the record. Without a precondition, deleting a missing record succeeds."""

    def update(self, userid: str, change: Callable[[Record], Record], only_if: Precondition | None = None) -> Record:
        """Replace the record with the result of ``change`` and return it. Concurrent updates are never lost.

        If another writer gets in between, ``change`` is called again with the new record. Raises ``NotFound`` if there
        is no record.
        """


def stamp(userid: str, document: JsonObject) -> Record:
    """Return a new record with the current time. Raises ``TooLarge`` if ``document`` exceeds DynamoDB's limit."""
    if stored_size(document) > MAX_STORED:
        raise TooLarge("The document is too large: DynamoDB's limit is 400 KB per item, keys and overhead included.")
    return Record(checked(userid), document, timestamps.now(), os.urandom(16).hex())


def checked(userid: str) -> str:
    """Return ``userid``. Raises ``Invalid`` if it is not a valid userid."""
    if not USERID.fullmatch(userid):
        raise Invalid.at("/userid", "The userid must have 1 to 128 characters from A-Z, a-z, 0-9, '.', '_' and '-'.")
    if userid in DOT_SEGMENTS:
        raise Invalid.at("/userid", "The userid must not be '.' or '..': HTTP clients remove these from a path.")
    return userid


def patch(record: Record, change: JsonObject) -> Record:
    """Return a new record: ``record`` with the merge patch ``change`` (RFC 7396) applied to its document."""
    document = merge(record.document, change)
    size = len(text(document, document).encode())
    if size > MAX_BYTES:
        raise TooLarge(f"The patched document would have {size:,} bytes; at most {MAX_BYTES:,} are accepted.")
    return stamp(record.userid, document)


def text(value: JsonObject, document: JsonObject) -> str:
    """Return ``value``, which is or contains the stored ``document``, as JSON that clients can always send back.

    Numbers are written in full, unless that would make ``document`` larger than the limit for a body: ``1e125`` has
    5 bytes, its digits have 126.
    """
    written = dumps(value)
    is_small = len(written) * MAX_UTF8_BYTES <= MAX_BYTES
    return written if is_small or len(dumps(document).encode()) <= MAX_BYTES else shortest(value)


def stored_size(value: Json) -> int:
    """Return the size of ``value`` in DynamoDB, in bytes.

    The rules are those of "DynamoDB item sizes and formats" in the developer guide. For numbers, which the guide only
    estimates, they are DynamoDB's actual ones: one byte for the exponent, one for each pair of significant digits
    (pairs start at the decimal point), and one for a minus sign.
    """
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return 3 + sum(1 + len(name.encode()) + stored_size(member) for name, member in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + stored_size(element) for element in value)
    if value is None or isinstance(value, bool) or not value:
        return 1
    number = significant(value)
    before, after = number.adjusted() + 1, number.adjusted() + 1 - len(number.as_tuple().digits)
    return 1 + (before + 1) // 2 - after // 2 + (number < 0)
