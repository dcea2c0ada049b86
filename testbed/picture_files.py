"""Files of pictures for tests, and a reader of their structure that does not depend on Pillow."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from chalicelib.media.content_types import GIF, JPEG, PNG
from chalicelib.media.images.pictures import TYPES

PLACE = b"Helgoland, 54.18 N"
"""A text in the metadata of ``with_metadata``."""
PNG_START = b"\x89PNG\r\n\x1a\n"


def photo(width: int, height: int) -> Image.Image:
    """Return a picture with as much detail as a photograph: gradients and noise. It is always the same."""
    gradients = [Image.linear_gradient("L"), Image.linear_gradient("L").rotate(90), Image.radial_gradient("L")]
    smooth = Image.merge("RGB", gradients).resize((width, height))
    pattern = bytes((x * x * 31 + x * 17) % 251 for x in range(64 * 64))
    noise = Image.frombytes("L", (64, 64), pattern).resize((width, height))
    return Image.blend(smooth, noise.convert("RGB"), 0.2)


def encoded(image: Image.Image, content_type: str, **options: Any) -> bytes:
    """Return the picture as a file of this media type. ``options`` are those of Pillow."""
    file = io.BytesIO()
    image.save(file, TYPES[content_type], **options)
    return file.getvalue()


def with_metadata(image: Image.Image, content_type: str) -> bytes:
    """Return the picture as a file with all the metadata that its type can have: EXIF with a place, XMP, comments."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = PLACE.decode()
    exif[ExifTags.Base.Make] = "Camera Works"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (54.0, 10.0, 48.0), 3: "E", 4: (7.0, 53.0, 24.0)})
    description = b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="' + PLACE + b'"/>'
    rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' + description + b"</rdf:RDF>"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + rdf + b"</x:xmpmeta>"
    if content_type == JPEG:
        return encoded(image.convert("RGB"), JPEG, exif=exif, xmp=xmp, comment=PLACE, dpi=(300, 300))
    if content_type == PNG:
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", PLACE.decode())
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return encoded(image, PNG, exif=exif, pnginfo=text, dpi=(300, 300))
    if content_type == GIF:
        return encoded(image, GIF, comment=PLACE)
    return encoded(image, content_type, exif=exif, xmp=xmp)


def metadata_of(content: bytes) -> list[str]:
    """Return the names of the parts of a JPEG, PNG or WebP file that are not needed to show its pixels."""
    if content.startswith(b"\xff\xd8"):
        return [name for name in _segments(content) if name not in JPEG_NEEDS]
    if content.startswith(PNG_START):
        return [name for name in _chunks(content) if name not in PNG_NEEDS]
    assert content[:4] == b"RIFF"
    assert content[8:12] == b"WEBP"
    return [name for name in _riff(content) if name not in WEBP_NEEDS]


JPEG_NEEDS = {"JFIF", "db", "c0", "c2", "c4", "da", "dd"}
"""Quantization and Huffman tables, frames, scans and restart intervals (ITU T.81, table B.1)."""
PNG_NEEDS = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS"}
WEBP_NEEDS = {"VP8X", "VP8 ", "VP8L", "ALPH"}


def _segments(content: bytes) -> Iterator[str]:
    position = 2
    while content[position + 1] != 0xD9:
        assert content[position] == 0xFF
        code = content[position + 1]
        (length,) = struct.unpack(">H", content[position + 2 : position + 4])
        is_jfif = code == 0xE0 and content[position + 4 : position + 9] == b"JFIF\0" and length == 16
        yield "JFIF" if is_jfif else f"{code:02x}"
        position += 2 + length
        if code == 0xDA:
            while content[position] != 0xFF or content[position + 1] in (0, *range(0xD0, 0xD8)):
                position += 1
    if content[position + 2 :]:
        yield "trailer"


def _chunks(content: bytes) -> Iterator[str]:
    position = len(PNG_START)
    while position < len(content):
        (length,) = struct.unpack(">I", content[position : position + 4])
        yield content[position + 4 : position + 8].decode()
        position += 12 + length


def _riff(content: bytes) -> Iterator[str]:
    position = 12
    while position < len(content):
        (length,) = struct.unpack("<I", content[position + 4 : position + 8])
        yield content[position : position + 4].decode()
        position += 8 + length + length % 2


def png_of_size(width: int, height: int, pixels: bytes | None, depth: int = 8) -> bytes:
    """Return a colour PNG with these rows, each behind its filter's byte. If ``pixels`` is None, they are damaged."""
    data = b"no data" if pixels is None else zlib.compress(pixels)
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return PNG_START + b"".join(_chunk(*part) for part in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
