"""Cursors: where a list goes on, as opaque text. Not a secret and not a right; the checksum tells damage."""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from chalicelib.errors import Invalid
from chalicelib.records import USERID

CHECKSUM_BYTES = 6
FORM = re.compile(r"[A-Za-z0-9_-]{1,256}")


def encode(userid: str) -> str:
    """The cursor of the users after ``userid``."""
    return urlsafe_b64encode(_checksum(userid) + userid.encode()).rstrip(b"=").decode()


def decode(cursor: str) -> str:
    """The userid in a cursor; raises ``Invalid`` if it is not one that ``encode`` made."""
    if FORM.fullmatch(cursor) and len(cursor) % 4 != 1:
        value = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        userid = value[CHECKSUM_BYTES:].decode(errors="replace")
        if USERID.fullmatch(userid) and encode(userid) == cursor:
            return userid
    raise Invalid.at("/cursor", "The cursor is damaged: use the address in the Link header as it stands.")


def _checksum(userid: str) -> bytes:
    return hashlib.blake2b(userid.encode(), digest_size=CHECKSUM_BYTES, person=b"roster-cursor").digest()
