"""All that Roster logs while the suite runs, wherever it runs, and whether it tells what no log may hold."""

import logging
import re

from chalicelib.web.logs import TerminalFormatter

SECRETS = {
    "an e-mail address": r"[\w.+-]+@[\w-]+\.\w+",
    "a token": r"eyJ[\w-]{8,}",
    "a query": r"[?&](?:limit|cursor)=",
    "a body": r"Jane|chess|Correct-horse",
}
texts = []


class Everything(logging.Handler):
    """Keeps all that is logged in this process."""

    def emit(self, record):
        texts.append(TerminalFormatter().format(record))


def secrets():
    """What was found, and where."""
    return {
        name: found[0]
        for name, pattern in SECRETS.items()
        if (found := [line for text in texts for line in text.splitlines() if re.search(pattern, line)])
    }
