"""Events as API Gateway sends them to the two functions."""

TOKEN_EVENT = {"type": "TOKEN", "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abc123/api/GET/users"}
"""What an authorizer gets, but for the ``authorizationToken``."""


def proxy_event(method, resource, body=None, authorizer=None, userid="jane"):
    """What a REST API's proxy integration gets; from an admin, unless an ``authorizer``'s context says otherwise."""
    path = resource.replace("{userid}", userid)
    headers = {"Content-Type": "application/json", "Host": "a.execute-api.us-east-1.amazonaws.com"}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"userid": userid} if "{" in resource else None,
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
