"""The program behind ``make deploy``, ``make destroy``, ``make outputs``, ``make backend`` and ``make admin``.

Its command ``policy`` prints the IAM policy of the role that deploys.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

from botocore.exceptions import BotoCoreError, ClientError

from infra import administrator, api, aws, backend, chalice_stage, data, layers, package, parts, risks
from infra.cloudformation import Account, Outputs, Stack
from infra.failure import Failure
from infra.stages import Stage, stage

# Seconds between two requests for the status of a stack. AWS throttles frequent requests; an emulator does not.
PAUSE = 0.1 if "AWS_ENDPOINT_URL" in os.environ else 2.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. If it fails, print one sentence and exit with status 1."""
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    parser.add_argument("command", choices=[*COMMANDS, "policy"])
    parser.add_argument("--stage", default="dev")
    parser.add_argument(
        "--with-data", action="store_true", help="destroy: also delete the backend, the tables and the user pool"
    )
    parser.add_argument("--yes", action="store_true", help="destroy: do not ask for confirmation")
    parser.add_argument(
        "--accept-risks", action="store_true", help="deploy, backend: deploy a protected stage with risky settings"
    )
    parser.add_argument("--email", default="", help="admin: the address of the administrator")
    parser.add_argument("--name", default="", help="admin: the name of an administrator who has no account yet")
    parser.add_argument(
        "--parameter",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="deploy: set a parameter of the API stack, unless infra/stages.yaml sets it",
    )
    options = parser.parse_args(arguments)
    try:
        if options.command == "policy":
            print(json.dumps(parts.deploy_policy(), indent=2))
            return
        where = stage(options.stage)
        session = aws.session()
        account = Account(cache(partial(aws.client, session)), _say, PAUSE)
        COMMANDS[options.command](account, where, options)
    except Failure as failure:
        sys.exit(str(failure))
    except (BotoCoreError, ClientError) as error:
        sys.exit(aws.sentence(error))
    except KeyboardInterrupt:
        sys.exit(
            "\nInterrupted. CloudFormation completes what it has started: see its console, or run the command again."
        )


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _deploy(account: Account, where: Stage, options: argparse.Namespace) -> None:
    where.require_runtime("deploy")
    where = replace(where, api={**dict(options.parameter), **where.api})
    _require_accepted(where, options)
    outputs = _backend_outputs(account, where)
    _say("Packaging …")
    packed = package.build(where)
    _say(f"  {len(packed.zip) / 2**20:.1f} MB")
    _say(f"Deploying the API stack of {where.name} …")
    _print(api.deploy(account, where, packed, outputs))


def _backend(account: Account, where: Stage, options: argparse.Namespace) -> None:
    where.require_runtime("backend")
    _require_accepted(where, options)
    outputs = _backend_outputs(account, where)
    for path in chalice_stage.record(where, outputs, layers.publish(account, where)):
        _say(f"Wrote {path}")
    # Chalice reads the region from AWS_DEFAULT_REGION and the profile, but not from AWS_REGION.
    region = f"AWS_DEFAULT_REGION={os.environ['AWS_REGION']} " if os.environ.get("AWS_REGION") else ""
    _say(f"To deploy the API, run {region}.venv/bin/chalice deploy --stage {where.name}")
    _print(outputs)


def _outputs(account: Account, where: Stage, _: argparse.Namespace) -> None:
    _print(api.stack(account, where).outputs)


def _admin(account: Account, where: Stage, options: argparse.Namespace) -> None:
    _say(administrator.appoint(account, where, options.email, options.name))


def _destroy(account: Account, where: Stage, options: argparse.Namespace) -> None:
    api_stack, backend_stack = api.stack(account, where), backend.stack(account, where)
    items = data.find(account, where)
    stacks = [api_stack, backend_stack] if options.with_data else [api_stack]
    doomed = [f"stack {stack.name}" for stack in stacks if stack.status]
    if not doomed and not items:
        raise Failure(f"Stage {where.name} has nothing to delete.")
    _require_unprotected(stacks)
    if options.with_data:
        data.require_unprotected(items)
        _list("All users, profiles and accounts will be lost. These will be deleted:", [*doomed, *items])
    else:
        _list("These are kept, with all their data (DATA=yes deletes them too):", items)
        if not doomed:
            _say(f"There is nothing else to delete: no stack named {api_stack.name} is deployed.")
            return
        _list("This will be deleted:", doomed)
    if not options.yes and _typed(f"Type {where.name} to confirm: ") != where.name:
        raise Failure("Nothing was deleted.")
    for stack in stacks:
        stack.delete()
    if options.with_data:
        data.delete(account, items)
        layers.delete(account, where)
        kept = [f"{resource.name} ({resource.logical_id})" for resource in data.kept(account, where)]
        _list("These are kept, because other stages in this account may use them:", kept)


def _require_unprotected(stacks: Sequence[Stack]) -> None:
    for stack in stacks:
        if stack.is_protected:
            remedy = "first deploy the stage with DeletionProtection set to false."
            raise Failure(f"{stack.name} is protected against deletion: {remedy}")


def _list(title: str, entries: Sequence[object]) -> None:
    """Print the entries under their title. Print nothing if there are none."""
    if entries:
        _say("\n".join([title, *(f"  {entry}" for entry in entries)]))


def _require_accepted(where: Stage, options: argparse.Namespace) -> None:
    """Raise ``Failure`` if a protected stage has risky settings that the user does not accept."""
    found = risks.of(where)
    if not found or options.accept_risks:
        return
    _say(f"{where.name} is protected against deletion, so users probably rely on it, but some settings are risky:")
    for risk in found:
        _say(f"  {risk}")
    if _typed(f"Change them in infra/stages.yaml, or type {where.name} to deploy it as it is: ") != where.name:
        raise Failure("Nothing was deployed. To accept these risks without being asked, add ACCEPT=yes.")


def _typed(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:  # standard input is empty
        return ""


def _backend_outputs(account: Account, where: Stage) -> Outputs:
    _say(f"Deploying the backend stack of {where.name} …")
    return backend.deploy(account, where)


def _print(outputs: Outputs) -> None:
    width = max(map(len, outputs))
    _say("")
    for name, value in sorted(outputs.items()):
        _say(f"{name:<{width}}  {value}")


def _say(text: str) -> None:
    print(text, flush=True)


COMMANDS = {"deploy": _deploy, "destroy": _destroy, "outputs": _outputs, "backend": _backend, "admin": _admin}


if __name__ == "__main__":
    main()
