"""The door to S3: objects, addresses that clients can use, and errors."""

import datetime
import io
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import botocore.exceptions
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.credentials import ReadOnlyCredentials
from moto import mock_aws

from chalicelib.errors import Misconfigured, NotFound, TooLarge, Unavailable
from chalicelib.storage.s3 import Bucket, Presentation

SHOWN = Presentation("image/png", 'inline; filename="a.png"', "private, max-age=900")
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def bucket():
    with mock_aws():
        bucket = Bucket("us-east-1", "roster-unit-s3")
        bucket.client.create_bucket(Bucket=bucket.name)
        yield bucket


@pytest.fixture
def answers(bucket, monkeypatch):
    """A function that makes S3 answer the next requests with a status and a body, or with an exception."""
    handlers = []

    def answer(status, body=b"", headers=()):
        def respond(request, **_):
            if isinstance(status, Exception):
                raise status
            return AWSResponse(request.url, status, HeadersDict(dict(headers)), Raw(body))

        bucket.client.meta.events.register_first("before-send.s3", respond)
        handlers.append(respond)

    yield answer
    for handler in handlers:
        bucket.client.meta.events.unregister("before-send.s3", handler)


class Raw(io.BytesIO):
    """The stream of a response."""

    def stream(self, **_):
        while chunk := self.read(64):
            yield chunk


class TestObjects:
    def test_an_object_is_returned_as_it_was_stored(self, bucket):
        for content in (b"", b"a", bytes(range(256)) * 40):
            bucket.put("a/ü b+c/1", content, SHOWN)
            assert bucket.get("a/ü b+c/1", 20_000) == content

    def test_an_object_is_shown_as_it_was_stored(self, bucket):
        bucket.put("a/shown", b"a", SHOWN._replace(content_type="image/gif", cache_control="no-store"))
        head = bucket.client.head_object(Bucket=bucket.name, Key="a/shown")
        shown = (head["ContentType"], head["ContentDisposition"], head["CacheControl"])
        assert shown == ("image/gif", 'inline; filename="a.png"', "no-store")

    def test_an_object_that_does_not_exist_is_not_found(self, bucket):
        with pytest.raises(NotFound):
            bucket.get("a/unknown", 10)
        assert not bucket.exists("a/unknown")

    def test_an_object_that_is_larger_than_expected_is_not_read(self, bucket):
        bucket.put("a/large", b"12345", SHOWN)
        assert bucket.get("a/large", 5) == b"12345"
        with pytest.raises(TooLarge):
            bucket.get("a/large", 4)

    def test_a_list_has_the_objects_with_a_prefix_in_order(self, bucket):
        for key in ("l/3", "l/1", "l/2", "l2/1"):
            bucket.put(key, key.encode(), SHOWN)
        assert [(one.key, one.size) for one in bucket.list("l/")] == [("l/1", 3), ("l/2", 3), ("l/3", 3)]
        assert [one.key for one in bucket.list("l/", after="l/1", limit=1)] == ["l/2"]
        assert bucket.list("nothing/") == []
        assert bucket.exists("l/1")
        assert not bucket.exists("l/")

    def test_deleting_can_be_repeated(self, bucket):
        bucket.put("d/1", b"", SHOWN)
        bucket.put("d/2", b"", SHOWN)
        for _ in range(2):
            bucket.delete(["d/1", "d/unknown"])
        bucket.delete([])
        assert [one.key for one in bucket.list("d/")] == ["d/2"]


