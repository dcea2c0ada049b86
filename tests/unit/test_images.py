"""The images function: what Lambda gets back, what is logged, and S3's messages."""

import json
import logging
from types import SimpleNamespace

import pytest

from chalicelib.errors import Misconfigured, Unavailable
from chalicelib.media.images import events, handler
from chalicelib.web.events import EventFailed
from embedded import images as worker

BUCKET = "media-bucket"


def message(name, key="incoming/jane/1", bucket=BUCKET, kind="ObjectCreated:Post"):
    record = {"eventSource": "aws:s3", "eventName": kind, "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
    return {"messageId": name, "receiptHandle": f"receipt-{name}", "body": json.dumps({"Records": [record]})}


class Uploads:
    """Handles uploads, and fails for some keys."""

    bucket = SimpleNamespace(name=BUCKET)

    def __init__(self, **errors):
        self._errors = errors
        self.taken = []

    def take(self, key):
        name = key.rpartition("/")[2]
        self.taken.append(name)
        if name in self._errors:
            raise self._errors[name]


@pytest.fixture
def invoke(monkeypatch):
    """A function that invokes the images function, as Lambda does."""

    def invoke(uploads, *messages):
        monkeypatch.setattr(handler, "processing", lambda: uploads)
        return handler.images({"Records": list(messages)}, SimpleNamespace(aws_request_id="1", function_name="images"))

    return invoke


class TestFailures:
    def test_only_the_messages_that_failed_return(self, invoke):
        uploads = Uploads(b=Unavailable("late"), c=ValueError("bug"))
        messages = [message(name, f"incoming/jane/{name}") for name in "abcd"]
        failed = invoke(uploads, *messages)["batchItemFailures"]
        assert failed == [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]
        assert uploads.taken == ["a", "b", "c", "d"]

    def test_if_all_failed_the_function_fails(self, invoke):
        """Plain Chalice does not tell Lambda to read what the function returns."""
        with pytest.raises(EventFailed, match="MessagesFailed"):
            invoke(Uploads(a=Unavailable("late")), message("1", "incoming/jane/a"))

    def test_a_message_that_is_dropped_has_not_failed(self, invoke):
        assert invoke(Uploads(), {**message("1"), "body": "{"}) == {"batchItemFailures": []}

    def test_no_key_and_no_text_of_an_error_is_logged(self, invoke, caplog):
        caplog.set_level(logging.INFO, "roster")
        uploads = Uploads(
            a=Unavailable("secret"), b=ValueError("secret"), c=Misconfigured("S3 GetObject: AccessDenied")
        )
        invoke(uploads, *(message(name, f"incoming/jane/{name}") for name in "abcd"))
        lines = " ".join(str(vars(record)) for record in caplog.records)
        assert "secret" not in lines
        assert "jane" not in lines
        assert "AccessDenied" in lines


class TestEvents:
    @pytest.mark.parametrize(
        ("key", "meant"),
        [
            ("incoming/a/b", "incoming/a/b"),
            ("incoming/a%2Bb/c", "incoming/a+b/c"),
            ("incoming/a+b/c", "incoming/a b/c"),
        ],
    )
    def test_keys_are_decoded(self, key, meant):
        assert events.uploads(message("1", key)["body"], BUCKET) == [meant]

    @pytest.mark.parametrize(
        "kind", ["ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:CompleteMultipartUpload"]
    )
    def test_every_way_to_create_an_object_is_an_upload(self, kind):
        assert events.uploads(message("1", kind=kind)["body"], BUCKET)

    @pytest.mark.parametrize("kind", ["ObjectRemoved:Delete", "ObjectRestore:Post", "s3:TestEvent"])
    def test_other_events_are_dropped(self, kind):
        assert events.uploads(message("1", kind=kind)["body"], BUCKET) == []

    def test_a_deeply_nested_message_is_dropped(self):
        assert events.uploads("[" * 200_000, BUCKET) == []

    def test_a_message_can_report_several_uploads(self):
        records = [
            record for name in "ab" for record in json.loads(message("1", f"incoming/x/{name}")["body"])["Records"]
        ]
        assert events.uploads(json.dumps({"Records": records}), BUCKET) == ["incoming/x/a", "incoming/x/b"]


class Queue:
    """A queue with these messages."""

    def __init__(self, *messages):
        self.messages = {one["messageId"]: one for one in messages}

    def receive_message(self, **_):
        return {
            "Messages": [
                {"MessageId": name, "ReceiptHandle": name, "Body": one["body"]} for name, one in self.messages.items()
            ]
        }

    def delete_message(self, **named):
        del self.messages[named["ReceiptHandle"]]


class TestOnTheLaptop:
    def test_messages_that_were_handled_are_deleted_and_others_are_not(self):
        queue = Queue(message("a"), message("b"))
        answer = {"batchItemFailures": [{"itemIdentifier": "b"}]}
        assert worker.poll(queue, "queue", lambda event: answer) == 2
        assert queue.messages.keys() == {"b"}

    def test_if_the_function_fails_as_a_whole_no_message_is_deleted(self, monkeypatch):
        monkeypatch.setattr(handler, "processing", lambda: Uploads(a=Unavailable("late")))
        queue = Queue(message("1", "incoming/jane/a"))
        worker.poll(queue, "queue", worker.handle)
        assert queue.messages.keys() == {"1"}

    def test_an_empty_queue_is_fine(self):
        assert worker.poll(Queue(), "queue", None) == 0
