"""Run ministack, as ``.venv-embedded/bin/python -m embedded.emulator``. Its settings are environment variables.

Exits with status 0 after saving the state, with ``NOT_SAVED`` if saving failed, and with ``Unreadable.STATUS`` if the
existing state can't be read and ministack was not started. The last line that it prints says why.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from embedded.emulator import NOT_SAVED
from embedded.emulator.saved_state import Unreadable
from embedded.leash import end_with_parent

MINISTACK = "1.5.33"
"""The version that this package was written for: it replaces private functions of ministack."""


def main() -> None:
    """Run ministack until SIGTERM, or until the process that started it exits."""
    os.umask(0o077)  # the state holds signing keys and passwords
    end_with_parent()
    if version("ministack") != MINISTACK:
        sys.exit(f"ministack {version('ministack')} is installed, but Roster's emulator needs {MINISTACK}.")
    folder = Path(os.environ["STATE_DIR"])
    # Not earlier, because ministack reads its settings on import.
    from ministack import app

    from embedded.emulator.keeper import Keeper

    keeper = Keeper(folder)
    try:
        keeper.take_over()
    except Unreadable as fault:
        print(fault, file=sys.stderr)
        sys.exit(Unreadable.STATUS)
    # Not earlier, because the import creates a key in the state folder.
    from embedded.emulator import accept, cognito, functions, identity_pools, loopback, object_times, policy_variables

    accept.install()
    cognito.install()
    functions.install()
    identity_pools.install()
    loopback.install(app)
    object_times.install()
    policy_variables.install()
    app.main()
    sys.exit(NOT_SAVED if keeper.error else 0)


if __name__ == "__main__":
    sys.argv[1:] = []
    main()
