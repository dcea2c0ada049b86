"""Errors as HTTP tells them: ``application/problem+json`` (RFC 9457). The one table from errors to statuses."""

from dataclasses import dataclass
from http import HTTPStatus

from chalice.app import Response

from chalicelib.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    RosterError,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from chalicelib.strict_json import JsonObject, dumps


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem type: its name (stable: clients may switch on it), status and title."""

    slug: str
    status: HTTPStatus
    title: str

    @property
    def type(self) -> str:
        """The type's URI, as it stands in the answer."""
        return f"urn:roster:problem:{self.slug}"


INVALID_REQUEST = Problem("invalid-request", HTTPStatus.BAD_REQUEST, "The request is not valid")
FORBIDDEN = Problem("forbidden", HTTPStatus.FORBIDDEN, "You may not do this")
NOT_FOUND = Problem("not-found", HTTPStatus.NOT_FOUND, "There is no such thing")
METHOD_NOT_ALLOWED = Problem("method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED, "The method is not allowed here")
PRECONDITION_FAILED = Problem(
    "precondition-failed", HTTPStatus.PRECONDITION_FAILED, "The stored record is another one than expected"
)
TOO_LARGE = Problem("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The document is too large")
KEY_REUSED = Problem(
    "idempotency-key-reused", HTTPStatus.UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for something else"
)
UNSUPPORTED_MEDIA_TYPE = Problem(
    "unsupported-media-type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body's media type is not taken here"
)
INTERNAL_ERROR = Problem("internal-error", HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side")
UNAVAILABLE = Problem("unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "Not available just now")

OF_ERROR: dict[type[RosterError], Problem] = {
    Invalid: INVALID_REQUEST,
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE,
    TooLarge: TOO_LARGE,
    Forbidden: FORBIDDEN,
    NotFound: NOT_FOUND,
    Conflict: PRECONDITION_FAILED,
    KeyReused: KEY_REUSED,
    Unavailable: UNAVAILABLE,
}
"""Any other error is ours: ``INTERNAL_ERROR``."""

OF_STATUS = {problem.status: problem for problem in (METHOD_NOT_ALLOWED, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST)}
"""The refusals that Chalice itself answers, before any handler is asked."""

MEDIA_TYPE = "application/problem+json"


class ProblemAnswer(Response):
    """The answer that carries a problem document."""

    def __init__(self, problem: Problem, body: str, headers: dict[str, str]) -> None:
        super().__init__(
            body=body,
            status_code=problem.status.value,
            headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **headers},
        )
        self.problem = problem


def of_error(error: Exception, request_id: str) -> Response:
    """The answer to a request that ended in ``error``; says nothing of an error that is not the domain's."""
    problem = next((problem for kind, problem in OF_ERROR.items() if isinstance(error, kind)), INTERNAL_ERROR)
    members: JsonObject = {}
    headers = {}
    if isinstance(error, Invalid) and error.violations:
        members["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.violations]
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if problem is INTERNAL_ERROR or not isinstance(error, RosterError):
        detail = "This is a fault of ours, and it is logged. If it stays, tell us the request_id."
    else:
        detail = error.detail
    return answer(problem, detail, request_id, members, headers)


def answer(
    problem: Problem,
    detail: str,
    request_id: str,
    members: JsonObject | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem document as an HTTP answer."""
    document: JsonObject = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status.value,
        "detail": detail,
        "request_id": request_id,
        **(members or {}),
    }
    return ProblemAnswer(problem, dumps(document), headers or {})
