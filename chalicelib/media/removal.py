"""Removing media items: the item becomes invisible at once, then its objects are deleted, and then the item itself.

A removal that ends after any step is finished by repeating it, or by the housekeeping. Several at once are harmless: no
item is created again while they work, because what has an Idempotency-Key is kept as ``removed`` for a day.
"""

from contextlib import suppress

from chalicelib.deadline import Deadline
from chalicelib.errors import Conflict, NotFound
from chalicelib.media import items, objects
from chalicelib.media.index import Index
from chalicelib.media.items import REMOVED, MediaItem
from chalicelib.storage.connections import one_patience
from chalicelib.storage.s3 import MAX_KEYS, Bucket

PAGE = 100
"""Items that one request of an erasure reads."""


class Removal:
    """Removes items from the index, and their objects from the bucket."""

    def __init__(self, index: Index, bucket: Bucket) -> None:
        self._index = index
        self._bucket = bucket

    def remove(self, item: MediaItem) -> None:
        """Remove ``item``. Raises ``Conflict`` unless it is still the stored one; then nothing is removed.

        An item that is ``deleted`` already counts as the stored one.
        """
        if item.status == REMOVED:
            return
        with one_patience():
            marked = self._without_objects(item)
            with suppress(Conflict):  # another removal, which has also deleted the objects, was faster
                if marked.origin is None:
                    self._index.delete(marked)
                else:
                    self._index.replace(marked, items.removed(marked))

    def forget(self, item: MediaItem) -> None:
        """Remove ``item`` without a trace. Raises ``Conflict`` as ``remove`` does, and if another removal is faster."""
        with one_patience():
            self._index.delete(self._without_objects(item))

    def _without_objects(self, item: MediaItem) -> MediaItem:
        """Hide an item and delete its objects. Return the item as it is stored then."""
        marked = items.deleted(item)
        if marked is not item:
            self._index.replace(item, marked)
        objects.delete_all(self._bucket, item.owner, item.mediaid)
        return marked

    def remove_all(self, owner: str, deadline: Deadline) -> bool:
        """Remove everything of a person, as ``personal_data.Erase`` does."""
        after = None
        while True:
            page = self._index.of_owner(owner, PAGE, after)
            for item in page.items:
                if deadline.is_over:
                    return False
                self._forget_whatever(item)
            if page.next is None:
                break
            after = page.next
        return self._remove_objects(owner, deadline)

    def _forget_whatever(self, item: MediaItem) -> None:
        """Forget an item that may have changed, or may be gone: the list is only eventually consistent."""
        while True:
            try:
                self.forget(self._index.update(item.mediaid, items.deleted))
            except NotFound:
                return
            except Conflict:  # another removal has made it ``removed``, which happens only once
                continue
            return

    def _remove_objects(self, owner: str, deadline: Deadline) -> bool:
        """Delete objects of a person of which no item knows. Return whether none is left."""
        for prefix in (f"{objects.INCOMING}{owner}/", f"{objects.MEDIA}{owner}/"):
            while found := self._bucket.list(prefix):
                if deadline.is_over:
                    return False
                self._bucket.delete([one.key for one in found])
                if len(found) < MAX_KEYS:
                    break
        return True
