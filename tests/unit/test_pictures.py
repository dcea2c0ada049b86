"""Pictures: what becomes of good and bad uploads. All files are made here."""

import io
import struct
import zlib
from contextlib import suppress
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from chalicelib.media.content_types import GIF, JPEG, PNG, WEBP
from chalicelib.media.images import pictures, profiles
from chalicelib.media.images.pictures import TYPES, Rejected, fitted, rendered
from testbed.picture_files import PLACE, encoded, metadata_of, photo, png_of_size, with_metadata

RED, BLUE = (254, 0, 0), (0, 0, 254)
LINEAR = b"curv" + bytes(8)
"""A curve that changes nothing."""


def read(content):
    return Image.open(io.BytesIO(content))


def reason(content, content_type=JPEG):
    with pytest.raises(Rejected) as rejected:
        rendered(content, content_type)
    return rejected.value.reason


def profile(space, tags):
    """Return the ICC profile of a screen with these tags."""
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(data))
        body += data
    start = struct.pack(">I4xI4s4s4s", 132 + 12 * len(tags) + len(body), 0x04300000, b"mntr", space, b"XYZ ")
    return (
        start + bytes(12) + b"acsp" + bytes(28) + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D) + bytes(48) + table + body
    )


def tags_of(profile):
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = struct.iter_unpack(">4sII", profile[132 : 132 + 12 * count])
    return {name: profile[start : start + size] for name, start, size in entries}


def exchanged():
    """Return the profile of sRGB with red and blue exchanged."""
    tags = tags_of(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return profile(b"RGB ", tags | {b"rXYZ": tags[b"bXYZ"], b"bXYZ": tags[b"rXYZ"]})


def endless(elements):
    """Return an ``mpet`` element that leads a colour through this many sets of curves, which are stored once."""
    segment = b"parf" + bytes(8) + struct.pack(">4f", 1.01, 1, 0, 0)
    curve = b"curf" + bytes(4) + struct.pack(">HH", 1, 0) + segment
    curves = b"cvst" + bytes(4) + struct.pack(">HH", 3, 3) + struct.pack(">II", 36, len(curve)) * 3 + curve
    table = struct.pack(">II", 16 + 8 * elements, len(curves)) * elements
    return b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, elements) + table + curves


def near(pixel, expected, tolerance=30):
    return all(abs(one - other) <= tolerance for one, other in zip(pixel, expected, strict=True))


class TestWhatIsMade:
    @pytest.mark.parametrize("content_type", TYPES)
    def test_each_type_is_accepted(self, content_type):
        made = rendered(encoded(photo(400, 300), content_type), content_type)
        assert (made.width, made.height) == (400, 300)
        assert read(made.display.content).size == (400, 300)
        assert read(made.thumbnail.content).size == (256, 192)

    @pytest.mark.parametrize("content_type", [JPEG, PNG])
    def test_a_large_picture_fits_into_both_squares(self, content_type):
        made = rendered(encoded(photo(2400, 800), content_type), content_type)
        assert (made.width, made.height) == (2400, 800)
        assert read(made.display.content).size == (2048, 683)
        assert read(made.thumbnail.content).size == (256, 85)

    def test_a_small_picture_is_not_enlarged(self):
        made = rendered(encoded(photo(10, 5), PNG), PNG)
        assert read(made.display.content).size == read(made.thumbnail.content).size == (10, 5)

    def test_a_line_of_one_pixel_keeps_its_height(self):
        made = rendered(encoded(Image.new("RGB", (9000, 1)), PNG), PNG)
        assert read(made.thumbnail.content).size == (256, 1)

    def test_an_opaque_picture_becomes_jpeg(self):
        made = rendered(encoded(Image.new("RGBA", (30, 30), (*RED, 255)), PNG), PNG)
        assert {made.display.content_type, made.thumbnail.content_type} == {JPEG}
        assert read(made.display.content).format == "JPEG"

    def test_a_picture_with_a_transparent_pixel_becomes_webp(self):
        image = Image.new("RGBA", (30, 30), (*RED, 255))
        image.putpixel((0, 0), (0, 0, 0, 0))
        made = rendered(encoded(image, PNG), PNG)
        assert {made.display.content_type, made.thumbnail.content_type} == {WEBP}
        shown = read(made.display.content)
        assert shown.getpixel((0, 0))[3] == 0
        assert near(shown.getpixel((20, 20)), (*RED, 255))

    def test_the_same_upload_gives_the_same_bytes(self):
        upload = encoded(photo(300, 300), JPEG)
        assert rendered(upload, JPEG) == rendered(upload, JPEG)


