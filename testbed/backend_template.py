"""``infra/backend.yaml`` as data, for tests that look at it or build from it."""

from pathlib import Path

from cfnlint.decode import cfn_yaml

PATH = Path(__file__).parent.parent / "infra" / "backend.yaml"


def load():
    """The template."""
    return cfn_yaml.load(str(PATH))


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
