"""Runs the housekeeping once, as Lambda does when the schedule fires: imports the app and calls its handler.

    python -m embedded.leash embedded/housekeeping.py

``chalice local`` runs no schedules. So ``make run`` runs this at start-up and every hour.
"""

import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from embedded.processes import ON_LEASH, Process

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "00000000-0000-0000-0000-000000000000",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "000000000000",
    "time": "1970-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}
"""What EventBridge sends ("Amazon EventBridge scheduled events", EventBridge user guide). The handler reads nothing."""
HOUR = 3600.0


def start(environ: Mapping[str, str], log: Path | None = None) -> Process:
    """Start the program with the environment of ``chalice local`` (``stack.environ``).

    It logs to the file ``log``, or else to the terminal, and exits with status 1 if the housekeeping fails.
    """
    command = [sys.executable, "-m", "embedded.leash", __file__]
    cli = {"AWS_CHALICE_CLI_MODE": "true", "PYTHONUNBUFFERED": "1"}
    return Process("The housekeeping", command, {**environ, **cli}, log, **ON_LEASH)


class Hourly:
    """Starts the program at once and then every hour, unless the last one still runs. ``start`` starts it."""

    def __init__(self, start: Callable[[], Process], clock: Callable[[], float] = time.monotonic) -> None:
        self._start = start
        self._clock = clock
        self._due = clock()
        self._process: Process | None = None

    def __enter__(self) -> "Hourly":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.stop()

    def tick(self) -> None:
        """Start the program if it is due. Call this every now and then."""
        if self._process and not self._process.is_running:
            self._process.stop()  # closes its pipe
            self._process = None
        if self._process is None and self._clock() >= self._due:
            self._due = self._clock() + HOUR
            self._process = self._start()


def handle(app: Any) -> None:
    """Call the handler of the module ``app``. Raises what it raises."""
    context = SimpleNamespace(aws_request_id=str(uuid.uuid4()), function_name="housekeeping")
    app.housekeeping(EVENT, context)


if __name__ == "__main__":
    import app
    from chalicelib.web.events import EventFailed

    try:
        handle(app)
    except EventFailed:  # it has been logged
        sys.exit(1)