class TestOrientation:
    @pytest.mark.parametrize("content_type", [JPEG, PNG, WEBP])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_pictures_are_turned_upright(self, orientation, content_type):
        upright = Image.new("RGB", (60, 30), BLUE)
        upright.paste(RED, (0, 0, 16, 16))  # the upper left corner
        undone: dict[Any, Any] = {None: None, **{turn: turn for turn in pictures.UPRIGHT.values()}}
        undone[Image.Transpose.ROTATE_90] = Image.Transpose.ROTATE_270
        undone[Image.Transpose.ROTATE_270] = Image.Transpose.ROTATE_90
        turn = undone[pictures.UPRIGHT.get(orientation)]
        stored = upright if turn is None else upright.transpose(turn)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        made = rendered(encoded(stored, content_type, exif=exif), content_type)
        assert (made.width, made.height) == (60, 30)
        shown = read(made.display.content)
        assert shown.size == (60, 30)
        assert near(shown.getpixel((4, 4)), RED)
        assert near(shown.getpixel((55, 25)), BLUE)
        assert near(shown.getpixel((55, 4)), BLUE)
        assert near(shown.getpixel((4, 25)), BLUE)

    def test_orientation_6_is_a_quarter_turn_clockwise(self):
        """EXIF 2.32, "Orientation": 6 means that row 0 is the visual right-hand side."""
        stored = Image.new("RGB", (60, 30), BLUE)
        stored.paste(RED, (0, 0, 60, 14))  # row 0
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        shown = read(rendered(encoded(stored, JPEG, exif=exif), JPEG).display.content)
        assert shown.size == (30, 60)
        assert near(shown.getpixel((27, 30)), RED)
        assert near(shown.getpixel((3, 30)), BLUE)

    @pytest.mark.parametrize(
        "exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff"]
    )
    def test_damaged_exif_data_does_not_matter(self, exif):
        assert rendered(encoded(photo(40, 30), JPEG, exif=exif), JPEG).width == 40

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_an_unknown_orientation_is_ignored(self, orientation):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        made = rendered(encoded(photo(40, 30), JPEG, exif=exif), JPEG)
        assert (made.width, made.height) == (40, 30)


class TestMetadata:
    @pytest.mark.parametrize("content_type", [JPEG, PNG, WEBP, GIF])
    @pytest.mark.parametrize("alpha", [255, 100])
    def test_no_metadata_is_left(self, content_type, alpha):
        upload = with_metadata(Image.new("RGBA", (300, 200), (*RED, alpha)), content_type)
        assert PLACE in upload
        made = rendered(upload, content_type)
        for rendition in (made.display, made.thumbnail):
            assert PLACE not in rendition.content
            assert metadata_of(rendition.content) == []

    @pytest.mark.parametrize("content_type", [JPEG, PNG, WEBP])
    def test_no_metadata_is_left_in_a_thumbnail_made_at_once(self, content_type):
        made = fitted(with_metadata(photo(300, 200), JPEG), 100, content_type)
        assert PLACE not in made
        assert metadata_of(made) == []

    def test_what_follows_the_picture_is_not_kept(self):
        upload = encoded(photo(30, 30), JPEG) + b"<script>alert(1)</script>"
        made = rendered(upload, JPEG)
        assert b"script" not in made.display.content + made.thumbnail.content

    def test_the_preview_inside_the_metadata_is_not_kept(self):
        preview = encoded(photo(32, 32), JPEG)
        upload = encoded(photo(300, 200), JPEG, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + preview)
        assert rendered(upload, JPEG).display.content.count(b"\xff\xd8\xff") == 1


