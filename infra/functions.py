"""The functions in the API stack's template: the one of the administrators, and each function's role and log group.

Chalice knows one function for all routes. The routes that nobody but administrators may call get a second one here, of
the same zip and with a role of its own. The access rules in the code decide which routes these are.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from chalice.utils import to_cfn_resource_name

from infra import parts
from infra.rest_api import INTEGRATION

API = "APIHandler"
ADMIN = "AdminHandler"
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")


def complete(resources: dict[str, Any]) -> None:
    """Add what they need to the resources that ``chalice package`` has written."""
    _add_admin(resources)
    for name, function in of_app().items():
        role, group = _prefixed(name, "Role"), _prefixed(name, "LogGroup")
        _keep_logs(resources, name, group)
        (policy,) = resources[role]["Properties"]["Policies"]
        policy["PolicyDocument"] = with_logs(parts.policy(function), {"Fn::GetAtt": [group, "Arn"]})
    variables = {setting.variable: {"Ref": setting.parameter} for setting in parts.settings()}
    for name in of_app():
        resources[name]["Properties"]["Environment"] = {"Variables": variables}
    _send_to_admin(resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"])


def of_app() -> dict[str, str]:
    """Return the name of each function's policy (see ``parts.policy``) by the function's logical id."""
    others = {to_cfn_resource_name(name): name for name in parts.declared().functions}
    return {API: "api", ADMIN: "admin", **others}


def with_logs(policy: Mapping[str, Any], group: Any) -> dict[str, Any]:
    """Return the policy of a function, with the permission to write to its log group, of which ``group`` is the ARN."""
    statement = {"Sid": "Logs", "Effect": "Allow", "Action": [*LOGS], "Resource": group}
    return {**policy, "Statement": [*policy["Statement"], statement]}


def _prefixed(function: str, suffix: str) -> str:
    """Return the logical id of a function's role or log group. Chalice writes those of the API's function otherwise."""
    return f"{'ApiHandler' if function == API else function}{suffix}"


def _add_admin(resources: dict[str, Any]) -> None:
    """Add the administrators' function, with its role, its log group and API Gateway's permission to invoke it."""
    function = deepcopy(resources[API])
    function["Properties"]["Role"] = {"Fn::GetAtt": [_prefixed(ADMIN, "Role"), "Arn"]}
    role = deepcopy(resources[_prefixed(API, "Role")])
    role["Properties"]["Policies"][0]["PolicyName"] = f"{_prefixed(ADMIN, 'Role')}Policy"
    group = deepcopy(resources[_prefixed(API, "LogGroup")])
    group["Properties"]["LogGroupName"] = {"Fn::Sub": "/aws/lambda/roster-${Stage}-admin"}
    permission = deepcopy(resources[f"{API}InvokePermission"])
    permission["Properties"]["FunctionName"] = {"Ref": ADMIN}
    resources |= {
        ADMIN: function,
        _prefixed(ADMIN, "Role"): role,
        _prefixed(ADMIN, "LogGroup"): group,
        f"{ADMIN}InvokePermission": permission,
    }


def _keep_logs(resources: dict[str, Any], name: str, group: str) -> None:
    """Make a function write JSON to its log group, which is deleted with the stack.

    The role may write to this group only, so the group must not be named after the function, whose name CloudFormation
    makes up: each of the three would need another one first. A name with capital letters is not that of a function of
    plain Chalice, whose group is in the backend stack.
    """
    resource = resources[group]
    resource |= {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
    if resource["Properties"]["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/${{{name}}}"}:
        resource["Properties"]["LogGroupName"] = {"Fn::Sub": f"/aws/lambda/roster-${{Stage}}-{name}"}
    resources[name]["Properties"]["LoggingConfig"] = {
        "LogFormat": "JSON",
        "ApplicationLogLevel": {"Fn::FindInMap": ["LambdaLogLevel", {"Ref": "LogLevel"}, "Word"]},
        "LogGroup": {"Ref": group},
    }


def _send_to_admin(paths: Mapping[str, Any]) -> None:
    """Make the administrators' function serve the routes that are only for them."""
    for method, path in parts.declared().only_for_admins:
        operation = paths[path][method.lower()]
        integration = operation[INTEGRATION]  # not changed in place: the path's ANY method has the same
        uri = integration["uri"]["Fn::Sub"].replace(f"${{{API}.Arn}}", f"${{{ADMIN}.Arn}}")
        operation[INTEGRATION] = {**integration, "uri": {"Fn::Sub": uri}}
