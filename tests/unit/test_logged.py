"""What the search of the logs at the end of all tests finds. No test may leave a secret in ``logged.texts``."""

import pytest

from testbed import logged

TOKEN = "eyJraWQiOiJhYmMiLCJhbGciOiJSUzI1NiJ9"
LEAKS = {
    "an e-mail address": "signed_up email=jane@example.com",
    "a token": f"refresh_declined token={TOKEN}",
    "the session of a challenge": "sign_in_failed session=WyJBWUFCZUQ0cGpIWm9h",
    "the secret of an authenticator": "uri=otpauth://totp/Roster",
    "a query": "GET /users?limit=5",
    "a body": '{"name": "Jane"}',
    "a password": "sign_in_failed password=Pässwörd 42 ß",
    "a mailed code": '{"message": "code_declined", "code": "271828"}',
}


@pytest.fixture
def searched(monkeypatch):
    """A function that returns the kinds of secrets found in a text, after a password and a code were used."""
    monkeypatch.setattr(logged, "passwords", set())
    monkeypatch.setattr(logged, "codes", {"271828"})
    logged.note_password({"password": "Pässwörd 42 ß"})

    def search(text):
        monkeypatch.setattr(logged, "texts", ["a line\n" + text])
        return logged.secrets()

    return search


@pytest.mark.parametrize("kind", LEAKS)
def test_each_kind_of_secret_is_found(searched, kind):
    assert searched(LEAKS[kind]) == {kind: LEAKS[kind]}


@pytest.mark.parametrize(
    "line",
    [
        "09:25:15 INFO    signed_in userid=5f0c2b7e-3a1d-4b8e-9c55-1f2e3d4c5b6a request_id=271828-1",
        "INFO    request method=POST route=/accounts/confirmation status=400 duration_ms=3.271828 problem=invalid-code",
        '{"timestamp": "2026-11-22T09:25:15.271828Z", "reason": "CodeMismatch", "requests": 314159}',
    ],
)
def test_a_line_without_secrets_is_not_found(searched, line):
    assert searched(line) == {}


@pytest.mark.parametrize("body", [{"password": "weak"}, {"password": 12345678}, {"password": None}, ["password"], ...])
def test_a_short_password_or_another_body_is_not_searched_for(monkeypatch, body):
    monkeypatch.setattr(logged, "passwords", set())
    logged.note_password(body)
    assert logged.passwords == set()
