"""The embedded AWS: ministack, in an environment of its own, on loopback only, its state on disk."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from embedded.processes import HOST, Process
from infra.cloudformation import Account
from infra.failure import Failure

PROJECT = Path(__file__).resolve().parent.parent
MINISTACK = PROJECT / ".venv-embedded" / "bin" / "ministack"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}


def start(port: int, state: Path) -> Process:
    """Start the embedded AWS on ``port`` with what is kept in ``state``; return when it answers."""
    if not MINISTACK.exists():
        raise Failure("The embedded AWS is not installed: run it by make run, which installs it.")
    scratch = state / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    environ = {
        **_environ_without_aws(),
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "aws"),
        "TMPDIR": str(scratch),
        "LOG_LEVEL": "WARNING",
        # It would listen for these on further ports, on every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    process = Process("The embedded AWS", [str(MINISTACK)], environ, log=state / "aws.log")
    try:
        process.wait_until_answering(f"{endpoint(port)}/_ministack/health", seconds=60)
    except BaseException:
        process.stop()
        raise
    return process


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
