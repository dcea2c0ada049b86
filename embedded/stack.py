"""The whole of Roster on one machine: embedded AWS, backend stack, demo accounts, ``chalice local``."""

import fcntl
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from embedded import accounts, aws, backend
from embedded.failure import Failure
from embedded.processes import HOST, Process


@dataclass(frozen=True)
class Stack:
    """Where everything is."""

    api: str
    aws_port: int
    outputs: backend.Outputs

    @property
    def aws(self) -> str:
        """The embedded AWS's address."""
        return aws.endpoint(self.aws_port)


@contextmanager
def running(
    port: int, aws_port: int, state: Path, say: Callable[[str], None], log: Path | None = None
) -> Iterator[tuple[Stack, Process, Process]]:
    """Everything, until the context ends: then the API first, then the AWS, which saves its state."""
    state.mkdir(parents=True, exist_ok=True)
    with ExitStack() as started:
        note = started.enter_context((state / "running.json").open("a+"))
        if not _lock(note):
            raise Failure(f"Roster already runs with its state in {state}: choose another with STATE_DIR=…")
        say("Starting the embedded AWS …")
        embedded_aws = started.enter_context(aws.start(aws_port, state))
        say("Deploying the backend stack …")
        outputs = backend.deploy(aws.client("cloudformation", aws_port))
        cognito = aws.client("cognito-idp", aws_port)
        for account in (accounts.ADMIN, accounts.USER):
            accounts.make(cognito, outputs, account)
        say("Starting the API …")
        api = started.enter_context(serve(port, {**aws.environ(aws_port), **backend.settings(outputs)}, log))
        stack = Stack(f"http://{HOST}:{port}", aws_port, outputs)
        note.truncate(0)
        json.dump({**asdict(stack), "outputs": dict(outputs)}, note)
        note.flush()
        yield stack, api, embedded_aws


def serve(port: int, environ: Mapping[str, str], log: Path | None = None) -> Process:
    """``chalice local`` with these settings; return when it answers."""
    chalice = str(Path(sys.executable).parent / "chalice")
    # Its reloader would watch the state and the environments too, and restart in the middle of requests.
    command = [chalice, "local", "--no-autoreload", "--host", HOST, "--port", str(port)]
    api = Process("The API", command, {**environ, "PYTHONUNBUFFERED": "1"}, log)
    try:
        api.wait_until_answering(f"http://{HOST}:{port}/health", seconds=30)
    except BaseException:
        api.stop()
        raise
    return api


def find(state: Path) -> Stack:
    """The stack that runs with its state in ``state``."""
    try:
        with (state / "running.json").open() as note:
            if not _lock(note):  # whoever holds the lock is running
                return Stack(**json.load(note))
    except FileNotFoundError:
        pass
    raise Failure("Roster does not run here: start it with make run, in another terminal.")


def _lock(file: IO[str]) -> bool:
    """Whether the lock is now ours; it ends with the file's closing, even by a crash."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
