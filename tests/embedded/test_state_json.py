"""Encoding the embedded AWS's state as JSON: any value comes back exactly as it was."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embedded.emulator.state_json import BUILT_IN, PAIRS, Codec


class Scoped:
    """Stands in for ministack's dictionaries, which belong to an account and a region."""

    def __init__(self, data):
        self.data = data

    def __eq__(self, other):
        return type(other) is Scoped and other.data == self.data

    __hash__ = None  # type: ignore[assignment]  # it is unhashable, as a dictionary is


codec = Codec({"__scoped__": (Scoped, lambda value: value.data, Scoped)})
MARKS = [*BUILT_IN, PAIRS, "__scoped__", "__account_region_scoped__", "__", "__other__"]

keys = st.sampled_from(MARKS) | st.text(max_size=8) | st.integers() | st.tuples(st.text(max_size=4), st.integers())
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars | st.sets(st.text(max_size=4), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
        | st.builds(Scoped, st.dictionaries(keys, inner, max_size=2))
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


def types(value):
    """Return the structure of a value with the types of all its parts, which ``==`` does not compare."""
    if isinstance(value, dict):
        return dict, [(types(key), types(member)) for key, member in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [types(element) for element in value]
    return type(value), types(value.data) if isinstance(value, Scoped) else None


@given(values)
@example({"__bytes__": 1})
@example({"__bytes__": "eA=="})
@example({"__scoped__": True, "data": {"a": 1}})
@example({"__account_region_scoped__": True})
@example({PAIRS: [["a", 1]]})
@example([{"__bytes__": {"__bytes__": b"x"}}])
@example({1: {("a", 2): b"\xff"}})
@example("\ud800")
def test_any_value_survives_a_round_trip_with_its_types(value):
    again = codec.loads(codec.dumps(value))
    assert again == value
    assert types(again) == types(value)


def test_an_ordinary_document_is_encoded_unchanged():
    document = {"name": "Jane", "__private": 1, "tags": [{"a": None}]}
    assert json.loads(codec.dumps(document)) == document


def test_a_value_of_an_unknown_type_is_an_error():
    with pytest.raises(TypeError, match="complex"):
        codec.dumps({"a": [1j]})


def test_an_unknown_mark_is_an_error():
    with pytest.raises(ValueError, match="__later__"):
        codec.loads('{"__later__": 1}')
