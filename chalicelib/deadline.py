"""A time limit for work that is done in steps, and can be continued later."""

import time


class Deadline:
    """A point in time, ``seconds`` from now. Work checks it before each step."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def seconds_left(self) -> float:
        """The seconds until then; 0 if it has passed."""
        return max(0.0, self._at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether no further step may start."""
        return time.monotonic() >= self._at
