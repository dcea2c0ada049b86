"""Run a Python program that ends when the process that started it ends, however that ended.

    python -m embedded.leash SCRIPT ARGUMENT …

Standard input is the leash: a pipe whose other end the parent holds open and never writes to. The kernel closes it with
the parent, by SIGKILL too, on every system; Linux's ``PR_SET_PDEATHSIG`` would fire as well when only the thread that
started the program ends. Standard library only: it also runs in the embedded AWS's own environment.
"""

import os
import runpy
import signal
import sys
import threading

GRACE = 150.0
"""Seconds that a program has, after SIGTERM, to end by itself: the embedded AWS saves its state."""


def end_with_parent() -> None:
    """From now on, end this process by SIGTERM, then SIGKILL, once standard input is closed."""
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
