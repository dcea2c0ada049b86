"""JSON as Roster reads and writes it."""

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
def test_whatever_is_written_reads_back_equal(document):
    assert parse_object(dumps(document).encode()) == document


@given(documents.objects)
def test_what_is_written_is_json_to_the_standard_library_too(document):
    read = json.loads(dumps(document), parse_float=Decimal)
    assert read == document


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x == 0 or 1e-130 <= abs(x) < 1e126))
def test_every_float_comes_back_as_the_same_float(number):
    (read,) = parse_object(json.dumps({"n": number}).encode()).values()
    assert float(read) == number


def test_the_example_of_the_contract_keeps_every_type():
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
def test_numbers_are_kept_by_value(literal, value):
    document = parse_object(b'{"n": %s}' % literal.encode())
    assert document == {"n": value}
    assert type(document["n"]) is type(value)


@pytest.mark.parametrize(
    ("body", "pointer", "says"),
    [
        (b"", "", "empty"),
        (b"nonsense", "", "not JSON"),
        (b'{"a": 1', "", "not JSON"),
        (b'{"a": 1}}', "", "not JSON"),
        (b"{'a': 1}", "", "not JSON"),
        (b'{"a": 01}', "", "not JSON"),
        (b'{"a": +1}', "", "not JSON"),
        (b'{"a": "\n"}', "", "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "", "not JSON"),
        (b'{"a": "\xff"}', "", "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "", "not UTF-8"),
        (b"[]", "", "not an object"),
        (b'"text"', "", "not an object"),
        (b"null", "", "not an object"),
        (b"12", "", "not an object"),
        (b'{"a": {"b": 1, "b": 1}}', "/a/b", "twice"),
        (b'{"a": [0, NaN]}', "/a/1", "not a JSON number"),
        (b'{"a": Infinity}', "/a", "not a JSON number"),
        (b'{"a": -Infinity}', "/a", "not a JSON number"),
        (b'{"a/b": {"~": ["\\ud800"]}}', "/a~1b/~0/0", "lone surrogate"),
        (b'{"a": {"\\udc00": 1}}', "/a", "lone surrogate"),
        (b'{"": 1}', "/", "name is empty"),
        (b'{"a": [{"": 1}]}', "/a/0/", "name is empty"),
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
def test_what_is_not_strict_json_is_refused_with_its_place(body, pointer, says):
    with pytest.raises(Invalid) as refused:
        parse_object(body)
    (violation,) = refused.value.violations
    assert violation.pointer == pointer
    assert says in violation.detail


def test_thirty_levels_are_read_and_the_thirty_first_is_refused():
    deepest = documents.nested(MAX_DEPTH)
    assert parse_object(json.dumps(deepest).encode()) == deepest
    with pytest.raises(Invalid) as refused:
        parse_object(json.dumps(documents.nested(MAX_DEPTH + 1)).encode())
    (violation,) = refused.value.violations
    assert violation.pointer.count("/") == MAX_DEPTH
    assert "deeper than 30" in violation.detail


def test_a_body_of_350_kb_is_read_and_one_byte_more_is_too_large():
    fitting = b'{"a": "%s"}' % (b"x" * (MAX_BYTES - len(b'{"a": ""}')))
    assert len(parse_object(fitting)["a"]) == MAX_BYTES - 9
    with pytest.raises(TooLarge, match="358,401 bytes"):
        parse_object(fitting + b" ")


def test_all_faults_are_told_at_once_up_to_a_bound():
    with pytest.raises(Invalid) as refused:
        parse_object(b'{"a": NaN, "b": 1e200, "a": 1}')
    assert [violation.pointer for violation in refused.value.violations] == ["/a", "/b", "/a"]
    assert "(2 more)" in refused.value.detail
    with pytest.raises(Invalid) as refused:
        parse_object(b'{"a": [%s]}' % b",".join([b"NaN"] * 1000))
    assert len(refused.value.violations) == MAX_VIOLATIONS


def test_a_pointer_too_long_to_repeat_shows_an_enclosing_place():
    with pytest.raises(Invalid) as refused:
        parse_object(b'{"a": {"%s": NaN}}' % (b"n" * 5000))
    assert refused.value.violations[0].pointer == "/a"


def test_text_that_looks_like_a_number_stays_text():
    document = parse_object(b'{"a": "1", "b": "NaN", "c": "1e5"}')
    assert document == {"a": "1", "b": "NaN", "c": "1e5"}
    assert all(type(value) is str for value in document.values())


def test_no_float_is_ever_made():
    document = parse_object(b'{"a": 0.1, "b": 1e22, "c": 123456789.123456789123456789}')
    assert not any(isinstance(value, float) for value in document.values())
    assert dumps(document) == '{"a":0.1,"b":10000000000000000000000,"c":123456789.123456789123456789}'
    assert math.isclose(float(document["a"]), 0.1)
