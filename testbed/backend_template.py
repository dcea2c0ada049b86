"""The backend stack's template, for code that inspects it or creates its tables without CloudFormation."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from infra import parts


@cache
def load() -> dict[str, Any]:
    """Return the template."""
    return parts.template("backend")


def create_tables(dynamodb: Any, prefix: str) -> dict[str, str]:
    """Create the template's tables with a DynamoDB client. Return the tables' names by their logical ids."""
    tables = [name for name, resource in load()["Resources"].items() if resource["Type"] == "AWS::DynamoDB::Table"]
    return {name: create_table(dynamodb, name, f"{prefix}-{name}") for name in tables}


def create_table(dynamodb: Any, logical_id: str, name: str) -> str:
    """Create one of the template's tables with a DynamoDB client. Return its ``name``."""
    wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    properties = {key: value for key, value in load()["Resources"][logical_id]["Properties"].items() if key in wanted}
    dynamodb.create_table(TableName=name, **properties)
    return name


def create_buckets(s3: Any, prefix: str) -> dict[str, str]:
    """Create the template's buckets with an S3 client. Return the buckets' names by their logical ids."""
    names: dict[str, str] = {}
    for logical_id, resource in load()["Resources"].items():
        if resource["Type"] == "AWS::S3::Bucket":
            names[logical_id] = f"{prefix}-{logical_id}".lower()
            s3.create_bucket(Bucket=names[logical_id])
    return names


def create_queue(sqs: Any, s3: Any, prefix: str, bucket: str) -> str:
    """Create the template's queue of uploads, of which S3 sends it the events, and that of its dead letters.

    Return the queue's address.
    """
    properties = load()["Resources"]["MediaQueue"]["Properties"]
    letters = sqs.create_queue(QueueName=f"{prefix}-MediaDeadLetters")["QueueUrl"]
    redrive = {**properties["RedrivePolicy"], "deadLetterTargetArn": _arn(sqs, letters)}
    attributes = {
        "VisibilityTimeout": str(properties["VisibilityTimeout"]),
        "RedrivePolicy": json.dumps(redrive),
    }
    queue: str = sqs.create_queue(QueueName=f"{prefix}-MediaQueue", Attributes=attributes)["QueueUrl"]
    rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "incoming/"}]}}
    events = {"QueueArn": _arn(sqs, queue), "Events": ["s3:ObjectCreated:*"], "Filter": rules}
    configuration = {"QueueConfigurations": [events]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    return queue


def _arn(sqs: Any, queue: str) -> str:
    arn: str = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def tables(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the tables in a stack's outputs. The keys are what they hold: ``users``, ``profiles``."""
    return {name.removesuffix("Table").lower(): value for name, value in outputs.items() if name.endswith("Table")}
