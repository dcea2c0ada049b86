"""Errors as problem documents, ``application/problem+json`` (RFC 9457): the one table from errors to statuses."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from chalice.app import Response

from chalicelib.errors import (
    Conflict,
    Forbidden,
    InsufficientScope,
    Invalid,
    KeyReused,
    NotFound,
    RosterError,
    Throttled,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from chalicelib.json.strict_json import JsonObject, dumps


class Problem(NamedTuple):
    """A problem type. ``slug`` is its stable name, which clients may switch on."""

    slug: str
    status: HTTPStatus
    title: str

    @property
    def type(self) -> str:
        """The type's URI, as the document has it."""
        return f"urn:roster:problem:{self.slug}"


INVALID_REQUEST = Problem("invalid-request", HTTPStatus.BAD_REQUEST, "Invalid request")
UNAUTHORIZED = Problem("unauthorized", HTTPStatus.UNAUTHORIZED, "Unauthorized")
FORBIDDEN = Problem("forbidden", HTTPStatus.FORBIDDEN, "Forbidden")
INSUFFICIENT_SCOPE = Problem("insufficient-scope", HTTPStatus.FORBIDDEN, "Insufficient scope")
NOT_FOUND = Problem("not-found", HTTPStatus.NOT_FOUND, "Not found")
METHOD_NOT_ALLOWED = Problem("method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed")
PRECONDITION_FAILED = Problem("precondition-failed", HTTPStatus.PRECONDITION_FAILED, "Precondition failed")
TOO_LARGE = Problem("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Payload too large")
KEY_REUSED = Problem("idempotency-key-reused", HTTPStatus.UNPROCESSABLE_ENTITY, "Idempotency key reused")
UNSUPPORTED_MEDIA_TYPE = Problem("unsupported-media-type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
THROTTLED = Problem("throttled", HTTPStatus.TOO_MANY_REQUESTS, "Too many requests")
INTERNAL_ERROR = Problem("internal-error", HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error")
UNAVAILABLE = Problem("unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "Service unavailable")
TIMEOUT = Problem("timeout", HTTPStatus.GATEWAY_TIMEOUT, "Gateway timeout")

INTERNAL_ERROR_DETAIL = "An internal error occurred and was logged. Quote the request_id when you report it."

Problems = Mapping[type[RosterError], Problem]

OF_ERROR: Problems = {
    Invalid: INVALID_REQUEST,
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE,
    TooLarge: TOO_LARGE,
    Unauthorized: UNAUTHORIZED,
    Forbidden: FORBIDDEN,
    InsufficientScope: INSUFFICIENT_SCOPE,
    NotFound: NOT_FOUND,
    Conflict: PRECONDITION_FAILED,
    KeyReused: KEY_REUSED,
    Throttled: THROTTLED,
    Unavailable: UNAVAILABLE,
}
"""The problem types of the core's errors. Capabilities add those of theirs; any other error is ``INTERNAL_ERROR``."""

OF_STATUS = {problem.status: problem for problem in (METHOD_NOT_ALLOWED, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST)}
"""The problems that Chalice itself reports, before it calls a handler."""

MEDIA_TYPE = "application/problem+json"


class ProblemResponse(Response):
    """A response that holds a problem document."""

    def __init__(self, problem: Problem, body: str, headers: dict[str, str]) -> None:
        super().__init__(
            body=body,
            status_code=problem.status.value,
            headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **headers},
        )
        self.problem = problem


def of_error(error: Exception, request_id: str, known: Problems = OF_ERROR) -> Response:
    """Return the response to a request that ended in ``error``. It reveals nothing about an error that is not
    ``known``."""
    problem = next((known[kind] for kind in type(error).__mro__ if kind in known), INTERNAL_ERROR)
    members: JsonObject = {}
    headers = {}
    if isinstance(error, Invalid) and error.violations:
        members["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.violations]
    if isinstance(error, Throttled | Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    detail = INTERNAL_ERROR_DETAIL
    if isinstance(error, RosterError) and problem is not INTERNAL_ERROR:
        detail = error.detail
    return response(problem, detail, request_id, members, headers)


def response(
    problem: Problem,
    detail: str,
    request_id: str,
    members: JsonObject | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a problem document as a response."""
    return ProblemResponse(problem, body(problem, detail, request_id, members), headers or {})


def body(problem: Problem, detail: str, request_id: str, members: JsonObject | None = None) -> str:
    """Return the problem document as JSON text."""
    document: JsonObject = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status.value,
        "detail": detail,
        "request_id": request_id,
        **(members or {}),
    }
    return dumps(document)
