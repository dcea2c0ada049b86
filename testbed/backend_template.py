"""The backend stack's template, for whoever looks at it or makes its tables without CloudFormation."""

from infra import parts


def load():
    """Return the template."""
    return parts.template("backend")


def create_tables(dynamodb, prefix):
    """Create the template's tables (moto knows DynamoDB); return their names by the template's."""
    names = {}
    for logical_id, resource in load()["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            names[logical_id] = f"{prefix}-{logical_id}"
            wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
            properties = {key: value for key, value in resource["Properties"].items() if key in wanted}
            dynamodb.create_table(TableName=names[logical_id], **properties)
    return names


def tables(outputs):
    """Return the tables among a stack's outputs, by what they hold."""
    return {name.removesuffix("Table").lower(): value for name, value in outputs.items() if name.endswith("Table")}
