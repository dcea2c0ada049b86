"""Cursors: an opaque text that says where the next page starts.

A cursor is not a secret and grants no access. Its checksum detects damage, and that it is another list's.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from chalicelib.errors import Invalid
from chalicelib.records import USERID

CHECKSUM_BYTES = 6
FORM = re.compile(r"[A-Za-z0-9_-]{1,8192}")


def encode(position: str, of: str = "") -> str:
    """Return the cursor of the page that starts after ``position`` in the list ``of``: by default, that of records,
    whose positions are userids."""
    return urlsafe_b64encode(_checksum(position, of) + position.encode()).rstrip(b"=").decode()


def decode(cursor: str, of: str = "", form: re.Pattern[str] = USERID) -> str:
    """Return the position in a cursor, which has the form ``form``. Raises ``Invalid`` if ``encode`` did not return it
    for this list."""
    if FORM.fullmatch(cursor) and len(cursor) % 4 != 1:
        value = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = value[CHECKSUM_BYTES:].decode(errors="replace")
        if form.fullmatch(position) and encode(position, of) == cursor:
            return position
    raise damaged()


def damaged() -> Invalid:
    """Return the error for a cursor that nobody has issued for this list."""
    return Invalid.at("/cursor", "The cursor is damaged: use the URL in the Link header without changes.")


def _checksum(position: str, of: str) -> bytes:
    text = f"{of}\n{position}".encode()
    return hashlib.blake2b(text, digest_size=CHECKSUM_BYTES, person=b"roster-cursor").digest()
