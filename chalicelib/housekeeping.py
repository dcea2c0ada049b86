"""Housekeeping: what the core and each capability clean up once an hour.

Each chore works in steps that are complete in themselves, so a run can end at any time, and two runs at once are
harmless. The next run continues.
"""

import logging
from collections.abc import Callable, Mapping

from chalicelib.deadline import Deadline
from chalicelib.errors import Misconfigured, RosterError

SECONDS = 40.0
"""For all chores of a run together. No step starts later; the function's timeout is 60 s."""

Chore = Callable[[Deadline], Mapping[str, int]]
"""Cleans up until the deadline. Returns how many things it has removed, by what they were."""

log = logging.getLogger("roster")


class HousekeepingFailed(RosterError):
    """At least one chore failed. The others were done."""


class Housekeeping:
    """The chores, in the order in which they joined."""

    def __init__(self) -> None:
        self._chores: dict[str, Chore] = {}

    def join(self, name: str, chore: Chore) -> None:
        """Add a chore. ``name`` must be new."""
        if name in self._chores:
            raise ValueError(f"{name} has joined already")
        self._chores[name] = chore

    def run(self, seconds: float = SECONDS) -> None:
        """Do all chores, and log one line with what was removed. Raises ``HousekeepingFailed``.

        A chore that fails does not keep the others from being done. Each chore gets an equal share of the time that is
        left, so a long one does not starve those after it.
        """
        deadline = Deadline(seconds)
        removed: dict[str, int] = {}
        failed: dict[str, str] = {}
        for position, (name, chore) in enumerate(self._chores.items()):
            share = deadline.seconds_left / (len(self._chores) - position)
            try:
                removed |= chore(Deadline(share))
            except Misconfigured as error:
                failed[name] = error.detail
            except Exception as error:  # noqa: BLE001  (the others have nothing to do with it)
                failed[name] = type(error).__name__
        log.info("housekeeping", extra={"removed": removed, **({"failed": failed} if failed else {})})
        if failed:
            raise HousekeepingFailed(", ".join(failed))
