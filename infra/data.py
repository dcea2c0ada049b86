"""The data of a stage: tables, user pool and bucket, which CloudFormation keeps when it deletes the backend stack.

They are looked up from the backend stack and from earlier stacks of that name, and not from the outputs, which are gone
once the stack is deleted. So a destroy that was interrupted can be run again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra import backend
from infra.cloudformation import Account, Resource
from infra.failure import Failure
from infra.stages import Stage

MISSING = {"404", "NoSuchBucket", "ResourceNotFoundException"}
BATCH = 1000
"""The number of objects that S3 deletes with one request, at most."""


@dataclass(frozen=True)
class Kind:
    """A kind of resource with data.

    ``describe`` takes a client and a resource's name. It returns whether the resource is protected against deletion, or
    ``None`` if the resource is already being deleted. It raises ``ClientError`` if the resource does not exist.
    """

    noun: str
    service: str
    describe: Callable[[Any, str], bool | None]
    delete: Callable[[Any, str], object]


@dataclass(frozen=True)
class Item:
    """An existing resource with data."""

    kind: Kind
    name: str
    is_protected: bool

    def __str__(self) -> str:
        return f"{self.kind.noun} {self.name}"


def find(account: Account, stage: Stage) -> list[Item]:
    """Return what exists of the stage's data, whether or not its backend stack still does.

    What another stack has imported meanwhile belongs to that stack, and is left out.
    """
    stack = backend.stack(account, stage)
    present = stack.resources()
    names = {resource.name for resource in present}
    left = [resource for resource in stack.left_behind() if resource.name not in names]
    found = (_item(account, resource) for resource in present + left)
    items = {item.name: item for item in found if item}
    return [item for item in items.values() if item.name in names or account.owner(item.name) is None]


def kept(account: Account, stage: Stage) -> list[Resource]:
    """Return what CloudFormation has kept of the stage's backend stacks and ``delete`` does not delete."""
    return [resource for resource in backend.stack(account, stage).left_behind() if resource.type not in KINDS]


def require_unprotected(items: list[Item]) -> None:
    """Raise ``Failure`` if one of them is protected against deletion."""
    for item in items:
        if item.is_protected:
            raise Failure(
                f"{item.kind.noun.capitalize()} {item.name} is protected against deletion: "
                "first deploy the stage with DeletionProtection set to false."
            )


def delete(account: Account, items: list[Item]) -> None:
    """Delete them with their content. What no longer exists is skipped."""
    for item in items:
        account.say(f"  Deleting {item}")
        try:
            item.kind.delete(account.client(item.kind.service), item.name)
        except ClientError as error:
            if not _is_missing(error):
                raise


def _item(account: Account, resource: Resource) -> Item | None:
    kind = KINDS.get(resource.type)
    if kind is None or not resource.name:
        return None
    try:
        is_protected = kind.describe(account.client(kind.service), resource.name)
    except ClientError as error:
        if not _is_missing(error):
            raise
        return None
    return None if is_protected is None else Item(kind, resource.name, is_protected)


def _is_missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in MISSING


def _describe_table(dynamodb: Any, name: str) -> bool | None:
    table = dynamodb.describe_table(TableName=name)["Table"]
    return None if table["TableStatus"] == "DELETING" else bool(table.get("DeletionProtectionEnabled"))


def _describe_pool(cognito: Any, name: str) -> bool | None:
    return bool(cognito.describe_user_pool(UserPoolId=name)["UserPool"].get("DeletionProtection") == "ACTIVE")


def _describe_bucket(s3: Any, name: str) -> bool | None:
    s3.head_bucket(Bucket=name)
    return False


def _delete_bucket(s3: Any, name: str) -> None:
    for objects in _objects(s3, name):
        for start in range(0, len(objects), BATCH):
            batch = objects[start : start + BATCH]
            answer = s3.delete_objects(Bucket=name, Delete={"Objects": batch, "Quiet": True})
            for error in answer.get("Errors", []):
                raise Failure(
                    f"The object {error['Key']} in bucket {name} can't be deleted ({error.get('Message')}): "
                    "delete it in the AWS console, then run the command again."
                )
    s3.delete_bucket(Bucket=name)


def _objects(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    """Yield the objects of each page, with all their versions. If versioning was never on, the version is ``null``."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
        yield [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]


KINDS = {
    "AWS::DynamoDB::Table": Kind(
        "table", "dynamodb", _describe_table, lambda dynamodb, name: dynamodb.delete_table(TableName=name)
    ),
    "AWS::Cognito::UserPool": Kind(
        "user pool", "cognito-idp", _describe_pool, lambda cognito, name: cognito.delete_user_pool(UserPoolId=name)
    ),
    "AWS::S3::Bucket": Kind("bucket", "s3", _describe_bucket, _delete_bucket),
}
