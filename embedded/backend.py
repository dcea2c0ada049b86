"""Roster's backend stack, deployed by CloudFormation as on AWS."""

import time
from collections.abc import Mapping
from typing import Any

from embedded.aws import PROJECT
from embedded.failure import Failure

STACK = "roster-backend-local"
TEMPLATE = PROJECT / "infra" / "backend.yaml"
PARAMETERS = {"Stage": "local"}

Outputs = Mapping[str, str]


def deploy(cloudformation: Any, seconds: float = 60) -> Outputs:
    """Create the backend stack, or bring it up to date; return its outputs."""
    request = {
        "StackName": STACK,
        "TemplateBody": TEMPLATE.read_text(),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()],
    }
    if _stack(cloudformation) is None:
        cloudformation.create_stack(**request)
    else:
        try:
            cloudformation.update_stack(**request)
        except cloudformation.exceptions.ClientError as error:
            if "No updates" not in str(error):
                raise
    deadline = time.monotonic() + seconds
    while True:
        stack = _stack(cloudformation) or {}
        status = stack.get("StackStatus", "")
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if "FAILED" in status or "ROLLBACK" in status or time.monotonic() > deadline:
            raise Failure(f"The backend stack can't be deployed ({status}): {_first_failure(cloudformation)}")
        time.sleep(0.1)


def settings(outputs: Outputs) -> dict[str, str]:
    """Roster's settings for the deployed backend, as environment variables."""
    return {
        "USERS_TABLE": outputs["UsersTable"],
        "PROFILES_TABLE": outputs["ProfilesTable"],
        "USER_POOL_ID": outputs["UserPool"],
        "USER_POOL_ARN": outputs["UserPoolArn"],
        "APPLICATION_CLIENT_ID": outputs["UserPoolClient"],
        "ADMIN_GROUP_NAME": outputs["UserPoolAdminGroupName"],
    }


def _stack(cloudformation: Any) -> dict[str, Any] | None:
    try:
        stacks: list[dict[str, Any]] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    except cloudformation.exceptions.ClientError:
        return None
    return stacks[0] if stacks else None


def _first_failure(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failures = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    if not failures:
        return "it takes too long"
    first = failures[-1]
    return f"{first['LogicalResourceId']}, {first.get('ResourceStatusReason', 'no reason given')}"
