"""Cursors."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.web.cursors import decode, encode

userids = st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True)


@given(userids)
def test_decoding_a_cursor_returns_its_userid(userid):
    assert decode(encode(userid)) == userid


@given(userids)
def test_a_cursor_needs_no_escaping_in_a_url(userid):
    assert encode(userid).replace("-", "").replace("_", "").isalnum()


@given(userids, st.data())
def test_a_cursor_with_one_changed_character_is_rejected(userid, data):
    cursor = encode(userid)
    index = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != cursor[index]))
    with pytest.raises(Invalid):
        decode(cursor[:index] + other + cursor[index + 1 :])


@given(st.text())
def test_text_that_is_not_a_cursor_is_rejected(text):
    with pytest.raises(Invalid) as rejected:
        decode(text)
    assert rejected.value.violations[0].pointer == "/cursor"


@given(st.text(), st.text(), st.from_regex(r"\A[\x21-\x7e]{1,1000}\Z"))
def test_a_cursor_is_only_good_for_its_own_list(one, other, position):
    cursor = encode(position, one)
    assert decode(cursor, one, re.compile(r"\S+")) == position
    if one != other:
        with pytest.raises(Invalid):
            decode(cursor, other, re.compile(r"\S+"))


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_truncated_cursor_is_rejected(cut):
    with pytest.raises(Invalid):
        decode(encode("jane")[:-cut])