class TestColours:
    def test_cmyk_becomes_rgb(self):
        upload = encoded(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), JPEG)
        shown = read(rendered(upload, JPEG).display.content)
        assert shown.mode == "RGB"
        assert near(shown.getpixel((5, 5)), (255, 0, 0), 60)

    @pytest.mark.parametrize("size", [40, 3000])
    def test_16_bit_grey_keeps_its_brightness(self, size):
        shown = read(rendered(encoded(Image.new("I;16", (size, 40), 40000), PNG), PNG).display.content)
        assert near(shown.getpixel((5, 5)), (156, 156, 156), 2)

    def test_16_bit_colour_keeps_its_colour(self):
        row = b"\0" + struct.pack(">3H", 65535, 32768, 0) * 8
        shown = read(rendered(png_of_size(8, 8, row * 8, depth=16), PNG).display.content)
        assert near(shown.getpixel((4, 4)), (255, 128, 0), 6)

    @pytest.mark.parametrize("content_type", [PNG, GIF])
    def test_transparency_of_a_palette_is_kept(self, content_type):
        image = Image.new("P", (40, 40), 1)
        image.putpalette([0, 0, 0, *RED])
        image.paste(0, (0, 0, 20, 40))
        shown = read(rendered(encoded(image, content_type, transparency=0), content_type).display.content)
        assert shown.getpixel((5, 5))[3] == 0
        assert near(shown.getpixel((30, 5)), (*RED, 255))

    def test_a_palette_with_grades_of_transparency_keeps_them(self):
        image = Image.new("P", (40, 40), 1)
        image.putpalette([0, 0, 0, *RED])
        shown = read(rendered(encoded(image, PNG, transparency=b"\xff\x80"), PNG).display.content)
        assert near(shown.getpixel((5, 5)), (*RED, 128))

    @pytest.mark.parametrize("mode", ["1", "L", "LA"])
    def test_grey_and_black_and_white_are_accepted(self, mode):
        made = rendered(encoded(photo(40, 30).convert(mode), PNG), PNG)
        assert made.display.content_type == JPEG

    def test_transparent_grey_is_kept(self):
        shown = read(rendered(encoded(Image.new("LA", (40, 30), (100, 50)), PNG), PNG).display.content)
        assert near(shown.getpixel((5, 5)), (100, 100, 100, 50))

    def test_a_transparent_colour_is_kept(self):
        shown = read(rendered(encoded(Image.new("RGB", (40, 30), RED), PNG, transparency=RED), PNG).display.content)
        assert shown.getpixel((5, 5))[3] == 0

    def test_colours_are_converted_from_the_profile_to_srgb(self):
        """In a profile whose red and blue are exchanged, red is blue."""
        upload = encoded(Image.new("RGB", (40, 30), RED), PNG, icc_profile=exchanged())
        assert near(read(rendered(upload, PNG).display.content).getpixel((5, 5)), (0, 0, 255))

    def test_grey_is_converted_from_the_profile_to_srgb(self):
        """Half of the light is 188 in sRGB (IEC 61966-2-1)."""
        upload = encoded(Image.new("L", (40, 30), 128), PNG, icc_profile=profile(b"GRAY", {b"kTRC": LINEAR}))
        assert near(read(rendered(upload, PNG).display.content).getpixel((5, 5)), (188, 188, 188), 2)

    def test_a_profile_that_takes_minutes_to_use_is_ignored(self):
        """It consists of 60,000 curves after each other, in an ``mpet`` element, and has 900 bytes in a PNG."""
        upload = encoded(photo(2, 2), PNG, icc_profile=profile(b"RGB ", {b"D2B0": endless(60_000)}))
        assert rendered(upload, PNG) == rendered(encoded(photo(2, 2), PNG), PNG)

    @pytest.mark.parametrize("name", [b"D2B0", b"D2B1", b"A2B0", b"B2A0"])
    def test_of_a_profile_nothing_but_primaries_and_curves_is_used(self, name):
        tags = tags_of(exchanged())
        plain = profiles.plain(profile(b"RGB ", {name: endless(100), **tags}), "RGB")
        assert plain == profiles.plain(exchanged(), "RGB")
        assert tags_of(plain).keys() == {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"}

    @pytest.mark.parametrize(
        "curve",
        [
            b"curv\0\0\0\0" + struct.pack(">I", 4097) + bytes(2 * 4097),
            b"curv\0\0\0\0" + struct.pack(">I", 2) + bytes(2),
            b"para\0\0\0\0" + struct.pack(">HH", 5, 0) + bytes(100),
            b"para\0\0\0\0" + struct.pack(">HH", 4, 0) + bytes(27),
            b"mpet\0\0\0\0" + struct.pack(">HH", 0, 0) + bytes(100),
            b"curv",
            b"",
        ],
    )
    def test_a_profile_with_another_curve_is_ignored(self, curve):
        assert profiles.plain(profile(b"GRAY", {b"kTRC": LINEAR}), "L") is not None
        assert profiles.plain(profile(b"GRAY", {b"kTRC": curve}), "L") is None

    @pytest.mark.parametrize("position", [12, 16, 20, 36, 128, 136, 140])
    def test_a_profile_with_a_damaged_header_or_table_is_ignored(self, position):
        damaged = bytearray(exchanged())
        damaged[position : position + 4] = b"\x7f\xff\xff\xff"
        assert profiles.plain(bytes(damaged), "RGB") is None

    def test_a_truncated_profile_is_ignored(self):
        whole = profile(b"GRAY", {b"kTRC": LINEAR})
        assert {profiles.plain(whole[:length], "L") for length in range(len(whole))} == {None}

    @pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
    @pytest.mark.parametrize("profile", [b"not a profile", "sRGB", "LAB"])
    def test_a_damaged_or_unfitting_profile_does_not_matter(self, profile, mode):
        if isinstance(profile, str):
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(profile)).tobytes()
        upload = encoded(photo(40, 30).convert(mode), JPEG, icc_profile=profile)
        assert read(rendered(upload, JPEG).display.content).mode == "RGB"


