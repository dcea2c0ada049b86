"""API Gateway's behaviour that ``chalice local`` lacks: the Cognito authorizer, and API Gateway's own responses.

``chalice local`` accepts forged and expired tokens. It drops the connection if a token can't be parsed or a Lambda
authorizer raises an exception, and returns the caller's token when no route matches. This module is imported only when
a Chalice command runs; the Lambda package does not contain ``chalice.local``.
"""

import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

import chalice.local
from chalice.app import CognitoUserPoolAuthorizer
from chalice.local import (
    ForbiddenError,
    InvalidAuthorizerError,
    LambdaEventConverter,
    LocalGatewayAuthorizer,
    LocalGatewayException,
    MatchResult,
    NotAuthorizedError,
    RouteMatcher,
)

from chalicelib.local import http_server
from chalicelib.local.http_server import Rejection
from chalicelib.security.tokens import Claims, InvalidToken, Verifier
from chalicelib.web import gateway_responses

log = logging.getLogger("roster.local")

TYPES: dict[type[LocalGatewayException], str] = {
    NotAuthorizedError: "UNAUTHORIZED",
    ForbiddenError: "ACCESS_DENIED",
    InvalidAuthorizerError: "AUTHORIZER_CONFIGURATION_ERROR",
}
"""API Gateway's response type for each exception of Chalice's local authorizer."""


def enforce(verifier: Verifier, cors_headers: Mapping[str, str]) -> None:
    """Patch ``chalice.local`` to authorize and reject requests as API Gateway does.

    ``cors_headers`` are the app's; gateway responses get theirs from them.
    """
    cors = {name: cors_headers[name] for name in gateway_responses.CORS}

    class Authorizer(_Authorizer):
        pass

    class Matcher(_Matcher):
        pass

    Authorizer.verifier = verifier
    Authorizer.cors = Matcher.cors = cors
    chalice.local.LocalGatewayAuthorizer = Authorizer  # type: ignore[misc]
    chalice.local.RouteMatcher = Matcher  # type: ignore[misc]
    chalice.local.LambdaEventConverter = _EventConverter  # type: ignore[misc]
    http_server.mend(cors)


class _Matcher(RouteMatcher):
    cors: Mapping[str, str]

    def match_route(self, url: str) -> MatchResult:
        try:
            return super().match_route(_literal(url))
        except ValueError:
            response = gateway_responses.BY_TYPE["MISSING_AUTHENTICATION_TOKEN"]
            raise Rejection(response, self.cors, str(uuid.uuid4())) from None


def _literal(target: str) -> str:
    """Return a request target from which Chalice gets the path unchanged.

    Chalice parses the target as a URL, so it would drop ``;…`` and ``#…`` after the path and read ``//host`` as a host.
    """
    path, mark, query = target.partition("?")
    if not path.startswith("/"):
        raise ValueError(path)
    return f"//path{path}{mark}{query}".replace(";", "%3B").replace("#", "%23")


class _EventConverter(LambdaEventConverter):
    """Gives each request its own id, as API Gateway does: Chalice shares one between threads.

    A body is binary whatever the case and the parameters of its media type.
    """

    def _is_binary(self, headers: dict[str, Any]) -> bool:
        return headers.get("content-type", "").partition(";")[0].strip().lower() in self._binary_types

    def create_lambda_event(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> dict[str, Any]:
        event: dict[str, Any] = super().create_lambda_event(method, path, headers, body)
        event["requestContext"]["requestId"] = str(uuid.uuid4())
        return event


class _Authorizer(LocalGatewayAuthorizer):
    verifier: Verifier
    cors: Mapping[str, str]

    def authorize(self, raw_path: str, lambda_event: dict[str, Any], lambda_context: Any) -> Any:
        request_id = lambda_event["requestContext"]["requestId"]
        try:
            return self._authorize(raw_path, lambda_event, lambda_context)
        except LocalGatewayException as error:
            kind = TYPES.get(type(error), "DEFAULT_5XX")
        except Exception as error:  # noqa: BLE001
            # For API Gateway, an exception means a rejected token only if its message is exactly this.
            kind = "UNAUTHORIZED" if str(error) == "Unauthorized" else "AUTHORIZER_FAILURE"
            why = error.reason if isinstance(error, InvalidToken) else type(error).__name__
            log.warning("not_authorized", extra={"reason": why, "request_id": request_id})
        raise Rejection(gateway_responses.BY_TYPE[kind], self.cors, request_id)

    def _authorize(self, raw_path: str, lambda_event: dict[str, Any], lambda_context: Any) -> Any:
        route = self._route_for_event(lambda_event)
        if route is None or not isinstance(route.authorizer, CognitoUserPoolAuthorizer):
            return super().authorize(raw_path, lambda_event, lambda_context)
        # A REST API's Cognito authorizer accepts only ID tokens, unless scopes are configured.
        claims = self.verifier.verify(lambda_event["headers"].get("authorization", ""), uses=("id",))
        lambda_event["requestContext"]["authorizer"] = {"claims": _as_text(claims)}
        return lambda_event, lambda_context


def _as_text(claims: Claims) -> dict[str, str]:
    """Return the claims in the form that a REST API's Cognito authorizer passes on: every value is a string."""
    return {name: _text(value) for name, value in claims.all.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return json.dumps(value)
