"""The addresses of pictures, the keys of their objects, and how S3 presents them."""

from types import SimpleNamespace

import pytest

from chalicelib.media import addresses as module
from chalicelib.media import content_types, items, objects
from chalicelib.media.addresses import Addresses
from tests.unit.media import new

NOW = 1_800_000_000  # a multiple of 300


@pytest.fixture
def clock(monkeypatch):
    """The time, which tests set."""
    clock = SimpleNamespace(now=NOW)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def addresses():
    """Addresses of a bucket that shows what it would sign."""
    bucket = SimpleNamespace(address=lambda key, at, seconds: f"{key} from {at} for {seconds}")
    return Addresses(bucket)


READY = new(mediaid="m", status=items.READY, visibility=items.PUBLIC)


def test_public_addresses_repeat_for_five_minutes(clock, addresses):
    first = addresses.public(READY, module.public_time())
    assert first["thumbnail_url"] == f"media/jane/m/thumbnail from {NOW} for 900"
    assert first["expires"] == "2027-01-15T08:15:00.000Z"
    clock.now = NOW + 299.9
    assert addresses.public(READY, module.public_time()) == first
    clock.now = NOW + 300
    assert addresses.public(READY, module.public_time()) != first


def test_private_addresses_are_signed_now(clock, addresses):
    clock.now = NOW + 299.9
    signed = addresses.private(READY, with_original=True)
    assert signed["original_url"] == f"media/jane/m/original from {NOW + 299} for 900"
    assert signed["expires"] == "2027-01-15T08:19:59.000Z"


def test_only_the_owner_gets_the_address_of_the_original(clock, addresses):
    assert "original_url" not in addresses.public(READY, module.public_time())
    assert "original_url" not in addresses.private(READY, with_original=False)


@pytest.mark.parametrize("status", [items.AWAITING_UPLOAD, items.PROCESSING, items.REJECTED, items.DELETED])
def test_what_is_not_ready_has_no_addresses(clock, addresses, status):
    item = new(status=status)
    assert addresses.private(item, with_original=True) == addresses.public(item, module.public_time()) == {}


@pytest.mark.parametrize("content_type", content_types.ACCEPTED)
def test_an_object_is_shown_as_a_picture_with_a_safe_name_and_not_kept_by_shared_caches(content_type):
    shown = objects.presentation(READY, objects.DISPLAY, content_type)
    extension = {"image/jpeg": "jpg"}.get(content_type, content_type.removeprefix("image/"))
    assert shown == (content_type, f'inline; filename="m-display.{extension}"', "private, max-age=900")


def test_a_type_that_is_not_a_picture_is_an_error():
    with pytest.raises(KeyError):
        objects.presentation(READY, objects.DISPLAY, "text/html")


@pytest.mark.parametrize(
    ("key", "owned"),
    [
        ("incoming/jane/m", ("jane", "m")),
        ("media/jane/m/original", ("jane", "m")),
        ("media/jane/m/anything", ("jane", "m")),
        ("media/jane/m", None),
        ("incoming/jane/m/x", None),
        ("incoming/jane/", None),
        ("other/jane/m", None),
        ("incoming/jane/m\n", ("jane", "m\n")),
        ("", None),
    ],
)
def test_a_key_names_the_owner_and_the_item(key, owned):
    assert objects.owned(key) == owned
