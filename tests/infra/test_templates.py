"""The properties of the two templates that matter for operation and security."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from bench import costs
from chalicelib import housekeeping
from chalicelib.media.images import processing
from infra import parts
from testbed import backend_template, description
from testbed.routes import PATHS, ROUTES, TABLES, Who, methods_of

ANY = "x-amazon-apigateway-any-method"
CFN_LINT = Path(sys.executable).parent / "cfn-lint"
OF_MEDIA = ("Images", "ThumbnailsHandler") if "media" in parts.capabilities() else ()
FUNCTIONS = {
    "APIHandler": "ApiHandler",
    "AdminHandler": "AdminHandler",
    "JwtAuthorizer": "JwtAuthorizer",
    "Housekeeping": "Housekeeping",
    **{name: name for name in OF_MEDIA},
}
"""The functions, and the prefix of the names of their roles and log groups."""
API_GATEWAYS_LIMIT = 29
"""Seconds: the default of a REST API's integration time-out, which holds for authorizers too."""
INTEGRATION = "x-amazon-apigateway-integration"


@pytest.fixture(scope="module")
def resources(template):
    return template["Resources"]


@pytest.fixture(scope="module")
def rest_api(resources):
    return resources["RestAPI"]["Properties"]


def of_type(resources, kind):
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def references(part):
    """Return the names that ``part`` of a template refers to."""
    if isinstance(part, list):
        return {name for item in part for name in references(item)}
    if not isinstance(part, dict):
        return set()
    if "Ref" in part:
        return {part["Ref"]}
    if "Fn::GetAtt" in part:
        return {part["Fn::GetAtt"][0]}
    if "Fn::Sub" in part:
        text, names = (part["Fn::Sub"], {}) if isinstance(part["Fn::Sub"], str) else part["Fn::Sub"]
        return {name.split(".")[0] for name in re.findall(r"\$\{([\w.:]+)\}", text)} - names.keys() | references(names)
    return {name for value in part.values() for name in references(value)}


