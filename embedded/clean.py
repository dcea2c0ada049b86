"""``make clean``: removes everything that was installed, measured or stored.

Uses only the standard library and the syntax of Python 3.6, because it runs before anything is installed.
"""

import os
import shutil
import sys
from pathlib import Path

from embedded import state
from embedded.commands import DEFAULTS, make_command, quoted
from infra.failure import Failure

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_STATE = Path(DEFAULTS["STATE_DIR"])
LEFT = [
    *(".venv", ".venv-embedded", ".venv.log", ".venv-embedded.log"),
    *(".bench", ".clients", ".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
]
SOURCES = ["bench", "chalicelib", "clients", "embedded", "infra", "openapi", "testbed", "tests"]


def main() -> None:
    """Remove everything. If STATE_DIR is in use or not Roster's, remove nothing, say why and exit with status 1."""
    os.chdir(str(PROJECT))
    try:
        given = state.folder(os.environ["STATE_DIR"])
        states = [path for path in (DEFAULT_STATE, given) if _exists(path)]
        for path in states:
            _require_removable(path)
        _remove_all(states)
    except Failure as failure:
        sys.exit(str(failure))
    except OSError as error:
        sys.exit(f"{error.filename} can't be removed: {error.strerror}.")


def _require_removable(path: Path) -> None:
    named = f"STATE_DIR is {quoted(path)}, which"
    if path != DEFAULT_STATE and not state.is_prepared(path):
        raise Failure(f"{named} is not a state folder of Roster. Nothing was removed.")
    resolved = path.resolve()
    for kept in (PROJECT, Path(os.path.expanduser("~")).resolve()):
        if resolved in (kept, *kept.parents):
            raise Failure(f"{named} contains {kept}. Nothing was removed.")
    if state.in_use(path):
        stop = make_command("stop", STATE_DIR=path)
        raise Failure(f"Roster is running with its state in {path}. Nothing was removed. To stop it: {stop}")


def _remove_all(states: "list[Path]") -> None:
    behind_links = [path.resolve() for path in states if path.is_symlink() and state.is_prepared(path)]
    found = [path for path in (*behind_links, *states, *map(Path, LEFT)) if _exists(path)]
    for path in filter(_exists, found):  # one may have been inside another
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(str(path))
        else:
            path.unlink()
    caches = [cache for name in SOURCES for cache in Path(name).rglob("__pycache__")]
    for cache in (Path("__pycache__"), *caches):
        shutil.rmtree(str(cache), ignore_errors=True)
    names = [quoted(path) for path in dict.fromkeys(found)]
    print(f"Removed {', '.join(names)}." if names else "There is nothing to remove.")


def _exists(path: Path) -> bool:
    return os.path.lexists(str(path))


if __name__ == "__main__":
    main()
