"""Collects everything that Roster logs during the tests, and searches it for what must never be logged."""

import logging
import re

from chalicelib.web.logs import TerminalFormatter

SECRETS = {
    "an e-mail address": r"[\w.+-]+@[\w-]+\.\w+",
    "a token": r"eyJ[\w-]{8,}",
    "a query": r"[?&](?:limit|cursor)=",
    "a body": r"Jane|chess|Correct-horse",
}
texts: list[str] = []


class Everything(logging.Handler):
    """Collects everything that is logged in this process."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record as text."""
        texts.append(TerminalFormatter().format(record))


def secrets() -> dict[str, str]:
    """Return the first logged line that contains a secret, for each kind of secret that was logged."""
    return {
        name: found[0]
        for name, pattern in SECRETS.items()
        if (found := [line for text in texts for line in text.splitlines() if re.search(pattern, line)])
    }
