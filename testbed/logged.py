"""Collects everything that Roster logs during the tests, and searches it for what must never be logged."""

import logging
import re
from typing import Any

from chalicelib.web.logs import TerminalFormatter

SECRETS = {
    "an e-mail address": r"[\w.+-]+@[\w-]+\.\w+",
    "a token": r"eyJ[\w-]{8,}",
    "the session of a challenge": r"WyJ[\w-]{8,}",
    "the secret of an authenticator": r"otpauth:|[?&]secret=",
    "a query": r"[?&](?:limit|cursor)=",
    "a body": r"Jane|chess|Correct-horse",
}
"""Patterns. Tokens are JWTs, and sessions are lists of texts: base64url shows how they begin."""
CODE = re.compile(r"(?<![\w.-])\d{6}(?![\w.-])")
"""A number of six digits that is not a part of an id, a duration or a time."""
SHORTEST_PASSWORD = 8
"""Characters. Shorter ones are those of tests of the password policy, and are words that logs may contain."""

texts: list[str] = []
passwords: set[str] = set()
"""The passwords that the tests have sent."""
codes: set[str] = set()
"""The codes that were mailed to users of the tests."""


class Everything(logging.Handler):
    """Collects everything that is logged in this process."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record as text."""
        texts.append(TerminalFormatter().format(record))


def note_password(body: Any) -> None:
    """Remember the passwords in a JSON value that is sent to the API."""
    for member in ("password", "new_password") if isinstance(body, dict) else ():
        password = body.get(member)
        if isinstance(password, str) and len(password) >= SHORTEST_PASSWORD:
            passwords.add(password)


def secrets() -> dict[str, str]:
    """Return the first logged line that contains a secret, for each kind of secret that was logged."""
    lines = [line for text in texts for line in text.splitlines()]
    by_pattern = {name: [line for line in lines if re.search(pattern, line)] for name, pattern in SECRETS.items()}
    found = {
        **by_pattern,
        "a password": [line for line in lines if any(password in line for password in passwords)],
        "a mailed code": [line for line in lines if not codes.isdisjoint(CODE.findall(line))],
    }
    return {name: leaks[0] for name, leaks in found.items() if leaks}
