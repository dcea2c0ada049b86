"""Runs all of Roster on one machine: embedded AWS, backend stack, demo accounts, ``chalice local``, images function."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from embedded import accounts, aws, images, runs
from embedded.commands import make_command
from embedded.processes import HOST, ON_LEASH, Process
from embedded.runs import NotRunning
from embedded.state import prepare
from infra import backend, parts, stages
from infra.cloudformation import Outputs

UNRECORDED = "make_run"
"""The stage of ``chalice local``. Chalice would use the settings that ``make backend`` has recorded for a stage, which
are another backend's. No stage has this name, because of the underscore."""


@dataclass(frozen=True)
class Stack:
    """The addresses and outputs of what is running. ``api`` is empty if only the embedded AWS is."""

    api: str
    aws_port: int
    outputs: Outputs

    @property
    def aws(self) -> str:
        """The URL of the embedded AWS."""
        return aws.endpoint(self.aws_port)


@contextmanager
def aws_running(aws_port: int, state: Path, say: Callable[[str], None]) -> Iterator[tuple[Stack, Process]]:
    """Run the embedded AWS with the backend stack and the demo accounts. When the context ends, save its state."""
    prepare(state)
    with runs.locked(state, say) as lock:
        if runs.look(state) and (at := aws.saved_at(state)):
            say(f"The last run did not shut down cleanly. Continuing with the state saved at {at}.")
        runs.note(state)
        say("Starting the embedded AWS …")
        try:
            embedded_aws = aws.start(aws_port, state, keep_open=[lock.fileno()])
        except BaseException:
            runs.forget(state)
            raise
        try:
            runs.note(state, [embedded_aws.identity])
            say("Deploying the backend stack …")
            outputs = backend.deploy(aws.account(aws_port), stages.stage("local"))
            cognito = aws.client("cognito-idp", aws_port)
            for account in (accounts.ADMIN, accounts.USER):
                accounts.make(cognito, outputs, account)
            stack = Stack("", aws_port, dict(outputs))
            runs.note(state, [embedded_aws.identity], asdict(stack))
            yield stack, embedded_aws
        finally:
            if embedded_aws.stop() == 0:
                runs.forget(state)


@contextmanager
def running(
    port: int, aws_port: int, state: Path, say: Callable[[str], None], log: Path | None = None
) -> Iterator[tuple[Stack, Process, Process, Process]]:
    """Run everything. When the context ends, stop the embedded AWS, which saves its state, last."""
    with aws_running(aws_port, state, say) as (stack, embedded_aws):
        say("Starting the API …")
        settings = environ(aws_port, stack.outputs)
        with (
            serve(port, settings, log) as api,
            images.start(settings, log and log.with_name("images.log")) as worker,
        ):
            whole = replace(stack, api=f"http://{HOST}:{port}")
            runs.note(state, [embedded_aws.identity, api.identity, worker.identity], asdict(whole))
            yield whole, api, worker, embedded_aws


def environ(aws_port: int, outputs: Outputs) -> dict[str, str]:
    """Return the environment of ``chalice local`` on the embedded AWS, with the settings of the stage ``local``."""
    return {**aws.environ(aws_port), **parts.values({**stages.stage("local").api, **outputs})}


def serve(port: int, environ: Mapping[str, str], log: Path | None = None) -> Process:
    """Start ``chalice local`` with these settings, and return when it responds."""
    chalice = str(Path(sys.executable).parent / "chalice")
    # The reloader would also watch the state and the virtual environments, and restart during requests.
    command = [sys.executable, "-m", "embedded.leash", chalice, "local", "--no-autoreload"]
    command += ["--stage", UNRECORDED]
    command += ["--host", HOST, "--port", str(port)]
    api = Process("The API", command, {**environ, "PYTHONUNBUFFERED": "1"}, log, **ON_LEASH)
    try:
        api.wait_until_answering(f"http://{HOST}:{port}/health", seconds=30)
    except BaseException:
        api.stop()
        raise
    return api


def find(state: Path) -> Stack:
    """Return the stack that runs with ``state``. Raise ``NotRunning`` if none does, or if it is still starting."""
    run = runs.look(state)
    if run is None or run.stack is None or not run.is_alive:
        start = make_command("run", STATE_DIR=state)
        raise NotRunning(f"Roster is not running. Start it in another terminal with {start}")
    return Stack(**run.stack)
