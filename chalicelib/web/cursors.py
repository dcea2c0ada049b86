"""Cursors: an opaque text that says where the next page starts.

A cursor is not a secret and grants no access. Its checksum detects damage.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from chalicelib.errors import Invalid
from chalicelib.records import USERID

CHECKSUM_BYTES = 6
FORM = re.compile(r"[A-Za-z0-9_-]{1,256}")


def encode(userid: str) -> str:
    """Return the cursor of the page that starts after ``userid``."""
    return urlsafe_b64encode(_checksum(userid) + userid.encode()).rstrip(b"=").decode()


def decode(cursor: str) -> str:
    """Return the userid in a cursor. Raises ``Invalid`` if ``encode`` did not return it."""
    if FORM.fullmatch(cursor) and len(cursor) % 4 != 1:
        value = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        userid = value[CHECKSUM_BYTES:].decode(errors="replace")
        if USERID.fullmatch(userid) and encode(userid) == cursor:
            return userid
    raise Invalid.at("/cursor", "The cursor is damaged: use the URL in the Link header without changes.")


def _checksum(userid: str) -> bytes:
    return hashlib.blake2b(userid.encode(), digest_size=CHECKSUM_BYTES, person=b"roster-cursor").digest()
