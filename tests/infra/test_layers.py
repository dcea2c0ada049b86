"""The layer with Pillow: what it contains, that it suffices, and that it is always the same."""

import io
import re
import subprocess
import sys
import zipfile

import pytest
import yaml

from infra import archive, layers, parts, stages
from infra.failure import Failure
from infra.parts import PROJECT

RUN = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
import PIL
assert PIL.__file__.startswith(sys.argv[1])
from chalicelib.media.images import pictures
from testbed.picture_files import photo, with_metadata
for content_type in pictures.TYPES:
    made = pictures.rendered(with_metadata(photo(300, 200).convert("RGBA"), content_type), content_type)
    assert (made.width, made.height) == (300, 200)
    for returned in (pictures.JPEG, pictures.PNG, pictures.WEBP):
        assert pictures.fitted(made.display.content, 100, returned)
"""

pytestmark = pytest.mark.skipif("media" not in parts.capabilities(), reason="without media")


@pytest.fixture(scope="module")
def layer():
    return layers.build()["PicturesLayer"]


def described():
    (path,) = parts.layers()
    return yaml.safe_load(path.read_text())


def test_the_layer_suffices_to_make_pictures(layer, tmp_path):
    """No other package is on the path."""
    zipfile.ZipFile(io.BytesIO(layer)).extractall(tmp_path)
    command = [sys.executable, "-I", "-S", "-c", RUN, str(tmp_path / "python"), str(PROJECT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_building_it_again_gives_the_same_bytes(layer):
    layers.build.cache_clear()
    assert layers.build()["PicturesLayer"] == layer


def test_it_is_small_compiled_and_has_its_licence(layer):
    names = zipfile.ZipFile(io.BytesIO(layer)).namelist()
    assert len(layer) < 4_000_000
    assert all(name.startswith("python/") for name in names)
    assert any(name.endswith("Image.cpython-{}{}.pyc".format(*sys.version_info)) for name in names)
    assert any("licenses/" in name for name in names)
    assert not any("avif" in name or "freetype" in name for name in names)


def test_every_runtime_has_pinned_wheels_that_its_glibc_can_load():
    """Both have glibc 2.34. The embedded AWS also runs on Python 3.11."""
    wheels = described()["wheels"]
    assert wheels.keys() == {*stages.RUNTIMES, "python3.11"}
    for stated in wheels.values():
        assert int(stated["platform"].split("_")[2]) <= 34
        assert all("==" in name and len(digest) == 64 for name, digest in stated["packages"].items())


def test_the_layer_has_the_pillow_of_the_tests():
    (pinned,) = re.findall(r"^pillow==\S+", (PROJECT / "constraints.txt").read_text(), re.MULTILINE)
    assert {name for stated in described()["wheels"].values() for name in stated["packages"]} == {pinned}


def test_another_wheel_than_the_pinned_one_is_rejected(tmp_path):
    wheels = described()["wheels"]["python3.12"]
    wheels["packages"] = dict.fromkeys(wheels["packages"], "0" * 64)
    with pytest.raises(Failure, match="could not be downloaded"):
        layers._download(wheels, tmp_path / "wheels")


def test_a_layer_for_plain_chalice_is_published_once(account):
    stage = stages.Stage("layers", {}, {})
    first = layers.publish(account, stage)
    assert first == layers.publish(account, stage)
    assert first["PicturesLayer"].endswith(":1")
    layers.delete(account, stage)
    assert layers._versions(account, layers._name(stage, "PicturesLayer")) == []


def test_a_zip_does_not_depend_on_times_and_order(tmp_path):
    for folder, names in (("a", "xy"), ("b", "yx")):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text(name)
    assert archive.zipped(tmp_path / "a") == archive.zipped(tmp_path / "b")
