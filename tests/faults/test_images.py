"""The images function is killed before or after each of its requests to AWS, these fail, or somebody else gets in
between. Nothing is lost, nothing is half-shown, and no object is left that no record knows.
"""

import io
import uuid
from contextlib import suppress
from functools import partial

import boto3
import pytest
from PIL import Image

from chalicelib import timestamps
from chalicelib.errors import RosterError, Unavailable
from chalicelib.media import items, objects
from chalicelib.media.images.processing import Busy, Processing
from chalicelib.media.index import Index
from chalicelib.media.items import DELETED, MediaItem
from chalicelib.media.removal import Removal
from chalicelib.storage.dynamodb import DynamoDB
from chalicelib.storage.s3 import Bucket, Presentation
from testbed import backend_template
from testbed.in_process import on_moto
from testbed.picture_files import encoded, photo

JPEG = "image/jpeg"
GOOD, OTHER = (encoded(photo(width, 30), JPEG).ljust(8_000, b"\0") for width in (40, 50))
BAD = b"no picture".ljust(8_000)
LIMIT = 40
"""More requests than an attempt makes."""


class Killed(BaseException):
    """The process is gone."""


class Attempts:
    """The images function, whose requests to AWS are counted. ``interrupt`` is called before or after one of them."""

    def __init__(self, table, bucket):
        database = DynamoDB("us-east-1")
        self.processing = Processing(Index(database, table), Bucket("us-east-1", bucket))
        self._at, self._when = None, None
        self._interrupt = lambda: None
        self.requests = 0
        for client in (database.client, self.processing.bucket.client):
            client.meta.events.register("before-call.*", lambda **_: self._count("before"))
            client.meta.events.register("after-call.*", lambda **_: self._count("after"))

    def _count(self, when):
        if when == "before":
            self.requests += 1
        if (self.requests, when) == (self._at, self._when):
            self._at = None
            self._interrupt()

    def interrupted(self, key, at, when, interrupt):
        """Make an attempt. Return whether it came to the request number ``at``."""
        self._at, self._when, self._interrupt, self.requests = at, when, interrupt, 0
        with suppress(Killed, RosterError):
            self.processing.take(key)
        came = self._at is None
        self._at = None
        return came


@pytest.fixture(scope="module")
def stored():
    """The media table and the bucket, without anything between."""
    with on_moto():
        prefix = f"faults-{uuid.uuid4().hex[:8]}"
        table = backend_template.create_tables(boto3.client("dynamodb"), prefix)["MediaTable"]
        bucket = backend_template.create_buckets(boto3.client("s3"), prefix)["MediaBucket"]
        yield Processing(Index(DynamoDB("us-east-1"), table), Bucket("us-east-1", bucket))


@pytest.fixture(scope="module")
def attempts(stored):
    return Attempts(stored.index._table, stored.bucket.name)


def uploaded(stored, content=GOOD, **more):
    """An item whose upload has arrived."""
    now = timestamps.now()
    names = {"mediaid": str(uuid.uuid4()), "owner": str(uuid.uuid4()), "revision": items.revision()}
    state = {"status": items.AWAITING_UPLOAD, "visibility": items.PUBLIC, "content_type": JPEG, "size": len(content)}
    item = MediaItem(**names, **state, created=now, modified=now, **more)
    stored.index.create(item, may_exist=False)
    put_upload(stored, item, content)
    return item


def put_upload(stored, item, content):
    key = objects.incoming(item.owner, item.mediaid)
    stored.bucket.put(key, content, Presentation(JPEG, "inline", "no-store"))
    return key


def kinds(stored, item):
    """The objects of an item, by the last part of their keys. The upload's is ``upload``."""
    upload, others = objects.incoming(item.owner, item.mediaid), objects.stored(item.owner, item.mediaid, "")
    found = {one.key.rpartition("/")[2] for one in stored.bucket.list(others)}
    return found | {"upload"} if stored.bucket.exists(upload) else found


def width(stored, item, kind):
    content = stored.bucket.get(objects.stored(item.owner, item.mediaid, kind), 2**24)
    return Image.open(io.BytesIO(content)).width


def require_ready(stored, item):
    """The item is ready, and its objects are of one picture."""
    found = stored.index.get(item.mediaid)
    assert found.status == items.READY
    assert {kind: width(stored, item, kind) for kind in objects.KINDS} == dict.fromkeys(objects.KINDS, found.width)
    assert found.height == 30


def retry(stored, item):
    """The message is delivered again, when the lease of an interrupted attempt is over."""
    stored.take(objects.incoming(item.owner, item.mediaid), lease=0)


