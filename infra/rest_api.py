"""The parts of the template's API that are generated from the code: gateway responses and ``ANY`` methods."""

from typing import Any

from chalicelib.web import gateway_responses
from chalicelib.web.gateway_responses import GatewayResponse
from infra import parts

INTEGRATION = "x-amazon-apigateway-integration"
ANY_METHOD = "x-amazon-apigateway-any-method"


def complete(properties: dict[str, Any]) -> None:
    """Add them to the properties of the ``AWS::Serverless::Api`` that ``chalice package`` has written."""
    # Chalice states them in the definition only, and not every reader of the template looks there.
    properties["BinaryMediaTypes"] = [*parts.declared().binary_types]
    paths = properties["DefinitionBody"]["paths"]
    for methods in paths.values():
        methods[ANY_METHOD] = _any_method(methods)
    cors = _cors_headers(paths)
    properties["GatewayResponses"] = {
        kind: _gateway_response(response, cors) for kind, response in gateway_responses.BY_TYPE.items()
    }


def _any_method(methods: dict[str, Any]) -> dict[str, Any]:
    """Return a path's operation for unsupported methods: it calls the API's function, which returns 405 and ``Allow``.

    It has no authorizer, so it needs no token, and the administrators' function must not serve it. A mock integration
    would save the call, but selects its template by ``Content-Type``. If there is no template for that type, API
    Gateway returns 500 or 415 (see "Integration passthrough behaviors" in its developer guide).
    """
    route = next(operation for method, operation in methods.items() if method != "options")
    return {name: route[name] for name in ("parameters", "produces", "responses", INTEGRATION) if name in route}


def _cors_headers(paths: dict[str, Any]) -> dict[str, str]:
    """Return the CORS headers of the preflight responses, which Chalice derives from the app."""
    preflight = next(iter(paths.values()))["options"][INTEGRATION]["responses"]["default"]["responseParameters"]
    return {name: preflight[f"method.response.header.{name}"] for name in gateway_responses.CORS}


def _gateway_response(response: GatewayResponse, cors: dict[str, str]) -> dict[str, Any]:
    """Return a response for the Serverless transform: literal values are quoted, API Gateway's variables are not."""
    literals = {name: f"'{value}'" for name, value in response.headers.items()}
    return {
        "StatusCode": response.problem.status.value,
        "ResponseParameters": {"Headers": {**literals, **cors, "X-Request-Id": "context.requestId"}},
        "ResponseTemplates": {"application/json": response.body("$context.requestId")},
    }
