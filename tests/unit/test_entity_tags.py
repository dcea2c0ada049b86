"""Entity tags, ``If-Match`` and ``If-None-Match``."""

import pytest

from chalicelib import records
from chalicelib.errors import Invalid
from chalicelib.records import ABSENT, Precondition
from chalicelib.web import entity_tags
from chalicelib.web.entity_tags import is_known, write_precondition


def present(*revisions):
    return Precondition(exists=True, revisions=frozenset(revisions))


def test_the_entity_tag_of_a_record_is_strong_and_matches_its_revision():
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
def test_the_headers_of_a_write_are_parsed_into_a_precondition(if_match, if_none_match, precondition):
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
def test_invalid_headers_of_a_write_are_rejected(if_match, if_none_match):
    with pytest.raises(Invalid):
        write_precondition(if_match, if_none_match)


@pytest.mark.parametrize(
    ("if_none_match", "known"),
    [(None, False), ("*", True), ('"a"', True), ('W/"a"', True), ('"b"', False), ('"b", "a"', True), ('"A"', False)],
)
def test_if_none_match_compares_weakly(if_none_match, known):
    assert is_known('"a"', if_none_match) is known


def test_a_malicious_header_is_parsed_in_linear_time():
    with pytest.raises(Invalid):
        write_precondition('"a"' + " ," * 50_000 + "x", None)
