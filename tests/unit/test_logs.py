"""The format of log lines: readable on a terminal, JSON in Lambda."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.web import logs
from chalicelib.web.logs import JsonFormatter, TerminalFormatter, method
from infra import parts
from testbed.events import proxy_event

FIELDS = {"request_id": "r-1", "method": "GET", "status": 200, "duration_ms": 1.5}
IN_LAMBDA = pytest.mark.skipif(sys.platform != "linux", reason="the wheels of Lambda's runtime are for Linux only")
AS_LAMBDA_DOES = """
import json, os, sys
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_log_utils import LogFormat
bootstrap._GLOBAL_AWS_REQUEST_ID = "l-1"
format = LogFormat.from_str(os.environ.get("AWS_LAMBDA_LOG_FORMAT"))
bootstrap._setup_logging(format, "INFO" if format == LogFormat.JSON else "", bootstrap.StandardLogSink())
import logging, app
app.app(json.load(sys.stdin), None)
try:
    raise ValueError("wrong")
except ValueError:
    logging.getLogger("a.library").exception("failed")
"""


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


@IN_LAMBDA
def test_in_lambda_a_line_is_a_json_object_with_the_fields():
    from awslambdaric.lambda_runtime_log_utils import JsonFormatter as LambdasFormatter

    line = json.loads(LambdasFormatter().format(record(**FIELDS)))
    assert {"level": "INFO", "message": "request", "logger": "roster", **FIELDS}.items() <= line.items()


@IN_LAMBDA
def test_in_lambda_the_lines_are_the_same_json_whether_the_log_format_is_text_or_json():
    def lines(**environ):
        done = subprocess.run(
            [sys.executable, "-c", AS_LAMBDA_DOES],
            cwd=Path(__file__).parent.parent.parent,
            env={"PATH": os.environ["PATH"], **parts.examples(), "AWS_LAMBDA_FUNCTION_NAME": "roster-dev", **environ},
            input=json.dumps(proxy_event("GET", "/open")),
            capture_output=True,
            text=True,
            check=True,
        )
        found = [json.loads(line) for line in done.stdout.splitlines()]
        for line in found:
            line.pop("timestamp")
            line.pop("duration_ms", None)
        return found

    request, failure = lines(AWS_LAMBDA_LOG_FORMAT="JSON")
    assert lines() == lines(AWS_LAMBDA_LOG_FORMAT="Text") == [request, failure]
    assert {"message": "request", "route": "/open", "requestId": "l-1", "status": 200}.items() <= request.items()
    assert {"errorType": "ValueError", "errorMessage": "wrong", "logger": "a.library"}.items() <= failure.items()


def test_a_json_line_survives_values_that_json_does_not_know():
    line = JsonFormatter().format(record(reason="\ud800\n", path=Path("/x")))
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert json.loads(line)["path"] == "/x"


def test_libraries_log_no_bodies_even_if_everything_is_logged():
    """At DEBUG, botocore logs requests and responses. Lambda sets the level of the root logger."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        logs.configure("DEBUG", on_terminal=False, as_json=False)
        for name in ("botocore.endpoint", "botocore.parsers", "urllib3.connectionpool"):
            assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    finally:
        root.setLevel(before)
        logging.getLogger("roster").setLevel(logging.INFO)


def test_a_line_has_the_id_of_the_request_in_which_it_is_logged(caplog):
    with logs.of_request("r-1"):
        logs.ROOT.info("inside")
        logs.ROOT.info("own", extra={"request_id": "r-2"})
        logs.bug(ValueError("secret"))
    logs.ROOT.info("outside")
    ids = {record.message: vars(record).get("request_id") for record in caplog.records}
    assert ids == {"inside": "r-1", "own": "r-2", "bug": "r-1", "outside": None}
