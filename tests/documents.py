"""Hypothesis strategies for JSON documents: everything that the contract accepts."""

from decimal import Decimal

from hypothesis import strategies as st

MAX_EXPONENT = 125
MIN_EXPONENT = -130


def _number(digits: int, exponent: int) -> int | Decimal:
    number = Decimal(digits).scaleb(exponent)
    return int(number) if number == number.to_integral_value() else number


def _in_range(number: int | Decimal) -> bool:
    return number == 0 or MIN_EXPONENT <= Decimal(number).adjusted() <= MAX_EXPONENT


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = texts.filter(bool)
integers = st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1)
numbers = st.builds(_number, integers, st.integers(MIN_EXPONENT, MAX_EXPONENT)).filter(_in_range)
scalars = st.none() | st.booleans() | integers | numbers | texts
values = st.recursive(
    scalars,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(names, children, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=6)
attributes = st.dictionaries(names.filter(lambda name: name not in ("userid", "timestamp")), values, max_size=6)
"""Attributes of a user: everything but the two that the service sets."""


def nested(levels: int) -> object:
    """Return an object with ``levels`` levels of nesting."""
    document: object = {}
    for level in range(levels - 1):
        document = [document] if level % 2 and level < levels - 2 else {"in": document}
    return document
