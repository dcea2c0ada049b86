"""Zips for Lambda: the same files give the same bytes."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

from infra.failure import Failure

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can store."""


def compile_modules(folder: Path) -> None:
    """Compile all modules in a folder.

    Lambda's disk is read-only: without bytecode in the zip, each cold start would compile every module again. With
    unchecked hashes, Python does not read the source at all ("Cached bytecode invalidation", Python reference, 5.4.7).
    """
    compiler = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    compiler += ["-s", str(folder), str(folder)]
    done = subprocess.run(compiler, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"The package could not be compiled:\n{(done.stdout + done.stderr).strip()}")


def zipped(folder: Path) -> bytes:
    """Return the files of a folder as a zip, with its entries sorted and their times removed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)), EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, file.read_bytes())
    return packed.getvalue()
