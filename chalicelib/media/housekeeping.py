"""The hourly housekeeping of media.

Each of its chores works in steps that are complete in themselves. What one run does not reach, a later one does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain

from chalicelib import timestamps
from chalicelib.deadline import Deadline
from chalicelib.errors import Conflict
from chalicelib.media import objects
from chalicelib.media.index import Index
from chalicelib.media.items import AWAITING_UPLOAD, DELETED, PROCESSING, REJECTED, REMOVED, MediaItem
from chalicelib.media.removal import Removal
from chalicelib.storage.s3 import MAX_KEYS, Bucket, StoredObject

ABANDONED = timedelta(hours=1)
"""After this time, nobody uploads the picture of an item: its last form has expired (``uploads.LATEST``)."""
KEPT = timedelta(days=7)
"""How long an item is kept whose picture is rejected, or could not be processed."""
REMEMBERED = timedelta(days=1)
"""How long a removed item is kept whose Idempotency-Key could create it again."""
FRESH = timedelta(hours=1)
"""Objects that are younger are left alone, whether or not an item knows of them."""
MAX_PAGES = 10
"""Pages of the list of objects that one run reads, of 1,000 objects each."""


class MediaHousekeeping:
    """Removes what uploads, deletions and failures have left behind. Each public method is a ``housekeeping.Chore``."""

    def __init__(self, index: Index, bucket: Bucket, removal: Removal) -> None:
        self._index = index
        self._bucket = bucket
        self._removal = removal

    def finish_deletes(self, deadline: Deadline) -> Mapping[str, int]:
        """Finish deletions that were interrupted."""
        items = self._with_status(datetime.now(UTC), deadline, DELETED)
        return {"interrupted_media_deletes": _each(items, self._removal.remove)}

    def remove_abandoned(self, deadline: Deadline) -> Mapping[str, int]:
        """Remove the items whose upload never arrived."""
        return {"abandoned_uploads": _each(self._abandoned(datetime.now(UTC), deadline), self._removal.remove)}

    def remove_rejected(self, deadline: Deadline) -> Mapping[str, int]:
        """Remove the items whose picture was rejected, or could not be processed, after ``KEPT``."""
        items = self._with_status(datetime.now(UTC) - KEPT, deadline, REJECTED, PROCESSING)
        return {"rejected_media": _each(items, self._removal.remove)}

    def forget_removed(self, deadline: Deadline) -> Mapping[str, int]:
        """Forget the removed items whose Idempotency-Keys were kept for ``REMEMBERED``."""
        before = datetime.now(UTC) - REMEMBERED
        items = self._with_status(before, deadline, REMOVED)
        old = (item for item in items if item.modified < timestamps.of(before))
        return {"forgotten_media": _each(old, self._removal.forget)}

    def delete_orphans(self, deadline: Deadline) -> Mapping[str, int]:
        """Delete objects without an item that were stored before ``FRESH``."""
        before, deleted = datetime.now(UTC) - FRESH, 0
        for page in chain(self._uploads(deadline), self._pictures(deadline)):
            old = [one.key for one in page if one.modified < before]
            owned = {key: objects.owned(key) for key in old}
            missing = self._index.missing_of({owner.mediaid for owner in owned.values() if owner is not None})
            orphans = [key for key, owner in owned.items() if owner is None or owner.mediaid in missing]
            self._bucket.delete(orphans)
            deleted += len(orphans)
        return {"orphaned_media_objects": deleted}

    def _with_status(self, before: datetime, deadline: Deadline, *statuses: str) -> Iterator[MediaItem]:
        for status in statuses:
            if deadline.is_over:
                return
            for item in self._index.with_status(status, timestamps.of(before)):
                if deadline.is_over:
                    return
                yield item

    def _abandoned(self, now: datetime, deadline: Deadline) -> Iterator[MediaItem]:
        """Yield the items whose upload never arrived. One that has arrived may still wait for the images function."""
        for item in self._with_status(now - ABANDONED, deadline, AWAITING_UPLOAD):
            is_old = item.created < timestamps.of(now - KEPT)
            if is_old or not self._bucket.exists(objects.incoming(item.owner, item.mediaid)):
                yield item

    def _uploads(self, deadline: Deadline) -> Iterator[list[StoredObject]]:
        """Yield a page of uploads: all of them, unless the images function is far behind."""
        if deadline.is_over:
            return
        page = self._bucket.list(objects.INCOMING)
        yield page if len(page) < MAX_KEYS else self._bucket.list(objects.INCOMING, self._start(objects.INCOMING))

    def _pictures(self, deadline: Deadline) -> Iterator[list[StoredObject]]:
        """Yield pages of other objects, so that there are at most ``MAX_PAGES``.

        They start with a random item, so that in time runs reach all objects, also those of an owner who has more than
        a run reads.
        """
        if deadline.is_over:
            return
        start = self._start(objects.MEDIA)
        after, has_wrapped = start, False
        for _ in range(MAX_PAGES - 1):
            if deadline.is_over:
                return
            page = self._bucket.list(objects.MEDIA, after)
            if has_wrapped:
                page = [one for one in page if one.key <= start]
            if page:
                yield page
                after = page[-1].key
            if len(page) < MAX_KEYS:
                if has_wrapped:
                    return
                after, has_wrapped = objects.MEDIA, True

    def _start(self, prefix: str) -> str:
        """Return where the keys of a random item would be."""
        item = self._index.any_item()
        return prefix if item is None else f"{prefix}{item.owner}/{item.mediaid}"


def _each(items: Iterable[MediaItem], remove: Callable[[MediaItem], None]) -> int:
    """Remove items, and return how many there were."""
    removed = 0
    for item in items:
        with suppress(Conflict):  # the list was stale, or its owner or another run was faster
            remove(item)
            removed += 1
    return removed
