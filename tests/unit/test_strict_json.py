"""The strict JSON reader and writer."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid, TooLarge
from chalicelib.json.strict_json import MAX_BYTES, MAX_DEPTH, MAX_VIOLATIONS, dumps, parse_object
from tests import documents


@given(documents.objects)
def test_parsing_the_written_text_returns_an_equal_document(document):
    assert parse_object(dumps(document).encode()) == document


@given(documents.objects)
def test_the_standard_library_can_parse_the_written_text(document):
    read = json.loads(dumps(document), parse_float=Decimal)
    assert read == document


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x == 0 or 1e-130 <= abs(x) < 1e126))
def test_every_float_keeps_its_value(number):
    (read,) = parse_object(json.dumps({"n": number}).encode()).values()
    assert float(read) == number


def test_every_json_type_is_preserved():
    text = b"""{"age": 30, "height": 1.75, "big": 123456789012345678901234567890,
        "tags": ["a", null, true, {}], "empty": ""}"""
    document = parse_object(text)
    assert document == {
        "age": 30,
        "height": Decimal("1.75"),
        "big": 123456789012345678901234567890,
        "tags": ["a", None, True, {}],
        "empty": "",
    }
    assert json.loads(dumps(document)) == json.loads(text)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("-0", 0),
        ("-0.0", 0),
        ("0e999", 0),
        ("1.0", 1),
        ("1.50", Decimal("1.5")),
        ("1e3", 1000),
        ("1E-130", Decimal("1E-130")),
        ("9.9999999999999999999999999999999999999E+125", int("9" * 38) * 10**88),
        ("1" + "0" * 125, 10**125),
        ("0." + "0" * 129 + "1", Decimal("1E-130")),
        ("1." + "0" * 10_000, 1),
        ("9" * 38, int("9" * 38)),
    ],
)
def test_numbers_keep_their_value(literal, value):
    document = parse_object(b'{"n": %s}' % literal.encode())
    assert document == {"n": value}
    assert type(document["n"]) is type(value)


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        (b"", "", "empty"),
        (b"nonsense", "", "not valid JSON"),
        (b'{"a": 1', "", "not valid JSON"),
        (b'{"a": 1}}', "", "not valid JSON"),
        (b"{'a': 1}", "", "not valid JSON"),
        (b'{"a": 01}', "", "not valid JSON"),
        (b'{"a": +1}', "", "not valid JSON"),
        (b'{"a": "\n"}', "", "not valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "", "not valid JSON"),
        (b'{"a": "\xff"}', "", "not valid UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "", "not valid UTF-8"),
        (b"[]", "", "not an object"),
        (b'"text"', "", "not an object"),
        (b"null", "", "not an object"),
        (b"12", "", "not an object"),
        (b'{"a": {"b": 1, "b": 1}}', "/a/b", "Duplicate key"),
        (b'{"a": [0, NaN]}', "/a/1", "not a JSON number"),
        (b'{"a": Infinity}', "/a", "not a JSON number"),
        (b'{"a": -Infinity}', "/a", "not a JSON number"),
        (b'{"a/b": {"~": ["\\ud800"]}}', "/a~1b/~0/0", "lone surrogate"),
        (b'{"a": {"\\udc00": 1}}', "/a", "lone surrogate"),
        (b'{"": 1}', "/", "Empty key"),
        (b'{"a": [{"": 1}]}', "/a/0/", "Empty key"),
        (b'{"a": 1e126}', "/a", "out of range"),
        (b'{"a": -1e126}', "/a", "out of range"),
        (b'{"a": 1e-131}', "/a", "out of range"),
        (b'{"a": 1e99999999999999999999}', "/a", "out of range"),
        (b'{"a": %s}' % (b"9" * 10_000), "/a", "out of range"),
        (b'{"a": %s}' % (b"1" * 39), "/a", "38 significant"),
        (b'{"a": 0.%s}' % (b"1" * 39), "/a", "38 significant"),
        (b'{"%s": 1}' % (b"n" * 65_536), "", "65,535"),
        (b'{"%s": 1}' % ("\u00e9" * 33_000).encode(), "", "65,535"),
        (b"[" * 300_000, "", "nested deeper"),
        (b'{"a":' * 50_000, "", "nested deeper"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else None,
)
def test_invalid_json_is_rejected_with_a_pointer_to_the_error(body, pointer, detail):
    with pytest.raises(Invalid) as rejected:
        parse_object(body)
    (violation,) = rejected.value.violations
    assert violation.pointer == pointer
    assert detail in violation.detail


def test_thirty_levels_of_nesting_are_accepted_and_thirty_one_are_rejected():
    deepest = documents.nested(MAX_DEPTH)
    assert parse_object(json.dumps(deepest).encode()) == deepest
    with pytest.raises(Invalid) as rejected:
        parse_object(json.dumps(documents.nested(MAX_DEPTH + 1)).encode())
    (violation,) = rejected.value.violations
    assert violation.pointer.count("/") == MAX_DEPTH
    assert "deeper than 30" in violation.detail


def test_a_body_of_350_kb_is_accepted_and_one_byte_more_is_rejected():
    fitting = b'{"a": "%s"}' % (b"x" * (MAX_BYTES - len(b'{"a": ""}')))
    assert len(parse_object(fitting)["a"]) == MAX_BYTES - 9
    with pytest.raises(TooLarge, match="358,401 bytes"):
        parse_object(fitting + b" ")


def test_all_errors_up_to_a_limit_are_reported_at_once():
    with pytest.raises(Invalid) as rejected:
        parse_object(b'{"a": NaN, "b": 1e200, "a": 1}')
    assert [violation.pointer for violation in rejected.value.violations] == ["/a", "/b", "/a"]
    assert "(2 more)" in rejected.value.detail
    with pytest.raises(Invalid) as rejected:
        parse_object(b'{"a": [%s]}' % b",".join([b"NaN"] * 1000))
    assert len(rejected.value.violations) == MAX_VIOLATIONS


def test_a_pointer_that_is_too_long_is_shortened_to_an_enclosing_object():
    with pytest.raises(Invalid) as rejected:
        parse_object(b'{"a": {"%s": NaN}}' % (b"n" * 5000))
    assert rejected.value.violations[0].pointer == "/a"


def test_strings_that_look_like_numbers_stay_strings():
    document = parse_object(b'{"a": "1", "b": "NaN", "c": "1e5"}')
    assert document == {"a": "1", "b": "NaN", "c": "1e5"}
    assert all(type(value) is str for value in document.values())


def test_numbers_never_become_floats():
    document = parse_object(b'{"a": 0.1, "b": 1e22, "c": 123456789.123456789123456789}')
    assert not any(isinstance(value, float) for value in document.values())
    assert dumps(document) == '{"a":0.1,"b":10000000000000000000000,"c":123456789.123456789123456789}'
    assert math.isclose(float(document["a"]), 0.1)
