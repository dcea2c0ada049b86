"""The backend stack: the resources that must outlive every deploy of the API."""

import json

from botocore.exceptions import ClientError

from infra import parts
from infra.client_errors import is_denied
from infra.cloudformation import Account, Outputs, Stack, Template
from infra.stages import Stage


def stack(account: Account, stage: Stage) -> Stack:
    """Return the stage's backend stack, whether or not it is deployed."""
    return account.stack(f"roster-backend-{stage.name}")


def deploy(account: Account, stage: Stage) -> Outputs:
    """Create or update the stage's backend stack, and return its outputs."""
    source = {"TemplateBody": json.dumps(parts.template("backend"), indent=1)}
    deployed = stack(account, stage)
    parameters = {"Stage": stage.name, "SetsApiGatewayRole": _sets_role(account, deployed), **stage.backend}
    if stage.is_protected and not deployed.is_deployed:
        # CloudFormation could not delete a protected table or pool if the creation failed. It would leave them behind.
        unprotected = {**parameters, "DeletionProtection": "false"}
        deployed.deploy(Template(source, unprotected, ["CAPABILITY_IAM"]))
        account.say("  Turning on deletion protection …")
    outputs = deployed.deploy(Template(source, parameters, ["CAPABILITY_IAM"]))
    deployed.protect(stage.is_protected)
    return outputs


def _sets_role(account: Account, deployed: Stack) -> str:
    """Return ``true`` if the stack sets the role with which API Gateway writes logs, and otherwise ``false``.

    An account has one such role per region, so a stack must not overwrite the role of others
    ("AWS::ApiGateway::Account", CloudFormation template reference). A stack that has set the role keeps it. A role that
    no longer exists does not count: if CloudFormation deletes it in a rollback, its name stays in the account's
    settings.
    """
    if deployed.is_deployed and deployed.parameters.get("SetsApiGatewayRole") == "true":
        return "true"
    role = account.client("apigateway").get_account().get("cloudwatchRoleArn")
    return "false" if role and _role_exists(account, role) else "true"


def _role_exists(account: Account, arn: str) -> bool:
    try:
        account.client("iam").get_role(RoleName=arn.rpartition("/")[2])
    except ClientError as error:
        if is_denied(error):
            return True  # a role of others, which the deploying role may not read
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return False
    return True
