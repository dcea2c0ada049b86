"""The emulator's time.

Cognito's codes, sessions, lockouts and refresh tokens expire by it. It is also when people sign up, and when objects
are stored.
"""

import os
import time
from pathlib import Path

OFFSET = "clock-offset"
"""A file in the state folder. Tests write seconds into it, to move the clock: any web page could call an endpoint."""


def now() -> float:
    """Return the seconds since 1970, plus what the file ``OFFSET`` contains, if it exists."""
    try:
        return time.time() + float(Path(os.environ["STATE_DIR"], OFFSET).read_text())
    except FileNotFoundError:
        return time.time()
