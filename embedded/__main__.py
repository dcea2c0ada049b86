"""``make run``, ``make token`` and ``make stop``; and ``make deploy`` and its like with ``STAGE=local``."""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from embedded import accounts, aws, gateway, runs
from embedded.commands import DEFAULTS, make_command
from embedded.processes import Process, require_free
from embedded.runs import NotRunning
from embedded.stack import Stack, aws_running, find, running
from embedded.state import folder, prepare
from infra import stages
from infra.failure import Failure


def main() -> None:
    """Parse the command line, do what it says; 1 and one sentence if that can't be done."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    parser.add_argument("--state", default=DEFAULTS["STATE_DIR"], help="where the state is kept")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run Roster on an embedded AWS until Ctrl-C")
    run.add_argument("--port", default="8000")
    run.add_argument("--aws-port", default="4566")
    run.add_argument("--docs-port", default="8080")
    run.set_defaults(command=_run)
    token = commands.add_parser("token", help="print an ID token; PASSWORD and NEW_PASSWORD come from the environment")
    token.add_argument("--email", default=accounts.ADMIN.email)
    token.set_defaults(command=_token)
    background = commands.add_parser("aws", help="run the embedded AWS, with the backend stack, until SIGTERM")
    background.add_argument("--aws-port", default="4566")
    background.set_defaults(command=_aws)
    infra = commands.add_parser("infra", help="run python -m infra on the embedded AWS, started if it doesn't run")
    infra.add_argument("--aws-port", default="4566")
    infra.add_argument("arguments", nargs=argparse.REMAINDER)
    infra.set_defaults(command=_infra)
    stop = commands.add_parser("stop", help="end what runs with this state")
    stop.set_defaults(command=_stop)
    arguments = parser.parse_args()
    try:
        arguments.state = folder(arguments.state)
        arguments.command(arguments)
    except Failure as failure:
        sys.exit(str(failure))


def _run(arguments: argparse.Namespace) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    runs.require_none(arguments.state)
    port = _port(arguments.port, "PORT")
    aws_port = _port(arguments.aws_port, "EMBEDDED_AWS_PORT")
    docs_port = _port(arguments.docs_port, "DOCS_PORT")
    if len({port, aws_port, docs_port}) < 3:
        all_three = f"{port}, {aws_port} and {docs_port}"
        raise Failure(f"PORT, EMBEDDED_AWS_PORT and DOCS_PORT are {all_three}: choose three different ones.")
    from embedded import page  # after the cheap checks: it brings a web framework

    try:
        with (
            running(port, aws_port, arguments.state, _say) as (stack, *processes),
            page.served(docs_port, stack.api) as docs,
        ):
            _say(_welcome(stack, docs, arguments.state))
            _watch(stack, *processes)
    except KeyboardInterrupt:
        _say(f"\nEverything is stopped. What was stored is kept in {arguments.state}.")


def _port(text: str, variable: str) -> int:
    if not text.isdecimal() or len(text) > 5 or not 0 < int(text) < 2**16:
        raise Failure(f"{variable} is {text}: a port is a number from 1 to 65535.")
    require_free(int(text), variable)
    return int(text)


def _token(arguments: argparse.Namespace) -> None:
    # Passwords come by the environment: a command line shows in every process list.
    password = os.environ.get("PASSWORD", accounts.PASSWORD)
    stack = find(arguments.state)
    cognito = aws.client("cognito-idp", stack.aws_port)
    client_id = stack.outputs["UserPoolClient"]
    print(accounts.id_token(cognito, client_id, arguments.email, password, os.environ.get("NEW_PASSWORD")))


def _aws(arguments: argparse.Namespace) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with aws_running(_port(arguments.aws_port, "EMBEDDED_AWS_PORT"), arguments.state, _say) as (stack, process):
            _watch(stack, process)
    except KeyboardInterrupt:
        pass


def _infra(arguments: argparse.Namespace) -> None:
    try:
        stack = find(arguments.state)
    except NotRunning:
        if arguments.arguments[0] == "outputs":
            settings = {"STAGE": "local", "STATE_DIR": arguments.state, "EMBEDDED_AWS_PORT": arguments.aws_port}
            deploy = make_command("deploy", **settings)
            raise Failure(f"The embedded AWS does not run here: start it and deploy with {deploy}") from None
        stack = _started_in_background(arguments)
    if arguments.arguments[0] != "outputs" and str(stack.aws_port) != arguments.aws_port:
        _say(f"The embedded AWS of {arguments.state} runs on port {stack.aws_port}: using that one.")
    # As a process of its own: which AWS a program means is in its environment.
    parameters = {
        "EmulatorEndpoint": stack.aws,
        "AuthParameters": f"USERNAME={accounts.ADMIN.email},PASSWORD={accounts.PASSWORD}",
    }
    options = [f"--parameter={name}={value}" for name, value in parameters.items()]
    command = [sys.executable, "-m", "infra", *arguments.arguments, *options]
    status = subprocess.run(command, env=aws.environ(stack.aws_port), check=False).returncode
    if status == 0 and arguments.arguments[0] == "deploy":
        gateway.complete(aws.account(stack.aws_port), stages.stage("local"))
    sys.exit(status)


def _started_in_background(arguments: argparse.Namespace) -> Stack:
    _port(arguments.aws_port, "EMBEDDED_AWS_PORT")
    state: Path = arguments.state
    prepare(state)
    stop = make_command("stop", STATE_DIR=state)
    _say(f"Starting the embedded AWS, in the background on port {arguments.aws_port}. To end it: {stop}")
    command = [
        sys.executable,
        "-m",
        "embedded",
        f"--state={state.absolute()}",
        "aws",
        f"--aws-port={arguments.aws_port}",
    ]
    process = Process("The embedded AWS", command, os.environ, log=state / "background.log")
    return process.wait_until(lambda: find(state), seconds=60)


def _stop(arguments: argparse.Namespace) -> None:
    state: Path = arguments.state
    run = runs.look(state)
    if run is None or not (run.is_alive or run.leftovers):
        raise NotRunning(f"Nothing runs with its state in {state}: there is nothing to stop.")
    was_alive = run.is_alive
    runs.stop(run)
    if was_alive and runs.look(state):
        raise Failure(f"Stopped, but the state could not be saved. {_kept(state)} See {state}/aws.log.")
    if not was_alive:
        _say("What a killed run had left is stopped.")
    _say(f"Stopped. {_kept(state)}")


def _kept(state: Path) -> str:
    at = aws.saved_at(state)
    return f"{state} has what was stored until {at}." if at else f"{state} has nothing."


def _interrupt(_number: int, _frame: object) -> None:
    _ignore_interrupts()
    raise KeyboardInterrupt


def _ignore_interrupts() -> None:
    """From now on: a second Ctrl-C must not interrupt the saving of the state."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _watch(stack: Stack, *processes: Process) -> None:
    """Return never: ``Failure`` when a process ends. Say so when the state can't be saved, and when it can again."""
    error = ""
    while True:
        for process in processes:
            if not process.is_running:
                _ignore_interrupts()
                raise Failure(f"{process.name} ended by itself; everything else is stopped too.")
        now = aws.failure_to_save(stack.aws_port)
        if now and now != error:
            _say(f"The state can't be saved ({now}): what is stored from now on may get lost.")
        elif error and now == "":
            _say("The state is saved again.")
        error = error if now is None else now
        time.sleep(0.5)


def _say(text: str) -> None:
    sys.stdout.buffer.write(os.fsencode(f"{text}\n"))  # a path need not be UTF-8
    sys.stdout.flush()


def _welcome(stack: Stack, docs: str, state: Path) -> str:
    token = make_command("-s token", STATE_DIR=state)
    user_token = make_command("-s token", STATE_DIR=state, EMAIL=accounts.USER.email)
    return f"""
Roster is up. Ctrl-C stops it.

  API           {stack.api}
  Documentation {docs}, to read and to try
  Embedded AWS  {stack.aws}
  User pool     {stack.outputs["UserPool"]}, app client {stack.outputs["UserPoolClient"]}
  Accounts      {accounts.ADMIN.email} and {accounts.USER.email}, password {accounts.PASSWORD}
  State         {state}

Try it, in this folder of another terminal:

  curl -i {stack.api}/users
  curl -H "Authorization: Bearer $({token})" {stack.api}/users
  curl -H "Authorization: Bearer $({user_token})" {stack.api}/
"""


if __name__ == "__main__":
    main()
