"""Entity tags, and the headers that ask about them."""

import pytest

from chalicelib import records
from chalicelib.errors import Invalid
from chalicelib.records import ABSENT, Precondition
from chalicelib.web import entity_tags
from chalicelib.web.entity_tags import is_known, write_precondition


def present(*revisions):
    return Precondition(exists=True, revisions=frozenset(revisions))


def test_a_records_tag_is_strong_and_asks_for_its_revision():
    record = records.stamp("jane", {})
    tag = entity_tags.of(record)
    assert tag == f'"{record.revision}"'
    assert write_precondition(tag, None) == present(record.revision)
    assert is_known(tag, tag)


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "precondition"),
    [
        (None, None, None),
        ("*", None, Precondition(exists=True)),
        (" * ", None, Precondition(exists=True)),
        ('"a"', None, present("a")),
        ('"a", "b"', None, present("a", "b")),
        ('"a","b" ,\t"c"', None, present("a", "b", "c")),
        (', "a",, "b",', None, present("a", "b")),
        ('"a,b"', None, present("a,b")),
        ('W/"a"', None, present()),
        ('W/"a", "b"', None, present("b")),
        ('""', None, present("")),
        (None, "*", ABSENT),
    ],
)
def test_what_the_headers_ask_of_a_write(if_match, if_none_match, precondition):
    assert write_precondition(if_match, if_none_match) == precondition


@pytest.mark.parametrize(
    ("if_match", "if_none_match"),
    [
        ("", None),
        ("a", None),
        ('"a', None),
        ('a"', None),
        ('"a" "b"', None),
        ('*, "a"', None),
        ("'a'", None),
        ('w/"a"', None),
        ('"a b"', None),
        (",", None),
        (", ".join(['"a"'] * 101), None),
        (None, '"a"'),
        (None, ""),
        ("*", "*"),
        ('"a"', '"a"'),
    ],
)
def test_headers_that_ask_nothing_sensible_of_a_write_are_refused(if_match, if_none_match):
    with pytest.raises(Invalid):
        write_precondition(if_match, if_none_match)


@pytest.mark.parametrize(
    ("if_none_match", "known"),
    [(None, False), ("*", True), ('"a"', True), ('W/"a"', True), ('"b"', False), ('"b", "a"', True), ('"A"', False)],
)
def test_whether_a_reader_has_it_already(if_none_match, known):
    assert is_known('"a"', if_none_match) is known


def test_a_list_made_to_be_slow_is_read_in_no_time():
    with pytest.raises(Invalid):
        write_precondition('"a"' + " ," * 50_000 + "x", None)
