"""What is on disk of an AWS: the state of each service as of one moment, complete or not there at all.

Each service's state is a file named by its content's SHA-256; ``index.json`` names the files that belong together. The
index is replaced last, in one step, so an interrupted save leaves the one before it intact. Standard library only.
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
    """The state can't be read; the message is one sentence that says what is wrong."""

    STATUS = 3
    """The exit status of a process that ends for this reason."""


@dataclass(frozen=True)
class Saved:
    """The states of all services, by service, as text; ``at`` is the moment (ISO 8601, UTC) that they are of."""

    at: str
    states: Mapping[str, str]


def now() -> str:
    """The present moment as ``Saved.at`` has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(folder: Path, saved: Saved) -> None:
    """Put ``saved`` in place of what is in ``folder``. ``OSError`` if that fails; then nothing has changed.

    Returns only when the disk has it (fsync).
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {}
    for service, state in saved.states.items():
        content = state.encode()
        name = f"{service}-{hashlib.sha256(content).hexdigest()}.json"
        files[service] = name
        if not _is_there(folder / name, len(content)):
            _replace(folder / name, content)
    _sync(folder)
    index = {"format": FORMAT, "at": saved.at, "files": files}
    _replace(folder / INDEX, json.dumps(index, indent=1).encode())
    _sync(folder)
    for path in folder.iterdir():  # of earlier saves, whole or half written
        if path.name not in (INDEX, *files.values()):
            path.unlink(missing_ok=True)


def read(folder: Path) -> Saved | None:
    """What ``write`` put into ``folder``; ``None`` if nothing was. ``Unreadable`` if it is not there as it was put."""
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
    """The moment that what is in ``folder`` is of; ``None`` if nothing is there, or nothing readable."""
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


def _is_there(path: Path, size: int) -> bool:
    """Whether a file of this name, which tells its content, is there and has not been cut short."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _replace(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step."""
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
    """Let the disk have the names in ``folder`` too, so that they outlast a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
