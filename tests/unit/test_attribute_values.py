"""Conversion between JSON values and DynamoDB's attribute values."""

from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.attribute_values import from_json, to_json
from tests import documents


@given(documents.values)
def test_any_value_converts_back_to_an_equal_value(value):
    assert to_json(from_json(value)) == value


@given(documents.values)
def test_any_value_converts_back_to_the_same_type(value):
    assert type(to_json(from_json(value))) is type(value)


@given(st.recursive(st.none() | st.booleans() | documents.texts | st.integers(-(10**30), 10**30), st.lists))
def test_the_result_equals_that_of_boto3s_serializer_where_boto3_supports_the_value(value):
    assert from_json(value) == TypeSerializer().serialize(value)
    assert TypeDeserializer().deserialize(from_json(value)) == value


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        ("1" + "0" * 125, 10**125),
        ("1E+125", 10**125),
        ("1.50", Decimal("1.5")),
        ("-0", 0),
        ("12345678901234567890123456789012345678" + "0" * 80, 12345678901234567890123456789012345678 * 10**80),
    ],
)
def test_numbers_are_parsed_in_all_of_dynamodbs_formats(stored, value):
    assert to_json({"N": stored}) == value


@pytest.mark.parametrize("attribute", [{"B": b"x"}, {"SS": ["x"]}, {"NS": ["1"]}, {"BS": [b"x"]}])
def test_types_that_json_does_not_have_raise_an_error(attribute):
    with pytest.raises(TypeError):
        to_json(attribute)
