"""The program behind ``make run``, ``token``, ``mail`` and ``stop``, and behind deployments with ``STAGE=local``."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from embedded import accounts, aws, gateway, housekeeping, mail, runs
from embedded.commands import DEFAULTS, make_command
from embedded.processes import Process, require_free
from embedded.runs import NotRunning
from embedded.stack import Stack, aws_running, environ, find, running
from embedded.state import folder, prepare
from infra import stages
from infra.aws import sentence
from infra.failure import Failure

NEEDS_A_STAGE = ("admin", "outputs")
"""The commands of ``infra`` for a stage that is deployed: the embedded AWS is not started for them."""


def main() -> None:
    """Parse the command line and run its command. On failure, print one sentence and exit with status 1."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    parser.add_argument("--state", default=DEFAULTS["STATE_DIR"], help="the folder that holds the state")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run Roster on an embedded AWS until Ctrl-C")
    run.add_argument("--port", default="8000")
    run.add_argument("--aws-port", default="4566")
    run.add_argument("--docs-port", default="8080")
    run.set_defaults(command=_run)
    token = commands.add_parser("token", help="print an ID token; PASSWORD and NEW_PASSWORD come from the environment")
    token.add_argument("--email", default=accounts.ADMIN.email)
    token.set_defaults(command=_token)
    mailbox = commands.add_parser("mail", help="print the e-mails that would have been sent, the newest last")
    mailbox.set_defaults(command=_mail)
    background = commands.add_parser("aws", help="run the embedded AWS, with the backend stack, until SIGTERM")
    background.add_argument("--aws-port", default="4566")
    background.set_defaults(command=_aws)
    infra = commands.add_parser("infra", help="run python -m infra on the embedded AWS, starting it if necessary")
    infra.add_argument("--aws-port", default="4566")
    infra.add_argument("arguments", nargs=argparse.REMAINDER)
    infra.set_defaults(command=_infra)
    stop = commands.add_parser("stop", help="stop everything that uses this state folder")
    stop.set_defaults(command=_stop)
    arguments = parser.parse_args()
    try:
        arguments.state = folder(arguments.state)
        arguments.command(arguments)
    except Failure as failure:
        sys.exit(str(failure))
    except (BotoCoreError, ClientError) as error:
        sys.exit(sentence(error))


def _run(arguments: argparse.Namespace) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    runs.require_none(arguments.state)
    port = _port(arguments.port, "PORT")
    aws_port = _port(arguments.aws_port, "EMBEDDED_AWS_PORT")
    docs_port = _port(arguments.docs_port, "DOCS_PORT")
    if len({port, aws_port, docs_port}) < 3:
        all_three = f"{port}, {aws_port} and {docs_port}"
        raise Failure(f"PORT, EMBEDDED_AWS_PORT and DOCS_PORT are {all_three}: choose three different ports.")
    from embedded import page  # after the cheap checks: it imports a web framework

    try:
        with (
            running(port, aws_port, arguments.state, _say) as (stack, *processes),
            page.served(docs_port, stack.api, stack.aws_port) as docs,
            housekeeping.Hourly(lambda: housekeeping.start(environ(aws_port, stack.outputs))) as hourly,
        ):
            _say(_welcome(stack, docs, arguments.state))
            _watch(stack, *processes, each_time=hourly.tick)
    except KeyboardInterrupt:
        _say(f"\nRoster has stopped. Your data is kept in {arguments.state}.")


def _port(text: str, variable: str) -> int:
    if not text.isdecimal() or len(text) > 5 or not 0 < int(text) < 2**16:
        raise Failure(f"{variable} is {text}: a port is a number from 1 to 65535.")
    require_free(int(text), variable)
    return int(text)


def _token(arguments: argparse.Namespace) -> None:
    # Passwords come from the environment: command lines are visible in every process list.
    password = os.environ.get("PASSWORD", accounts.PASSWORD)
    stack = find(arguments.state)
    cognito = aws.client("cognito-idp", stack.aws_port)
    client_id = stack.outputs["UserPoolClient"]
    print(accounts.id_token(cognito, client_id, arguments.email, password, os.environ.get("NEW_PASSWORD")))


def _mail(arguments: argparse.Namespace) -> None:
    stack = find(arguments.state)
    try:
        _say(mail.as_text(mail.sent(stack.aws_port)))
    except OSError:
        raise Failure("The embedded AWS does not respond. Try again.") from None


def _aws(arguments: argparse.Namespace) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with aws_running(_port(arguments.aws_port, "EMBEDDED_AWS_PORT"), arguments.state, _say) as (stack, process):
            _watch(stack, process)
    except KeyboardInterrupt:
        pass


