"""Every stored document, however close to a limit, can be read, sent back unchanged, and made smaller."""

import json
from decimal import Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chalicelib import records, users
from chalicelib.errors import TooLarge
from chalicelib.json.strict_json import MAX_BYTES, canonical, dumps, parse_object, shortest
from chalicelib.records import MAX_STORED, stored_size
from tests import documents

FILLERS = {
    "two bytes": '"ü"',
    "four bytes": '"😀"',
    "control characters": '"\\u0001"',
    "large round number": "1e125",
    "largest number": "9.9999999999999999999999999999999999999E+125",
    "large round number in full": "1" + "0" * 125,
    "38 digits": "12345678901234567890123456789012345678",
    "one digit": "7",
    "empty lists": "[]",
}
"""JSON values that fill a document, up to the size limit of a body or of a DynamoDB item."""


def body_of(filler, count):
    return f'{{"userid":"x","list":[{",".join([filler] * count)}]}}'.encode()


def stored(body, userid="jane"):
    """Return the user that is stored for a body, or ``None`` if it is rejected."""
    try:
        return users.stored_as(userid, parse_object(body, users.SET_BY_SERVICE))
    except TooLarge:
        return None


def returned(user):
    """Return the body of the response to a GET."""
    return records.text(users.to_json(user), user.document).encode()


def most(filler):
    """Return how often the filler fits into both a body and an item."""
    size = stored_size(parse_object(b'{"a":%s}' % filler.encode())["a"])
    in_body = (MAX_BYTES - len('{"list":[]}') + 1) // (len(filler.encode()) + 1)
    in_item = (MAX_STORED - stored_size({"list": []})) // (1 + size)
    return min(in_body, in_item)


@pytest.fixture(scope="module", params=FILLERS)
def at_the_limit(request):
    """A user of maximum size, filled with one filler."""
    filler = FILLERS[request.param]
    count = most(filler)
    assert stored(body_of(filler, count + 1)) is None
    return stored(body_of(filler, count), "u" * 128)


def test_a_user_of_maximum_size_can_be_read_and_sent_back(at_the_limit):
    user = at_the_limit
    body = returned(user)
    assert len(body) <= MAX_BYTES + 256
    assert stored(body, user.userid).document == user.document


def test_a_user_of_maximum_size_can_be_patched_and_made_smaller(at_the_limit):
    user = at_the_limit
    assert users.patch(user, {}).document == user.document
    fewer = user.document["list"][:-1]
    assert users.patch(user, {"list": fewer}).document == {"list": fewer}
    assert users.patch(user, {"list": None}).document == {}


def test_members_set_by_the_service_do_not_count_towards_the_limit():
    echoed = b'"timestamp":[1e125,1e125,1e125]'
    fits = b'{%s,"a":"%s"}' % (echoed, b"x" * (MAX_BYTES - len('{"a":""}')))
    user = users.stored_as("u" * 128, parse_object(fits, users.SET_BY_SERVICE))
    assert stored(returned(user), user.userid).document == user.document
    with pytest.raises(TooLarge):
        parse_object(fits.replace(b"x", b"xx", 1), users.SET_BY_SERVICE)


def test_a_patch_that_makes_a_record_too_large_is_rejected():
    user = users.stored_as("jane", {"a": "x" * (MAX_BYTES - 100)})
    with pytest.raises(TooLarge, match=r"would have 358,4\d\d bytes; at most 358,400"):
        users.patch(user, {"b": "x" * 100})


@pytest.mark.parametrize(
    ("text", "size"),
    {
        "0": 1,
        "0.0": 1,
        "1": 2,
        "10": 2,
        "100": 2,
        "1e125": 2,
        "1e-130": 2,
        "-1": 3,
        "12": 2,
        "123": 3,
        "1234": 3,
        "120": 3,
        "1200": 2,
        "1.5": 3,
        "0.5": 2,
        "0.05": 2,
        "0.005": 2,
        "12.5": 3,
        "12345678901234567890123456789012345678": 20,
        "-1234567890123456789012345678901234567.8": 22,
    }.items(),
)
def test_a_number_takes_one_byte_per_two_significant_digits_plus_one_or_two(text, size):
    assert stored_size(Decimal(text)) == size


def test_item_sizes_follow_the_developer_guide():
    assert stored_size({"ab": "ü", "l": [None, True, {}], "m": {"n": []}}) == (
        3 + (1 + 2 + 2) + (1 + 1 + 3 + (1 + 1) + (1 + 1) + (1 + 3)) + (1 + 1 + 3 + (1 + 1 + 3))
    )


@given(documents.objects, st.booleans(), st.sampled_from([None, 1]))
@example({"a": 10**125, "b": Decimal("1E-130"), "c": Decimal("1.5E-10"), "d": -100, "e": 0}, False, None)
def test_no_json_text_is_shorter_than_the_shortest(document, is_ascii, indent):
    value = json.loads(dumps(document), parse_float=lambda text: text)
    assume(value == document)
    body = json.dumps(document, ensure_ascii=is_ascii, indent=indent, separators=(",", ":"))
    assert len(shortest(document).encode()) <= len(body.encode())


@given(documents.numbers)
def test_no_text_of_a_number_is_shorter_than_the_shortest(number):
    sign, digits, exponent = Decimal(number).as_tuple()
    assert isinstance(exponent, int)
    written = "".join(map(str, digits))
    ways = [f"{Decimal(number):f}", f"{Decimal(number):e}", str(number)] + [
        f"{'-' * sign}{written[:point]}.{written[point:]}e{exponent + len(written) - point}"
        for point in range(1, len(written))
    ]
    assert all(Decimal(way) == number for way in ways)
    assert len(shortest(number)) <= min(map(len, ways))


@given(documents.objects)
def test_all_texts_of_a_document_parse_to_the_same_document(document):
    for text in (dumps(document), shortest(document), canonical(document)):
        assert parse_object(text.encode()) == document


@given(documents.objects)
def test_the_canonical_text_does_not_depend_on_the_order_of_members(document):
    assert canonical(document) == canonical(dict(reversed(document.items())))


def test_the_format_of_canonical_text_does_not_change():
    """Its hash is stored with each record that was created with an Idempotency-Key."""
    document = {"b": "ü", "a": [10**40, Decimal("0.10"), None, True]}
    assert canonical(document) == f'{{"a":[1{"0" * 40},0.10,null,true],"b":"\\u00fc"}}'


def test_numbers_in_small_documents_are_written_in_full():
    user = users.stored_as("jane", {"big": 10**125, "small": Decimal("1E-7"), "text": "ü"})
    assert f'{{"big":1{"0" * 125},"small":1E-7,"text":"ü",'.encode() in returned(user)
