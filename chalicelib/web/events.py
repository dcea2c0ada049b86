"""What surrounds every event handler, such as ``on_sqs_message`` or ``schedule``: one log line, named failures."""

import logging
import time
from collections.abc import Callable
from typing import Any

from chalice.app import BaseLambdaEvent

from chalicelib.web import logs

TYPES = ("s3", "sns", "sqs", "cloudwatch", "kinesis", "dynamodb", "scheduled", "pure_lambda")
"""Chalice's names for the kinds of event that a middleware can be registered for, except HTTP and WebSocket."""
HANDLERS = {
    "on_s3_event",
    "on_sns_message",
    "on_sqs_message",
    "on_cw_event",
    "on_kinesis_record",
    "on_dynamodb_record",
    "schedule",
    "lambda_function",
}
"""Chalice's names for the decorators of their handlers."""

log = logging.getLogger("roster")


class EventFailed(Exception):
    """An event handler or an authorizer failed. The text is the name of the error's type.

    Lambda logs the text of an exception, and the original may quote what a client sent.
    """


def logged(event: BaseLambdaEvent, handle: Callable[[BaseLambdaEvent], Any]) -> Any:
    """Middleware: handle ``event`` and log one line. Raises ``EventFailed``, so that Lambda retries as configured."""
    started = time.perf_counter()
    context: Any = event.context
    fields = {
        "request_id": getattr(context, "aws_request_id", None),
        "function": getattr(context, "function_name", None),
        "kind": type(event).__name__,
    }
    try:
        result = handle(event)
    except Exception as error:  # noqa: BLE001
        log.error("event_failed", extra={**fields, "duration_ms": _since(started), **logs.failure(error)})
        raise EventFailed(type(error).__name__) from None
    log.info("event", extra={**fields, "duration_ms": _since(started)})
    return result


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
