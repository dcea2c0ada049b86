"""Run a Python program that exits when its parent process does, for whatever reason.

    python -m embedded.leash SCRIPT ARGUMENT …

Standard input is the leash: a pipe that the parent holds open and never writes to. When the parent exits, even by
SIGKILL, the kernel closes the pipe, on every system. (Linux's ``PR_SET_PDEATHSIG`` would also fire when only the thread
that started the program ends.) Standard library only, because it also runs in the embedded AWS's virtual environment.
"""

import os
import runpy
import signal
import sys
import threading

GRACE = 150.0
"""Seconds from SIGTERM to SIGKILL, in which the embedded AWS saves its state."""


def end_with_parent() -> None:
    """End this process by SIGTERM, then SIGKILL, as soon as standard input is closed."""
    threading.Thread(target=_wait_for_the_end, name="leash", daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(0, 1024):
        pass
    killer = threading.Timer(GRACE, os.kill, (os.getpid(), signal.SIGKILL))
    killer.daemon = True
    killer.start()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    end_with_parent()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
