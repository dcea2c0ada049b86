"""The URLs in ``Link`` and ``Location``: reachable for the client, and never under the control of its headers."""

import pytest
from chalice.app import Request
from chalice.local import LambdaContext as FakeLambdaContext

from infra import parts
from testbed.events import proxy_event
from testbed.in_process import imported_app


@pytest.fixture(scope="module")
def app():
    with imported_app(parts.examples()) as module:
        yield module.app


def address(app, host="a.execute-api.us-east-1.amazonaws.com", variables=None, **context):
    event = proxy_event("POST", "/users")
    event["headers"]["Host"] = host
    event["multiValueHeaders"]["Host"] = [host]
    event["stageVariables"] = variables
    event["requestContext"].update(context)
    app.current_request = Request(event)
    return app.request.address("jane")


def test_on_aws_urls_have_the_host_name_of_the_api_and_the_stage(app):
    assert address(app) == "https://a.execute-api.us-east-1.amazonaws.com/api/users/jane"


def test_with_a_custom_domain_urls_have_that_domain(app):
    expected = "https://api.example.com/users/jane"
    assert address(app, domainName="api.example.com", path="/users") == expected


@pytest.mark.parametrize("host", ["attacker.example", "a.execute-api.us-east-1.amazonaws.com:1", "", "x/y"])
def test_on_aws_the_host_header_is_ignored(app, host):
    assert address(app, host=host) == "https://a.execute-api.us-east-1.amazonaws.com/api/users/jane"


def test_a_stage_variable_can_set_the_prefix_of_urls(app):
    prefix = "http://127.0.0.1:4566/_aws/execute-api/a"
    assert address(app, host="attacker.example", variables={"addressPrefix": prefix}) == f"{prefix}/api/users/jane"
    assert address(app, variables={"other": "x"}).startswith("https://a.execute-api.")


def test_several_lines_of_cookies_are_joined_as_browsers_join_them(app):
    event = proxy_event("POST", "/sessions/refresh", "{}")
    event["multiValueHeaders"]["Cookie"] = ["a=1", "__Secure-roster-refresh=x", "__Secure-roster-refresh=y"]
    event["headers"]["Cookie"] = "__Secure-roster-refresh=y"
    assert app(event, FakeLambdaContext("function", 128, 1))["statusCode"] == 403  # two cookies of the name
