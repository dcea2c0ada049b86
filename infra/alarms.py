"""The alarms on the tables, generated from the operations that the functions' policies allow."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

DYNAMODB = "dynamodb:"
PARAMETER = re.compile(r"(\w+)Arn\b")
"""The ARN of a table, or of its indexes, in a statement."""
INDEXES = re.compile(r"(\w+)Arn}/index/")
DESCRIPTIONS = {
    "SystemErrors": "DynamoDB returns server errors for a table.",
    "ReadThrottleEvents": "DynamoDB throttles requests to a table or an index.",
    "WriteThrottleEvents": "DynamoDB throttles requests to a table or an index.",
}


def on_tables(policy: Mapping[str, Any], backend: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alarms as CloudFormation resources by logical id. ``backend`` is the template that has the tables.

    DynamoDB counts throttled requests by table and, apart from these, by index; and its own errors by table and
    operation ("DynamoDB metrics and dimensions", developer guide).
    """
    alarms = {}
    for table, operations in _granted(policy, PARAMETER).items():
        name = {"Ref": table}
        for kind in ("Read", "Write"):
            alarms[f"{table}{kind}ThrottlesAlarm"] = _alarm(f"{kind}ThrottleEvents", TableName=name)
        for operation in sorted(operations):
            alarms[f"{table}{operation}ErrorsAlarm"] = _alarm("SystemErrors", TableName=name, Operation=operation)
    for table in _granted(policy, INDEXES):
        for index in backend["Resources"][table]["Properties"]["GlobalSecondaryIndexes"]:
            dimensions = {"TableName": {"Ref": table}, "GlobalSecondaryIndexName": index["IndexName"]}
            for kind in ("Read", "Write"):
                logical_id = f"{table}{index['IndexName'].title().replace('-', '')}{kind}ThrottlesAlarm"
                alarms[logical_id] = _alarm(f"{kind}ThrottleEvents", **dimensions)
    return alarms


def _granted(policy: Mapping[str, Any], resources: re.Pattern[str]) -> Mapping[str, set[str]]:
    """Return the operations that the policy allows on each table, by its logical id, with resources of this form."""
    granted: dict[str, set[str]] = defaultdict(set)
    for statement in policy["Statement"]:
        operations = {action.removeprefix(DYNAMODB) for action in statement["Action"] if action.startswith(DYNAMODB)}
        found = resources.search(str(statement["Resource"]))
        if operations and found:
            granted[found[1]] |= operations
    return granted


def _alarm(metric: str, **dimensions: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": f'{DESCRIPTIONS[metric]} See docs/operations.md, "Alarms".',
            "Namespace": "AWS/DynamoDB",
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 5,
            "DatapointsToAlarm": 2,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": "AlarmsTopic"}],
            "OKActions": [{"Ref": "AlarmsTopic"}],
        },
    }
