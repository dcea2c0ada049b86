"""``python -m bench.pictures``: what pictures of 1, 4 and 10 MB cost, in time and memory, beside bare Pillow.

Bare Pillow is what a short script does: turn the picture upright, make it smaller, save it. Roster also checks the
bytes, converts colours and drops metadata. Each figure is the median of several processes, each of which handles one
picture after a warm-up with a small one.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from bench.figures import Pictures, write
from bench.lab import say
from testbed.picture_files import encoded, photo

JPEG = "image/jpeg"
PHOTOS = {1: (2000, 1500), 4: (4000, 3000), 10: (6000, 4500)}
"""The width and the height of a photo by its megabytes."""
PROGRAMS = {
    "bare Pillow, a thumbnail": "bare",
    "Roster, `POST /thumbnails`": "fitted",
    "bare Pillow, display picture and thumbnail": "bare_both",
    "Roster, the images function": "rendered",
}
CHILD = """
import io, json, re, sys, time
from PIL import Image, ImageOps
from chalicelib.media.images import pictures

def bare(content, size=200):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    image.thumbnail((size, size))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()

def most_memory():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

programs = {
    "bare": bare,
    "bare_both": lambda content: (bare(content, 2048), bare(content, 256)),
    "fitted": lambda content: pictures.fitted(content, 200, "image/jpeg"),
    "rendered": lambda content: pictures.rendered(content, "image/jpeg"),
}
program, small, large = programs[sys.argv[1]], *(open(path, "rb").read() for path in sys.argv[2:])
program(small)
before, started = most_memory(), time.process_time()
program(large)
seconds = time.process_time() - started
print(json.dumps([seconds * 1000, (most_memory() - before) / 1024]))
"""


def main() -> None:
    """Measure, then print and store the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.pictures", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="folder for the figures")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    figures = Pictures(machine, time.strftime("%Y-%m-%d"), options.rounds, {name: {} for name in PROGRAMS})
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        small.write_bytes(encoded(photo(300, 200), JPEG))
        for megabytes, size in PHOTOS.items():
            large.write_bytes(_of_size(megabytes * 1_000_000, *size))
            say(f"{megabytes} MB: {size[0]} × {size[1]}, {large.stat().st_size / 1e6:.1f} MB")
            samples: dict[str, list[list[float]]] = {name: [] for name in PROGRAMS}
            for _ in range(options.rounds):  # in turns, so that all run under the same conditions
                for name, program in PROGRAMS.items():
                    samples[name].append(_measured(program, small, large))
            for name, measured in samples.items():
                columns = zip(*measured, strict=True)
                figures.medians[name][str(megabytes)] = [round(statistics.median(column), 1) for column in columns]
    print(figures.table())
    options.folder.mkdir(exist_ok=True)
    write(figures, options.folder / "pictures.json")


def _of_size(wanted: int, width: int, height: int) -> bytes:
    """Return a photo as a JPEG of about this many bytes."""
    noise = Image.effect_noise((width, height), 60).convert("RGB")
    image = Image.blend(photo(width, height), noise, 0.25)
    return min(
        (encoded(image, JPEG, quality=quality) for quality in range(40, 98, 3)),
        key=lambda content: abs(len(content) - wanted),
    )


def _measured(program: str, small: Path, large: Path) -> list[float]:
    command = [sys.executable, "-c", CHILD, program, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: list[float] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
