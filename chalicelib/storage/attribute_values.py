"""Conversion between JSON values and DynamoDB's attribute values ("AttributeValue" in the DynamoDB API reference).

boto3's converters are not used, because they could make a stored user unreadable: ``TypeSerializer`` rejects whole
numbers that have more than 38 digits with their trailing zeros, and ``TypeDeserializer`` fails to read back ``1E+100``
(boto3 issues 2500 and 4693).
"""

from decimal import Decimal
from typing import TYPE_CHECKING, assert_never

from chalicelib.json.strict_json import Json, JsonObject, by_value, shortest_number

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as AttributeValue
    from mypy_boto3_dynamodb.type_defs import UniversalAttributeValueTypeDef as AnyAttributeValue


LONG = 10**38
"""Numbers from this magnitude on are sent like ``1e125``, not as up to 126 digits that are mostly zeros."""


def from_json(value: Json) -> "AnyAttributeValue":
    """Return ``value`` as an attribute value."""
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
    """Return the JSON value of ``attribute``. Raises ``TypeError`` for types that ``from_json`` never returns."""
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
    """Return the JSON object in a map (``M``)."""
    return {name: to_json(member) for name, member in attribute["M"].items()}
