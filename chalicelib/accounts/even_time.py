"""Even response times: how long a response takes must not reveal who has an account.

A known address costs other calls to Cognito than an unknown one. So a response that both get alike is sent at a whole
multiple of a fixed time after the request arrived, whatever the calls took.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class EvenTime:
    """Holds responses back until a multiple of ``step`` seconds. 0 turns it off."""

    def __init__(self, step: float) -> None:
        self._step = step

    @contextmanager
    def always(self) -> Iterator[None]:
        """Hold every outcome back."""
        with self.failures():
            started = time.monotonic()
            yield
            self._wait(started)

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Hold failures back. Who succeeds has proved to own the account, and does not wait."""
        started = time.monotonic()
        try:
            yield
        except Exception:
            self._wait(started)
            raise

    def _wait(self, started: float) -> None:
        if self._step > 0:
            passed = time.monotonic() - started
            time.sleep(self._step - passed % self._step)
