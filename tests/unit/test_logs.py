"""How Roster's log lines look: readable on a terminal, JSON in Lambda."""

import json
import logging
import sys

import pytest

from chalicelib.logs import TerminalFormatter

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


@pytest.mark.skipif(sys.platform != "linux", reason="Lambda's runtime has wheels for Linux only")
def test_in_lambda_a_line_is_a_json_object_that_has_the_fields():
    from awslambdaric.lambda_runtime_log_utils import JsonFormatter

    line = json.loads(JsonFormatter().format(record(**FIELDS)))
    assert {"level": "INFO", "message": "request", "logger": "roster", **FIELDS}.items() <= line.items()
