"""Adds what the embedded AWS ignores when it imports an API: gateway responses, ``ANY`` methods, preflight headers.

AWS reads them from the API's definition. Here, calls to API Gateway add them from the same definition.
"""

from collections.abc import Mapping
from typing import Any

from infra import api
from infra.cloudformation import Account
from infra.rest_api import ANY_METHOD, INTEGRATION
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
    paths = properties["DefinitionBody"]["paths"]
    resources = {
        resource["path"]: {"restApiId": rest_api, "resourceId": resource["id"]}
        for resource in apigateway.get_resources(restApiId=rest_api, limit=500)["items"]
        if resource["path"] in paths  # a resource that is only the parent of others has no methods
    }
    public = _resolved_any(apigateway, resources, paths)
    for path, at in resources.items():
        _add_preflight_headers(apigateway, at, paths[path])
        apigateway.put_method(**at, httpMethod="ANY", authorizationType="NONE")
        apigateway.put_integration(**at, httpMethod="ANY", **public)
    apigateway.create_deployment(restApiId=rest_api, stageName="api")


def _add_preflight_headers(apigateway: Any, at: Mapping[str, str], methods: Mapping[str, Any]) -> None:
    headers = methods["options"][INTEGRATION]["responses"]["default"]["responseParameters"]
    method = {**at, "httpMethod": "OPTIONS", "statusCode": "200"}
    apigateway.put_method_response(**method, responseParameters=dict.fromkeys(headers, False))
    apigateway.put_integration_response(**method, responseParameters=headers)


def _resolved_any(
    apigateway: Any, resources: Mapping[str, Mapping[str, str]], paths: Mapping[str, Any]
) -> dict[str, str]:
    """Return the integration of all ``ANY`` methods: that of any other method that has the same in the definition.

    Its URI is already resolved.
    """
    path, method = next(
        (path, method)
        for path in resources
        for method, operation in paths[path].items()
        if method not in ("options", ANY_METHOD) and operation[INTEGRATION] == paths[path][ANY_METHOD][INTEGRATION]
    )
    integration = apigateway.get_integration(**resources[path], httpMethod=method.upper())
    return {
        "type": integration["type"],
        "integrationHttpMethod": integration["httpMethod"],
        "uri": integration["uri"],
    }
