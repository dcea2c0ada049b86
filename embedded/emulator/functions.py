"""Lambda functions respond without waiting for log lines that will not come."""

from functools import partialmethod
from typing import Any

from ministack.core import lambda_runtime

WAIT_FOR_LOG = 0.01
"""Seconds from a function's response until its log lines have been read. A function writes them before it responds.
Later ones are in the log, too, with those of the next invocation."""


def install() -> None:
    """Replace ministack's 50 ms, which each invocation that logs nothing would take longer."""
    worker: Any = lambda_runtime.Worker
    worker._drain_stderr_bounded = partialmethod(worker._drain_stderr_bounded, first_line_wait=WAIT_FOR_LOG)
