"""A record: one client-made JSON object, kept under a userid, with the two stamps of its last write.

Users and profiles are both records; ``users.py`` and ``profiles.py`` say how each looks to a client. Pure: no HTTP,
no storage.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol
from uuid import uuid4

from chalicelib.errors import Invalid, TooLarge
from chalicelib.merge_patch import merge
from chalicelib.strict_json import MAX_BYTES, Json, JsonObject, dumps

MAX_STORED = 400 * 1024 - 1024
"""Bytes of a stored document: DynamoDB's limit for an item, less what stands beside the document in it."""
USERID = re.compile(r"[A-Za-z0-9._-]{1,128}")


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

    def create(self, record: Record, origin: str) -> Record:
        """Store ``record`` if nothing is there, and give back what then is: ``record``, or what an earlier call made.

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
    return userid


def patch(record: Record, change: JsonObject) -> Record:
    """A new record in place of ``record``, with the merge patch ``change`` (RFC 7396) applied to its document."""
    document = merge(record.document, change)
    size = len(dumps(document))
    if size > MAX_BYTES:
        raise TooLarge(f"The patched document would have {size:,} bytes; at most {MAX_BYTES:,} are stored.")
    return stamp(record.userid, document)


def stored_size(value: Json) -> int:
    """The bytes that ``value`` takes in DynamoDB, or a little more.

    Counted as "DynamoDB item sizes and formats" in its developer guide says: a list of small numbers takes more than
    its JSON does.
    """
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return 3 + sum(1 + len(name.encode()) + stored_size(member) for name, member in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + stored_size(element) for element in value)
    if value is None or isinstance(value, bool):
        return 1
    return 2 + len(Decimal(value).as_tuple().digits) // 2


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
