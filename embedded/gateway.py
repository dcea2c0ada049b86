"""Adds what the embedded AWS ignores when it imports an API: gateway responses, ``ANY`` methods, preflight headers.

AWS reads them from the API's definition. Here, calls to API Gateway add them from the same definition.
"""

from collections.abc import Mapping
from typing import Any

from infra import api
from infra.cloudformation import Account
from infra.rest_api import INTEGRATION
from infra.stages import Stage


def complete(account: Account, stage: Stage) -> None:
    """Add to the deployed API of ``stage`` what its template defines but the import ignored, and redeploy it."""
    stack = api.stack(account, stage)
    cloudformation, apigateway = account.client("cloudformation"), account.client("apigateway")
    rest_api = stack.outputs["RestAPIId"]
    template = cloudformation.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    properties = template["Resources"]["RestAPI"]["Properties"]
    for kind, response in properties["GatewayResponses"].items():
        headers = response["ResponseParameters"]["Headers"]
        apigateway.put_gateway_response(
            restApiId=rest_api,
            responseType=kind,
            statusCode=str(response["StatusCode"]),
            responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            responseTemplates=response["ResponseTemplates"],
        )
    for resource in apigateway.get_resources(restApiId=rest_api, limit=500)["items"]:
        methods = properties["DefinitionBody"]["paths"].get(resource["path"])
        if methods:  # a resource that is only the parent of others has no methods
            at = {"restApiId": rest_api, "resourceId": resource["id"]}
            _add_preflight_headers(apigateway, at, methods)
            _add_any_method(apigateway, at, methods)
    apigateway.create_deployment(restApiId=rest_api, stageName="api")


def _add_preflight_headers(apigateway: Any, at: Mapping[str, str], methods: Mapping[str, Any]) -> None:
    headers = methods["options"][INTEGRATION]["responses"]["default"]["responseParameters"]
    method = {**at, "httpMethod": "OPTIONS", "statusCode": "200"}
    apigateway.put_method_response(**method, responseParameters=dict.fromkeys(headers, False))
    apigateway.put_integration_response(**method, responseParameters=headers)


def _add_any_method(apigateway: Any, at: Mapping[str, str], methods: Mapping[str, Any]) -> None:
    """Add an ``ANY`` method to the path, with the integration of another method, whose URI is already resolved."""
    route = next(method for method in methods if method in ("get", "put", "post", "patch", "delete"))
    integration = apigateway.get_integration(**at, httpMethod=route.upper())
    apigateway.put_method(**at, httpMethod="ANY", authorizationType="NONE")
    apigateway.put_integration(
        **at,
        httpMethod="ANY",
        type=integration["type"],
        integrationHttpMethod=integration["httpMethod"],
        uri=integration["uri"],
    )
