"""Uploads, from the signed form to the pictures that are fetched, and what becomes of bad and late ones."""

import io
import json
import time
import uuid
from urllib.parse import quote_plus

import httpx
import pyexiv2
import pytest
from PIL import Image

from chalicelib.media import items, objects
from chalicelib.storage.s3 import Presentation
from testbed.picture_files import PLACE, encoded, metadata_of, photo, png_of_size, with_metadata

JPEG, PNG, WEBP, GIF = "image/jpeg", "image/png", "image/webp", "image/gif"
POLYGLOT = encoded(photo(40, 30), JPEG) + b"<html><script>alert(1)</script></html>"


@pytest.fixture(scope="module")
def owner(api):
    """A user who uploads pictures. In the end, each of the user's objects belongs to an item that has such objects."""
    person = api.sign_up(name="Olga Owner")
    yield person
    for prefix, status in ((objects.INCOMING, items.AWAITING_UPLOAD), (objects.MEDIA, items.READY)):
        mediaids = {objects.owned(found.key).mediaid for found in api.bucket.list(f"{prefix}{person.sub}/")}
        assert {api.media.get(mediaid).status for mediaid in mediaids} <= {status}


def announce(api, owner, picture, content_type, **more):
    body = {"content_type": content_type, "size": len(picture), **more}
    answer = api.post("/media", token=owner.token, json=body)
    assert answer.status == 201
    return answer.json


def read(api, owner, item):
    answer = api.get(f"/media/{item['mediaid']}", token=owner.token)
    assert answer.status == 200
    return answer.json


def uploaded(api, owner, picture, content_type=JPEG, **more):
    """Announce and upload a picture, and return the item once it has been handled."""
    item = announce(api, owner, picture, content_type, **more)
    assert api.upload(item["upload"], picture) == 204
    wait_until(api, lambda: read(api, owner, item)["status"] in ("ready", "rejected"))
    api.process_uploads()
    return read(api, owner, item)


def fetch(api, address):
    """Fetch what is at a signed address. Return its content and its media type."""
    if api.name == "inprocess":  # its bucket is not on the network
        key = objects.MEDIA + address.partition("?")[0].partition(objects.MEDIA)[2]
        stored = api.bucket.client.get_object(Bucket=api.bucket.name, Key=key)
        return stored["Body"].read(), stored["ContentType"]
    answer = httpx.get(address, trust_env=False)
    assert answer.status_code == 200
    return answer.content, answer.headers["content-type"]


def content(api, item, kind):
    return api.bucket.get(objects.stored(item["owner"], item["mediaid"], kind), 2**24)


def keys(api, item):
    return [
        found.key
        for prefix in (
            objects.incoming(item["owner"], item["mediaid"]),
            objects.stored(item["owner"], item["mediaid"], ""),
        )
        for found in api.bucket.list(prefix)
    ]


def size(picture):
    return Image.open(io.BytesIO(picture)).size


def found_by_exiv2(picture):
    """The metadata that Exiv2, which shares no code with Pillow, finds in a picture."""
    with pyexiv2.ImageData(picture) as image:
        found = {
            "EXIF": image.read_exif(),
            "IPTC": image.read_iptc(),
            "XMP": image.read_xmp(),
            "comment": image.read_comment(),
            "profile": image.read_icc(),
            "thumbnail": image.read_thumbnail(),
        }
    return {kind for kind, content in found.items() if content}


def without_addresses(item):
    """The members of an item that do not change by themselves."""
    return {name: value for name, value in item.items() if not name.endswith("_url") and name != "expires"}