@cache
def lint(template):
    """Return cfn-lint's exit status and its output for a template, which is given as text."""
    done = subprocess.run([CFN_LINT], input=template, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


class TestBoth:
    def test_cfn_lint_accepts_the_backend(self):
        assert lint((parts.INFRA / "backend.yaml").read_text()) == (0, "")

    def test_cfn_lint_accepts_the_api(self, template):
        assert lint(json.dumps(template)) == (0, "")

    def test_no_policy_allows_wildcard_principals_actions_or_resources(self, resources):
        for resource in [*resources.values(), *backend_template.load()["Resources"].values()]:
            if resource["Type"] == "AWS::KMS::Key":
                continue  # in a key's policy, * is the key itself
            for statement in statements(resource):
                assert statement["Effect"] == "Deny" or statement.get("Principal") != "*"
                assert statement["Effect"] == "Deny" or "*" not in statement["Action"]
                assert statement["Effect"] == "Deny" or statement.get("Resource") != "*"


def statements(part):
    """Yield every policy statement in ``part`` of a template."""
    if isinstance(part, dict):
        if "Effect" in part:
            yield part
        for value in part.values():
            yield from statements(value)
    elif isinstance(part, list):
        for item in part:
            yield from statements(item)


class TestBackend:
    def test_data_is_retained_encrypted_and_recoverable(self):
        resources = backend_template.load()["Resources"]
        for name in ("UsersTable", "ProfilesTable", "UserPool", "ArtifactsBucket"):
            assert resources[name]["DeletionPolicy"] == resources[name]["UpdateReplacePolicy"] == "Retain", name
        for name in ("UsersTable", "ProfilesTable"):
            assert resources[name]["Properties"]["SSESpecification"]["SSEEnabled"] is True
            recovery = resources[name]["Properties"]["PointInTimeRecoverySpecification"]
            assert recovery["PointInTimeRecoveryEnabled"] is True

    def test_the_bucket_blocks_public_access(self):
        bucket = backend_template.load()["Resources"]["ArtifactsBucket"]["Properties"]
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4

    def test_it_outputs_every_parameter_of_the_api_stack_that_has_no_default(self, template):
        required = {name for name, parameter in template["Parameters"].items() if "Default" not in parameter}
        assert required - {"Stage"} | {"ArtifactsBucket"} <= backend_template.load()["Outputs"].keys()
        assert {"Stage", "UsersTable", "ProfilesTable", "UserPool", "UserPoolClient"} <= required

    def test_every_setting_comes_from_a_parameter_of_the_api_stack(self, template):
        assert {setting.parameter for setting in parts.settings()} <= template["Parameters"].keys()


def granted(resources, called):
    """Return the statements of a function's role."""
    (policy,) = resources[f"{called}Role"]["Properties"]["Policies"]
    return policy["PolicyDocument"]["Statement"]


def actions(resources, called, reached):
    """Return what a function's role may do with these resources."""
    statements = [statement for statement in granted(resources, called) if statement["Resource"] in reached]
    return {action for statement in statements for action in statement["Action"]}


class TestFunctions:
    def test_each_function_has_its_own_role(self, resources):
        functions = of_type(resources, "AWS::Serverless::Function")
        assert functions.keys() == FUNCTIONS.keys()
        for name, called in FUNCTIONS.items():
            assert functions[name]["Role"] == {"Fn::GetAtt": [f"{called}Role", "Arn"]}

    def test_each_function_may_write_to_its_own_log_group(self, resources):
        for called in FUNCTIONS.values():
            (logs,) = [statement for statement in granted(resources, called) if statement["Sid"] == "Logs"]
            assert set(logs["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
            assert logs["Resource"] == {"Fn::GetAtt": [f"{called}LogGroup", "Arn"]}

    def test_the_authorizer_may_only_write_its_logs(self, resources):
        assert [statement["Sid"] for statement in granted(resources, "JwtAuthorizer")] == ["Logs"]

    @pytest.mark.skipif(not OF_MEDIA, reason="without media")
    def test_the_function_that_makes_thumbnails_may_only_write_its_logs(self, resources):
        assert [statement["Sid"] for statement in granted(resources, "ThumbnailsHandler")] == ["Logs"]

    @pytest.mark.skipif(not OF_MEDIA, reason="without media")
    def test_the_images_function_may_only_access_pictures_and_their_records(self, resources):
        reached = {str(statement["Resource"]) for statement in granted(resources, "Images")}
        assert reached == {
            str({"Ref": "MediaTableArn"}),
            str({"Ref": "MediaBucketArn"}),
            str({"Fn::Sub": "${MediaBucketArn}/incoming/*"}),
            str({"Fn::Sub": "${MediaBucketArn}/media/*"}),
            str({"Ref": "MediaQueueArn"}),
            str({"Fn::GetAtt": ["ImagesLogGroup", "Arn"]}),
        }

    @pytest.mark.skipif(not OF_MEDIA, reason="without media")
    def test_only_the_functions_that_make_pictures_have_the_layer_with_pillow(self, resources):
        functions = of_type(resources, "AWS::Serverless::Function")
        assert {name for name, function in functions.items() if "Layers" in function} == {*OF_MEDIA}

    @pytest.mark.skipif(not OF_MEDIA, reason="without media")
    def test_the_images_function_reports_which_messages_failed(self, resources):
        (event,) = resources["Images"]["Properties"]["Events"].values()
        assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert event["Properties"]["Queue"] == {"Ref": "MediaQueueArn"}

    @pytest.mark.skipif(not OF_MEDIA, reason="without media")
    def test_a_message_returns_when_the_attempt_that_failed_has_ended(self, resources):
        """Its visibility timeout is at least six timeouts ("Using Lambda with Amazon SQS", Lambda developer guide)."""
        queue = backend_template.load()["Resources"]["MediaQueue"]["Properties"]
        assert resources["Images"]["Properties"]["Timeout"] == processing.TIMEOUT
        assert queue["VisibilityTimeout"] >= 6 * processing.TIMEOUT
        assert queue["VisibilityTimeout"] > processing.LEASE

    @pytest.mark.skipif(not OF_MEDIA, reason="without media")
    def test_the_bodies_of_thumbnails_are_binary(self, resources):
        types = resources["RestAPI"]["Properties"]["BinaryMediaTypes"]
        assert {"image/jpeg", "image/png", "image/webp", "image/gif"} <= {*types}
        assert "*/*" not in types

    def test_the_api_may_only_access_the_tables_of_its_routes_its_logs_and_what_capabilities_need(self, resources):
        reached = {str(statement["Resource"]) for statement in granted(resources, "ApiHandler")}
        assert reached == {
            *(str({"Ref": f"{table.capitalize()}TableArn"}) for table in TABLES),
            str({"Fn::GetAtt": ["ApiHandlerLogGroup", "Arn"]}),
            *([str({"Ref": "UserPoolArn"})] if "accounts" in parts.capabilities() else []),
            *(OF_MEDIA and [str({"Ref": "MediaBucketArn"}), str({"Fn::Sub": "${MediaTableArn}/index/*"})]),
            *(str({"Fn::Sub": f"${{MediaBucketArn}}/{prefix}/*"}) for prefix in (OF_MEDIA and ("incoming", "media"))),
        }

    def test_only_the_administrators_function_may_read_more_than_single_records_of_users_and_profiles(self, resources):
        tables = [{"Ref": "UsersTableArn"}, {"Ref": "ProfilesTableArn"}]
        for called in FUNCTIONS.values():
            reads = actions(resources, called, tables) & {"dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem"}
            assert reads == ({"dynamodb:Scan"} if called == "AdminHandler" else set()), called

    def test_the_statements_of_each_role_and_of_plain_chalice_have_different_names(self, resources):
        policies = [granted(resources, called) for called in FUNCTIONS.values()]
        for policy in [*policies, parts.policy("api", "admin")["Statement"]]:
            names = [statement["Sid"] for statement in policy]
            assert len(set(names)) == len(names)

    def test_roles_have_no_managed_policies_and_only_lambda_may_assume_them(self, resources):
        for role in of_type(resources, "AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role
            (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
            assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}

    @pytest.mark.parametrize(
        ("name", "seconds", "megabytes"),
        [
            ("APIHandler", 28, 1769),
            ("AdminHandler", 28, 1769),
            ("JwtAuthorizer", 5, 1769),
            ("Housekeeping", 60, 512),
            *([("Images", 60, 1769), ("ThumbnailsHandler", 28, 1769)] if OF_MEDIA else []),
        ],
    )
    def test_each_function_has_its_timeout_memory_settings_and_json_logs(self, resources, name, seconds, megabytes):
        function = resources[name]["Properties"]
        assert function["Timeout"] == seconds
        assert function["MemorySize"] == megabytes
        assert function["Environment"]["Variables"].keys() == {setting.variable for setting in parts.settings()}
        assert all(isinstance(value, dict) for value in function["Environment"]["Variables"].values())
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert function["LoggingConfig"]["LogGroup"] == {"Ref": f"{FUNCTIONS[name]}LogGroup"}

    def test_the_housekeeping_runs_every_hour_and_ends_before_lambda_stops_it(self, resources):
        (event,) = resources["Housekeeping"]["Properties"]["Events"].values()
        assert (event["Type"], event["Properties"]) == ("Schedule", {"Schedule": "rate(1 hour)"})
        # A step that starts at the last moment waits for AWS: 7 s, as a request does.
        assert resources["Housekeeping"]["Properties"]["Timeout"] > housekeeping.SECONDS + 7

    def test_requests_end_before_api_gateway_gives_up(self, resources):
        assert resources["APIHandler"]["Properties"]["Timeout"] < API_GATEWAYS_LIMIT
        assert resources["AdminHandler"]["Properties"]["Timeout"] < API_GATEWAYS_LIMIT

    def test_only_this_api_may_invoke_the_functions(self, resources):
        permissions = of_type(resources, "AWS::Lambda::Permission")
        invoked = {name for permission in permissions.values() for name in references(permission["FunctionName"])}
        assert invoked == {"APIHandler", "AdminHandler", "JwtAuthorizer", *OF_MEDIA} - {"Images"}
        for permission in permissions.values():
            assert permission["Principal"] == "apigateway.amazonaws.com"
            assert "RestAPI" in references(permission["SourceArn"])
        assert not of_type(resources, "AWS::Lambda::Url")


class TestApi:
    def test_every_route_has_the_authorizer_that_its_row_states(self, rest_api):
        paths = rest_api["DefinitionBody"]["paths"]
        assert paths.keys() == set(PATHS)
        for path in PATHS:
            assert paths[path].keys() == {method.lower() for method in methods_of(path)} | {"options", ANY}
        for route in ROUTES:
            name = "jwt_authorizer" if route.who.has_jwt_authorizer else "cognito_authorizer"
            security: Any = None if route.who is Who.ANYONE else [{name: []}]
            assert paths[route.path][route.method.lower()].get("security") == security, route

    def test_only_these_routes_are_public(self, rest_api):
        public = {
            path
            for path, methods in rest_api["DefinitionBody"]["paths"].items()
            for method, operation in methods.items()
            if method not in ("options", ANY) and "security" not in operation
        }
        assert public == {route.path for route in ROUTES if route.who is Who.ANYONE}

    def test_an_unsupported_method_reaches_the_app_without_a_token(self, rest_api):
        for methods in rest_api["DefinitionBody"]["paths"].values():
            assert "security" not in methods[ANY]
            route = next(operation for method, operation in methods.items() if method not in ("options", ANY))
            assert methods[ANY][INTEGRATION].keys() == route[INTEGRATION].keys()
            assert methods[ANY].get("parameters") == route.get("parameters")

    def test_exactly_the_routes_for_administrators_and_thumbnails_are_served_by_their_functions(self, rest_api):
        paths = rest_api["DefinitionBody"]["paths"]
        for route in ROUTES:
            function = "AdminHandler" if route.who is Who.ADMINS else "APIHandler"
            if route.path == "/thumbnails":
                function = "ThumbnailsHandler"
            uri = paths[route.path][route.method.lower()][INTEGRATION]["uri"]
            assert references(uri) - {"AWS::Partition", "AWS::Region"} == {function}, route

    def test_a_request_without_a_token_never_reaches_the_administrators_function(self, rest_api):
        for path, methods in rest_api["DefinitionBody"]["paths"].items():
            for method, operation in methods.items():
                if "AdminHandler" in json.dumps(operation):
                    assert operation["security"] == [{"jwt_authorizer": []}], (method, path)

    def test_the_cognito_authorizer_uses_the_user_pool_of_the_backend(self, rest_api):
        authorizer = rest_api["DefinitionBody"]["securityDefinitions"]["cognito_authorizer"]
        assert authorizer["x-amazon-apigateway-authorizer"]["providerARNs"] == [{"Ref": "UserPoolArn"}]

    def test_only_pictures_are_binary(self, rest_api):
        """API Gateway would return the console's files, which are text, as base64."""
        own = {"image/gif", "image/jpeg", "image/png", "image/webp"}
        assert own <= set(rest_api["BinaryMediaTypes"])
        texts = {"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"}
        assert not texts.intersection(rest_api["BinaryMediaTypes"])

    def test_responses_are_compressed_that_are_larger_than_a_packet(self, rest_api):
        """For clients whose first Accept-Encoding is gzip or deflate, as browsers' is. The number is in bytes."""
        assert rest_api["MinimumCompressionSize"] == 1000

    def test_the_serverless_transform_creates_no_second_stage(self, rest_api):
        assert rest_api["OpenApiVersion"] == "2.0"

    def test_the_api_is_regional_and_traced(self, rest_api):
        assert rest_api["EndpointConfiguration"] == {"Type": "REGIONAL"}
        assert rest_api["TracingEnabled"] is True

    def test_an_access_log_line_is_json_with_exactly_these_fields(self, rest_api):
        line = json.loads(rest_api["AccessLogSetting"]["Format"])
        assert line == {
            "requestId": "$context.requestId",
            "sourceIp": "$context.identity.sourceIp",
            "requestTime": "$context.requestTime",
            "httpMethod": "$context.httpMethod",
            "resourcePath": "$context.resourcePath",
            "status": "$context.status",
            "authorizerRequestId": "$context.authorizer.requestId",
            "authorizerLatency": "$context.authorizer.integrationLatency",
            "authorizerError": "$context.authorizer.error",
            "integrationLatency": "$context.integration.latency",
            "integrationStatus": "$context.integration.status",
            "integrationError": "$context.integration.error",
            "responseLatency": "$context.responseLatency",
            "responseLength": "$context.responseLength",
        }
        assert rest_api["AccessLogSetting"]["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}

    def test_every_log_is_kept_for_thirty_days(self, resources):
        groups = of_type(resources, "AWS::Logs::LogGroup")
        assert groups.keys() == {"AccessLogs", "ExecutionLogs", *(f"{called}LogGroup" for called in FUNCTIONS.values())}
        assert {group["RetentionInDays"] for group in groups.values()} == {30}

    def test_every_log_group_is_deleted_with_the_stack(self, resources):
        groups = [resource for resource in resources.values() if resource["Type"] == "AWS::Logs::LogGroup"]
        assert {group["DeletionPolicy"] for group in groups} == {"Delete"}

    def test_the_stack_has_the_log_group_that_api_gateway_would_create_itself(self, resources, rest_api):
        name = resources["ExecutionLogs"]["Properties"]["LogGroupName"]
        assert name == {"Fn::Sub": f"API-Gateway-Execution-Logs_${{RestAPI}}/{rest_api['StageName']}"}

    def test_the_group_of_the_execution_logs_exists_before_the_stage(self, rest_api):
        # The Serverless transform copies Variables to the stage and to nothing else.
        assert "ExecutionLogs" in references(on_aws(rest_api["Variables"]))
        assert "ExecutionLogs" not in references({**rest_api, "Variables": {}})

    def test_no_other_resource_writes_to_a_log_group(self, resources):
        """Some resources log only if they are configured to. Each would need a group that expires."""
        everything = [*resources.values(), *backend_template.load()["Resources"].values()]
        kinds = {resource["Type"] for resource in everything}
        assert not kinds & {"AWS::Cognito::LogDeliveryConfiguration", "AWS::WAFv2::LoggingConfiguration"}
        for resource in everything:
            assert "DeliveryStatusLogging" not in resource.get("Properties", {})

    def test_errors_and_metrics_are_logged_and_request_data_is_not(self, rest_api):
        for settings in rest_api["MethodSettings"]:
            assert settings["LoggingLevel"] == "ERROR"
            assert settings["MetricsEnabled"] is True
            assert settings["DataTraceEnabled"] is False

    def test_requests_are_throttled_and_those_for_the_readiness_earlier(self, rest_api):
        every, readiness, *_ = rest_api["MethodSettings"]
        assert (every["ResourcePath"], every["HttpMethod"]) == ("/*", "*")
        assert every["ThrottlingRateLimit"] == {"Ref": "ThrottlingRateLimit"}
        assert every["ThrottlingBurstLimit"] == {"Ref": "ThrottlingBurstLimit"}
        assert (readiness["ResourcePath"], readiness["HttpMethod"]) == ("/~1health~1ready", "GET")
        assert readiness["ThrottlingRateLimit"] == {"Ref": "ReadinessRateLimit"}
        assert readiness["ThrottlingBurstLimit"] == {"Ref": "ReadinessBurstLimit"}
        assert rest_api["DefinitionBody"]["paths"]["/health/ready"].keys() >= {"get"}


STATUSES = {
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "UNAUTHORIZED": 401,
    "ACCESS_DENIED": 403,
    "WAF_FILTERED": 403,
    "MISSING_AUTHENTICATION_TOKEN": 404,
    "DEFAULT_4XX": 404,
    "RESOURCE_NOT_FOUND": 404,
    "INVALID_SIGNATURE": 404,
    "EXPIRED_TOKEN": 404,
    "INVALID_API_KEY": 404,
    "REQUEST_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "THROTTLED": 429,
    "QUOTA_EXCEEDED": 429,
    "DEFAULT_5XX": 500,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 503,
    "AUTHORIZER_CONFIGURATION_ERROR": 503,
    "INTEGRATION_TIMEOUT": 504,
    "INTEGRATION_FAILURE": 504,
}
"""The statuses of all gateway response types that API Gateway has."""


class TestGatewayResponses:
    def test_every_type_that_api_gateway_has_is_covered(self):
        model = botocore.session.get_session().get_service_model("apigateway")
        shape: Any = model.shape_for("GatewayResponseType")
        assert set(shape.enum) == STATUSES.keys()

    @pytest.mark.parametrize("kind", ["AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"])
    def test_a_failing_authorizer_is_503_whichever_type_api_gateway_uses(self, rest_api, kind):
        response = rest_api["GatewayResponses"][kind]
        document = json.loads(response["ResponseTemplates"]["application/json"])
        assert (response["StatusCode"], document["type"]) == (503, "urn:roster:problem:unavailable")
        assert response["ResponseParameters"]["Headers"]["Retry-After"] == "'1'"

    def test_the_authorizer_times_out_before_api_gateway_does(self, resources):
        # A function that runs out of time has failed. If API Gateway ran out of time first, it could use another type.
        assert resources["JwtAuthorizer"]["Properties"]["Timeout"] < API_GATEWAYS_LIMIT

    def test_every_response_type_is_a_problem_document_with_its_status(self, rest_api):
        responses = rest_api["GatewayResponses"]
        assert {kind: response["StatusCode"] for kind, response in responses.items()} == STATUSES
        for response in responses.values():
            document = json.loads(response["ResponseTemplates"]["application/json"])
            assert list(document) == ["type", "title", "status", "detail", "request_id"]
            assert document["status"] == response["StatusCode"]
            assert document["type"].startswith("urn:roster:problem:")

    def test_no_body_repeats_anything_of_the_request_except_its_id(self, rest_api):
        for response in rest_api["GatewayResponses"].values():
            (body,) = response["ResponseTemplates"].values()
            assert re.findall(r"[$#].*?(?=\")", body) == ["$context.requestId"]

    @pytest.mark.parametrize("kind", STATUSES)
    def test_each_response_has_exactly_the_headers_of_its_status(self, rest_api, kind):
        extra = {
            401: {"WWW-Authenticate": "'Bearer'"},
            429: {"Retry-After": "'1'"},
            503: {"Retry-After": "'1'"},
        }
        assert rest_api["GatewayResponses"][kind]["ResponseParameters"] == {
            "Headers": {
                "Content-Type": "'application/problem+json'",
                "Cache-Control": "'no-store'",
                "X-Content-Type-Options": "'nosniff'",
                "Access-Control-Allow-Origin": "'*'",
                "Access-Control-Expose-Headers": "'ETag,Link,Location,X-Request-Id,Retry-After'",
                "X-Request-Id": "context.requestId",  # not quoted: API Gateway maps it
                **extra.get(STATUSES[kind], {}),
            }
        }


def test_the_openapi_document_describes_all_problems_of_api_gateway(rest_api):
    described = {
        content["example"]["type"]: content["example"]
        for response in description.DOCUMENT["components"]["responses"].values()
        for media_type, content in response.get("content", {}).items()
        if media_type == "application/problem+json"
    }
    for response in rest_api["GatewayResponses"].values():
        document = json.loads(response["ResponseTemplates"]["application/json"])
        example = described[document["type"]]
        assert (document["status"], document["title"]) == (example["status"], example["title"])


ALARMED = {
    ("AWS/ApiGateway", "5XXError"),
    ("AWS/ApiGateway", "Latency"),
    *(
        ("AWS/Lambda", metric, name)
        for metric in ("Errors", "Throttles")
        for name in ("APIHandler", "AdminHandler", "Housekeeping")
    ),
    ("Roster/${Stage}", "AuthorizerErrors"),
    ("AWS/Lambda", "Throttles", "JwtAuthorizer"),
    *(
        ("AWS/DynamoDB", metric, table)
        for table in (f"{table.capitalize()}Table" for table in TABLES)
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors")
    ),
    *([("Roster/${Stage}", "SignInsFailed")] if "accounts" in parts.capabilities() else []),
    *(("AWS/Lambda", "Throttles", name) for name in OF_MEDIA),
    *(OF_MEDIA and [("AWS/Lambda", "Errors", "ThumbnailsHandler")]),
    *(OF_MEDIA and [("AWS/SQS", "ApproximateNumberOfMessagesVisible", "MediaDeadLettersName")]),
    *(OF_MEDIA and [("AWS/SQS", "ApproximateAgeOfOldestMessage", "MediaQueueName")]),
}


class TestAlarms:
    def test_the_cost_model_counts_every_alarm(self, resources):
        assert costs.alarms() == len(of_type(resources, "AWS::CloudWatch::Alarm"))

    def test_there_is_an_alarm_for_every_kind_of_failure(self, resources):
        alarmed = set()
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
            namespace = alarm["Namespace"] if isinstance(alarm["Namespace"], str) else alarm["Namespace"]["Fn::Sub"]
            of = references(alarm["Dimensions"]) - {"Stage"}
            alarmed.add((namespace, alarm["MetricName"], *of))
        assert alarmed == ALARMED

    @pytest.mark.skipif(not OF_MEDIA, reason="without media")
    def test_throttled_requests_to_each_index_raise_an_alarm(self, resources):
        """The metric of the table does not count them ("DynamoDB metrics and dimensions", developer guide)."""
        watched = {
            (dimensions["GlobalSecondaryIndexName"], alarm["MetricName"])
            for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
            for dimensions in [{entry["Name"]: entry["Value"] for entry in alarm["Dimensions"]}]
            if "GlobalSecondaryIndexName" in dimensions
        }
        assert watched == {
            (index, f"{kind}ThrottleEvents") for index in ("by-owner", "public-by-day") for kind in ("Read", "Write")
        }

    def test_system_errors_of_dynamodb_are_watched_for_every_granted_operation(self, resources):
        watched = {
            (dimensions["TableName"]["Ref"], dimensions["Operation"])
            for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
            if alarm["MetricName"] == "SystemErrors"
            for dimensions in [{entry["Name"]: entry["Value"] for entry in alarm["Dimensions"]}]
        }
        allowed = {
            (next(iter(references(statement["Resource"]))).removesuffix("Arn"), action.removeprefix("dynamodb:"))
            for called in FUNCTIONS.values()
            for statement in granted(resources, called)
            for action in statement["Action"]
            if action.startswith("dynamodb:")
        }
        assert watched == allowed

    def test_each_alarm_watches_an_existing_resource(self, template, resources, rest_api):
        known = resources.keys() | template["Parameters"].keys()
        for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
            assert references(alarm) <= known, name
            for dimension in alarm["Dimensions"]:
                if dimension["Name"] == "ApiName":
                    assert dimension["Value"] == rest_api["Name"]
                if dimension["Name"] == "Stage":
                    assert dimension["Value"] == rest_api["StageName"]
        (metric,) = resources["AuthorizerErrors"]["Properties"]["MetricTransformations"]
        alarm = resources["AuthorizerErrorsAlarm"]["Properties"]
        assert (metric["MetricNamespace"], metric["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])

    def test_each_alarm_notifies_the_topic_and_points_to_the_documentation(self, resources):
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
            assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmsTopic"}]
            assert alarm["TreatMissingData"] == "notBreaching"
            assert "docs/operations.md" in alarm["AlarmDescription"]

    def test_the_topic_has_a_subscriber_only_if_an_email_address_is_set(self, resources):
        assert resources["AlarmsSubscription"]["Condition"] == "HasAlarmEmail"


class TestDashboard:
    def test_the_dashboard_shows_api_functions_and_tables(self, resources):
        body = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
        metrics = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
        shown = {metric[1] for metric in metrics if len(metric) > 2}
        assert {"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"} <= shown
        assert {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"} <= shown
        assert {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"} <= shown
        named = references(resources["Dashboard"]["Properties"]["DashboardBody"])
        assert named >= {*FUNCTIONS, "UsersTable", "ProfilesTable"}

    def test_the_dashboard_refers_only_to_existing_resources(self, template, resources):
        named = references(resources["Dashboard"]["Properties"]["DashboardBody"])
        assert named <= resources.keys() | template["Parameters"].keys() | {"AWS::Region"}


class TestFirewall:
    def test_the_firewall_is_optional(self, template, resources):
        assert resources["Firewall"]["Condition"] == resources["FirewallAssociation"]["Condition"] == "HasFirewall"
        assert template["Parameters"]["WebApplicationFirewall"]["Default"] == "false"

    def test_the_firewall_has_two_managed_rule_sets_and_a_rate_limit(self, resources):
        rules = {rule["Name"]: rule["Statement"] for rule in resources["Firewall"]["Properties"]["Rules"]}
        assert rules["common"]["ManagedRuleGroupStatement"]["Name"] == "AWSManagedRulesCommonRuleSet"
        assert rules["known-bad-inputs"]["ManagedRuleGroupStatement"]["Name"] == "AWSManagedRulesKnownBadInputsRuleSet"
        rate = rules["rate"]["RateBasedStatement"]
        assert (rate["Limit"], rate["EvaluationWindowSec"], rate["AggregateKeyType"]) == (2000, 300, "IP")

    def test_the_firewall_does_not_block_large_bodies_that_the_api_accepts(self, resources):
        (common,) = [rule for rule in resources["Firewall"]["Properties"]["Rules"] if rule["Name"] == "common"]
        (override,) = common["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
        assert override == {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}


def on_aws(part):
    """Return ``part`` of a template with its conditions resolved for AWS, without an emulator or a domain."""
    conditions = {"IsEmulated": False, "IsOnAws": True, "HasDomain": False}
    if isinstance(part, dict) and "Fn::If" in part:
        condition, then, otherwise = part["Fn::If"]
        return on_aws(then if conditions[condition] else otherwise)
    if isinstance(part, dict):
        return {name: on_aws(value) for name, value in part.items()}
    return [on_aws(value) for value in part] if isinstance(part, list) else part


class TestEmulator:
    """The parts of the template for emulators have no effect on AWS."""

    def test_no_emulator_is_configured_by_default(self, template):
        assert template["Parameters"]["EmulatorEndpoint"]["Default"] == ""
        assert template["Conditions"]["IsOnAws"] == {"Fn::Equals": [{"Ref": "EmulatorEndpoint"}, ""]}
        assert template["Conditions"]["IsEmulated"] == {"Fn::Not": [{"Condition": "IsOnAws"}]}

    def test_the_stage_has_no_variables_on_aws(self, rest_api):
        assert "addressPrefix" not in on_aws(rest_api["Variables"])

    def test_the_outputs_on_aws_are_urls_of_aws(self, template):
        outputs = {name: on_aws(output["Value"]) for name, output in template["Outputs"].items()}
        assert outputs["APIEndpoint"] == {
            "Fn::Sub": "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"
        }
        console, values = outputs["ConsoleURL"]["Fn::Sub"]
        assert (console, on_aws(values["API"])) == ("${API}/console", outputs["APIEndpoint"])
        page, values = outputs["CognitoLoginURL"]["Fn::Sub"]
        assert page.startswith("${Page}?client_id=${UserPoolClient}&response_type=code&")
        assert values == {"Page": {"Fn::Sub": "https://${UserPoolDomain}.auth.${AWS::Region}.amazoncognito.com/login"}}
        command, values = outputs["CognitoAuthCommand"]["Fn::Sub"]
        assert command.startswith("aws cognito-idp initiate-auth ${Endpoint}--region ${AWS::Region} --auth-flow ")
        assert values == {"Endpoint": ""}
        assert template["Parameters"]["AuthParameters"]["Default"] == "USERNAME=<e-mail>,PASSWORD=<password>"
        assert template["Outputs"]["DashboardURL"]["Condition"] == "IsOnAws"


def test_the_outputs_have_the_names_that_clients_expect(template):
    assert template["Outputs"].keys() >= {
        *("APIEndpoint", "UsersTable", "ProfilesTable", "UserPool", "UserPoolClient", "UserPoolAdminGroupName"),
        *("CognitoLoginURL", "CognitoAuthCommand", "AlarmsTopic", "DashboardURL"),
    }
