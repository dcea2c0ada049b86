"""The configuration that ``chalice deploy --stage …`` needs for a backend, recorded in ``.chalice``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra import parts
from infra.cloudformation import Outputs
from infra.parts import PROJECT
from infra.stages import Stage

ROLES = {"api": "", "authorizer": "-jwt_authorizer"}
"""Each function's role, as in ``.chalice/policy-<role>.json``, and the suffix of its name after app and stage."""
NO_LOG_GROUP = {"log_retention_in_days": 0}
"""Chalice's setting for a function whose log group is in the backend stack.

Chalice would set the group's expiry, which the group has already, and ``chalice delete`` would remove it.
"""


def record(stage: Stage, outputs: Outputs, project: Path = PROJECT) -> Iterator[Path]:
    """Write the stage's settings to ``.chalice/config.json`` and its policies next to it; yield each path.

    The policies are the hand-written ones, with their references to the stacks' resources resolved.
    """
    folder = project / ".chalice"
    _, partition, _, region, account, _ = outputs["UsersTableArn"].split(":", 5)
    for role, suffix in ROLES.items():
        group = f"/aws/lambda/roster-{stage.name}{suffix}"
        logs = f"arn:{partition}:logs:{region}:{account}:log-group:{group}:*"
        policy = parts.policy() if role == "api" else json.loads((folder / f"policy-{role}.json").read_text())
        path = folder / _policy_file(stage, role)
        path.write_text(json.dumps(_resolved(policy, outputs, logs), indent=2) + "\n")
        yield path
    config = folder / "config.json"
    recorded = json.loads(config.read_text())
    recorded["stages"][stage.name] = recorded["stages"].get(stage.name, {}) | {
        "runtime": stage.runtime,  # Chalice ignores it; chalicelib/local/runtime.py compares it
        "environment_variables": parts.values({**outputs, **stage.api}),
        "iam_policy_file": _policy_file(stage, "api"),
        "lambda_functions": {
            "api_handler": NO_LOG_GROUP,
            "jwt_authorizer": {
                **recorded["lambda_functions"]["jwt_authorizer"],
                **NO_LOG_GROUP,
                "iam_policy_file": _policy_file(stage, "authorizer"),
            },
        },
    }
    config.write_text(json.dumps(recorded, indent=2) + "\n")
    yield config


def _policy_file(stage: Stage, role: str) -> str:
    return f"policy-{role}-{stage.name}.json"


def _resolved(part: Any, outputs: Outputs, logs: str) -> Any:
    """Return ``part`` of a policy with ``Ref`` replaced by an output and ``Fn::GetAtt`` by the log group's ARN."""
    if isinstance(part, list):
        return [_resolved(item, outputs, logs) for item in part]
    if not isinstance(part, dict):
        return part
    if "Ref" in part:
        return outputs[part["Ref"]]
    if "Fn::GetAtt" in part:
        return logs
    return {name: _resolved(value, outputs, logs) for name, value in part.items()}
