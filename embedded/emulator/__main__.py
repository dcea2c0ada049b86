"""Start ministack, as ``.venv-embedded/bin/python -m embedded.emulator``; its settings are environment variables.

Exits with status 0 when it has ended and saved all it had, ``NOT_SAVED`` when it could not save, and
``Unreadable.STATUS`` when it did not start because the state that is there can't be read: the last line that it prints
says why.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from embedded.emulator import NOT_SAVED
from embedded.emulator.saved_state import Unreadable
from embedded.leash import end_with_parent

MINISTACK = "1.5.33"
"""The version that ``keeper.py`` was written for: it takes over parts of it that have no public name."""


def main() -> None:
    """Run ministack until SIGTERM, or until the process that started it ends."""
    os.umask(0o077)  # the state holds signing keys and passwords
    end_with_parent()
    if version("ministack") != MINISTACK:
        sys.exit(f"ministack is {version('ministack')}, and embedded/emulator is for {MINISTACK}: see to keeper.py.")
    folder = Path(os.environ["STATE_DIR"])
    # Only now: ministack reads its settings when it is imported.
    from ministack import app

    from embedded.emulator.keeper import Keeper

    keeper = Keeper(folder)
    try:
        keeper.take_over()
    except Unreadable as fault:
        print(fault, file=sys.stderr)
        sys.exit(Unreadable.STATUS)
    app.main()
    sys.exit(NOT_SAVED if keeper.error else 0)


if __name__ == "__main__":
    sys.argv[1:] = []
    main()
