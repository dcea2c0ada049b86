"""What surrounds every handler: the second lock before it, problems for what it raises, and one log line."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from chalice.app import Response

from chalicelib.errors import Conflict, Misconfigured, RosterError
from chalicelib.security.access import require
from chalicelib.web import entity_tags, logs, problems, responses
from chalicelib.web.operations import Operation, View
from chalicelib.web.problems import Problems
from chalicelib.web.request import Request

log = logging.getLogger("roster")


def guarded(view: View, operation: Operation, current: Callable[[], Request], known: Problems) -> View:
    """Return ``view`` behind the second lock, with the errors that it raises as problem documents.

    ``current`` returns the request being handled. ``known`` are the problem types of the app's errors.
    """

    def handler(**path_parameters: str) -> Response:
        request = current()
        try:
            require(operation.allow, request.caller, path_parameters)
            returned: Any = view(**path_parameters)
            response = returned if isinstance(returned, Response) else responses.document(returned)
            response.headers = dict(response.headers)  # may be a handler's constant, and Chalice adds to it
            return _conditional(request, response)
        except RosterError as error:
            if isinstance(error, Misconfigured):
                log.error("misconfigured", extra={"reason": error.detail})
            return problems.of_error(error, request.request_id, known)
        except Exception as error:  # noqa: BLE001
            logs.bug(error)
            return problems.of_error(error, request.request_id, known)

    handler.__name__ = view.__name__
    handler.__doc__ = view.__doc__
    handler.operation = operation  # type: ignore[attr-defined]  # for readers of the app's routes
    return handler


def _conditional(request: Request, response: Response) -> Response:
    """Return ``response`` to a read, or what its preconditions ask for instead (RFC 9110, section 13.2.2)."""
    if request.method != "GET":
        return response
    headers = request.headers
    tag = cast("str | None", response.headers.get("ETag"))
    if not entity_tags.matches(tag, headers.get("if-match"), exists=response.body != responses.NOTHING):
        raise Conflict("The record does not match If-Match. Read it without If-Match.")
    if tag is not None and entity_tags.is_known(tag, headers.get("if-none-match")):
        return responses.not_modified(response)
    return response


def as_problem(response: Response, request_id: str) -> Response:
    """Return ``response``, or a problem document in place of one of Chalice's own error responses."""
    if not (isinstance(response.body, dict) and {"Code", "Message"} <= response.body.keys()):
        return response
    problem = problems.OF_STATUS.get(HTTPStatus(response.status_code), problems.INTERNAL_ERROR)
    replaced = problems.response(problem, response.body["Message"], request_id)
    replaced.headers.update(response.headers)
    return replaced


def log_request(request: Request, response: Response, seconds: float) -> None:
    """Log the one line that every request gets."""
    try:
        sub = request.caller.sub if request.caller else None
    except Exception:  # noqa: BLE001  (what the authorizer said could not be read, and the guard has rejected it)
        sub = None
    fields = {
        "request_id": request.request_id,
        "method": logs.method(request.method),
        "route": request.route,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 1),
        "sub": sub,
        "problem": response.problem.slug if isinstance(response, problems.ProblemResponse) else None,
    }
    log.info("request", extra={name: value for name, value in fields.items() if value is not None})