class TestRejected:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff\xd8",
            b"This is a text file.",
            b'<svg xmlns="http://www.w3.org/2000/svg"/>',
            b"<html><!--" + encoded(photo(30, 30), JPEG) + b"-->",
            b"%PDF-1.7",
            b"BM" + b"\0" * 100,
            b"II*\0" + b"\0" * 100,
            b"\0\0\0\x1cftypavif" + b"\0" * 100,
        ],
    )
    def test_what_is_none_of_the_four_types_is_not_an_image(self, content):
        assert reason(content) == "not-an-image"

    @pytest.mark.parametrize("content_type", TYPES)
    @pytest.mark.parametrize("stated", TYPES)
    def test_the_stated_type_must_agree(self, content_type, stated):
        upload = encoded(photo(30, 30), content_type)
        if stated == content_type:
            rendered(upload, stated)
        else:
            assert reason(upload, stated) == "type-mismatch"

    @pytest.mark.parametrize("content_type", TYPES)
    @pytest.mark.parametrize("kept", [0.03, 0.5, 0.9])
    def test_a_truncated_picture_is_damaged(self, content_type, kept):
        upload = encoded(photo(300, 300), content_type)
        assert reason(upload[: int(len(upload) * kept)], content_type) == "damaged"

    @pytest.mark.parametrize("content_type", TYPES)
    def test_the_first_bytes_alone_are_damaged(self, content_type):
        assert reason(encoded(photo(30, 30), content_type)[:12], content_type) == "damaged"

    @pytest.mark.parametrize("content_type", TYPES)
    def test_random_changes_are_rejected_or_rendered(self, content_type):
        """No error of a decoder gets through, whatever it is."""
        upload = encoded(photo(64, 64), content_type)
        for position in range(12, len(upload), max(1, len(upload) // 150)):
            changed = bytearray(upload)
            changed[position : position + 3] = b"\xff\x00\xff"
            with suppress(Rejected):
                assert rendered(bytes(changed), content_type).display.content

    def test_text_that_unpacks_to_more_than_pillow_allows_is_damaged(self):
        text = PngImagePlugin.PngInfo()
        text.add_text("bomb", "A" * 70_000_000, zip=True)
        assert reason(encoded(photo(30, 30), PNG, pnginfo=text), PNG) == "damaged"


class TestPixels:
    def test_a_small_file_of_60_megapixels_is_rejected(self):
        upload = encoded(Image.new("1", (10_000, 6_000)), PNG)
        assert len(upload) < 100_000
        assert reason(upload, PNG) == "too-many-pixels"

    def test_pixels_are_counted_before_anything_is_unpacked(self):
        """The data is no PNG data at all: unpacking it would fail."""
        assert reason(png_of_size(10_000, 6_000, None), PNG) == "too-many-pixels"

    def test_50_megapixels_are_accepted(self):
        made = rendered(encoded(Image.new("1", (10_000, 5_000)), PNG), PNG)
        assert (made.width, made.height) == (10_000, 5_000)

    @pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 2**31 - 1)])
    def test_more_than_pillow_itself_accepts_is_too_many_too(self, size):
        assert reason(png_of_size(size[0], size[1], None), PNG) == "too-many-pixels"

    @pytest.mark.parametrize(("width", "height"), [(65_536, 1), (1, 65_536), (1, 50_000_000)])
    def test_a_side_that_no_jpeg_can_have_is_rejected(self, width, height):
        """50,000,000 rows of a pixel take more memory than the function has."""
        assert reason(png_of_size(width, height, None), PNG) == "too-many-pixels"

    def test_the_longest_sides_are_accepted(self):
        assert rendered(encoded(Image.new("1", (65_535, 2)), PNG), PNG).width == 65_535
        assert rendered(encoded(Image.new("1", (2, 65_535)), PNG), PNG).height == 65_535

    def test_the_canvas_of_an_animated_webp_counts(self):
        upload = bytearray(encoded(photo(20, 20), WEBP, save_all=True, append_images=[photo(20, 20).rotate(90)]))
        start = upload.index(b"VP8X") + 12
        upload[start : start + 6] = (9_999).to_bytes(3, "little") * 2
        assert reason(bytes(upload), WEBP) == "too-many-pixels"

    def test_a_frame_outside_the_canvas_of_a_gif_counts(self):
        upload = bytearray(encoded(photo(20, 20), GIF))
        start = upload.index(b"\x2c\0\0\0\0")
        upload[start + 5 : start + 9] = (65535).to_bytes(2, "little") * 2
        assert reason(bytes(upload), GIF) == "too-many-pixels"

    def test_only_the_first_of_10000_frames_is_read(self):
        """The second frame is damaged, so reading it would fail."""
        first = encoded(photo(20, 20), GIF)[:-1]
        frame = b"\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x14\0\x14\0\0\x08\xff\xff"
        assert rendered(first + frame * 10_000 + b";", GIF).width == 20

    def test_the_first_frame_of_an_animation_is_shown(self):
        frames = [Image.new("RGB", (30, 30), color) for color in (RED, BLUE)]
        for content_type in (GIF, WEBP, PNG):
            upload = encoded(frames[0], content_type, save_all=True, append_images=frames[1:])
            shown = read(rendered(upload, content_type).display.content)
            assert near(shown.convert("RGB").getpixel((5, 5)), RED)

    def test_a_jpeg_of_thousands_of_scans_is_damaged(self):
        """Each scan goes over all pixels: 10 MB of them would take hours."""
        upload = encoded(photo(64, 64), JPEG, progressive=True)
        scan = upload[upload.rindex(b"\xff\xda") : -2]
        assert rendered(upload[:-2] + scan * 50 + upload[-2:], JPEG).width == 64
        assert reason(upload[:-2] + scan * 5_000 + upload[-2:]) == "damaged"

    def test_a_large_jpeg_may_have_fewer_scans(self, monkeypatch):
        upload = encoded(photo(64, 64), JPEG, progressive=True)
        scan = upload[upload.rindex(b"\xff\xda") : -2]
        monkeypatch.setattr(pictures, "MAX_SCANNED", 64 * 64 * 30)
        assert rendered(upload[:-2] + scan * 15 + upload[-2:], JPEG).width == 64
        assert reason(upload[:-2] + scan * 30 + upload[-2:]) == "damaged"

    def test_the_largest_jpeg_may_have_as_many_scans_as_encoders_make(self):
        assert pictures.MAX_SCANNED >= 20 * pictures.MAX_PIXELS


class TestFitted:
    @pytest.mark.parametrize("content_type", [JPEG, PNG, WEBP])
    @pytest.mark.parametrize("kind", TYPES)
    def test_any_type_becomes_any_of_three(self, kind, content_type):
        made = read(fitted(encoded(photo(400, 300), kind), 200, content_type))
        assert made.format == TYPES[content_type]
        assert made.size == (200, 150)

    def test_transparent_pixels_become_white_in_a_jpeg(self):
        made = read(fitted(encoded(Image.new("RGBA", (30, 30), (0, 0, 0, 0)), PNG), 16, JPEG))
        assert near(made.getpixel((5, 5)), (255, 255, 255))

    def test_what_is_no_picture_is_rejected(self):
        with pytest.raises(Rejected):
            fitted(zlib.compress(b"no picture"), 200, JPEG)
