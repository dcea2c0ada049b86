"""The backend stack: the resources that must outlive every deploy of the API."""

import json
from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra import parts
from infra.cloudformation import Account, Outputs, Stack, Template
from infra.failure import Failure
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
        code = error.response["Error"]["Code"]
        if code.startswith("AccessDenied"):
            return True  # a role of others, which the deploying role may not read
        if code != "NoSuchEntity":
            raise
        return False
    return True


def require_unprotected(account: Account, outputs: Outputs) -> None:
    """Raise ``Failure`` if a table or the user pool is protected against deletion."""
    for name in _tables():
        table = account.client("dynamodb").describe_table(TableName=outputs[name])["Table"]
        if table.get("DeletionProtectionEnabled"):
            raise Failure(
                f"{name} is protected against deletion: first deploy the stage with DeletionProtection set to false."
            )
    pool = account.client("cognito-idp").describe_user_pool(UserPoolId=outputs["UserPool"])["UserPool"]
    if pool.get("DeletionProtection") == "ACTIVE":
        raise Failure(
            "UserPool is protected against deletion: first deploy the stage with DeletionProtection set to false."
        )


def delete_data(account: Account, outputs: Outputs) -> None:
    """Delete what remains after the stack is deleted: the tables, the user pool and the artifacts bucket."""
    for name in _tables():
        account.say(f"  Deleting table {outputs[name]}")
        account.client("dynamodb").delete_table(TableName=outputs[name])
    account.say(f"  Deleting user pool {outputs['UserPool']}")
    account.client("cognito-idp").delete_user_pool(UserPoolId=outputs["UserPool"])
    account.say(f"  Deleting bucket {outputs['ArtifactsBucket']}")
    s3, bucket = account.client("s3"), outputs["ArtifactsBucket"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
    s3.delete_bucket(Bucket=bucket)


def _tables() -> Iterator[str]:
    """Yield the logical ids of the template's tables. The outputs with their names have the same ids."""
    for name, resource in parts.template("backend")["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            yield name
