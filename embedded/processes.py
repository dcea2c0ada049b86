"""Processes that are started, watched and ended together with everything they started themselves."""

import errno
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

from infra.failure import Failure

HOST = "127.0.0.1"
Answer = TypeVar("Answer")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def require_free(port: int, variable: str) -> None:
    """End with a clear sentence if somebody listens on ``port``, which the Make variable ``variable`` sets."""
    try:
        with socket.create_server((HOST, port)):
            pass
    except OSError as error:
        why = "taken by another program" if error.errno == errno.EADDRINUSE else "not ours to use"
        raise Failure(f"Port {port} is {why}: choose another, such as {variable}={free_port()}") from None


class Process:
    """A command in a process group of its own, so that a Ctrl-C in the terminal reaches only us and we end it in order.

    ``log`` is where its output goes; ``None`` leaves it on the terminal.
    """

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path | None = None) -> None:
        self.name = name
        self._log = log
        output: IO[bytes] | None = log.open("wb") if log else None
        try:
            self._popen = subprocess.Popen(
                command,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def wait_until_answering(self, url: str, seconds: float) -> None:
        """Return once ``url`` answers 200; ``Failure`` if the process ends first or the time is up."""

        def ask() -> None:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=1):
                pass

        self.wait_until(ask, seconds)

    def wait_until(self, ask: Callable[[], Answer], seconds: float) -> Answer:
        """What ``ask`` returns, once it raises no more; ``Failure`` if the process ends first or the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except (OSError, Failure):
                pass
            if not self.is_running:
                raise Failure(f"{self.name} ended by itself.{self._last_words()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} does not answer after {seconds:.0f} seconds.{self._last_words()}")
            time.sleep(0.05)

    def stop(self, seconds: float = 20) -> None:
        """Ask it and all that it started to end; after ``seconds``, end it."""
        if self.is_running:
            os.killpg(self._popen.pid, signal.SIGTERM)
            try:
                self._popen.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(self._popen.pid, signal.SIGKILL)
                self._popen.wait()

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f" {self._log} ends with: {lines[-1]}" if lines else f" {self._log} is empty."
