"""What API Gateway does and ``chalice local`` does not: the Cognito authorizer, an authorizer's error, a crowd.

``chalice local`` lets a forged or expired token through with its claims, breaks the connection on garbage, and on any
exception of a Lambda authorizer; where there is no route, it gives the caller's token back in the answer. Imported
only while a Chalice command runs; the Lambda package has no ``chalice.local`` at all.
"""

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import chalice.local
from chalice.app import CognitoUserPoolAuthorizer
from chalice.local import (
    ForbiddenError,
    LocalGatewayAuthorizer,
    LocalGatewayException,
    MatchResult,
    NotAuthorizedError,
    RouteMatcher,
)

from chalicelib.tokens import Claims, InvalidToken, Verifier

log = logging.getLogger("roster.local")


def enforce(verifier: Verifier, cors_headers: Mapping[str, str]) -> None:
    """From now on, let ``chalice.local`` authorize and refuse as API Gateway does, and take as many at once.

    Its refusals carry ``cors_headers``, so that a page of another origin can read them.
    """

    class Authorizer(_Authorizer):
        pass

    class Matcher(_Matcher):
        pass

    Authorizer.verifier = verifier
    Authorizer.cors_headers = Matcher.cors_headers = cors_headers
    chalice.local.LocalGatewayAuthorizer = Authorizer  # type: ignore[misc]
    chalice.local.RouteMatcher = Matcher  # type: ignore[misc]
    handler: Any = chalice.local.ChaliceRequestHandler
    handler.__getattr__ = _any_method
    handler.log_request, handler.log_message = _log_access, _log_nothing
    handler._send_http_response_with_body = _without_body_for_head(handler._send_http_response_with_body)
    # With the standard library's 5, a burst of connections is refused before anybody has looked at it.
    chalice.local.ThreadedHTTPServer.request_queue_size = 512


def _any_method(handler: Any, name: str) -> Any:
    """The server underneath can't do QUERY or TRACE, and says 501. To API Gateway, they are methods no route has."""
    if name.startswith("do_"):
        return handler._generic_handle
    raise AttributeError(name)


def _log_access(handler: Any, code: int | str = "-", _size: int | str = "-") -> None:
    """The gateway's line about a request, as in API Gateway's access log: the route, not the path nor the query."""
    try:
        route = RouteMatcher(list(handler.local_gateway._app_object.routes)).match_route(handler.path).route
    except ValueError:
        route = "-"
    log.info("access", extra={"method": handler.command, "route": route, "status": int(code)})


def _log_nothing(_handler: Any, _format: str, *_: object) -> None:
    """The server's own lines would quote what the client sent."""


def _without_body_for_head(send: Callable[..., None]) -> Callable[..., None]:
    """Chalice gives the answer to a HEAD a body, which then stands on the connection before the next answer."""

    @wraps(send)
    def send_or_not(handler: Any, code: int, headers: dict[str, Any], body: Any) -> None:
        if handler.command == "HEAD":
            handler._send_http_response_no_body(code, headers)
        else:
            send(handler, code, headers, body)

    return send_or_not


class _Matcher(RouteMatcher):
    cors_headers: Mapping[str, str]

    def match_route(self, url: str) -> MatchResult:
        try:
            return super().match_route(url)
        except ValueError:
            headers = {"x-amzn-RequestId": str(uuid.uuid4()), "x-amzn-ErrorType": "MissingAuthenticationTokenException"}
            raise ForbiddenError(
                {**headers, **self.cors_headers}, b'{"message":"Missing Authentication Token"}'
            ) from None


class _Authorizer(LocalGatewayAuthorizer):
    verifier: Verifier
    cors_headers: Mapping[str, str]

    def authorize(self, raw_path: str, lambda_event: dict[str, Any], lambda_context: Any) -> Any:
        try:
            return self._authorize(raw_path, lambda_event, lambda_context)
        except LocalGatewayException as refusal:
            refusal.headers.update(self.cors_headers)
            raise

    def _authorize(self, raw_path: str, lambda_event: dict[str, Any], lambda_context: Any) -> Any:
        route = self._route_for_event(lambda_event)
        try:
            if route is None or not isinstance(route.authorizer, CognitoUserPoolAuthorizer):
                return super().authorize(raw_path, lambda_event, lambda_context)
            # A REST API's Cognito authorizer without scopes takes ID tokens only.
            claims = self.verifier.verify(lambda_event["headers"].get("authorization", ""), uses=("id",))
        except LocalGatewayException:
            raise
        except Exception as error:  # noqa: BLE001
            why = error.reason if isinstance(error, InvalidToken) else type(error).__name__
            log.warning("not_authorized", extra={"reason": why, "request_id": lambda_context.aws_request_id})
            raise _as_api_gateway_has_it(error, lambda_context) from None
        lambda_event["requestContext"]["authorizer"] = {"claims": _as_text(claims)}
        return lambda_event, lambda_context


class _AuthorizerFailure(LocalGatewayException):
    CODE = 503


def _as_api_gateway_has_it(error: Exception, lambda_context: Any) -> LocalGatewayException:
    """401 for the text ``Unauthorized``; for everything else 503, as infra/api.yaml makes of API Gateway's 500."""
    request_id = {"x-amzn-RequestId": lambda_context.aws_request_id}
    if str(error) == "Unauthorized":
        return NotAuthorizedError(
            {**request_id, "x-amzn-ErrorType": "UnauthorizedException"}, b'{"message":"Unauthorized"}'
        )
    failure = {**request_id, "x-amzn-ErrorType": "AuthorizerFailureException", "Retry-After": "1"}
    return _AuthorizerFailure(failure, b'{"message":null}')


def _as_text(claims: Claims) -> dict[str, str]:
    """Claims as the Cognito authorizer of a REST API hands them on: every value is text."""
    return {name: _text(value) for name, value in claims.all.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return json.dumps(value)
