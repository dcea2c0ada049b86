"""Logging: one line per request, and one per event. The message is a single word; fields are passed as ``extra``.

In Lambda, the runtime's handler writes the lines as JSON ("Using structured JSON log format with Python", Lambda
developer guide), if the function's log format is JSON. If it is text, as after plain ``chalice deploy``, this module
makes them the same JSON. It also formats them for a terminal. No token, e-mail address, body or query value is logged.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

ROOT = logging.getLogger("roster")
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_RUNTIMES = frozenset({"aws_request_id", "tenant_id"})
"""What the filter of Lambda's runtime adds to each record."""
LIBRARIES = ("botocore", "urllib3")
"""At ``DEBUG``, these log bodies of requests and responses, and Lambda sets the level of all loggers."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


def method(text: str | None) -> str:
    """Return the request method if it is a standard one, else ``-``: any other text could be a token."""
    return text if text in METHODS else "-"


class TerminalFormatter(logging.Formatter):
    """Formats ``07:31:02 INFO    request method=GET route=/users/{userid} status=200``, with any stack trace below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """Return the line with the fields from ``extra``."""
        fields = {name: value for name, value in vars(record).items() if name not in _ORDINARY}
        below = fields.pop("frames", None)
        line = " ".join(
            [super().formatMessage(record), *(f"{name}={_printable(value)}" for name, value in fields.items())]
        )
        return f"{line}\n{below}" if below else line


def _printable(value: object) -> str:
    """Escape everything that could move the cursor, change colours or start a new line."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in str(value))


class TerminalHandler(logging.Handler):
    """Writes to the current standard error, even if it was replaced after start-up."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(TerminalFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        sys.stderr.write(self.format(record) + "\n")


class Redaction(logging.Filter):
    """Replaces the exception of a record by its location: Chalice logs some with their text, and with the path."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging.Filter``."""
        if record.exc_info and isinstance(record.exc_info[1], Exception):
            vars(record).update(failure(record.exc_info[1]), msg="bug", args=(), exc_info=None, exc_text=None)
        return True


class Correlation(logging.Filter):
    """Adds the id of the request being handled to each record that has none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging.Filter``."""
        request_id = _request_id.get()
        if request_id is not None and "request_id" not in vars(record):
            record.request_id = request_id
        return True


@contextmanager
def of_request(request_id: str) -> Iterator[None]:
    """Add ``request_id`` to the lines that are logged inside."""
    before = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(before)


ROOT.setLevel(logging.INFO)
ROOT.addFilter(Redaction())
ROOT.addFilter(Correlation())


class JsonFormatter(logging.Formatter):
    """Formats a line as Lambda's runtime does if the log format is JSON: the same fields, one object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON object, and a new line."""
        line: dict[str, Any] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": getattr(record, "aws_request_id", None),
        }
        if record.exc_info and record.exc_info[0]:
            kind, error, trace = record.exc_info
            line |= {"stackTrace": traceback.format_tb(trace), "errorType": kind.__name__, "errorMessage": str(error)}
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        fields = {name: value for name, value in vars(record).items() if name not in _ORDINARY | _RUNTIMES}
        line = {name: value for name, value in {**fields, **line}.items() if value is not None}
        return json.dumps(line, default=str) + "\n"


def configure(level: str, *, on_terminal: bool, as_json: bool) -> None:
    """Log from ``level`` up, to the terminal or else to the handlers that the process already has.

    With ``as_json``, these handlers write JSON lines.
    """
    ROOT.setLevel(level)
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    if as_json:
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonFormatter())
    if on_terminal and not any(isinstance(handler, TerminalHandler) for handler in ROOT.handlers):
        ROOT.addHandler(TerminalHandler())
        ROOT.propagate = False


def failure(error: Exception) -> dict[str, str]:
    """Return log fields that locate ``error``, without its text: that may quote what a client sent."""
    return {"error": type(error).__name__, "frames": "".join(traceback.format_tb(error.__traceback__))}


def bug(error: Exception) -> None:
    """Log an error that nobody expected, with its location but without its text."""
    ROOT.error("bug", extra=failure(error))
