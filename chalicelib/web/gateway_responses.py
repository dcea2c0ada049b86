"""The responses that API Gateway itself returns, as problem documents: one table for every place.

``infra/rest_api.py`` generates the gateway responses of the deployed stage from it. Where ``chalice local`` stands in
for API Gateway, ``chalicelib/local`` returns the same bytes. No Lambda function imports this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from chalicelib.web import problems
from chalicelib.web.problems import Problem

CORS = ("Access-Control-Allow-Origin", "Access-Control-Expose-Headers")
"""The CORS headers of a response that is not a preflight's; their values are those of the app's own responses."""


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """A problem that the gateway reports: its type, its ``detail``, and the headers that this problem needs."""

    problem: Problem
    detail: str
    extra_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The headers whose values are fixed: all but ``CORS`` and ``X-Request-Id``."""
        return {
            "Content-Type": problems.MEDIA_TYPE,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **self.extra_headers,
        }

    def body(self, request_id: str) -> str:
        """Return the problem document as JSON text."""
        return problems.body(self.problem, self.detail, request_id)


RETRY = {"Retry-After": "1"}

UNPARSABLE = GatewayResponse(problems.INVALID_REQUEST, "The request could not be parsed.")
NO_ROUTE = GatewayResponse(problems.NOT_FOUND, "No route matches this path: see /openapi.json.")
THROTTLED = GatewayResponse(problems.THROTTLED, "Wait for the time in Retry-After, then retry.", RETRY)
INTERNAL_ERROR = GatewayResponse(problems.INTERNAL_ERROR, problems.INTERNAL_ERROR_DETAIL)
NO_AUTHORIZER = GatewayResponse(problems.UNAVAILABLE, "Tokens cannot be verified at the moment: retry later.", RETRY)
TIMEOUT = GatewayResponse(
    problems.TIMEOUT, "The service did not respond in time. Check whether the request was carried out before you retry."
)
TOO_LARGE = GatewayResponse(problems.TOO_LARGE, "The limit for a request body is 350 KB.")

BY_TYPE = {
    "BAD_REQUEST_BODY": UNPARSABLE,
    "BAD_REQUEST_PARAMETERS": UNPARSABLE,
    "UNAUTHORIZED": GatewayResponse(
        problems.UNAUTHORIZED,
        "Send a valid token: Authorization: Bearer <token>.",
        {"WWW-Authenticate": "Bearer"},
    ),
    "ACCESS_DENIED": GatewayResponse(
        problems.FORBIDDEN, "Your token is valid, but it does not give you access to this resource."
    ),
    "WAF_FILTERED": GatewayResponse(problems.FORBIDDEN, "A firewall rule blocked this request."),
    # A path that no route has. If the request has an Authorization header that is no AWS signature, as a Bearer token
    # is none, API Gateway uses DEFAULT_4XX for it. All other types of 4xx are therefore listed by name.
    "MISSING_AUTHENTICATION_TOKEN": NO_ROUTE,
    "DEFAULT_4XX": NO_ROUTE,
    "RESOURCE_NOT_FOUND": NO_ROUTE,
    "INVALID_SIGNATURE": NO_ROUTE,
    "EXPIRED_TOKEN": NO_ROUTE,
    "INVALID_API_KEY": NO_ROUTE,
    "REQUEST_TOO_LARGE": TOO_LARGE,
    "UNSUPPORTED_MEDIA_TYPE": GatewayResponse(problems.UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json."),
    "THROTTLED": THROTTLED,
    "QUOTA_EXCEEDED": THROTTLED,
    "DEFAULT_5XX": INTERNAL_ERROR,
    "API_CONFIGURATION_ERROR": INTERNAL_ERROR,
    # The authorizer fails: it cannot fetch the signing keys, it crashes, runs out of time or is throttled. "Gateway
    # response types" in the developer guide describes the first as failing to authenticate the caller, and the second
    # as failing to connect to the authorizer. Reports from the field name the second, also for an exception.
    "AUTHORIZER_FAILURE": NO_AUTHORIZER,
    "AUTHORIZER_CONFIGURATION_ERROR": NO_AUTHORIZER,
    "INTEGRATION_TIMEOUT": TIMEOUT,
    "INTEGRATION_FAILURE": TIMEOUT,
}
"""By API Gateway's gateway response type: every type that a REST API has."""

BY_STATUS = {
    HTTPStatus.BAD_REQUEST: UNPARSABLE,
    HTTPStatus.LENGTH_REQUIRED: GatewayResponse(
        Problem("length-required", HTTPStatus.LENGTH_REQUIRED, "Length required"),
        "Send the body with a Content-Length header. Chunked bodies are not supported here.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TOO_LARGE,
    HTTPStatus.REQUEST_URI_TOO_LONG: GatewayResponse(
        Problem("uri-too-long", HTTPStatus.REQUEST_URI_TOO_LONG, "URI too long"), "Send a shorter URL."
    ),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: GatewayResponse(
        Problem("headers-too-large", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Request header fields too large"),
        "Send fewer or shorter headers.",
    ),
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: GatewayResponse(
        Problem("http-version-not-supported", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP version not supported"),
        "Use HTTP/1.1.",
    ),
}
"""What the HTTP server of ``chalice local`` rejects before a route is looked up. On AWS, that server is AWS's own."""
