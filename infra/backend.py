"""The backend stack: what must outlive every deploy of the API."""

from pathlib import Path

from infra.cloudformation import Account, Outputs, Stack, Template
from infra.failure import Failure
from infra.stages import Stage

TEMPLATE = Path(__file__).parent / "backend.yaml"

NOWHERE = {
    "USERS_TABLE": "users",
    "PROFILES_TABLE": "profiles",
    "USER_POOL_ID": "us-east-1_nowhere",
    "USER_POOL_ARN": "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_nowhere",
    "APPLICATION_CLIENT_ID": "nowhere",
}
"""Settings to look at the app with, where no backend is needed: none of them shows in what comes of it."""


def stack(account: Account, stage: Stage) -> Stack:
    """The stage's backend stack, there or not."""
    return account.stack(f"roster-backend-{stage.name}")


def deploy(account: Account, stage: Stage) -> Outputs:
    """Create the stage's backend stack, or bring it up to date; its outputs."""
    source, parameters = {"TemplateBody": TEMPLATE.read_text()}, {"Stage": stage.name, **stage.backend}
    return stack(account, stage).deploy(Template(source, parameters, ["CAPABILITY_IAM"]))


def require_unprotected(account: Account, outputs: Outputs) -> None:
    """``Failure`` if the tables or the user pool are protected against deletion."""
    for name in ("UsersTable", "ProfilesTable"):
        table = account.client("dynamodb").describe_table(TableName=outputs[name])["Table"]
        if table.get("DeletionProtectionEnabled"):
            raise Failure(f"{name} is protected: deploy the stage with DeletionProtection false first.")
    pool = account.client("cognito-idp").describe_user_pool(UserPoolId=outputs["UserPool"])["UserPool"]
    if pool.get("DeletionProtection") == "ACTIVE":
        raise Failure("UserPool is protected: deploy the stage with DeletionProtection false first.")


def delete_data(account: Account, outputs: Outputs) -> None:
    """Delete what the template retains when its stack is gone: the tables, the user pool, the artifacts."""
    for name in ("UsersTable", "ProfilesTable"):
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