class TestAddresses:
    @pytest.mark.parametrize("token", [None, "a/token+with=signs"])
    @pytest.mark.parametrize("key", ["media/jane/1/display", "media/jané_x.y~z-1/ü b+c&d=e/original"])
    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
    def test_an_address_is_the_one_that_botocore_would_sign(self, bucket, monkeypatch, region, key, token):
        monkeypatch.setenv("AWS_SESSION_TOKEN", token or "")
        other = Bucket(region, "roster-unit-s3")
        time = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: time)
        theirs = other.client.generate_presigned_url("get_object", {"Bucket": other.name, "Key": key}, 900)
        assert _parts(other.address(key, NOW, 900)) == _parts(theirs)
        assert ("X-Amz-Security-Token" in theirs) == (token is not None)

    def test_the_same_time_gives_the_same_address(self, bucket):
        assert bucket.address("a", NOW, 900) == bucket.address("a", NOW, 900) != bucket.address("a", NOW + 1, 900)

    def test_new_credentials_are_used_at_once(self, bucket, monkeypatch):
        assert "another" not in bucket.address("a", NOW, 900)
        monkeypatch.setattr(type(bucket._connection), "credentials", ReadOnlyCredentials("another", "secret", None))
        assert "X-Amz-Credential=another%2F" in bucket.address("a", NOW, 900)

    def test_another_secret_gives_another_signature(self, bucket, monkeypatch):
        addresses = set()
        for secret in ("one", "two", "one"):
            keys = ReadOnlyCredentials("id", secret, None)
            monkeypatch.setattr(type(bucket._connection), "credentials", keys)
            addresses.add(bucket.address("a", NOW, 900))
        assert len(addresses) == 2

    def test_a_form_is_for_one_object_and_signed_with_version_4(self, bucket):
        form = bucket.upload_form("incoming/jane/1", "image/png", 70, 900)
        assert form.url == "https://roster-unit-s3.s3.amazonaws.com/"
        assert form.fields["key"] == "incoming/jane/1"
        assert form.fields["Content-Type"] == "image/png"
        assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"

    @pytest.mark.parametrize("region", ["eu-west-1", "il-central-1", "us-gov-west-1"])
    def test_addresses_name_the_region(self, region):
        """S3 would redirect the global address to another host, which the signature does not cover."""
        bucket = Bucket(region, "roster-unit-s3")
        at = f"https://roster-unit-s3.s3.{region}.amazonaws.com/"
        assert bucket.address("a", NOW, 900).startswith(f"{at}a?")
        assert bucket.upload_form("a", "image/png", 1, 1).url == at

    def test_the_bucket_has_the_address_of_the_endpoint(self, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
        bucket = Bucket("us-east-1", "roster-unit-s3")
        assert bucket.address("a/b", NOW, 900).startswith("http://127.0.0.1:4566/roster-unit-s3/a/b?")
        assert bucket.upload_form("a", "image/png", 1, 1).url.rstrip("/") == "http://127.0.0.1:4566/roster-unit-s3"


def _parts(address):
    parts = urlsplit(address)
    return parts.scheme, parts.netloc, parts.path, parse_qs(parts.query, strict_parsing=True)


LIST = b'<?xml version="1.0"?><ListBucketResult><Name>x</Name><Contents><Key>a</Key><Size>1</Size>'
LATE = botocore.exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1")


class TestErrors:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch):
        monkeypatch.setattr("botocore.retries.standard.RetryHandler.needs_retry", lambda *_, **__: None)

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (503, b"<Error><Code>SlowDown</Code></Error>"),
            (500, b"<Error><Code>InternalError</Code></Error>"),
            (500, b""),
            (502, b"<html>Bad gateway</html>"),
            (200, LIST),
            (200, b""),
            (LATE, b""),
        ],
        ids=["slow down", "internal error", "empty error", "a proxy's page", "cut off", "empty", "late"],
    )
    def test_a_failing_s3_is_unavailable(self, bucket, answers, status, body):
        answers(status, body)
        with pytest.raises(Unavailable):
            bucket.list("a/")

    def test_an_object_that_is_cut_off_is_unavailable(self, bucket, answers):
        answers(200, b"abc", {"content-length": "5"})
        with pytest.raises(Unavailable):
            bucket.get("a", 10)

    @pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "InvalidAccessKeyId"])
    def test_a_rejected_request_is_misconfigured(self, bucket, answers, code):
        answers(403, f"<Error><Code>{code}</Code></Error>".encode())
        with pytest.raises(Misconfigured, match=code):
            bucket.list("a/")

    def test_a_list_of_a_bucket_that_does_not_exist_is_misconfigured(self, bucket):
        other = Bucket("us-east-1", "roster-no-such-bucket")
        with pytest.raises(Misconfigured, match="NoSuchBucket"):
            other.get("a", 1)

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b"<DeleteResult><Error><Key>a</Key><Code>InternalError</Code></Error></DeleteResult>", Unavailable),
            (b"<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error></DeleteResult>", Misconfigured),
            (b"<DeleteResult><Deleted><Key>b</Key></Deleted></DeleteResult>", Unavailable),
            (b"<DeleteResult/>", Unavailable),
            (b"", Unavailable),
        ],
        ids=["failed", "denied", "another", "none", "empty"],
    )
    def test_what_s3_did_not_delete_is_an_error(self, bucket, answers, body, error):
        answers(200, body)
        with pytest.raises(error):
            bucket.delete(["a"])

    def test_without_credentials_it_is_misconfigured(self, monkeypatch):
        bucket = Bucket("us-east-1", "roster-unit-s3")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with pytest.raises(Misconfigured):
            bucket.address("a", NOW, 900)
