"""The password rules, which must agree with the pool's."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.passwords import KINDS, SYMBOLS, PasswordPolicy, PasswordRejected

POLICY = PasswordPolicy(12, tuple(KINDS))
GOOD = "Correct-horse-42"
OF_KIND = {
    "lowercase": string.ascii_lowercase,
    "uppercase": string.ascii_uppercase,
    "numbers": string.digits,
    "symbols": "".join(SYMBOLS),
}


def is_accepted(policy, password):
    try:
        policy.require(password)
    except PasswordRejected:
        return False
    return True


LINES = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=12, max_size=80)


@given(LINES, st.permutations(list(KINDS)))
def test_a_password_with_every_required_kind_is_accepted_whatever_else_it_has(text, kinds):
    password = "x" + "".join(OF_KIND[kind][0] for kind in kinds) + text + "x"
    assert is_accepted(POLICY, password)


@given(st.sampled_from(list(KINDS)), st.data())
def test_a_password_without_a_required_kind_is_rejected(missing, data):
    others = "".join(characters for kind, characters in OF_KIND.items() if kind != missing)
    password = data.draw(st.text(alphabet=others + "äßÄ٣漢", min_size=12))
    assert not is_accepted(POLICY, password)
    assert not is_accepted(PasswordPolicy(12, (missing,)), password)


@given(st.integers(min_value=0, max_value=40))
def test_length_is_counted_in_characters(length):
    assert is_accepted(PasswordPolicy(12), "é" * length) == (length >= 12)


@pytest.mark.parametrize("space", [" ", "\t", "\u00a0"])
def test_a_space_is_rejected_at_either_end_and_accepted_inside(space):
    assert not is_accepted(POLICY, space + GOOD)
    assert not is_accepted(POLICY, GOOD + space)
    assert is_accepted(POLICY, f"{GOOD}{space}{GOOD}")


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028"])
def test_a_line_break_is_rejected(end):
    assert not is_accepted(POLICY, f"{GOOD}{end}{GOOD}")


def test_at_most_256_units_of_utf_16_are_accepted():
    assert is_accepted(PasswordPolicy(12), "🐴" * 128)
    assert not is_accepted(PasswordPolicy(12), "🐴" * 129)


def test_letters_and_digits_of_other_alphabets_do_not_count():
    assert not is_accepted(PasswordPolicy(1, ("lowercase",)), "ä")
    assert not is_accepted(PasswordPolicy(1, ("uppercase",)), "Ä")
    assert not is_accepted(PasswordPolicy(1, ("numbers",)), "٣")


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("8", "A password has 8 to 256 characters on one line, and no space at its start or end."),
        (
            "12,lowercase,uppercase,numbers",
            (
                "A password has 12 to 256 characters on one line, with at least a lowercase letter, an uppercase "
                "letter and a number, and no space at its start or end."
            ),
        ),
        (
            "6,symbols",
            "A password has 6 to 256 characters on one line, with at least a symbol, and no space at its start or end.",
        ),
    ],
)
def test_the_rules_are_stated_in_a_sentence(text, rules):
    assert PasswordPolicy.parse(text).rules == rules
    with pytest.raises(PasswordRejected, match=rules):
        PasswordPolicy.parse(text).require("")


@pytest.mark.parametrize("text", ["", "twelve", "12,letters", "12,", ",lowercase", "12;lowercase"])
def test_a_malformed_policy_is_invalid(text):
    assert not PasswordPolicy.is_valid(text)
