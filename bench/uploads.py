"""The second part of ``make soak``: 1,000 uploads by 20 people at once to ``make run``.

Each picture must be ready exactly once.

The first run leaves the images function alone. In the second one, two processes of it are killed (SIGKILL) in turns
every few seconds. What a killed one had taken returns to the queue after 90 s.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event

from bench.figures import UploadRuns, write
from bench.lab import say
from embedded.images import VISIBILITY_TIMEOUT
from testbed import targets
from testbed.uploads import Uploaded, killed_whenever, ready_twice, upload

WORKERS = 2
WAIT = 4 * VISIBILITY_TIMEOUT
"""Seconds for what was taken by processes that were killed."""


def main() -> None:
    """Run both, then print and store the figures. Exit with status 1 unless each picture was ready exactly once."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="folder for the figures")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--uploads", type=int, default=1000, help="by all clients together")
    parser.add_argument("--seconds", type=float, default=5, help="from one kill to the next")
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    figures = UploadRuns(machine, time.strftime("%Y-%m-%d"))
    each = options.uploads // options.clients
    for name, seconds in (("undisturbed", None), ("killed", options.seconds)):
        say(f"{options.clients * each:,} uploads, {name} …")
        figures.runs[name] = _run(options.clients, each, seconds)
    print(figures.table())
    options.folder.mkdir(exist_ok=True)
    write(figures, options.folder / "uploads.json")
    if not all(run.is_right for run in figures.runs.values()):
        sys.exit("A picture was not ready exactly once, or something was left.")


def _run(clients: int, each: int, seconds: float | None) -> Uploaded:
    with tempfile.TemporaryDirectory() as folder, targets.local(targets.rarely_saved(Path(folder))) as api:
        people = [api.sign_up() for _ in range(clients)]
        with ExitStack() as stack:
            if seconds is None:
                result = upload(api, people, each, WAIT)
            else:
                stack.enter_context(api.without_worker())
                wait = partial(_waited, seconds)
                killed = stack.enter_context(killed_whenever(wait, api.worker, WORKERS))
                result = upload(api, people, each, WAIT)
                result.kills = killed.kills
        result.twice += ready_twice(log.read_text() for log in api.worker_logs)
        return result


def _waited(seconds: float, over: Event) -> bool:
    """Return true after so many seconds, or false as soon as the run is over."""
    return not over.wait(seconds)


if __name__ == "__main__":
    main()
