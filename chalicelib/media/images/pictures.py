"""Pictures: from the bytes of an upload to smaller ones without metadata. Needs Pillow, which is a layer on AWS.

The bytes decide what a picture is. Its name and the type that the client stated do not matter, except that the type
must agree. Nothing is unpacked before its number of pixels is known.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

# The formats, which Pillow would otherwise find by importing all that it knows.
from PIL import (
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401  (JPEG with several pictures, of which the first is read)
    PngImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from chalicelib.media.content_types import GIF, JPEG, PNG, WEBP
from chalicelib.media.images import profiles

Image.MAX_IMAGE_PIXELS = None  # checked here, for all formats alike

MAX_PIXELS = 50_000_000
MAX_SIDE = 65_535
"""The largest width and height of a JPEG (ITU T.81, B.2.2). Pillow needs memory for each row, also of one pixel."""
MAX_SCANS = 100
MAX_SCANNED = 20 * MAX_PIXELS
"""Scans of a progressive JPEG, and these times its pixels, all of which each scan goes over. Encoders make about 10
scans, and a file of 10 MB can have 100,000. Compressed data does not contain the marker; other data behind a picture,
such as a film, rarely does."""
DISPLAY, THUMBNAIL = 2048, 256
"""The largest width and height, in pixels."""
QUALITY = 85
WHITE = (255, 255, 255)

TYPES = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP", GIF: "GIF"}
"""The media types that uploads may have, and Pillow's names of these formats."""
START = {
    JPEG: re.compile(rb"\xff\xd8\xff"),
    PNG: re.compile(rb"\x89PNG\r\n\x1a\n"),
    WEBP: re.compile(rb"RIFF....WEBP", re.DOTALL),
    GIF: re.compile(rb"GIF8[79]a"),
}
"""What a file of each type starts with."""
START_OF_SCAN = b"\xff\xda"
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to make a picture upright, by EXIF's number of its orientation (CIPA DC-008, "Orientation"). 1 is upright."""
SIDEWAYS = frozenset(UPRIGHT[orientation] for orientation in (5, 6, 7, 8))


class Rejected(Exception):
    """The bytes are no picture that is accepted. ``reason`` is ``not-an-image``, ``type-mismatch``,
    ``too-many-pixels`` or ``damaged``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rendition(NamedTuple):
    """A picture made from an upload, as a file of this media type."""

    content: bytes
    content_type: str


class Rendered(NamedTuple):
    """What is made from an upload. ``width`` and ``height`` are those of the upload, upright, in pixels."""

    width: int
    height: int
    display: Rendition
    thumbnail: Rendition


def rendered(upload: bytes, content_type: str) -> Rendered:
    """Return the display picture and the thumbnail of an upload whose client said that it has this media type.

    They are JPEG, or WebP if any pixel is transparent. Raises ``Rejected``.
    """
    with _opened(upload, content_type) as image:
        turn = _turn(image)
        width, height = image.size[::-1] if turn in SIDEWAYS else image.size
        display = _plain(image, DISPLAY, turn)
    thumbnail = display.copy()
    thumbnail.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    kind = WEBP if display.mode == "RGBA" else JPEG
    return Rendered(width, height, _rendition(display, kind), _rendition(thumbnail, kind))


def fitted(picture: bytes, size: int, content_type: str) -> bytes:
    """Return ``picture`` as a file of ``content_type``, made smaller until it fits into a square of ``size`` pixels.

    Raises ``Rejected``.
    """
    with _opened(picture) as image:
        small = _plain(image, size, _turn(image))
    return _rendition(small, content_type).content


def type_of(content: bytes) -> str | None:
    """Return the media type that the first bytes of a file show, or ``None`` if it is none of the four."""
    return next((kind for kind, start in START.items() if start.match(content)), None)


@contextmanager
def _opened(content: bytes, stated: str | None = None) -> Iterator[Image.Image]:
    """Yield the picture, of which nothing but the header has been read. Raises ``Rejected``, also for what is raised
    inside."""
    kind = type_of(content)
    if kind is None:
        raise Rejected("not-an-image")
    if stated not in (None, kind):
        raise Rejected("type-mismatch")
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # there can be one for each of 65,000 tags
            Image.open(io.BytesIO(content), formats=[TYPES[kind]]) as image,
        ):
            _require_little_work(image, content)
            yield image
    except (Rejected, MemoryError):
        raise
    except Exception:  # noqa: BLE001  (a decoder of damaged data may raise anything)
        raise Rejected("damaged") from None


def _require_little_work(image: Image.Image, content: bytes) -> None:
    """Raise ``Rejected`` if unpacking the picture would take too much memory or time."""
    pixels = image.width * image.height
    if pixels > MAX_PIXELS or max(image.size) > MAX_SIDE:
        raise Rejected("too-many-pixels")
    if type_of(content) == JPEG:
        scans = content.count(START_OF_SCAN)
        if scans > MAX_SCANS or scans * pixels > MAX_SCANNED:
            raise Rejected("damaged")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return how to make the picture upright. Damaged EXIF data says nothing about it."""
    try:
        return UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  (as above)
        return None


def _plain(image: Image.Image, size: int, turn: Image.Transpose | None) -> Image.Image:
    """Return the first frame, upright, in 8-bit sRGB, with alpha only if needed, without metadata, and at most
    ``size`` pixels wide and high.

    A JPEG is unpacked at a fraction of its size, if that is enough.
    """
    profile = image.info.get("icc_profile")
    if image.mode == "P" or (image.mode != "I;16" and "transparency" in image.info):
        image.load()
        original = image
        image = original.convert("RGBA" if original.has_transparency_data else "RGB")
        original.close()  # it would take memory until the end
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    image.load()  # a picture that is small enough has not been read yet
    if turn is not None:
        image = image.transpose(turn)
    plain = _in_srgb(_opaque(image), profile)
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        if alpha.getextrema() != (255, 255):
            plain.putalpha(alpha)
    plain.info = {}  # Pillow would write some of it again
    return plain


def _opaque(image: Image.Image) -> Image.Image:
    """Return the picture without alpha and with 8 bits a channel: ``L``, ``RGB`` or ``CMYK``."""
    if image.mode == "I;16":  # Pillow's own conversion would make all that is above 255 white
        return image.point(lambda value: value / 256).convert("L")
    if image.mode in ("L", "LA"):
        return image.getchannel(0)
    return image if image.mode == "CMYK" else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in sRGB. A profile that is not plain is ignored."""
    plain = profiles.plain(profile, image.mode) if profile else None
    if plain is not None:
        source = ImageCms.ImageCmsProfile(io.BytesIO(plain))
        with suppress(ImageCms.PyCMSError):
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")


def _rendition(image: Image.Image, content_type: str) -> Rendition:
    """Return the picture as a file. Transparent pixels become white in a JPEG."""
    if content_type == JPEG and image.mode == "RGBA":
        background = Image.new("RGB", image.size, WHITE)
        background.paste(image, mask=image.getchannel("A"))
        image = background
    options = {JPEG: {"quality": QUALITY, "optimize": True}, WEBP: {"quality": QUALITY}}.get(content_type, {})
    file = io.BytesIO()
    image.save(file, TYPES[content_type], **options)
    return Rendition(file.getvalue(), content_type)
