"""``POST /thumbnails``: bytes in, bytes out."""

import io

import pytest
from PIL import Image

from chalicelib.media.thumbnails import MAX_BYTES
from testbed.picture_files import PLACE, encoded, metadata_of, photo, png_of_size, with_metadata

JPEG, PNG, WEBP, GIF = "image/jpeg", "image/png", "image/webp", "image/gif"
PROBLEM = "urn:roster:problem:"


def post(api, person, picture, content_type=JPEG, *, query="", accept=JPEG):
    headers = {"Content-Type": content_type, **({} if accept is None else {"Accept": accept})}
    return api.post(f"/thumbnails{query}", token=person.token, body=picture, headers=headers)


def read(answer):
    assert answer.status == 200
    return Image.open(io.BytesIO(answer.body))


@pytest.mark.parametrize("accept", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("content_type", [JPEG, PNG, WEBP, GIF])
def test_each_type_becomes_each_type(api, stranger, content_type, accept):
    answer = post(api, stranger, encoded(photo(400, 300), content_type), content_type, accept=accept)
    image = read(answer)
    assert answer.headers["content-type"] == Image.MIME[image.format] == accept
    assert image.size == (200, 150)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "size"), [("?size=16", (16, 12)), ("?size=1024", (400, 300)), ("?size=100", (100, 75))]
)
def test_the_picture_fits_into_a_square_of_the_size_and_is_not_enlarged(api, stranger, query, size):
    assert read(post(api, stranger, encoded(photo(400, 300), JPEG), query=query)).size == size


@pytest.mark.parametrize("size", ["15", "1025", "0", "-20", "1e2", "", "٣٠", "20.0", "100&size=200"])
def test_another_size_is_invalid(api, stranger, size):
    answer = post(api, stranger, encoded(photo(40, 30), JPEG), query=f"?size={size}")
    assert answer.status == 400
    assert answer.json["errors"][0]["pointer"] == "/size"


def test_a_thumbnail_has_no_metadata(api, stranger):
    answer = post(api, stranger, with_metadata(photo(400, 300), JPEG))
    assert read(answer).size == (200, 150)
    assert metadata_of(answer.body) == []
    assert PLACE not in answer.body


@pytest.mark.parametrize("accept", [None, "*/*", "image/*", "application/json", "image/gif", "text/html, image/png"])
def test_accept_must_name_a_type_that_is_returned_first(api, stranger, accept):
    answer = post(api, stranger, encoded(photo(40, 30), JPEG), accept=accept)
    assert answer.status == 406
    assert answer.json["type"] == f"{PROBLEM}not-acceptable"


@pytest.mark.parametrize("accept", ["image/webp, */*", "image/webp;q=0.9, image/png", "IMAGE/WEBP"])
def test_the_first_type_in_accept_decides(api, stranger, accept):
    assert read(post(api, stranger, encoded(photo(40, 30), JPEG), accept=accept)).format == "WEBP"


def test_parameters_and_case_of_the_media_type_do_not_matter(api, stranger):
    answer = post(api, stranger, encoded(photo(40, 30), PNG), "Image/PNG; name=harbour.png")
    assert read(answer).size == (40, 30)


@pytest.mark.parametrize(
    "content_type", ["image/svg+xml", "image/tiff", "application/json", "text/plain", "application/pdf"]
)
def test_another_media_type_is_not_supported(api, stranger, content_type):
    answer = post(api, stranger, b"<svg/>", content_type)
    assert answer.status == 415
    assert answer.json["type"] == f"{PROBLEM}unsupported-media-type"


@pytest.mark.parametrize(
    "picture",
    [b"", b"text", encoded(photo(300, 300), JPEG)[:1000], b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x00\xff\xfe\x80"],
)
def test_what_cannot_be_read_is_not_an_image(api, stranger, picture):
    answer = post(api, stranger, picture)
    assert answer.status == 422
    assert answer.json["type"] == f"{PROBLEM}not-an-image"


def test_too_many_pixels_are_rejected_before_they_are_unpacked(api, stranger):
    answer = post(api, stranger, png_of_size(10_000, 6_000, None), PNG)
    assert answer.status == 422
    assert answer.json["type"] == f"{PROBLEM}too-many-pixels"


def test_4_mb_are_accepted_and_one_byte_more_is_not(api, stranger):
    """What follows the end of a JPEG is ignored."""
    picture = encoded(photo(400, 300), JPEG)
    largest = picture + b"\0" * (MAX_BYTES - len(picture))
    assert read(post(api, stranger, largest)).size == (200, 150)
    answer = post(api, stranger, largest + b"\0")
    assert answer.status == 413
    assert answer.json["type"] == f"{PROBLEM}too-large"


def test_a_token_is_needed(api):
    answer = api.post("/thumbnails", body=encoded(photo(40, 30), JPEG), headers={"Content-Type": JPEG, "Accept": JPEG})
    assert answer.status == 401


def test_an_access_token_is_accepted_too(api, stranger):
    headers = {"Content-Type": JPEG, "Accept": PNG}
    token = api.access_token(stranger.email)
    answer = api.post("/thumbnails", token=token, body=encoded(photo(40, 30), JPEG), headers=headers)
    assert read(answer).format == "PNG"
