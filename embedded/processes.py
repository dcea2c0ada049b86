"""Starts, watches and stops processes together with everything that they start themselves."""

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
    """Return a port that is free now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def require_free(port: int, variable: str) -> None:
    """Raise ``Failure`` if ``port``, which the make variable ``variable`` sets, can't be used."""
    try:
        with socket.create_server((HOST, port)):
            pass
    except OSError as error:
        why = "in use by another program" if error.errno == errno.EADDRINUSE else "not available to you"
        raise Failure(f"Port {port} is {why}. Choose another, such as {variable}={free_port()}") from None


def get(url: str, seconds: float) -> bytes:
    """Return the body at ``url``, on this machine. Raise ``OSError`` if that fails or takes longer than ``seconds``."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the user's proxy is not for this machine
    with opener.open(url, timeout=seconds) as response:
        body: bytes = response.read()
    return body


class Process:
    """A command in its own process group, so that Ctrl-C in the terminal does not reach it and its parent can stop it.

    Its output goes to the file ``log``, or to the terminal if that is ``None``. ``options`` go to ``subprocess.Popen``:
    with ``ON_LEASH``, standard input is a pipe that closes when the parent exits, however it exits (see ``leash.py``).
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
        """Identifies it to other processes."""
        return Identity.of(self._popen.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether it is still running."""
        return self._popen.poll() is None

    def wait_until_answering(self, url: str, seconds: float) -> None:
        """Return once ``url`` responds with 200. Raise ``Failure`` if the process exits first or the time is up.

        A response from another process at that address does not count.
        """

        def ask() -> None:
            if not self._listens_on(urlsplit(url).port):
                raise Failure(f"{self.name} is not listening yet.")
            get(url, seconds=1)

        self.wait_until(ask, seconds)

    def wait_until(self, ask: Callable[[], Answer], seconds: float) -> Answer:
        """Retry ``ask`` until it succeeds, and return its result.

        Raise ``Failure`` if the process exits first or the time is up.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except (OSError, Failure):
                pass
            if not self.is_running:
                raise Failure(self._epitaph())
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} did not respond within {seconds:.0f} s: see {self._log}.")
            time.sleep(0.05)

    def _listens_on(self, port: int | None) -> bool:
        try:
            connections = psutil.Process(self._popen.pid).net_connections("tcp")
        except psutil.AccessDenied:  # some systems don't permit this
            return True
        except psutil.NoSuchProcess:
            return False
        return any(one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in connections if one.laddr)

    def wait(self, seconds: float) -> int:
        """Return its exit status when it exits by itself. Raise ``subprocess.TimeoutExpired`` if the time is up."""
        return self._popen.wait(seconds)

    def stop(self, seconds: float = 20) -> int:
        """Stop it and everything that it started, after ``seconds`` by force. Return its exit status."""
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
        """Return the last line of its log, or ``""`` if it has none."""
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log else []
        return lines[-1] if lines else ""

    def _epitaph(self) -> str:
        words = self.last_words()
        return f"{self.name} exited unexpectedly." + (f" {self._log} ends with: {words}" if words else "")


@dataclass(frozen=True)
class Identity:
    """Identifies a process by its number and its start time, because the system reuses numbers."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """Return the identity of the process ``pid``. Raise ``ProcessLookupError`` if there is none."""
        return cls(pid, _started(pid))

    @property
    def is_alive(self) -> bool:
        """Whether it is still running."""
        try:
            return _started(self.pid) == self.started
        except ProcessLookupError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has exited."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _started(pid: int) -> str:
    """Return when the process started, as text that can only be compared.

    On Linux, in clock ticks since boot: psutil converts them to a time of day, which shifts when the clock is set.
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
    if fields[0] in "ZX":  # it has exited, but its parent has not waited for it
        raise ProcessLookupError(pid)
    return f"{boot}:{fields[19]}"
