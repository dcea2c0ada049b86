"""The greeting that ``GET /`` returns."""

import pytest

from chalicelib.greeting import greeting

EMAIL = {"sub": "s", "email": "jane@example.com"}


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({**EMAIL, "name": "J. Doe", "given_name": "Jane", "family_name": "Doe"}, "Jane Doe"),
        ({**EMAIL, "name": "J. Doe"}, "J. Doe"),
        ({**EMAIL, "name": "J. Doe", "given_name": "Jane"}, "J. Doe"),
        (EMAIL, "jane@example.com"),
    ],
)
def test_the_greeting_falls_back_from_full_name_to_name_to_email(claims, name):
    assert greeting(claims)["message"].startswith(f"Hello, {name}! ")


def test_groups_are_returned_as_a_list():
    assert greeting({**EMAIL, "cognito:groups": "a,b"})["groups"] == ["a", "b"]
    assert greeting(EMAIL)["groups"] == []