def _infra(arguments: argparse.Namespace) -> None:
    command_name = arguments.arguments[0]
    try:
        stack = find(arguments.state)
    except NotRunning:
        if command_name in NEEDS_A_STAGE:
            settings = {"STAGE": "local", "STATE_DIR": arguments.state, "EMBEDDED_AWS_PORT": arguments.aws_port}
            deploy = make_command("deploy", **settings)
            raise Failure(f"The embedded AWS is not running. Start it and deploy with {deploy}") from None
        stack = _started_in_background(arguments)
    if command_name not in NEEDS_A_STAGE and str(stack.aws_port) != arguments.aws_port:
        _say(f"The embedded AWS of {arguments.state} is already running on port {stack.aws_port}. Using that port.")
    # In a separate process, because the environment decides which AWS a program uses.
    parameters = {
        "EmulatorEndpoint": stack.aws,
        "AuthParameters": f"USERNAME={accounts.ADMIN.email},PASSWORD={accounts.PASSWORD}",
    }
    options = [f"--parameter={name}={value}" for name, value in parameters.items()]
    command = [sys.executable, "-m", "infra", *arguments.arguments, *options]
    status = subprocess.run(command, env=aws.environ(stack.aws_port), check=False).returncode
    if status == 0 and command_name == "deploy":
        gateway.complete(aws.account(stack.aws_port), stages.stage("local"))
    if status == 0 and command_name == "admin":
        _say(f"No e-mail leaves this machine: {make_command('mail', STATE_DIR=arguments.state)} prints them.")
    sys.exit(status)


def _started_in_background(arguments: argparse.Namespace) -> Stack:
    _port(arguments.aws_port, "EMBEDDED_AWS_PORT")
    state: Path = arguments.state
    prepare(state)
    stop = make_command("stop", STATE_DIR=state)
    _say(f"Starting the embedded AWS in the background on port {arguments.aws_port}. To stop it: {stop}")
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
        raise NotRunning(f"Nothing to stop: Roster is not running with its state in {state}.")
    was_alive = run.is_alive
    runs.stop(run)
    if was_alive and runs.look(state):
        raise Failure(f"Stopped, but the state could not be saved. {_kept(state)} See {state}/aws.log.")
    if not was_alive:
        _say("Cleaned up after a run that was killed.")
    _say(f"Stopped. {_kept(state)}")


def _kept(state: Path) -> str:
    at = aws.saved_at(state)
    return f"{state} contains everything stored until {at}." if at else f"{state} has no data."


def _interrupt(_number: int, _frame: object) -> None:
    _ignore_interrupts()
    raise KeyboardInterrupt


def _ignore_interrupts() -> None:
    """Ignore further signals, so that a second Ctrl-C does not interrupt saving the state."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _watch(stack: Stack, *processes: Process, each_time: Callable[[], None] = lambda: None) -> None:
    """Raise ``Failure`` when a process exits. Until then, report when saving starts to fail and when it works again.

    Call ``each_time`` twice a second.
    """
    error = ""
    while True:
        each_time()
        for process in processes:
            if not process.is_running:
                _ignore_interrupts()
                raise Failure(f"{process.name} exited unexpectedly, so everything else was stopped too.")
        now = aws.failure_to_save(stack.aws_port)
        if now and now != error:
            _say(f"The state can't be saved ({now}). Anything stored from now on may be lost.")
        elif error and now == "":
            _say("The state is being saved again.")
        error = error if now is None else now
        time.sleep(0.5)


def _say(text: str) -> None:
    sys.stdout.buffer.write(os.fsencode(f"{text}\n"))  # a path need not be UTF-8
    sys.stdout.flush()


def _welcome(stack: Stack, docs: str, state: Path) -> str:
    token = make_command("-s token", STATE_DIR=state)
    user_token = make_command("-s token", STATE_DIR=state, EMAIL=accounts.USER.email)
    return f"""
Roster is running. Press Ctrl-C to stop it.

  Console       {stack.api}/console, to sign in, sign up and administer
  API           {stack.api}
  Documentation {docs}, to read and to send requests from
  Mailbox       {docs}/mail, with the e-mails to all accounts
  Embedded AWS  {stack.aws}
  User pool     {stack.outputs["UserPool"]}, app client {stack.outputs["UserPoolClient"]}
  Accounts      {accounts.ADMIN.email} and {accounts.USER.email}, password {accounts.PASSWORD}
  State         {state}

Try it in another terminal, in this folder:

  curl -i {stack.api}/users
  curl -H "Authorization: Bearer $({token})" {stack.api}/users
  curl -H "Authorization: Bearer $({user_token})" {stack.api}/
"""


if __name__ == "__main__":
    main()
