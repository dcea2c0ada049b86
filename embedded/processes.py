"""Processes that are started, watched and ended together with everything they started themselves."""

import errno
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar
from urllib.parse import urlsplit

import psutil

from infra.failure import Failure

HOST = "127.0.0.1"
PROJECT = Path(__file__).resolve().parent.parent
ON_LEASH = {"stdin": subprocess.PIPE}
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

    ``log`` is where its output goes; ``None`` leaves it on the terminal. ``options`` are ``subprocess.Popen``'s; with
    ``ON_LEASH``, standard input is a pipe that closes when this process ends, however it ends (see ``leash.py``).
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        log: Path | None = None,
        **options: Any,
    ) -> None:
        self.name = name
        self._log = log
        output: IO[bytes] | None = None
        if log:
            log.touch(mode=0o600)
            output = log.open("wb")
        try:
            self._popen = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=dict(environ),
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
                **{"stdin": subprocess.DEVNULL, **options},
            )
        finally:
            if output:
                output.close()

    @property
    def identity(self) -> "Identity":
        """By which other processes can tell it."""
        return Identity.of(self._popen.pid)

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
        """Return once ``url`` answers 200; ``Failure`` if the process ends first or the time is up.

        Somebody else who answers there does not count.
        """

        def ask() -> None:
            if not self._listens_on(urlsplit(url).port):
                raise Failure(f"{self.name} does not listen yet.")
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
                raise Failure(self._epitaph())
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} does not answer after {seconds:.0f} seconds: see {self._log}.")
            time.sleep(0.05)

    def _listens_on(self, port: int | None) -> bool:
        try:
            connections = psutil.Process(self._popen.pid).net_connections("tcp")
        except psutil.AccessDenied:  # not every system lets one look
            return True
        except psutil.NoSuchProcess:
            return False
        return any(one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in connections if one.laddr)

    def stop(self, seconds: float = 20) -> int:
        """Ask it and all that it started to end; after ``seconds``, end it. Its exit status."""
        if self.is_running:
            os.killpg(self._popen.pid, signal.SIGTERM)
            try:
                self._popen.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(self._popen.pid, signal.SIGKILL)
                self._popen.wait()
        if self._popen.stdin:
            self._popen.stdin.close()
        return self._popen.returncode

    def last_words(self) -> str:
        """The last line of its output, if that went to a log."""
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log else []
        return lines[-1] if lines else ""

    def _epitaph(self) -> str:
        words = self.last_words()
        return f"{self.name} ended by itself." + (f" {self._log} ends with: {words}" if words else "")


@dataclass(frozen=True)
class Identity:
    """A process, told by more than its number, which another one may have by now. ``pid`` and ``started`` are all."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """The process that has this number now; ``ProcessLookupError`` if none has."""
        return cls(pid, _started(pid))

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        try:
            return _started(self.pid) == self.started
        except ProcessLookupError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _started(pid: int) -> str:
    """When the process started, as text that is compared only.

    On Linux, clock ticks since that boot: psutil computes a time of day from them, which moves when the clock is set.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        try:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                return str(process.create_time())
        except psutil.Error:
            pass
        raise ProcessLookupError(pid) from None
    if fields[0] in "ZX":  # it has ended, and nobody has asked how
        raise ProcessLookupError(pid)
    return f"{boot}:{fields[19]}"
