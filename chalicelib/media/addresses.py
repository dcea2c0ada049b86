"""The addresses at which clients fetch pictures from S3: signed, and valid for 15 minutes."""

import time
from datetime import UTC, datetime

from chalicelib import timestamps
from chalicelib.json.strict_json import JsonObject
from chalicelib.media import objects
from chalicelib.media.items import READY, MediaItem
from chalicelib.storage.s3 import Bucket

STEP = 300
"""Seconds to which the times of public signatures are rounded down, so that the addresses repeat and caches work."""


class Addresses:
    """Signs the addresses of the objects in a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def private(self, item: MediaItem, *, with_original: bool) -> JsonObject:
        """Return the addresses of a ready item's pictures, signed now, and when they expire; otherwise nothing."""
        return self._signed(item, int(time.time()), with_original=with_original)

    def public(self, item: MediaItem, at: int) -> JsonObject:
        """Return the addresses of a public item's pictures, signed at ``public_time()``, which all requests share."""
        return self._signed(item, at, with_original=False)

    def _signed(self, item: MediaItem, at: int, *, with_original: bool) -> JsonObject:
        if item.status != READY:
            return {}
        kinds = objects.KINDS if with_original else (objects.DISPLAY, objects.THUMBNAIL)
        addresses: JsonObject = {
            f"{kind}_url": self._bucket.address(objects.stored(item.owner, item.mediaid, kind), at, objects.SECONDS)
            for kind in kinds
        }
        return {**addresses, "expires": timestamps.of(datetime.fromtimestamp(at + objects.SECONDS, UTC))}


def public_time() -> int:
    """Return when public addresses are signed, in seconds since 1970."""
    now = int(time.time())
    return now - now % STEP
