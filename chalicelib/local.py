"""What API Gateway does and ``chalice local`` does not: the Cognito authorizer, and an authorizer's error.

``chalice local`` lets a forged or expired token through with its claims, breaks the connection on garbage, and on any
exception of a Lambda authorizer; where there is no route, it gives the caller's token back in the answer. Imported
only while a Chalice command runs; the Lambda package has no ``chalice.local`` at all.
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
    LocalGatewayAuthorizer,
    LocalGatewayException,
    MatchResult,
    NotAuthorizedError,
    RouteMatcher,
)

from chalicelib import local_http
from chalicelib.tokens import Claims, InvalidToken, Verifier

log = logging.getLogger("roster.local")


def enforce(verifier: Verifier, cors_headers: Mapping[str, str]) -> None:
    """From now on, let ``chalice.local`` authorize and refuse as API Gateway does.

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
    local_http.mend(cors_headers)


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
