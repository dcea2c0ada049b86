"""What the embedded AWS leaves out when it imports an API: the preflights' headers and the gateway's own answers.

AWS reads both from the API's definition. Here they are put in by API Gateway's own calls, from that same definition.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from infra import api
from infra.cloudformation import Account
from infra.stages import Stage


def complete(account: Account, stage: Stage) -> None:
    """Bring the deployed API of ``stage`` to what its template says, and deploy it in API Gateway."""
    stack = api.stack(account, stage)
    cloudformation, apigateway = account.client("cloudformation"), account.client("apigateway")
    rest_api = stack.outputs["RestAPIId"]
    template = cloudformation.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    properties = template["Resources"]["RestAPI"]["Properties"]
    for kind, answer in properties["GatewayResponses"].items():
        headers = answer["ResponseParameters"]["Headers"]
        apigateway.put_gateway_response(
            restApiId=rest_api,
            responseType=kind,
            statusCode=str(answer["StatusCode"]),
            responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            responseTemplates=answer["ResponseTemplates"],
        )
    for resource, integration in _preflights(apigateway, rest_api, properties["DefinitionBody"]["paths"]):
        headers = integration["responses"]["default"]["responseParameters"]
        method = {"restApiId": rest_api, "resourceId": resource, "httpMethod": "OPTIONS", "statusCode": "200"}
        apigateway.put_method_response(**method, responseParameters=dict.fromkeys(headers, False))
        apigateway.put_integration_response(**method, responseParameters=headers)
    apigateway.create_deployment(restApiId=rest_api, stageName="api")


def _preflights(apigateway: Any, rest_api: str, paths: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    resources = apigateway.get_resources(restApiId=rest_api, limit=500)["items"]
    ids = {resource["path"]: resource["id"] for resource in resources}
    for path, methods in paths.items():
        yield ids[path], methods["options"]["x-amazon-apigateway-integration"]
