"""Many uploads at once, workers that are killed, and dead letters. ``make soak`` has the long run."""

import time
from functools import partial

import pytest

from chalicelib.errors import Unavailable
from chalicelib.media import items, objects
from chalicelib.media.images import handler
from chalicelib.media.images.processing import Processing
from embedded import images
from testbed import impatient_images
from testbed.picture_files import encoded, photo
from testbed.uploads import killed_whenever, ready_twice, upload
from tests.api.media import read, stored

JPEG = "image/jpeg"
MAX_RECEIVES = 3


@pytest.fixture(scope="module")
def people(api):
    return [api.sign_up() for _ in range(5)]


@pytest.mark.parametrize("api", ["local", "deployed"], indirect=True)  # they take several requests at once
def test_each_of_many_uploads_becomes_ready_exactly_once(api, people):
    each = 6 if api.name == "local" else 2  # in the deployed stage, each request is a process
    result = upload(api, people, each)
    assert (result.announced, result.dead) == (5 * each, 0)
    assert result.is_right, result


@pytest.mark.parametrize("api", ["local"], indirect=True)
def test_no_upload_is_lost_when_workers_are_killed_while_they_work(api):
    people = [api.sign_up() for _ in range(5)]
    kills = 0

    def wait(over):
        """Until a worker has taken messages. What is taken a third time is not taken again, so two are killed."""
        nonlocal kills
        while kills < MAX_RECEIVES - 1 and not over.wait(0.02):
            if api.messages_in(api.queue)["taken"]:
                kills += 1
                return True
        return False

    start = partial(api.worker, impatient_images.__file__)
    with api.without_worker(), killed_whenever(wait, start) as killed:
        result = upload(api, people, each=6)
    assert (killed.kills, result.dead) == (MAX_RECEIVES - 1, 0)
    assert ready_twice(log.read_text() for log in api.worker_logs) == 0
    assert result.is_right, result


class Broken:
    """A bucket, one of whose methods fails."""

    def __init__(self, bucket, method):
        self._bucket, self._method = bucket, method

    def __getattr__(self, name):
        if name == self._method:
            raise Unavailable("S3 does not respond.")
        return getattr(self._bucket, name)


@pytest.mark.parametrize("api", ["inprocess", "local"], indirect=True)
class TestDeadLetters:
    @pytest.fixture(autouse=True)
    def later(self, api, monkeypatch):
        """Each attempt comes long after the one before, and nothing but the test makes any."""
        monkeypatch.setattr(images, "VISIBILITY_TIMEOUT", 0)
        monkeypatch.setattr(Processing.take, "__defaults__", (0,))  # the lease
        with api.without_worker():
            yield
        assert sum(api.messages_in(api.dead_letters).values()) == 0

    @pytest.fixture
    def dead(self, api, person):
        """A function that makes a dead letter: S3 fails in each attempt. It returns the item, as its owner sees it."""

        def make(method):
            picture = encoded(photo(40, 30), JPEG)
            announced = {"content_type": JPEG, "size": len(picture), "visibility": items.PUBLIC}
            item = api.post("/media", token=person.token, json=announced).json
            assert api.upload(item["upload"], picture) == 204
            process_until(api, lambda: api.messages_in(api.dead_letters)["waiting"] == 1, Broken(api.bucket, method))
            return read(api, person, item["mediaid"]).json

        return make

    @pytest.mark.parametrize(("method", "status"), [("get", items.AWAITING_UPLOAD), ("put", items.PROCESSING)])
    def test_a_dead_letter_keeps_its_upload_which_is_shown_once_it_is_redriven(self, api, person, dead, method, status):
        item = dead(method)
        assert item["status"] == status
        assert not [name for name in item if name.endswith("_url")]
        assert api.get(f"/public/media/{item['mediaid']}").status == 404
        assert objects.incoming(person.sub, item["mediaid"]) in stored(api, item)
        assert api.redrive() == 1
        process_until(api, lambda: not any(api.messages_in(api.queue).values()), api.bucket)
        assert read(api, person, item["mediaid"]).json["status"] == items.READY
        assert api.get(f"/public/media/{item['mediaid']}").status == 200
        assert len(stored(api, item)) == len(objects.KINDS)

    def test_a_dead_letter_whose_item_was_deleted_leaves_nothing(self, api, person, dead):
        item = dead("put")
        assert api.delete(f"/media/{item['mediaid']}", token=person.token).status == 204
        assert api.redrive() == 1
        process_until(api, lambda: not any(api.messages_in(api.queue).values()), api.bucket)
        assert read(api, person, item["mediaid"]).status == 404
        assert stored(api, item) == []


def process_until(api, ask, bucket):
    """Call the images function with the messages of the queue until ``ask`` returns true."""
    uploads = Processing(api.media, bucket)

    def handle(event):
        failed = handler.failures(event["Records"], uploads)
        return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}

    deadline = time.monotonic() + 20
    while not ask():
        images.poll(api.sqs, api.queue, handle, wait=0)
        assert time.monotonic() < deadline
