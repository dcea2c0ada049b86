"""The embedded AWS: ministack in its own virtual environment, on loopback only, with its state on disk."""

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from embedded.emulator import STATUS, saved_state
from embedded.leash import GRACE
from embedded.processes import HOST, ON_LEASH, PROJECT, Process, get
from infra.cloudformation import Account
from infra.failure import Failure

PYTHON = PROJECT / ".venv-embedded" / "bin" / "python"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}


class NotSaved(Failure):
    """The embedded AWS has exited and could not save its latest state."""


class EmbeddedAWS(Process):
    """The process of the embedded AWS."""

    def __init__(self, port: int, state: Path, keep_open: Sequence[int]) -> None:
        self._state = state
        self.is_up = False
        command = [str(PYTHON), "-m", "embedded.emulator"]
        environ = _settings(port, state.absolute())
        super().__init__("The embedded AWS", command, environ, state / "aws.log", pass_fds=keep_open, **ON_LEASH)

    def stop(self, seconds: float = GRACE) -> int:
        """Stop it and return its exit status. Raise ``NotSaved`` if it was up and could not save its state."""
        was_running = self.is_running and self.is_up
        status = super().stop(seconds)
        if was_running and status != 0:
            at = saved_at(self._state)
            raise NotSaved(
                f"The embedded AWS stopped, but could not save its state ({self.last_words() or f'status {status}'}). "
                + (f"{self._state} contains everything stored until {at}." if at else f"{self._state} has no data.")
            )
        return status

    def _epitaph(self) -> str:
        if self._popen.returncode != saved_state.Unreadable.STATUS:
            return super()._epitaph()
        return (
            f"The state in {self._state} can't be read: {self.last_words()} Nothing was started or changed. "
            f"Restore the folder from a backup, or move it away to start with an empty state."
        )


def start(port: int, state: Path, keep_open: Sequence[int] = ()) -> EmbeddedAWS:
    """Start the embedded AWS on ``port`` with the state in ``state``, and return when it responds.

    It keeps the file descriptors ``keep_open`` open as long as it runs.
    """
    if not PYTHON.exists():
        raise Failure("The embedded AWS is not installed. Run make run, which installs it.")
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
    """Return ministack's settings, which are environment variables."""
    return {
        **_environ_without_aws(),
        # The root user's credentials. With AUTH, ministack verifies signatures and the permissions of roles.
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
        # These services would listen on additional ports, on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def failure_to_save(port: int) -> str | None:
    """Return why the last save failed, ``""`` if it succeeded, or ``None`` if the embedded AWS does not respond."""
    try:
        return json.loads(get(f"{endpoint(port)}{STATUS}", seconds=1))["error"] or ""
    except (OSError, ValueError):
        return None


def saved_at(state: Path) -> str | None:
    """Return the time (ISO 8601, UTC) of the last complete save in ``state``, or ``None`` if there is none."""
    return saved_state.saved_at(state / "aws" / saved_state.FOLDER)


def endpoint(port: int) -> str:
    """Return the URL of the embedded AWS."""
    return f"http://{HOST}:{port}"


def environ(port: int) -> dict[str, str]:
    """Return the environment for a process that must use only the embedded AWS, whatever the user has configured."""
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
    """Return a boto3 client for the embedded AWS."""
    # Without the user's configuration, because a missing AWS_PROFILE or an invalid file would be an error here too.
    own = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    core = botocore.session.Session({**own, "credentials_file": (None, None, os.devnull, None)})
    keys = (CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    session: Any = boto3.session.Session(*keys, botocore_session=core)
    config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2})
    return session.client(service, region_name=REGION, endpoint_url=endpoint(port), config=config)


def account(port: int, say: Callable[[str], None] = lambda _: None) -> Account:
    """Return the embedded AWS as an account to deploy to."""
    return Account(cache(lambda service: client(service, port)), say, pause=0.05)


def _environ_without_aws() -> dict[str, str]:
    dropped = re.compile("AWS_|PYTHON|MAKE|MFLAGS|CHALICE")
    kept = {name: value for name, value in os.environ.items() if not dropped.match(name)}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"}
