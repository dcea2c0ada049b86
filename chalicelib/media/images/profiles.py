"""Colour profiles: of an upload's ICC profile, only the part that takes little work to use.

A profile is a program: elements such as ``mpet`` make its reader compute for minutes. So nothing of it reaches the
reader but one curve for each channel and, of a coloured picture, the three colours of its primaries. They are copied
into a new profile. Those of cameras, screens and editors, such as sRGB, Adobe RGB and Display P3, consist of them.

The numbers in parentheses are sections of ICC.1:2022, https://www.color.org/specification/ICC.1-2022-05.pdf.
"""

import struct

MAX_TAGS = 100
"""Entries of the tag table. LittleCMS, which reads the profiles that are made here, has the same limit."""
MAX_CURVE = 4096
"""Points of a curve. HP's sRGB profile has 1,024."""
PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""How many parameters a parametric curve has, by the number of its function (10.18)."""
CLASSES = (b"mntr", b"scnr", b"spac")
"""Screens, input devices and colour spaces (7.2.5). Others have no such curves, or mean other values by them."""
NEEDED = {
    "RGB": (b"RGB ", (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")),
    "L": (b"GRAY", (b"kTRC",)),
}
"""The colour space (7.2.6) and the tags (8.3.3, 8.4.3 and 8.3.4, 8.4.4) for each of Pillow's modes."""
HEADER, TABLE = 128, 132
D50 = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)


def plain(profile: bytes, mode: str) -> bytes | None:
    """Return a profile of curves and primaries that says the same about pictures of this mode of Pillow.

    ``None`` if the profile is for other pictures, damaged, or describes its colours in any other way.
    """
    if mode not in NEEDED or len(profile) < TABLE or profile[36:40] != b"acsp":
        return None
    space, names = NEEDED[mode]
    if profile[12:16] not in CLASSES or profile[16:20] != space or profile[20:24] != b"XYZ ":
        return None
    tags = _tags(profile)
    elements = {name: _element(name, tags.get(name, b"")) for name in names}
    return _written(space, elements) if all(elements.values()) else None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """Return what begins where the tag table says, up to the size that it says (7.3). Empty if it is damaged."""
    (count,) = struct.unpack_from(">I", profile, HEADER)
    if count > MAX_TAGS or len(profile) < TABLE + 12 * count:
        return {}
    tags = {}
    for name, start, size in struct.iter_unpack(">4sII", profile[TABLE : TABLE + 12 * count]):
        if name in tags or start < TABLE + 12 * count or start + size > len(profile):
            return {}
        tags[name] = profile[start : start + min(size, 12 + 2 * MAX_CURVE)]
    return tags


def _element(name: bytes, data: bytes) -> bytes:
    """Return a colour (10.31) or a curve without what follows it, or nothing if it is none or incomplete."""
    if len(data) < 12:
        return b""
    length = _length_of_curve(data) if name.endswith(b"TRC") else 20 if data.startswith(b"XYZ ") else 0
    return data[:length] if length <= len(data) else b""


def _length_of_curve(data: bytes) -> int:
    """Return how many bytes a sampled (10.6) or parametric (10.18) curve has. 0 if it is neither."""
    if data.startswith(b"curv"):
        (points,) = struct.unpack_from(">I", data, 8)
        return 12 + 2 * int(points) if points <= MAX_CURVE else 0
    (function,) = struct.unpack_from(">H", data, 8)
    return 12 + 4 * PARAMETERS[function] if data.startswith(b"para") and function in PARAMETERS else 0


def _written(space: bytes, elements: dict[bytes, bytes]) -> bytes:
    """Return a profile of version 4.3 for a screen, with these tags."""
    table, body = struct.pack(">I", len(elements)), b""
    start = TABLE + 12 * len(elements)
    for name, element in elements.items():
        table += struct.pack(">4sII", name, start + len(body), len(element))
        body += element + bytes(-len(element) % 4)
    header = bytearray(HEADER)
    struct.pack_into(">I4x4s4s4s4s", header, 0, start + len(body), b"\x04\x30\0\0", b"mntr", space, b"XYZ ")
    struct.pack_into(">6H4s", header, 24, 2000, 1, 1, 0, 0, 0, b"acsp")
    header[68:80] = D50
    return bytes(header) + table + body
