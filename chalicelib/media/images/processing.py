"""What happens to an upload: the steps from an event to a picture that is ready, or to a reason why it is not.

Each step can be repeated, so an attempt can end anywhere, and the next one finishes. The record decides: what is not
recorded as ready is not shown, and what has no record is deleted.

One attempt at a time works on an item, because two uploads to one address could otherwise mix. An attempt marks the
item as ``processing`` by a conditional write. Others leave it alone for ``LEASE`` seconds, after which the attempt has
ended in any case. Only the attempt whose ``claim`` the item has can finish it.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from chalicelib.errors import Conflict, NotFound, TooLarge, Unavailable
from chalicelib.media import items, objects
from chalicelib.media.index import Index
from chalicelib.media.items import MediaItem
from chalicelib.media.objects import Owned
from chalicelib.storage.s3 import Bucket

TIMEOUT = 60
"""Seconds that one run of the function takes at most: its timeout, in infra/media/api.yaml."""
LEASE = TIMEOUT + 5
MAX_RACES = 5
"""How often an attempt starts anew because its owner has changed the item in between."""

log = logging.getLogger("roster")


class Busy(Unavailable):
    """Another attempt is working on this item, or was interrupted less than ``LEASE`` seconds ago."""


class Overtaken(Exception):
    """The item is no longer this attempt's. It has got this status, or is gone (``None``)."""

    def __init__(self, status: str | None) -> None:
        super().__init__(status)
        self.status = status


class Processing:
    """Makes pictures of the uploads in ``bucket``, and records that in ``index``."""

    def __init__(self, index: Index, bucket: Bucket) -> None:
        self.index = index
        self.bucket = bucket

    def take(self, key: str, lease: float = LEASE) -> None:
        """Do what is to be done for the upload with this key, which may have been done before, or be gone.

        Raises ``Busy``, or another error that a later attempt may not have.
        """
        started = time.perf_counter()
        owned = objects.owned(key)
        if owned is None:
            raise ValueError("the key is not that of an upload")
        outcome = self._take(owned, key, lease)
        fields = {"mediaid": owned.mediaid, "outcome": outcome}
        log.info("upload", extra={**fields, "duration_ms": round((time.perf_counter() - started) * 1000, 1)})

    def _take(self, owned: Owned, key: str, lease: float) -> str:
        for _ in range(MAX_RACES):
            item = self.index.get(owned.mediaid)
            status = item.status if item is not None and item.owner == owned.owner else None
            if item is None or status not in items.TO_BE_PROCESSED:
                self._leave(owned, status)
                return f"unread: {status or 'no item'}"
            if status == items.PROCESSING and _age(item) < lease:
                raise Busy("Another attempt is working on this item.")
            try:
                content = self.bucket.get(key, item.size)
            except NotFound:
                return "no upload"
            except TooLarge:  # no form that Roster signs allows this
                content = b""
            claimed = items.processing(item)
            try:
                self.index.replace(item, claimed)
            except Conflict:
                continue
            return self._finish(claimed, owned, content) or "no item"
        raise Busy("The item changes all the time.")

    def _finish(self, item: MediaItem, owned: Owned, content: bytes) -> str | None:
        """Store the pictures, record the result, and return the item's status; ``None`` if it is gone.

        Raises ``Busy`` if another attempt has claimed the item meanwhile.
        """
        result = self._stored(item, content)
        try:
            status: str | None = self.index.update(item.mediaid, lambda now: result(_claimed(now, item.claim))).status
        except NotFound:
            status = None
        except Overtaken as overtaken:
            status = overtaken.status
            if status in items.TO_BE_PROCESSED:
                raise Busy("Another attempt has claimed this item.") from None
        self._leave(owned, status)
        return status

    def _stored(self, item: MediaItem, content: bytes) -> Callable[[MediaItem], MediaItem]:
        """Store the pictures, and return what that makes of the item."""
        from chalicelib.media.images import pictures  # loads Pillow

        try:
            made = pictures.rendered(content, item.content_type)
        except pictures.Rejected as rejected:
            return partial(items.rejected, reason=rejected.reason)
        original = pictures.Rendition(content, item.content_type)
        kinds = {objects.ORIGINAL: original, objects.DISPLAY: made.display, objects.THUMBNAIL: made.thumbnail}
        for kind, (picture, content_type) in kinds.items():
            key = objects.stored(item.owner, item.mediaid, kind)
            # The original is not copied from the upload, which a second one can have replaced.
            self.bucket.put(key, picture, objects.presentation(item, kind, content_type))
        return partial(items.ready, width=made.width, height=made.height)

    def _leave(self, owned: Owned, status: str | None) -> None:
        """Delete the upload, and all other objects too if an item of this status has none."""
        if status == items.READY:
            self.bucket.delete([objects.incoming(*owned)])
        else:
            objects.delete_all(self.bucket, *owned)


def _claimed(item: MediaItem, claim: str | None) -> MediaItem:
    """Return ``item`` if it is being processed by the attempt with this claim. Its owner may have changed it."""
    if item.status != items.PROCESSING or item.claim != claim:
        raise Overtaken(item.status)
    return item


def _age(item: MediaItem) -> float:
    """Return how many seconds ago the item was written."""
    return (datetime.now(UTC) - datetime.fromisoformat(item.modified)).total_seconds()
