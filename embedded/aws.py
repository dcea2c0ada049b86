"""The embedded AWS: ministack, in an environment of its own, on loopback only, its state on disk."""

import json
import os
import re
import sys
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from embedded.emulator import STATUS, saved_state
from embedded.leash import GRACE
from embedded.processes import HOST, ON_LEASH, PROJECT, Process
from infra.cloudformation import Account
from infra.failure import Failure

PYTHON = PROJECT / ".venv-embedded" / "bin" / "python"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}


class NotSaved(Failure):
    """The embedded AWS has ended, and what it stored last could not be saved."""


class EmbeddedAWS(Process):
    """The embedded AWS, running."""

    def __init__(self, port: int, state: Path, keep_open: Sequence[int]) -> None:
        self._state = state
        self.is_up = False
        command = [str(PYTHON), "-m", "embedded.emulator"]
        environ = _settings(port, state.absolute())
        super().__init__("The embedded AWS", command, environ, state / "aws.log", pass_fds=keep_open, **ON_LEASH)

    def stop(self, seconds: float = GRACE) -> int:
        """End it; ``NotSaved`` if it was up and has not saved all it had."""
        was_running = self.is_running and self.is_up
        status = super().stop(seconds)
        if was_running and status != 0:
            at = saved_at(self._state)
            raise NotSaved(
                f"Everything is stopped, but the state could not be saved ({self.last_words() or f'status {status}'}). "
                + (f"{self._state} has what was stored until {at}." if at else f"{self._state} has nothing.")
            )
        return status

    def _epitaph(self) -> str:
        if self._popen.returncode != saved_state.Unreadable.STATUS:
            return super()._epitaph()
        return (
            f"The state in {self._state} can't be read: {self.last_words()} Nothing was started, so nothing in it is "
            f"overwritten. Restore it from a copy, or move it away to start with an empty one."
        )


def start(port: int, state: Path, keep_open: Sequence[int] = ()) -> EmbeddedAWS:
    """Start the embedded AWS on ``port`` with what is kept in ``state``; return when it answers.

    It holds the files ``keep_open`` open as long as it runs.
    """
    if not PYTHON.exists():
        raise Failure("The embedded AWS is not installed: run it by make run, which installs it.")
    for folder in (state / "tmp", state / "aws", state / "s3"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = EmbeddedAWS(port, state, keep_open)
    try:
        process.wait_until_answering(f"{endpoint(port)}/_ministack/health", seconds=60)
        process.is_up = True
    except BaseException:
        process.stop()
        raise
    return process


def _settings(port: int, state: Path) -> dict[str, str]:
    """What ministack is told by its environment."""
    return {
        **_environ_without_aws(),
        # What it checks requests against, under AUTH: their signatures, and what their roles may do.
        **CREDENTIALS,
        "AUTH": "true",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "aws"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        "TMPDIR": str(state / "tmp"),
        "LOG_LEVEL": "WARNING",
        # It would listen for these on further ports, on every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def failure_to_save(port: int) -> str | None:
    """Why the running embedded AWS could not save its state just now, or ``""``; ``None`` if it can't be asked."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"{endpoint(port)}{STATUS}", timeout=1
        ) as a:
            return json.load(a)["error"] or ""
    except (OSError, ValueError):
        return None


def saved_at(state: Path) -> str | None:
    """The moment (ISO 8601, UTC) until which all that was stored is kept in ``state``; ``None`` if nothing is."""
    return saved_state.saved_at(state / "aws" / saved_state.FOLDER)


def endpoint(port: int) -> str:
    """Where the embedded AWS answers."""
    return f"http://{HOST}:{port}"


def environ(port: int) -> dict[str, str]:
    """The environment of a process that shall know no AWS but the embedded one, whatever the user's is set to."""
    return {
        **_environ_without_aws(),
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": endpoint(port),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST])),
    }


def client(service: str, port: int) -> Any:
    """A boto3 client of the embedded AWS."""
    session: Any = boto3.session.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2})
    return session.client(service, region_name=REGION, endpoint_url=endpoint(port), config=config)


def account(port: int, say: Callable[[str], None] = lambda _: None) -> Account:
    """The embedded AWS as an account to deploy in."""
    return Account(lambda service: client(service, port), say, pause=0.05)


def _environ_without_aws() -> dict[str, str]:
    ours = re.compile("AWS_|PYTHON|MAKE|MFLAGS|CHALICE")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"}
