"""Events that API Gateway sends to the Lambda functions."""

import re
from collections.abc import Mapping
from typing import Any

from testbed.routes import filled

TOKEN_EVENT = {"type": "TOKEN", "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abc123/api/GET/users"}
"""The event of an authorizer, without its ``authorizationToken``."""


def proxy_event(
    method: str,
    resource: str,
    body: str | None = None,
    authorizer: Mapping[str, Any] | None = None,
    userid: str = "jane",
    *,
    content_type: str = "application/json",
) -> dict[str, Any]:
    """Return the event of a proxy integration. ``authorizer`` is the authorizer's context, by default an admin's.

    Each path parameter has the value ``userid``, and the body the media type ``content_type``.
    """
    path = filled(resource, userid)
    parameters = dict.fromkeys(re.findall(r"\{(\w+)\}", resource), userid)
    headers = {"Content-Type": content_type, "Host": "a.execute-api.us-east-1.amazonaws.com"}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/api{path}",
            "stage": "api",
            "requestId": "request-1",
            "domainName": "a.execute-api.us-east-1.amazonaws.com",
            "authorizer": {"principalId": "ada", "admin": "true"} if authorizer is None else authorizer,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
        },
        "body": body,
        "isBase64Encoded": False,
    }