def send_event(api, key, bucket=None):
    """Send the event of an upload, as S3 does."""
    s3 = {"bucket": {"name": bucket or api.bucket.name}, "object": {"key": quote_plus(key, safe="/"), "size": 1}}
    api.send_message(json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Post", "s3": s3}]}))


def forget_messages(api):
    """Delete the messages that are left for later. Tests would wait for them."""
    if api.name != "inprocess":
        api.sqs.purge_queue(QueueUrl=api.queue)


def wait_until(api, ask):
    """Wait until ``ask`` returns true, while the images function handles messages."""
    deadline = time.monotonic() + 30
    while not ask():
        if api.name == "inprocess":
            api.process_uploads()
        assert time.monotonic() < deadline
        time.sleep(0.05)


class TestUploads:
    @pytest.mark.parametrize("content_type", [JPEG, PNG, WEBP, GIF])
    def test_an_upload_becomes_ready(self, api, owner, content_type):
        picture = encoded(photo(400, 300), content_type)
        item = uploaded(api, owner, picture, content_type)
        assert (item["status"], item["width"], item["height"]) == ("ready", 400, 300)
        assert "reason" not in item or item["reason"] is None
        assert size(content(api, item, objects.THUMBNAIL)) == (256, 192)
        assert size(content(api, item, objects.DISPLAY)) == (400, 300)
        assert content(api, item, objects.ORIGINAL) == picture
        assert len(keys(api, item)) == 3

    @pytest.mark.parametrize("member", ["thumbnail_url", "display_url"])
    def test_what_is_fetched_has_no_metadata(self, api, owner, member):
        item = uploaded(api, owner, with_metadata(photo(400, 300), JPEG))
        fetched, content_type = fetch(api, item[member])
        assert content_type == JPEG
        assert PLACE not in fetched
        assert metadata_of(fetched) == []

    @pytest.mark.parametrize("content_type", [JPEG, PNG, WEBP])
    def test_a_second_tool_finds_no_metadata_in_what_is_fetched(self, api, owner, content_type):
        upload = with_metadata(Image.new("RGBA", (400, 300), (255, 0, 0, 100)), content_type)
        assert {"EXIF", "XMP"} <= found_by_exiv2(upload)
        item = uploaded(api, owner, upload, content_type)
        for member in ("thumbnail_url", "display_url"):
            fetched, _ = fetch(api, item[member])
            assert found_by_exiv2(fetched) == set()

    def test_a_transparent_picture_stays_transparent(self, api, owner):
        item = uploaded(api, owner, encoded(Image.new("RGBA", (40, 30), (255, 0, 0, 100)), PNG), PNG)
        assert Image.open(io.BytesIO(content(api, item, objects.THUMBNAIL))).mode == "RGBA"

    def test_a_polyglot_becomes_a_picture_and_nothing_else(self, api, owner):
        item = uploaded(api, owner, POLYGLOT)
        assert item["status"] == "ready"
        assert b"script" not in content(api, item, objects.DISPLAY) + content(api, item, objects.THUMBNAIL)
        assert fetch(api, item["original_url"])[1] == JPEG

    def test_a_public_picture_is_listed_when_it_is_ready(self, api, owner):
        picture = encoded(photo(40, 30), JPEG)
        item = announce(api, owner, picture, JPEG, visibility="public")
        assert api.get(f"/public/media/{item['mediaid']}").status == 404
        api.upload(item["upload"], picture)
        api.process_uploads()
        assert api.get(f"/public/media/{item['mediaid']}").status == 200


class TestRejected:
    @pytest.mark.parametrize(
        ("picture", "content_type", "reason"),
        [
            pytest.param(b"Not a picture", JPEG, "not-an-image", id="text"),
            pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"/>', PNG, "not-an-image", id="svg"),
            pytest.param(encoded(photo(40, 30), PNG), JPEG, "type-mismatch", id="png-declared-as-jpeg"),
            pytest.param(encoded(photo(300, 300), JPEG)[:2000], JPEG, "damaged", id="truncated"),
            pytest.param(png_of_size(10_000, 6_000, None), PNG, "too-many-pixels", id="60-megapixels"),
        ],
    )
    def test_what_is_not_accepted_is_rejected_with_its_reason_and_deleted(
        self, api, owner, picture, content_type, reason
    ):
        item = uploaded(api, owner, picture, content_type)
        assert (item["status"], item["reason"]) == ("rejected", reason)
        assert "thumbnail_url" not in item
        assert keys(api, item) == []

    def test_a_rejected_picture_stays_rejected(self, api, owner):
        good = encoded(photo(40, 30), JPEG)
        bad = b"x" * len(good)
        item = announce(api, owner, good, JPEG)
        for picture in (bad, good):
            api.upload(item["upload"], picture)
            api.process_uploads()
        assert read(api, owner, item)["status"] == "rejected"
        assert keys(api, item) == []


@pytest.mark.parametrize("api", ["local", "deployed"], indirect=True)  # moto does not check forms
class TestForms:
    @pytest.mark.parametrize("more", [b"x", b""])
    def test_exactly_the_announced_size_is_accepted(self, api, owner, more):
        picture = encoded(photo(40, 30), JPEG)
        item = announce(api, owner, picture, JPEG)
        assert api.upload(item["upload"], (picture + more) if more else picture[:-1]) == 400
        assert keys(api, item) == []

    @pytest.mark.parametrize("field", ["Content-Type", "key", "policy", "x-amz-signature"])
    def test_nothing_that_is_signed_can_be_changed(self, api, owner, field):
        picture = encoded(photo(40, 30), JPEG)
        item = announce(api, owner, picture, JPEG)
        changed = {"Content-Type": PNG, "key": objects.incoming(str(uuid.uuid4()), item["mediaid"])}
        status = api.upload(item["upload"], picture, **{field: changed.get(field, "AAAA")})
        assert status in (400, 403)
        assert keys(api, item) == []


class TestRepeatedAndLate:
    def test_the_same_upload_twice_changes_nothing(self, api, owner):
        picture = encoded(photo(40, 30), JPEG)
        item = announce(api, owner, picture, JPEG)
        api.upload(item["upload"], picture)
        api.process_uploads()
        before = read(api, owner, item)
        api.upload(item["upload"], picture)
        api.process_uploads()
        assert without_addresses(read(api, owner, item)) == without_addresses(before)
        assert len(keys(api, item)) == 3

    def test_another_picture_after_ready_is_deleted_unread(self, api, owner):
        first, second = encoded(photo(40, 30), JPEG), encoded(photo(41, 30), JPEG)
        longest = max(len(first), len(second))
        first, second = first.ljust(longest, b"\0"), second.ljust(longest, b"\0")
        item = announce(api, owner, first, JPEG)
        for picture in (first, second):
            api.upload(item["upload"], picture)
            api.process_uploads()
        assert read(api, owner, item)["width"] == 40
        assert content(api, item, objects.ORIGINAL) == first

    def test_two_uploads_at_once_do_not_mix(self, api, owner):
        pictures = [encoded(photo(width, 30), JPEG).ljust(10_000, b"\0") for width in (40, 50)]
        item = announce(api, owner, pictures[0], JPEG)
        api.at_once([lambda picture=picture: api.upload(item["upload"], picture) for picture in pictures])
        wait_until(api, lambda: read(api, owner, item)["status"] == "ready")
        forget_messages(api)  # the event of the second one may have been left for later
        width = read(api, owner, item)["width"]
        shown = {kind: size(content(api, item, kind))[0] for kind in objects.KINDS}
        assert shown == dict.fromkeys(objects.KINDS, width)

    def test_an_event_for_a_deleted_item_deletes_the_upload(self, api, owner):
        picture = encoded(photo(40, 30), JPEG)
        item = announce(api, owner, picture, JPEG)
        assert api.delete(f"/media/{item['mediaid']}", token=owner.token).status == 204
        api.upload(item["upload"], picture)
        api.process_uploads()
        assert keys(api, item) == []
        assert api.get(f"/media/{item['mediaid']}", token=owner.token).status == 404

    def test_an_event_that_comes_again_much_later_changes_nothing(self, api, owner):
        item = uploaded(api, owner, encoded(photo(40, 30), JPEG))
        send_event(api, objects.incoming(owner.sub, item["mediaid"]))
        api.process_uploads()
        assert without_addresses(read(api, owner, item)) == without_addresses(item)
        assert len(keys(api, item)) == 3

    def test_an_event_before_its_upload_changes_nothing(self, api, owner):
        picture = encoded(photo(40, 30), JPEG)
        item = announce(api, owner, picture, JPEG)
        send_event(api, objects.incoming(owner.sub, item["mediaid"]))
        api.process_uploads()
        assert read(api, owner, item)["status"] == "awaiting-upload"
        api.upload(item["upload"], picture)
        api.process_uploads()
        assert read(api, owner, item)["status"] == "ready"

    def test_an_upload_under_another_persons_prefix_is_deleted(self, api, owner, stranger):
        """Nobody can sign such a form. The record decides nevertheless."""
        picture = encoded(photo(40, 30), JPEG)
        item = announce(api, owner, picture, JPEG)
        key = objects.incoming(stranger.sub, item["mediaid"])
        api.bucket.put(key, picture, Presentation(JPEG, "inline", "no-store"))
        api.process_uploads()
        assert not api.bucket.exists(key)
        assert read(api, owner, item)["status"] == "awaiting-upload"


class TestOtherMessages:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            "[]",
            "null",
            '"text"',
            json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "another"}),
            json.dumps({"Records": [{"eventSource": "aws:ses"}]}),
            json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete"}]}),
            json.dumps({"Records": None}),
        ],
    )
    def test_a_message_that_is_not_an_upload_is_dropped(self, api, body):
        api.send_message(body or " ")
        api.process_uploads()  # returns when the queue is empty

    @pytest.mark.parametrize("key", ["media/a/b/original", "incoming/a", "incoming/a/b/c", "incoming/../x", "other"])
    def test_another_key_is_dropped(self, api, key):
        send_event(api, key)
        api.process_uploads()

    def test_an_event_of_another_bucket_is_dropped(self, api, owner):
        item = announce(api, owner, b"x", JPEG)
        send_event(api, objects.incoming(owner.sub, item["mediaid"]), bucket="another-bucket")
        api.process_uploads()
        assert read(api, owner, item)["status"] == "awaiting-upload"

    def test_one_message_that_fails_does_not_hold_up_the_others(self, api, owner):
        """The item that another attempt seems to work on is left alone. Its message returns later."""
        picture = encoded(photo(40, 30), JPEG)
        busy = announce(api, owner, picture, JPEG)
        api.media.update(busy["mediaid"], items.processing)
        send_event(api, objects.incoming(owner.sub, busy["mediaid"]))
        item = announce(api, owner, picture, JPEG)
        api.upload(item["upload"], picture)
        wait_until(api, lambda: read(api, owner, item)["status"] == "ready")
        assert read(api, owner, busy)["status"] == "processing"
        forget_messages(api)
