"""Who runs with a state folder: one run at a time, which holds a lock and describes itself in a note.

The lock is on the file ``lock``. The embedded AWS, which writes the state, holds it too, so a run that was killed
leaves the folder locked until its embedded AWS has saved and ended. The note, ``running.json``, is read without the
lock. A run removes it after it has saved everything: a note left behind means that a run was killed or could not save.
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
"""Seconds that a run may hold the lock without a note, as it does when it starts and when it ends."""
NOTE = "running.json"


class NotRunning(Failure):
    """Nothing runs with this state."""


@dataclass(frozen=True)
class Run:
    """A run: the process that started everything, what it started, and what it says of itself once it is up."""

    process: Identity
    children: tuple[Identity, ...] = ()
    stack: dict[str, Any] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.is_alive

    @property
    def leftovers(self) -> list[Identity]:
        """The children that have not ended."""
        return [child for child in self.children if child.is_alive]


def look(state: Path) -> Run | None:
    """The run that is noted in ``state``, alive or left over, or ``None``. Takes no lock and changes nothing.

    What can't be read is no note: it is replaced in one step, but earlier versions wrote another.
    """
    try:
        note = json.loads((state / NOTE).read_text())
        children = tuple(Identity(**child) for child in note["children"])
        return Run(Identity(**note["process"]), children, note["stack"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def note(state: Path, children: Sequence[Identity] = (), stack: dict[str, Any] | None = None) -> None:
    """Note down that this process runs with ``state``."""
    run = Run(Identity.of(os.getpid()), tuple(children), stack)
    temporary = state / f"{NOTE}.tmp"
    temporary.write_text(json.dumps(asdict(run)))
    temporary.chmod(0o600)
    temporary.replace(state / NOTE)


def forget(state: Path) -> None:
    """Remove the note: this run has ended, and all that it stored is saved."""
    (state / NOTE).unlink(missing_ok=True)


def require_none(state: Path) -> None:
    """``Failure`` if a run is noted in ``state`` that has not ended."""
    run = look(state)
    if run is not None and run.is_alive:
        raise _already_runs(state)


def _already_runs(state: Path) -> Failure:
    stop = make_command("stop", STATE_DIR=state)
    return Failure(f"Roster already runs with its state in {state}: choose another STATE_DIR, or {stop}")


@contextmanager
def locked(state: Path, say: Callable[[str], None], patience: float = 30) -> Iterator[IO[str]]:
    """Hold the lock on ``state``: ``Failure`` if another run does.

    What a killed run has left is waited for: it saves what it has, and ends.
    """
    if (state / NOTE).exists() and is_locked(state / NOTE):  # version 0.1.0 locks its note, and only that
        raise _already_runs(state)
    with (state / LOCK).open("a") as lock:
        started = time.monotonic()
        is_told = False
        while not _lock(lock):
            run, waited = look(state), time.monotonic() - started
            # Without a note, a run is about to begin or to end.
            if run.is_alive if run else waited > TURN:
                raise _already_runs(state)
            if waited > patience:
                stop = make_command("stop", STATE_DIR=state)
                raise Failure(f"An earlier run has left processes that do not end: end them with {stop}")
            if run and not is_told:
                say("An earlier run was killed: waiting for it to save and end …")
                is_told = True
            time.sleep(0.05)
        yield lock


def stop(run: Run, seconds: float = GRACE + 20) -> None:
    """End ``run``, or what is left of it; ``Failure`` if that can't be done."""
    deadline = time.monotonic() + seconds
    for member in [run.process] if run.is_alive else run.leftovers:
        member.signal(signal.SIGTERM)
    while run.is_alive or run.leftovers:
        if time.monotonic() > deadline:
            for member in (run.process, *run.children):
                member.signal(signal.SIGKILL)
            raise Failure(f"It did not end within {seconds:.0f} seconds, and was killed.")
        time.sleep(0.05)


def _lock(file: IO[str]) -> bool:
    """Whether the lock is now ours; it ends when all who have this file open have closed it, even by a crash."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
