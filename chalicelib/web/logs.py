"""What Roster logs: one line a request, and events. Each is a word, the message, and fields, given as ``extra``.

In Lambda, the runtime's own handler writes them as JSON ("Using structured JSON log format with Python", Lambda
developer guide). On a terminal they are made readable here. No token, e-mail address, body or query value is a field.
"""

import logging
import sys
import traceback

ROOT = logging.getLogger("roster")
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


def method(text: str | None) -> str:
    """A request's method as it may be logged: what is none of HTTP's own could be anything, a token too."""
    return text if text in METHODS else "-"


class TerminalFormatter(logging.Formatter):
    """``07:31:02 INFO    request method=GET route=/users/{userid} status=200``, a stack trace below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """The line, with what ``extra`` gave."""
        fields = {name: value for name, value in vars(record).items() if name not in _ORDINARY}
        below = fields.pop("frames", None)
        line = " ".join(
            [super().formatMessage(record), *(f"{name}={_printable(value)}" for name, value in fields.items())]
        )
        return f"{line}\n{below}" if below else line


def _printable(value: object) -> str:
    """``value`` as text that can't move the cursor, change colours or begin a line of its own."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(value))


class TerminalHandler(logging.Handler):
    """Writes to what is standard error at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(TerminalFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        sys.stderr.write(self.format(record) + "\n")


def configure(level: str, *, on_terminal: bool) -> None:
    """Let Roster log from ``level`` up: on the terminal, or to whatever handler the process has."""
    ROOT.setLevel(level)
    if on_terminal and not any(isinstance(handler, TerminalHandler) for handler in ROOT.handlers):
        ROOT.addHandler(TerminalHandler())
        ROOT.propagate = False


def failure(error: Exception) -> dict[str, str]:
    """Return log fields that locate ``error``, without its text: that may quote what a client sent."""
    return {"error": type(error).__name__, "frames": "".join(traceback.format_tb(error.__traceback__))}
