"""Writes the state of all services to disk as one snapshot, and reads it.

Each service's state is a file named after the SHA-256 of its content; ``index.json`` lists the files that belong
together. The index is replaced last, atomically, so an interrupted save leaves the previous one intact. Uses only the
standard library.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FORMAT = 1
FOLDER = "saved"
INDEX = "index.json"


class Unreadable(Exception):
    """The state can't be read. The message says why, in one sentence."""

    STATUS = 3
    """The exit status of a process that exits for this reason."""


@dataclass(frozen=True)
class Saved:
    """The state of each service, as text, at the time ``at`` (ISO 8601, UTC)."""

    at: str
    states: Mapping[str, str]


def now() -> str:
    """Return the current time in the format of ``Saved.at``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(folder: Path, saved: Saved) -> None:
    """Replace the state in ``folder`` with ``saved``, and return once it is on disk (fsync).

    Raise ``OSError`` if that fails. The previous state is then unchanged.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {}
    for service, state in saved.states.items():
        content = state.encode()
        name = f"{service}-{hashlib.sha256(content).hexdigest()}.json"
        files[service] = name
        if not _is_complete(folder / name, len(content)):
            _replace(folder / name, content)
    _sync(folder)
    index = {"format": FORMAT, "at": saved.at, "files": files}
    _replace(folder / INDEX, json.dumps(index, indent=1).encode())
    _sync(folder)
    for path in folder.iterdir():  # left by earlier saves, complete or not
        if path.name not in (INDEX, *files.values()):
            path.unlink(missing_ok=True)


def read(folder: Path) -> Saved | None:
    """Return what ``write`` last wrote to ``folder``, or ``None``. Raise ``Unreadable`` if it is damaged."""
    index = _index(folder)
    if index is None:
        return None
    states = {}
    for service, name in index.files.items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise Unreadable(f"{folder / name} can't be read ({error.strerror}).") from None
        if name != f"{service}-{hashlib.sha256(content).hexdigest()}.json":
            raise Unreadable(f"{folder / name} is damaged: its checksum is wrong.")
        states[service] = content.decode()
    return Saved(index.at, states)


def saved_at(folder: Path) -> str | None:
    """Return the time of the state in ``folder``, or ``None`` if there is no readable one."""
    try:
        index = _index(folder)
    except Unreadable:
        return None
    return None if index is None else index.at


@dataclass(frozen=True)
class _Index:
    at: str
    files: Mapping[str, str]


def _index(folder: Path) -> _Index | None:
    path = folder / INDEX
    try:
        index = json.loads(path.read_bytes())
        if index["format"] != FORMAT:
            raise Unreadable(f"{path} was written by another version of Roster.")
        return _Index(str(index["at"]), dict(index["files"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"{path} can't be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError):
        raise Unreadable(f"{path} is damaged.") from None


def _is_complete(path: Path, size: int) -> bool:
    """Return whether the file, whose name is a hash of its content, exists and is not truncated."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _replace(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Flush the names in ``folder`` to disk too, so that they survive a power failure."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
