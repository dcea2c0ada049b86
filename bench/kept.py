"""What a stored thing can be after writes, some of which have failed: what a user of ``make load`` remembers."""

import time
from collections.abc import Callable, Iterator
from typing import Any

Change = Callable[[Any], Any]

LATE = 120
"""Seconds within which a failed write can still take effect: a database may do what nobody waits for any more."""


class Kept:
    """A stored thing that only one client writes. It is at first ``state``: ``None`` if it does not exist."""

    def __init__(self, state: Any) -> None:
        self._possible = [state]
        self._late: list[tuple[float, Change]] = []

    def states(self, now: float | None = None) -> list[Any]:
        """Return all states that it can be in: failed writes may have happened or not, in any order."""
        at = time.monotonic() if now is None else now
        found = list(_distinct(self._possible))
        for state in found:  # grows while it is read
            for _, change in self._late:
                after = change(state)
                if after not in found:
                    found.append(after)
        if any(at - sent > LATE for sent, _ in self._late):
            self._possible = found
            self._late = [(sent, change) for sent, change in self._late if at - sent <= LATE]
        return found

    def written(self, change: Change) -> None:
        """Remember a write that was acknowledged."""
        self._possible = [change(state) for state in self.states()]

    def failed(self, change: Change, now: float | None = None) -> None:
        """Remember a write that may have happened, or may happen within ``LATE`` seconds."""
        self._late.append((time.monotonic() if now is None else now, change))

    def read(self, seen: Any) -> bool:
        """Return whether ``seen`` is a possible state. If so, it is the state from now on."""
        right = seen in self.states()
        if right:
            self._possible = [seen]
        return right


def _distinct(states: list[Any]) -> Iterator[Any]:
    seen: list[Any] = []
    for state in states:
        if state not in seen:
            seen.append(state)
            yield state
