"""The functions in the API stack's template: those that serve some of the routes, and each one's role and log group.

Chalice knows one function for all routes. Others are added here, of the same zip and with roles of their own: one for
the routes that nobody but administrators may call, and those that routes name (``chalicelib/web/operations.py``).
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from chalice.utils import to_cfn_resource_name

from infra import parts
from infra.rest_api import INTEGRATION

API = "APIHandler"
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")


def complete(resources: dict[str, Any]) -> None:
    """Add what they need to the resources that ``chalice package`` has written."""
    for serving in _serving():
        _add(resources, serving)
    for name, function in of_app().items():
        role, group = _prefixed(name, "Role"), _prefixed(name, "LogGroup")
        _keep_logs(resources, name, group)
        (policy,) = resources[role]["Properties"]["Policies"]
        policy["PolicyDocument"] = with_logs(parts.policy(function), {"Fn::GetAtt": [group, "Arn"]})
    variables = {setting.variable: {"Ref": setting.parameter} for setting in parts.settings()}
    for name in of_app():
        resources[name]["Properties"]["Environment"] = {"Variables": variables}
    _distribute(resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"])


def of_app() -> dict[str, str]:
    """Return the name of each function's policy (see ``parts.policy``) by the function's logical id."""
    others = {to_cfn_resource_name(name): name for name in parts.declared().functions}
    return {API: "api", **{_handler(name): name for name in _serving()}, **others}


def _serving() -> list[str]:
    """Return the functions that serve routes, beside that of the API."""
    return sorted({*parts.declared().served_by.values()} - {"api"})


def _handler(name: str) -> str:
    """Return the logical id of a function that serves routes, such as ``AdminHandler``."""
    return API if name == "api" else f"{to_cfn_resource_name(name)}Handler"


def with_logs(policy: Mapping[str, Any], group: Any) -> dict[str, Any]:
    """Return the policy of a function, with the permission to write to its log group, of which ``group`` is the ARN."""
    statement = {"Sid": "Logs", "Effect": "Allow", "Action": [*LOGS], "Resource": group}
    return {**policy, "Statement": [*policy["Statement"], statement]}


def _prefixed(function: str, suffix: str) -> str:
    """Return the logical id of a function's role or log group. Chalice writes those of the API's function otherwise."""
    return f"{'ApiHandler' if function == API else function}{suffix}"


def _add(resources: dict[str, Any], name: str) -> None:
    """Add a function that serves routes, with its role, its log group and API Gateway's permission to invoke it.

    What the template already has of the function, such as layers, is kept.
    """
    handler = _handler(name)
    function = deepcopy(resources[API])
    function["Properties"] |= {
        "Role": {"Fn::GetAtt": [_prefixed(handler, "Role"), "Arn"]},
        **resources.get(handler, {}).get("Properties", {}),
    }
    role = deepcopy(resources[_prefixed(API, "Role")])
    role["Properties"]["Policies"][0]["PolicyName"] = f"{_prefixed(handler, 'Role')}Policy"
    group = deepcopy(resources[_prefixed(API, "LogGroup")])
    group["Properties"]["LogGroupName"] = {"Fn::Sub": f"/aws/lambda/roster-${{Stage}}-{name}"}
    permission = deepcopy(resources[f"{API}InvokePermission"])
    permission["Properties"]["FunctionName"] = {"Ref": handler}
    resources |= {
        handler: function,
        _prefixed(handler, "Role"): role,
        _prefixed(handler, "LogGroup"): group,
        f"{handler}InvokePermission": permission,
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


def _distribute(paths: Mapping[str, Any]) -> None:
    """Make each route call the function that serves it."""
    for (method, path), name in parts.declared().served_by.items():
        operation = paths[path][method.lower()]
        integration = operation[INTEGRATION]  # not changed in place: the path's ANY method has the same
        uri = integration["uri"]["Fn::Sub"].replace(f"${{{API}.Arn}}", f"${{{_handler(name)}.Arn}}")
        operation[INTEGRATION] = {**integration, "uri": {"Fn::Sub": uri}}
