"""The whole of Roster on one machine: embedded AWS, backend stack, demo accounts, ``chalice local``."""

import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from embedded import accounts, aws
from embedded.commands import make_command
from embedded.processes import HOST, Process
from embedded.state import prepare
from infra import backend, stages
from infra.cloudformation import Outputs
from infra.failure import Failure


class NotRunning(Failure):
    """Nothing runs with this state."""


@dataclass(frozen=True)
class Stack:
    """Where everything is. ``api`` is empty where only the embedded AWS runs; ``pid`` is the process that runs it."""

    api: str
    aws_port: int
    outputs: Outputs
    pid: int

    @property
    def aws(self) -> str:
        """The embedded AWS's address."""
        return aws.endpoint(self.aws_port)


@contextmanager
def aws_running(aws_port: int, state: Path, say: Callable[[str], None]) -> Iterator[tuple[Stack, Process]]:
    """The embedded AWS with the backend stack and the demo accounts, until the context ends and saves its state."""
    prepare(state)
    with ExitStack() as started:
        note = started.enter_context((state / "running.json").open("a+"))
        if not _lock(note):
            stop = make_command("stop", STATE_DIR=state)
            raise Failure(f"Roster already runs with its state in {state}: choose another STATE_DIR, or {stop}")
        note.truncate(0)  # what it said of an earlier run
        say("Starting the embedded AWS …")
        embedded_aws = started.enter_context(aws.start(aws_port, state))
        say("Deploying the backend stack …")
        outputs = backend.deploy(aws.account(aws_port), stages.stage("local"))
        cognito = aws.client("cognito-idp", aws_port)
        for account in (accounts.ADMIN, accounts.USER):
            accounts.make(cognito, outputs, account)
        stack = Stack("", aws_port, outputs, os.getpid())
        _note(note, stack)
        yield stack, embedded_aws


@contextmanager
def running(
    port: int, aws_port: int, state: Path, say: Callable[[str], None], log: Path | None = None
) -> Iterator[tuple[Stack, Process, Process]]:
    """Everything, until the context ends: then the API first, then the AWS, which saves its state."""
    with aws_running(aws_port, state, say) as (stack, embedded_aws):
        say("Starting the API …")
        with serve(port, {**aws.environ(aws_port), **backend.settings(stack.outputs)}, log) as api:
            whole = replace(stack, api=f"http://{HOST}:{port}")
            with (state / "running.json").open("r+") as note:
                _note(note, whole)
            yield whole, api, embedded_aws


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
    """The stack that runs with its state in ``state``; ``NotRunning`` if none does, or not yet."""
    try:
        with (state / "running.json").open() as note:
            if not _lock(note):  # whoever holds the lock is running
                return Stack(**json.load(note))
    except (OSError, json.JSONDecodeError):
        pass
    run = make_command("run", STATE_DIR=state)
    raise NotRunning(f"Roster does not run here: start it in another terminal, with {run}")


def _note(file: IO[str], stack: Stack) -> None:
    file.truncate(0)
    file.seek(0)
    json.dump({**asdict(stack), "outputs": dict(stack.outputs)}, file)
    file.flush()


def _lock(file: IO[str]) -> bool:
    """Whether the lock is now ours; it ends with the file's closing, even by a crash."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
