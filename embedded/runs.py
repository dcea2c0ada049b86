"""Ensures that only one run at a time uses a state folder. The run holds a lock and describes itself in a note.

The lock is on the file ``lock``. The embedded AWS, which writes the state, holds it too, so a killed run leaves the
folder locked until its embedded AWS has saved and exited. The note, ``running.json``, is read without the lock. A run
removes it after saving everything: a note left behind means that a run was killed or could not save.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from embedded.commands import make_command
from embedded.leash import GRACE
from embedded.processes import Identity
from embedded.state import is_locked
from infra.failure import Failure

LOCK = "lock"
TURN = 2.0
"""Seconds for which a run may hold the lock without a note, as it does when it starts and stops."""
NOTE = "running.json"


class NotRunning(Failure):
    """Roster is not running with this state."""


@dataclass(frozen=True)
class Run:
    """A run: its main process, the processes that this one started, and the stack once it is up."""

    process: Identity
    children: tuple[Identity, ...] = ()
    stack: dict[str, Any] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the main process is still running."""
        return self.process.is_alive

    @property
    def leftovers(self) -> list[Identity]:
        """The children that are still running."""
        return [child for child in self.children if child.is_alive]


def look(state: Path) -> Run | None:
    """Return the run that is noted in ``state``, alive or not, or ``None``. Takes no lock and changes nothing.

    An unreadable note is ignored: notes are replaced atomically, but earlier versions used another format.
    """
    try:
        note = json.loads((state / NOTE).read_text())
        children = tuple(Identity(**child) for child in note["children"])
        return Run(Identity(**note["process"]), children, note["stack"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def note(state: Path, children: Sequence[Identity] = (), stack: dict[str, Any] | None = None) -> None:
    """Write a note that this process runs with ``state``."""
    run = Run(Identity.of(os.getpid()), tuple(children), stack)
    temporary = state / f"{NOTE}.tmp"
    temporary.write_text(json.dumps(asdict(run)))
    temporary.chmod(0o600)
    temporary.replace(state / NOTE)


def forget(state: Path) -> None:
    """Remove the note, because this run has stopped and everything is saved."""
    (state / NOTE).unlink(missing_ok=True)


def require_none(state: Path) -> None:
    """Raise ``Failure`` if a run that is noted in ``state`` is still alive."""
    run = look(state)
    if run is not None and run.is_alive:
        raise _already_runs(state)


def _already_runs(state: Path) -> Failure:
    stop = make_command("stop", STATE_DIR=state)
    return Failure(f"Roster is already running with its state in {state}. Choose another STATE_DIR, or {stop}")


@contextmanager
def locked(state: Path, say: Callable[[str], None], patience: float = 30) -> Iterator[IO[str]]:
    """Hold the lock on ``state``. Raise ``Failure`` if another run holds it.

    If that run was killed, wait until the processes that it left behind have saved the state and exited.
    """
    if (state / NOTE).exists() and is_locked(state / NOTE):  # version 0.1.0 locks its note, and only that
        raise _already_runs(state)
    with (state / LOCK).open("a") as lock:
        started = time.monotonic()
        is_told = False
        while not _lock(lock):
            run, waited = look(state), time.monotonic() - started
            # Without a note, a run is starting or stopping.
            if run.is_alive if run else waited > TURN:
                raise _already_runs(state)
            if waited > patience:
                stop = make_command("stop", STATE_DIR=state)
                raise Failure(f"The processes of an earlier run do not exit. Stop them with {stop}")
            if run and not is_told:
                say("An earlier run was killed. Waiting for it to save and exit …")
                is_told = True
            time.sleep(0.05)
        yield lock


def stop(run: Run, seconds: float = GRACE + 20) -> None:
    """Stop ``run`` or what is left of it. Raise ``Failure`` if it had to be killed."""
    deadline = time.monotonic() + seconds
    for member in [run.process] if run.is_alive else run.leftovers:
        member.signal(signal.SIGTERM)
    while run.is_alive or run.leftovers:
        if time.monotonic() > deadline:
            for member in (run.process, *run.children):
                member.signal(signal.SIGKILL)
            raise Failure(f"It did not exit within {seconds:.0f} s and was killed.")
        time.sleep(0.05)


def _lock(file: IO[str]) -> bool:
    """Try to take the lock, and return whether it worked. It lasts until all processes have closed the file."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
