"""The backend stack's template, for code that inspects it or creates its tables without CloudFormation."""

from collections.abc import Mapping
from typing import Any

from infra import parts


def load() -> dict[str, Any]:
    """Return the template."""
    return parts.template("backend")


def create_tables(dynamodb: Any, prefix: str) -> dict[str, str]:
    """Create the template's tables with a DynamoDB client. Return the tables' names by their logical ids."""
    names: dict[str, str] = {}
    for logical_id, resource in load()["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            names[logical_id] = f"{prefix}-{logical_id}"
            wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
            properties = {key: value for key, value in resource["Properties"].items() if key in wanted}
            dynamodb.create_table(TableName=names[logical_id], **properties)
    return names


def tables(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the tables in a stack's outputs. The keys are what they hold: ``users``, ``profiles``."""
    return {name.removesuffix("Table").lower(): value for name, value in outputs.items() if name.endswith("Table")}
