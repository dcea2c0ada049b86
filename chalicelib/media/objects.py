"""The objects of a media item in the bucket: their keys, and how S3 presents them.

incoming/<userid>/<mediaid>                               the upload, until it has been looked at
media/<userid>/<mediaid>/original|display|thumbnail       what a ready item consists of
"""

import re
from typing import NamedTuple

from chalicelib.media.items import MediaItem
from chalicelib.storage.s3 import Bucket, Presentation

INCOMING, MEDIA = "incoming/", "media/"
ORIGINAL, DISPLAY, THUMBNAIL = "original", "display", "thumbnail"
KINDS = (ORIGINAL, DISPLAY, THUMBNAIL)
EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
SECONDS = 900
"""How long addresses of objects are valid, and so how long a browser may keep what it has fetched."""
_KEY = re.compile(rf"(?:{INCOMING}(?P<o>[^/]+)/(?P<m>[^/]+)|{MEDIA}(?P<owner>[^/]+)/(?P<mediaid>[^/]+)/[^/]+)")


class Owned(NamedTuple):
    """To whom and to which item an object belongs, according to its key."""

    owner: str
    mediaid: str


def incoming(owner: str, mediaid: str) -> str:
    """Return the key of an item's upload."""
    return f"{INCOMING}{owner}/{mediaid}"


def stored(owner: str, mediaid: str, kind: str) -> str:
    """Return the key of one of an item's objects. ``kind`` is one of ``KINDS``."""
    return f"{MEDIA}{owner}/{mediaid}/{kind}"


def owned(key: str) -> Owned | None:
    """Return whose object has this key, or ``None`` if no item can have such an object."""
    found = _KEY.fullmatch(key)
    return None if found is None else Owned(found["o"] or found["owner"], found["m"] or found["mediaid"])


def presentation(item: MediaItem, kind: str, content_type: str) -> Presentation:
    """Return how S3 presents one of an item's objects: as a picture, never as a page or a program.

    S3 cannot send ``X-Content-Type-Options``, so the type is always one of ``content_types.ACCEPTED``.
    """
    name = f"{item.mediaid}-{kind}.{EXTENSIONS[content_type]}"
    return Presentation(content_type, f'inline; filename="{name}"', f"private, max-age={SECONDS}")


def delete_all(bucket: Bucket, owner: str, mediaid: str) -> None:
    """Delete all objects that an item can have, with one request. Those that do not exist count as deleted."""
    bucket.delete([incoming(owner, mediaid), *(stored(owner, mediaid, kind) for kind in KINDS)])
