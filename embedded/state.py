"""Creates the folder that STATE_DIR names, and recognizes it for ``make clean``.

Uses only the standard library and the syntax of Python 3.6, because ``make clean`` runs before anything is installed.
"""

import fcntl
import os
from pathlib import Path

from embedded.commands import quoted
from infra.failure import Failure

MARK = "# Made by Roster. Git ignores everything in this folder, and make clean removes the folder.\n*\n"
"""The content of ``.gitignore`` in a folder that ``prepare`` has created or accepted. Nothing else writes it."""

FORMER = {"running.json", "aws", "aws.log", "background.log", "tmp"}
"""The names that earlier versions left in a state folder, without a ``.gitignore``."""


def folder(name: str) -> Path:
    """Return the path of the folder ``name``. Raise ``Failure`` if the name is empty."""
    if not name:
        raise Failure("STATE_DIR is empty. Set it to the name of a folder, or leave it out.")
    return Path(name)


def prepare(state: Path) -> None:
    """Create the folder ``state``, for its owner only, with a ``.gitignore`` that keeps its files out of commits.

    Accept an existing folder if it is empty or already a state folder. Raise ``Failure`` if ``state`` can't be used.
    """
    try:
        problem = _problem(state)
    except OSError as error:
        problem = f"can't be used ({error.strerror})"
    if problem:
        raise Failure(f"STATE_DIR is {quoted(state)}, which {problem}. Choose a new or an empty folder.")


def is_prepared(state: Path) -> bool:
    """Return whether ``prepare`` has created or accepted ``state``."""
    try:
        return (state / ".gitignore").read_bytes() == MARK.encode()
    except OSError:
        return False


def in_use(state: Path) -> bool:
    """Return whether a run uses ``state``: it then holds a lock on a file in the folder."""
    return state.is_dir() and any(is_locked(file) for file in state.iterdir() if file.is_file())


def _problem(state: Path) -> str:
    try:
        state.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if not state.is_dir():
            return "is not a folder"
    if is_prepared(state):
        return "" if os.access(str(state), os.W_OK | os.X_OK) else "can't be written to"
    names = {path.name for path in state.iterdir() if path.name != ".gitignore" or path.stat().st_size}
    if names - FORMER or (names and "running.json" not in names):
        return "contains files that are not Roster's"
    state.chmod(0o700)
    (state / ".gitignore").write_text(MARK)
    return ""


def is_locked(path: Path) -> bool:
    """Return whether another process holds a lock on the file ``path``."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
