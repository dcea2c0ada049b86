"""The configuration that ``chalice deploy --stage …`` needs for a backend, recorded in ``.chalice``."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from infra import functions, parts
from infra.cloudformation import Outputs
from infra.parts import PROJECT
from infra.stages import Stage

NO_LAYERS: Mapping[str, str] = {}
NO_LOG_GROUP: dict[str, Any] = {"log_retention_in_days": 0}
"""Chalice's setting for a function whose log group is in the backend stack.

Chalice would set the group's expiry, which the group has already, and ``chalice delete`` would remove it.
"""


def record(
    stage: Stage, outputs: Outputs, layers: Mapping[str, str] = NO_LAYERS, project: Path = PROJECT
) -> Iterator[Path]:
    """Write the stage's settings to ``.chalice/config.json`` and its policies next to it; yield each path.

    The policies are the hand-written ones, with their references to the stacks' resources resolved. ``layers`` are the
    ARNs of layers by the logical ids that they have in the API stack.
    """
    folder = project / ".chalice"
    _, partition, _, region, account, _ = outputs["UsersTableArn"].split(":", 5)
    others = parts.declared().functions
    for function in ("api", *others):
        group = f"/aws/lambda/roster-{stage.name}" + ("" if function == "api" else f"-{function}")
        logs = f"arn:{partition}:logs:{region}:{account}:log-group:{group}:*"
        # Chalice knows one function for all routes, so it also needs what the administrators' routes do.
        policy = parts.policy(*(("api", "admin") if function == "api" else (function,)))
        path = folder / _policy_file(stage, function)
        path.write_text(json.dumps(_resolved(functions.with_logs(policy, logs), outputs), indent=2) + "\n")
        yield path
    config = folder / "config.json"
    recorded = json.loads(config.read_text())
    recorded["stages"][stage.name] = recorded["stages"].get(stage.name, {}) | {
        "runtime": stage.runtime,  # Chalice ignores it; chalicelib/local/runtime.py compares it
        "environment_variables": parts.values({**outputs, **stage.api}),
        "iam_policy_file": _policy_file(stage, "api"),
        "lambda_functions": {
            # Chalice knows one function for all routes, so it also needs the layers of the others.
            "api_handler": NO_LOG_GROUP | _layers(set(functions.of_app().values()) - {*others}, layers),
            **{
                function: {
                    **recorded["lambda_functions"].get(function, {}),
                    **NO_LOG_GROUP,
                    "iam_policy_file": _policy_file(stage, function),
                    **_layers({function}, layers),
                }
                for function in others
            },
        },
    }
    config.write_text(json.dumps(recorded, indent=2) + "\n")
    yield config


def _policy_file(stage: Stage, function: str) -> str:
    return f"policy-{function}-{stage.name}.json"


def _layers(names: Collection[str], layers: Mapping[str, str]) -> dict[str, list[str]]:
    """Return Chalice's setting of the layers that these functions have in the API stack."""
    resources = parts.template("api")["Resources"]
    needed = {
        layer["Ref"]: layers[layer["Ref"]]
        for logical_id, name in functions.of_app().items()
        if name in names
        for layer in resources.get(logical_id, {}).get("Properties", {}).get("Layers", [])
        if layer["Ref"] in layers
    }
    return {"layers": [*needed.values()]} if needed else {}


def _resolved(part: Any, outputs: Outputs) -> Any:
    """Return ``part`` of a policy with each ``Ref`` and each ``${…}`` replaced by the output of that name."""
    if isinstance(part, list):
        return [_resolved(item, outputs) for item in part]
    if not isinstance(part, dict):
        return part
    if "Ref" in part:
        return outputs[part["Ref"]]
    if "Fn::Sub" in part:
        return re.sub(r"\$\{(\w+)\}", lambda name: outputs[name[1]], part["Fn::Sub"])
    return {name: _resolved(value, outputs) for name, value in part.items()}
