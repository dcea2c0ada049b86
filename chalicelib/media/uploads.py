"""New media items, and the forms with which clients upload their pictures to S3."""

import time
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid4, uuid5

from chalicelib import timestamps
from chalicelib.json.strict_json import JsonObject, digest
from chalicelib.media import content_types, items, objects
from chalicelib.media.errors import ItemDeleted
from chalicelib.media.items import AWAITING_UPLOAD, MAX_DESCRIPTION, MAX_SIZE, MAX_TITLE, MediaItem
from chalicelib.storage.s3 import Bucket
from chalicelib.web.bodies import Body

SECONDS = 900
"""How long a form is valid."""
LATEST = 3600
"""No form is valid longer than this after its item was created, in seconds: the housekeeping removes the item then."""
VISIBILITIES = (items.PRIVATE, items.PUBLIC)


class Announced(NamedTuple):
    """What a client says of a picture that it is going to upload."""

    content_type: str
    size: int
    title: str | None
    description: str | None
    visibility: str

    @classmethod
    def of(cls, body: Body) -> "Announced":
        """Read a body. Raises ``Invalid``."""
        announced = cls(
            body.choice("content_type", content_types.ACCEPTED),
            body.whole_number("size", MAX_SIZE),
            body.text_or_null("title", MAX_TITLE),
            body.text_or_null("description", MAX_DESCRIPTION, has_lines=True),
            body.choice("visibility", VISIBILITIES, default=items.PRIVATE),
        )
        body.require_no_faults()
        return announced


def new(announced: Announced, owner: str, owner_name: str | None, key: str | None) -> MediaItem:
    """Return a new item. With an Idempotency-Key, its ``mediaid`` is a UUID5 of the owner and the key.

    Its ``origin`` is then a hash of what was announced: it shows whether a later request with the same key has the same
    body.
    """
    time = timestamps.now()
    return MediaItem(
        mediaid=str(uuid4() if key is None else uuid5(NAMESPACE_URL, f"urn:roster:media:{owner}:{key}")),
        owner=owner,
        owner_name=owner_name,
        status=AWAITING_UPLOAD,
        created=time,
        modified=time,
        revision=items.revision(),
        origin=None if key is None else digest(dict(announced._asdict())),
        **announced._asdict(),
    )


def form(bucket: Bucket, item: MediaItem) -> JsonObject:
    """Return the form that uploads the picture of an item, and when it expires.

    Raises ``ItemDeleted`` if that is too late, because the item is about to be removed.
    """
    now = int(time.time())
    seconds = min(SECONDS, int(datetime.fromisoformat(item.created).timestamp()) + LATEST - now)
    if seconds <= 0:
        raise ItemDeleted
    expires = datetime.fromtimestamp(now + seconds, UTC)
    signed = bucket.upload_form(objects.incoming(item.owner, item.mediaid), item.content_type, item.size, seconds)
    return {"url": signed.url, "fields": dict(signed.fields), "expires": timestamps.of(expires)}
