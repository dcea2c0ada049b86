"""The alarms on the tables, generated from the operations that the functions' policies allow."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

DYNAMODB = "dynamodb:"
DESCRIPTIONS = {
    "SystemErrors": "DynamoDB returns server errors for a table.",
    "ReadThrottleEvents": "DynamoDB throttles requests to a table.",
    "WriteThrottleEvents": "DynamoDB throttles requests to a table.",
}


def on_tables(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alarms as CloudFormation resources by logical id.

    DynamoDB counts throttled requests by table, but its own errors by table and operation ("DynamoDB metrics and
    dimensions", developer guide).
    """
    alarms = {}
    for table, operations in _granted(policy).items():
        for kind in ("Read", "Write"):
            alarms[f"{table}{kind}ThrottlesAlarm"] = _alarm(f"{kind}ThrottleEvents", TableName={"Ref": table})
        for operation in sorted(operations):
            dimensions = {"TableName": {"Ref": table}, "Operation": operation}
            alarms[f"{table}{operation}ErrorsAlarm"] = _alarm("SystemErrors", **dimensions)
    return alarms


def _granted(policy: Mapping[str, Any]) -> Mapping[str, set[str]]:
    """Return the operations that the policy allows on each table, by the parameter that names the table."""
    granted: dict[str, set[str]] = defaultdict(set)
    for statement in policy["Statement"]:
        operations = {action.removeprefix(DYNAMODB) for action in statement["Action"] if action.startswith(DYNAMODB)}
        resource = statement["Resource"]
        if operations and "Ref" in resource:
            granted[resource["Ref"].removesuffix("Arn")] |= operations
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
