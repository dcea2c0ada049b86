"""The format of log lines: readable on a terminal, JSON in Lambda."""

import json
import logging
import sys

import pytest

from chalicelib.web.logs import TerminalFormatter, method

FIELDS = {"request_id": "r-1", "method": "GET", "status": 200, "duration_ms": 1.5}


def record(**extra):
    return logging.getLogger("roster").makeRecord("roster", logging.INFO, "f", 1, "request", (), None, extra=extra)


def test_a_terminal_line_has_the_time_the_level_the_message_and_the_fields():
    time, *rest = TerminalFormatter().format(record(**FIELDS)).split()
    assert len(time.split(":")) == 3
    assert rest == ["INFO", "request", "request_id=r-1", "method=GET", "status=200", "duration_ms=1.5"]


def test_on_a_terminal_the_stack_trace_follows_below_the_line():
    first, below = TerminalFormatter().format(record(error="KeyError", frames="  File …\n")).split("\n", 1)
    assert first.endswith("request error=KeyError")
    assert below == "  File …\n"


def test_on_a_terminal_control_characters_in_values_are_escaped():
    line = TerminalFormatter().format(record(reason="\x1b[2J\r\n\x9b31m\u202eü"))
    assert line.endswith("reason=\\x1b[2J\\r\\n\\x9b31m\\u202eü")


def test_a_nonstandard_method_is_logged_as_a_dash():
    assert method("PATCH") == "PATCH"
    assert [method(text) for text in (None, "", "get", "eyJhbGciOiJub25lIn0", "GET\x1b")] == ["-"] * 5


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels of Lambda's runtime are for Linux only")
def test_in_lambda_a_line_is_a_json_object_with_the_fields():
    from awslambdaric.lambda_runtime_log_utils import JsonFormatter

    line = json.loads(JsonFormatter().format(record(**FIELDS)))
    assert {"level": "INFO", "message": "request", "logger": "roster", **FIELDS}.items() <= line.items()
