"""A record: one client-made JSON object, kept under a userid, with the two stamps of its last write.

Users and profiles are both records; ``users.py`` and ``profiles.py`` say how each looks to a client. Pure: no HTTP,
no storage.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

from chalicelib.errors import Invalid, TooLarge
from chalicelib.json.merge_patch import merge
from chalicelib.json.strict_json import MAX_BYTES, Json, JsonObject, dumps, shortest, significant

MAX_STORED = 400 * 1024 - 1024
"""Bytes of a stored document: DynamoDB's limit for an item, less what Roster stores beside the document."""
MAX_UTF8_BYTES = 4
"""Of one character."""
USERID = re.compile(r"[A-Za-z0-9._-]{1,128}")
DOT_SEGMENTS = (".", "..")
"""What no client that follows RFC 3986 (section 5.2.4) can send as a segment of a path."""


@dataclass(frozen=True, slots=True)
class Record:
    """``document`` as the client made it; ``timestamp`` (ISO 8601, UTC) and ``revision`` change with every write.

    ``revision`` is random, not a count: a record that is deleted and made again never repeats one, so that an entity
    tag made from it is strong (RFC 9110, section 8.8.1).
    """

    userid: str
    document: JsonObject
    timestamp: str
    revision: str


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must be stored for a write to happen (RFC 9110, section 13.1).

    Nothing (``exists`` false), or something, and of ``revisions`` if they are given.
    """

    exists: bool
    revisions: frozenset[str] | None = None

    def holds(self, record: Record | None) -> bool:
        """Whether ``record`` (``None``: nothing) may be replaced."""
        if record is None or not self.exists:
            return record is None and not self.exists
        return self.revisions is None or record.revision in self.revisions


ABSENT = Precondition(exists=False)


def still(record: Record) -> Precondition:
    """That ``record`` is what is stored."""
    return Precondition(exists=True, revisions=frozenset({record.revision}))


class Records(Protocol):
    """Where records of one kind are kept. ``tests`` hold a second one, in memory.

    A write with a ``Precondition`` happens if that holds at the moment of the write, and else raises ``Conflict`` and
    changes nothing: of any number of racing writers, those who win are those for whom it did hold.
    """

    def get(self, userid: str) -> Record | None:
        """The record, or ``None``; never an outdated one."""

    def put(self, record: Record, only_if: Precondition | None = None) -> None:
        """Store ``record`` whole."""

    def create(self, record: Record, origin: str, only_if: Precondition | None = None) -> Record:
        """Store ``record`` if nothing is there, and give back what then is: ``record``, or what an earlier call made.

        With the precondition ``ABSENT``, an earlier call's record is a ``Conflict`` like any other.

        ``origin`` stays with what is stored under the name until it is deleted. Raises ``KeyReused`` if what is there
        has another.
        """

    def delete(self, userid: str, only_if: Precondition | None = None) -> None:
        """Remove the record; without a precondition, nothing happens if there is none."""

    def update(self, userid: str, change: Callable[[Record], Record], only_if: Precondition | None = None) -> Record:
        """Replace the record by what ``change`` makes of it, losing no other writer's update.

        Raises ``NotFound`` if there is none; ``change`` may be called again after a lost race.
        """


def stamp(userid: str, document: JsonObject) -> Record:
    """A new record of ``document``, written now. Raises ``TooLarge`` if DynamoDB would not hold it."""
    if stored_size(document) > MAX_STORED:
        raise TooLarge("The document is too large: as DynamoDB counts, it has more than 400 KB.")
    return Record(checked(userid), document, _now(), uuid4().hex)


def checked(userid: str) -> str:
    """``userid`` itself; ``Invalid`` if it can't be one."""
    if not USERID.fullmatch(userid):
        raise Invalid.at("/userid", "A userid is 1 to 128 of the characters A-Z a-z 0-9 . _ -")
    if userid in DOT_SEGMENTS:
        raise Invalid.at("/userid", "A userid can't be . or .. because clients remove these from a path.")
    return userid


def patch(record: Record, change: JsonObject) -> Record:
    """A new record in place of ``record``, with the merge patch ``change`` (RFC 7396) applied to its document."""
    document = merge(record.document, change)
    size = len(text(document, document).encode())
    if size > MAX_BYTES:
        raise TooLarge(f"The patched document would have {size:,} bytes; at most {MAX_BYTES:,} are stored.")
    return stamp(record.userid, document)


def text(value: JsonObject, document: JsonObject) -> str:
    """JSON text of ``value``, which is or contains the stored ``document``, in a form that can always be sent back.

    Numbers are written in full, unless ``document`` would then be larger than a body may be: the 5 bytes of ``1e125``
    stand for 126 digits.
    """
    written = dumps(value)
    is_small = len(written) * MAX_UTF8_BYTES <= MAX_BYTES
    return written if is_small or len(dumps(document).encode()) <= MAX_BYTES else shortest(value)


def stored_size(value: Json) -> int:
    """The bytes that ``value`` takes in DynamoDB.

    Counted as "DynamoDB item sizes and formats" in its developer guide says, and for numbers as DynamoDB does: a byte
    for the exponent, one for each pair of significant digits (pairs begin at the decimal point), one for a minus.
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
