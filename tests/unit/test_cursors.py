"""Cursors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.web.cursors import decode, encode

userids = st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True)


@given(userids)
def test_a_cursor_gives_back_its_userid(userid):
    assert decode(encode(userid)) == userid


@given(userids)
def test_a_cursor_needs_no_escaping_in_an_address(userid):
    assert encode(userid).replace("-", "").replace("_", "").isalnum()


@given(userids, st.data())
def test_a_cursor_with_one_character_changed_is_refused(userid, data):
    cursor = encode(userid)
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != cursor[place]))
    with pytest.raises(Invalid):
        decode(cursor[:place] + other + cursor[place + 1 :])


@given(st.text())
def test_any_other_text_is_refused(text):
    with pytest.raises(Invalid) as refused:
        decode(text)
    assert refused.value.violations[0].pointer == "/cursor"


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_cursor_cut_short_is_refused(cut):
    with pytest.raises(Invalid):
        decode(encode("jane")[:-cut])
