"""JSON values as DynamoDB's attribute values, and back.

boto3's own ``TypeSerializer`` refuses whole numbers with trailing zeros beyond 38 digits, and its ``TypeDeserializer``
fails on reading what DynamoDB makes of ``1E+100`` (boto3 issues 2500 and 4693), so a stored user could become
unreadable. Shapes: "AttributeValue" in the DynamoDB API reference.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, assert_never

from chalicelib.json.strict_json import Json, JsonObject, by_value, shortest_number

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue
    from mypy_boto3_dynamodb.type_defs import UniversalAttributeValueTypeDef as AnyAttributeValue


LONG = 10**38
"""Numbers from here on are sent like ``1e125``, and not as up to 126 digits, most of them zeros."""


def from_json(value: Json) -> "AnyAttributeValue":
    """The attribute value that holds ``value``."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | Decimal):
        return {"N": str(value) if -LONG < value < LONG else shortest_number(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, dict):
        return {"M": {name: from_json(member) for name, member in value.items()}}
    if isinstance(value, list):
        return {"L": [from_json(element) for element in value]}
    assert_never(value)


def to_json(attribute: "AttributeValue") -> Json:
    """The JSON value that ``attribute`` holds; ``TypeError`` for a type that ``from_json`` never makes."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value  # type: ignore[return-value]
        case "N":
            return by_value(Decimal(str(value)))
        case "NULL":
            return None
        case "M":
            return object_to_json(attribute)
        case "L":
            return [to_json(element) for element in attribute["L"]]
    raise TypeError(f"Roster stores no attribute of type {kind}")


def object_to_json(attribute: "AttributeValue") -> JsonObject:
    """The JSON object that a map (``M``) holds."""
    return {name: to_json(member) for name, member in attribute["M"].items()}
