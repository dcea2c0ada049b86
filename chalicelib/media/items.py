"""Media items: what is recorded about a picture, and the states that it goes through.

    awaiting-upload → processing → ready
                               ↘ rejected

An item of any status can become ``deleted``, which is never shown to clients: its objects are deleted next, and then
the item itself. One with an Idempotency-Key becomes ``removed`` instead, and is kept for a day: nobody can create it
again while a deletion or the images function may still be at work on the old one. This module knows nothing of HTTP or
storage.
"""

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from chalicelib import timestamps

AWAITING_UPLOAD, PROCESSING, READY, REJECTED = "awaiting-upload", "processing", "ready", "rejected"
DELETED, REMOVED = "deleted", "removed"
"""Clients see no item in these states. A ``deleted`` one may still have objects."""
TO_BE_PROCESSED = (AWAITING_UPLOAD, PROCESSING)
"""In these states, an upload is looked at. In all others, it is deleted unread."""
PRIVATE, PUBLIC = "private", "public"
NOT_AN_IMAGE, TYPE_MISMATCH, TOO_MANY_PIXELS, DAMAGED = "not-an-image", "type-mismatch", "too-many-pixels", "damaged"
REASONS = (NOT_AN_IMAGE, TYPE_MISMATCH, TOO_MANY_PIXELS, DAMAGED)
"""Why an item is ``rejected``."""
MAX_SIZE = 10 * 1024 * 1024
"""Bytes of an upload."""
MAX_TITLE, MAX_DESCRIPTION = 200, 2000
"""Characters."""


@dataclass(frozen=True, slots=True)
class MediaItem:
    """A picture of ``owner``, a userid. Members that are ``None`` are not known, or there are none.

    ``content_type`` and ``size``, in bytes, are those of the original, as announced. ``width`` and ``height``, in
    pixels, are those of the original when it is upright; a ``ready`` item has them. ``reason`` is one of ``REASONS``.
    ``created`` and ``modified`` are in ISO 8601, UTC. ``revision`` is random and new with each write. ``origin`` is the
    hash of the request that created the item with an Idempotency-Key. ``claim`` identifies the attempt to process the
    upload that may finish it.
    """

    mediaid: str
    owner: str
    status: str
    visibility: str
    content_type: str
    size: int
    created: str
    modified: str
    revision: str
    owner_name: str | None = None
    title: str | None = None
    description: str | None = None
    reason: str | None = None
    width: int | None = None
    height: int | None = None
    origin: str | None = None
    claim: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether everybody may see the picture, and can."""
        return self.visibility == PUBLIC and self.status == READY

    @property
    def is_deleted(self) -> bool:
        """Whether the item is hidden from everybody."""
        return self.status in (DELETED, REMOVED)


def revision() -> str:
    """Return a new revision."""
    return uuid4().hex


def changed(item: MediaItem, **changes: Any) -> MediaItem:
    """Return ``item`` as its owner has changed it: ``title``, ``description`` or ``visibility``."""
    return _written(replace(item, **changes))


def processing(item: MediaItem) -> MediaItem:
    """Return ``item`` after its upload has arrived, with a new ``claim``."""
    return _written(replace(item, status=PROCESSING, claim=revision()))


def ready(item: MediaItem, width: int, height: int) -> MediaItem:
    """Return ``item`` after its pictures have been stored. ``width`` and ``height`` are the original's, upright."""
    return _written(replace(item, status=READY, width=width, height=height, claim=None))


def rejected(item: MediaItem, reason: str) -> MediaItem:
    """Return ``item`` with an upload that is not accepted. ``reason`` is one of ``REASONS``."""
    if reason not in REASONS:
        raise ValueError(f"{reason} is not a reason to reject an upload")
    return _written(replace(item, status=REJECTED, reason=reason, claim=None))


def deleted(item: MediaItem) -> MediaItem:
    """Return ``item`` at the beginning of its deletion, or unchanged if that has begun already."""
    return item if item.is_deleted else _written(replace(item, status=DELETED))


def removed(item: MediaItem) -> MediaItem:
    """Return what is kept of ``item`` after its objects have been deleted: nothing that its owner has said of it."""
    return _written(replace(item, status=REMOVED, owner_name=None, title=None, description=None))


def _written(item: MediaItem) -> MediaItem:
    return replace(item, modified=timestamps.now(), revision=revision())
