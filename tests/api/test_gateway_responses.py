"""The responses that API Gateway itself returns, and 405: the same bytes and the same headers on every target."""

import re

import pytest

from testbed.routes import PATHS, filled, methods_of
from testbed.targets import nowhere

CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "ETag,Link,Location,X-Request-Id,Retry-After",
}
PROBLEM = {
    **CORS,
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": "<id>",
}
TRANSPORT = {"date", "server", "connection", "content-length", "transfer-encoding"}
"""Headers that an HTTP server adds on its own. API Gateway adds ``x-amzn-`` headers to each response besides."""

APPS_CORS = {
    **CORS,
    "access-control-allow-headers": "Authorization,Content-Type,Idempotency-Key,If-Match,If-None-Match,"
    "X-Amz-Date,X-Amz-Security-Token,X-Api-Key",
    "access-control-max-age": "600",
}
UNAUTHORIZED = (
    401,
    {**PROBLEM, "www-authenticate": "Bearer"},
    (
        b'{"type":"urn:roster:problem:unauthorized","title":"Unauthorized","status":401,'
        b'"detail":"Send a valid token: Authorization: Bearer <token>.","request_id":"<id>"}'
    ),
)
FORBIDDEN = (
    403,
    PROBLEM,
    (
        b'{"type":"urn:roster:problem:forbidden","title":"Forbidden","status":403,'
        b'"detail":"Your token is valid, but it does not give you access to this resource.","request_id":"<id>"}'
    ),
)
NO_ROUTE = (
    404,
    PROBLEM,
    (
        b'{"type":"urn:roster:problem:not-found","title":"Not found","status":404,'
        b'"detail":"No route matches this path: see /openapi.json.","request_id":"<id>"}'
    ),
)
UNAVAILABLE = (
    503,
    {**PROBLEM, "retry-after": "1"},
    (
        b'{"type":"urn:roster:problem:unavailable","title":"Service unavailable","status":503,'
        b'"detail":"Tokens cannot be verified at the moment: retry later.","request_id":"<id>"}'
    ),
)


def method_not_allowed(method, allow):
    """Return the 405 that the app itself returns, with all of its CORS headers."""
    document = (
        b'{"type":"urn:roster:problem:method-not-allowed","title":"Method not allowed","status":405,'
        b'"detail":"Unsupported method: %s","request_id":"<id>"}'
    )
    return 405, {**PROBLEM, **APPS_CORS, "allow": allow}, document % method.encode()


def comparable(answer):
    """Return status, headers and body, with the request id replaced."""
    request_id = answer.headers["x-request-id"]
    assert request_id
    headers = {
        name: value.replace(request_id, "<id>")
        for name, value in answer.headers.items()
        if name not in TRANSPORT and not re.match("x-amz", name)
    }
    return answer.status, headers, answer.body.replace(request_id.encode(), b"<id>")


@pytest.mark.parametrize("token", [None, "x", "Bearer x", "Bearer a.b.c"], ids=str)
@pytest.mark.parametrize("path", ["/users", "/users/jane", "/", "/user/profile"])
def test_a_request_without_a_valid_token_is_rejected(api, path, token):
    headers = {} if token is None else {"Authorization": token}
    assert comparable(api.send("GET", path, headers, None)) == UNAUTHORIZED


@pytest.mark.parametrize(("method", "path"), [("GET", "/users"), ("POST", "/users"), ("DELETE", "/users/another")])
def test_a_route_that_the_policy_does_not_allow_is_forbidden(api, person, method, path):
    assert comparable(api.send(method, path, {"Authorization": f"Bearer {person.token}"}, None)) == FORBIDDEN


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}], ids=str)
@pytest.mark.parametrize("path", ["/nowhere", "/users/jane/pets", "/user"])
def test_an_unknown_path_is_not_found(api, path, headers):
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        assert comparable(api.send(method, path, headers, None)) == NO_ROUTE


UNSUPPORTED = [
    (next(method for method in ("POST", "PUT", "DELETE") if method not in methods_of(path)), path) for path in PATHS
]


@pytest.mark.parametrize(
    ("method", "path"), [*UNSUPPORTED, ("TRACE", "/open"), ("QUERY", "/health/ready"), ("DELETE", "/open")]
)
@pytest.mark.parametrize("token", [None, "Bearer x"])
def test_an_unsupported_method_is_rejected_and_allow_lists_the_supported_ones(api, method, path, token):
    headers = {} if token is None else {"Authorization": token}
    expected = method_not_allowed(method, ", ".join(methods_of(path)))
    assert comparable(api.send(method, filled(path, "jane"), headers, None)) == expected


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/octet-stream", "image/png", "x"])
def test_an_unsupported_method_is_rejected_whatever_its_body(api, media_type):
    answer = api.send("PUT", "/open", {"Content-Type": media_type, "Accept": media_type}, b"\0\xff{")
    assert comparable(answer) == method_not_allowed("PUT", "GET")


@pytest.mark.parametrize(("path", "allow"), [("/open", "GET"), ("/users/jane", "GET, PUT, PATCH, DELETE")])
def test_head_is_an_unsupported_method_and_its_response_has_no_body(api, path, allow):
    status, headers, body = comparable(api.send("HEAD", path, {}, None))
    expected = method_not_allowed("HEAD", allow)
    assert (status, headers) == expected[:2]
    assert body == (b"" if api.base_url else expected[2])  # in process, no HTTP server removes the body
    assert api.get("/open").status == 200  # on the same connection, if there is one


def test_an_authorizer_that_cannot_verify_tokens_makes_the_service_unavailable(api):
    person = api.sign_up()
    with api.with_settings(JWKS_URL=nowhere()) as other:
        answer = other.send("GET", f"/users/{person.sub}", {"Authorization": f"Bearer {person.token}"}, None)
    assert comparable(answer) == UNAVAILABLE
    assert api.get(f"/users/{person.sub}", token=person.token).status == 200