def each_request(attempts, stored, content, when, interrupt):
    """Interrupt an attempt at its first request, another one at its second one, and so on. Yield the item of each."""
    for at in range(1, LIMIT):
        item = uploaded(stored, content)
        came = attempts.interrupted(objects.incoming(item.owner, item.mediaid), at, when, partial(interrupt, item))
        if not came:
            assert at > 5
            return
        yield item
    raise AssertionError("the attempts do not end")


def kill(_):
    raise Killed


def fail(_):
    raise Unavailable("late")


@pytest.mark.parametrize(("interrupt", "when"), [(kill, "before"), (kill, "after"), (fail, "after")])
class TestInterrupted:
    def test_the_next_attempt_finishes_what_was_interrupted(self, attempts, stored, interrupt, when):
        for item in each_request(attempts, stored, GOOD, when, interrupt):
            if stored.index.get(item.mediaid).status == items.READY:
                assert kinds(stored, item) >= {*objects.KINDS}  # nothing is half-shown
            retry(stored, item)
            require_ready(stored, item)
            assert kinds(stored, item) == {*objects.KINDS}

    def test_the_next_attempt_finishes_rejecting(self, attempts, stored, interrupt, when):
        for item in each_request(attempts, stored, BAD, when, interrupt):
            retry(stored, item)
            found = stored.index.get(item.mediaid)
            assert (found.status, found.reason) == (items.REJECTED, items.NOT_AN_IMAGE)
            assert kinds(stored, item) == set()

    def test_what_was_deleted_after_the_interruption_leaves_nothing(self, attempts, stored, interrupt, when):
        for item in each_request(attempts, stored, GOOD, when, interrupt):
            Removal(stored.index, stored.bucket).remove(stored.index.get(item.mediaid))
            retry(stored, item)
            assert kinds(stored, item) == set()
            assert stored.index.get(item.mediaid) is None


@pytest.mark.parametrize("when", ["before", "after"])
class TestInBetween:
    def test_an_item_that_is_deleted_in_between_leaves_nothing(self, attempts, stored, when):
        def delete(item):
            Removal(stored.index, stored.bucket).remove(stored.index.get(item.mediaid))

        for item in each_request(attempts, stored, GOOD, when, delete):
            retry(stored, item)
            assert kinds(stored, item) == set()
            assert stored.index.get(item.mediaid) is None

    def test_an_item_whose_deletion_was_interrupted_is_not_shown_again(self, attempts, stored, when):
        def begin_to_delete(item):
            stored.index.update(item.mediaid, items.deleted)

        for item in each_request(attempts, stored, GOOD, when, begin_to_delete):
            retry(stored, item)
            assert stored.index.get(item.mediaid).status == DELETED
            assert kinds(stored, item) == set()

    def test_what_the_owner_writes_in_between_is_kept(self, attempts, stored, when):
        def write(item):
            change = {"title": "Dawn", "description": None, "visibility": items.PRIVATE}
            stored.index.update(item.mediaid, lambda before: items.changed(before, **change))

        for item in each_request(attempts, stored, GOOD, when, write):
            require_ready(stored, item)  # without another attempt
            assert stored.index.get(item.mediaid).title == "Dawn"
            assert not stored.index.get(item.mediaid).is_public
            assert kinds(stored, item) == {*objects.KINDS}

    def test_an_attempt_that_has_lost_its_claim_does_not_finish_the_item(self, attempts, stored, when):
        """Another attempt has claimed the item, because the lease of the first is over, and has not finished yet."""

        def claim_again(item):
            if stored.index.get(item.mediaid).status in items.TO_BE_PROCESSED:
                stored.index.update(item.mediaid, items.processing)

        finished = 0
        for item in each_request(attempts, stored, GOOD, when, claim_again):
            found = stored.index.get(item.mediaid)
            if found.status == items.READY:  # before it lost its claim
                finished += 1
            else:
                assert found.status == items.PROCESSING
                assert "upload" in kinds(stored, item)
                retry(stored, item)
            require_ready(stored, item)
            assert kinds(stored, item) == {*objects.KINDS}
        assert finished <= 2

    def test_a_second_upload_in_between_does_not_mix_with_the_first(self, attempts, stored, when):
        """Its own event comes at once, or later."""

        def upload_again(item):
            key = put_upload(stored, item, OTHER)
            with suppress(Busy):
                stored.take(key)

        for item in each_request(attempts, stored, GOOD, when, upload_again):
            retry(stored, item)
            require_ready(stored, item)
            assert kinds(stored, item) == {*objects.KINDS}
