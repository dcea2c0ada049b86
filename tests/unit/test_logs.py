"""How Roster's log lines look: readable on a terminal, JSON in Lambda."""

import json
import logging
import sys

import pytest

from chalicelib.web.logs import TerminalFormatter, method

FIELDS = {"request_id": "r-1", "method": "GET", "status": 200, "duration_ms": 1.5}


def record(**extra):
    return logging.getLogger("roster").makeRecord("roster", logging.INFO, "f", 1, "request", (), None, extra=extra)


def test_on_a_terminal_a_line_is_time_level_word_and_fields():
    time, *rest = TerminalFormatter().format(record(**FIELDS)).split()
    assert len(time.split(":")) == 3
    assert rest == ["INFO", "request", "request_id=r-1", "method=GET", "status=200", "duration_ms=1.5"]


def test_on_a_terminal_the_place_of_a_bug_stands_below_its_line():
    first, below = TerminalFormatter().format(record(error="KeyError", frames="  File …\n")).split("\n", 1)
    assert first.endswith("request error=KeyError")
    assert below == "  File …\n"


def test_on_a_terminal_a_value_can_not_move_the_cursor_or_begin_a_line():
    line = TerminalFormatter().format(record(reason="\x1b[2J\r\n\x9b31m\u202eü"))
    assert line.endswith("reason=\\x1b[2J\\r\\n\\x9b31m\\u202eü")


def test_a_method_that_is_none_of_https_own_is_not_logged():
    assert method("PATCH") == "PATCH"
    assert [method(text) for text in (None, "", "get", "eyJhbGciOiJub25lIn0", "GET\x1b")] == ["-"] * 5


@pytest.mark.skipif(sys.platform != "linux", reason="Lambda's runtime has wheels for Linux only")
def test_in_lambda_a_line_is_a_json_object_that_has_the_fields():
    from awslambdaric.lambda_runtime_log_utils import JsonFormatter

    line = json.loads(JsonFormatter().format(record(**FIELDS)))
    assert {"level": "INFO", "message": "request", "logger": "roster", **FIELDS}.items() <= line.items()
