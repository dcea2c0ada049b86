"""`chalice deploy`, run by Chalice's own program with the configuration that `make backend` records. AWS is moto's."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from chalice.awsclient import TypedAWSClient
from chalice.cli import cli
from click.testing import CliRunner
from moto import mock_aws

from chalicelib.local.runtime import RUNNING
from chalicelib.media.images import processing
from embedded import stack
from infra import chalice_stage, parts, stages
from infra.parts import PROJECT
from testbed import backend_template
from testbed.in_process import imported_app
from tests.infra.test_package import distributions, pinned

DEV = stages.Stage("dev", {}, {"CorsOrigin": "https://a.example"}, RUNNING)
OUTPUTS = {
    "UsersTable": "users",
    "UsersTableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/users",
    "ProfilesTable": "profiles",
    "ProfilesTableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/profiles",
    "UserPool": "us-east-1_pool",
    "UserPoolArn": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_pool",
    "UserPoolClient": "client",
    "UserPoolClients": "client",
    "UserPoolAdminGroupName": "apiAdmins",
    "PasswordPolicy": "12,lowercase,uppercase,numbers",
    "SelfSignUp": "true",
    "RefreshTokenRotation": "false",
    "RefreshTokenDays": "30",
    "ProductName": "Roster",
    "Mfa": "OPTIONAL",
    "AccountsTable": "accounts",
    "AccountsTableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/accounts",
    "MediaTable": "media",
    "MediaTableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/media",
    "MediaBucket": "media-bucket",
    "MediaBucketArn": "arn:aws:s3:::media-bucket",
    "MediaQueueArn": "arn:aws:sqs:us-east-1:123456789012:media",
    "MediaIdentityPool": "us-east-1:00000000-0000-4000-8000-00000000c0de",
}
LAYERS = {"PicturesLayer": "arn:aws:lambda:us-east-1:123456789012:layer:pictures:1"}
BACKENDS_GROUPS = {
    resource["Properties"]["LogGroupName"]["Fn::Sub"].replace("${Stage}", "dev"): resource
    for resource in backend_template.load()["Resources"].values()
    if resource["Type"] == "AWS::Logs::LogGroup"
}
"""The log groups in the backend's template, by name."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the files that Chalice deploys, after `make backend STAGE=dev`."""
    folder = tmp_path_factory.mktemp("checkout") / "roster"
    folder.mkdir()
    for name in ("app.py", "requirements.txt"):
        shutil.copy(PROJECT / name, folder)
    for name in ("chalicelib", ".chalice"):
        ignored = shutil.ignore_patterns("__pycache__", "deploy*", "policy-*-*.json")
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    list(chalice_stage.record(DEV, OUTPUTS, LAYERS, folder))
    return folder


@pytest.fixture(scope="module")
def aws():
    """An account with the log groups and the queue of the backend stack, and the layer of `make backend`."""
    with mock_aws():
        boto3.client("sqs").create_queue(QueueName="media")
        content = {"ZipFile": b"PK\5\6" + bytes(18)}
        boto3.client("lambda").publish_layer_version(LayerName="pictures", Content=content)
        for name, group in BACKENDS_GROUPS.items():
            boto3.client("logs").create_log_group(logGroupName=name)
            days = group["Properties"]["RetentionInDays"]
            boto3.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)
        yield


imported: list[dict[str, Any]] = []
"""The API definitions that Chalice imports into API Gateway. moto drops their authorizers."""


@pytest.fixture(scope="module")
def chalice_cli(checkout, aws):
    """A function that runs Chalice and returns its output."""

    def for_moto(swagger):
        """Adapt a definition to moto, which needs OpenAPI 3 with a description and without mock integrations."""
        imported.append(swagger)
        paths = {
            path: {method: operation for method, operation in methods.items() if method != "options"}
            for path, methods in swagger["paths"].items()
        }
        return {"openapi": "3.0.1", "info": {**swagger["info"], "description": "Roster"}, "paths": paths}

    def adapting(call):
        def adapted(client, *arguments, swagger_document, **others):
            return call(client, *arguments, swagger_document=for_moto(swagger_document), **others)

        return adapted

    def run(*arguments):
        done = CliRunner().invoke(cli, ["--project-dir", str(checkout), *arguments], obj={})
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    patch = pytest.MonkeyPatch()
    for name in ("import_rest_api", "update_api_from_swagger"):
        patch.setattr(TypedAWSClient, name, adapting(getattr(TypedAWSClient, name)))
    folder, path, environ = Path.cwd(), sys.path[:], os.environ.copy()
    with imported_app(parts.examples()):
        yield run
    patch.undo()
    os.chdir(folder)  # Chalice changes the directory and sets the stage's environment variables
    sys.path[:] = path
    os.environ.clear()
    os.environ |= environ


def stated(resource):
    """Return the ARN that a policy's reference stands for, which has ``${…}`` at its start or is nothing else."""
    name, _, rest = resource.get("Fn::Sub", "${" + resource.get("Ref", "") + "}")[2:].partition("}")
    return OUTPUTS[name] + rest


def functions():
    return {function["FunctionName"]: function for function in boto3.client("lambda").list_functions()["Functions"]}


def retentions():
    """Return the number of days for which each log group keeps its lines, by name."""
    groups = boto3.client("logs").describe_log_groups()["logGroups"]
    return {group["logGroupName"]: group.get("retentionInDays") for group in groups}


def inventory():
    """Return the names of all resources."""
    gateway = boto3.client("apigateway")
    return {
        "functions": functions().keys(),
        "roles": {role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]},
        "apis": {rest_api["id"] for rest_api in gateway.get_rest_apis()["items"]},
    }


@pytest.fixture(scope="module")
def deployed(chalice_cli):
    """The output of the first `chalice deploy --stage dev`."""
    return chalice_cli("deploy", "--stage", "dev")


@pytest.fixture
def rest_api(deployed):
    (found,) = boto3.client("apigateway").get_rest_apis()["items"]
    return found["id"]


class TestRecorded:
    def test_the_stage_has_the_settings_of_the_backend_and_of_the_operator(self, checkout):
        stage = json.loads((checkout / ".chalice" / "config.json").read_text())["stages"]["dev"]
        assert stage["environment_variables"] == {**parts.values(OUTPUTS), "CORS_ORIGIN": "https://a.example"}

    @pytest.mark.parametrize(
        ("function", "suffix", "merged"),
        [
            ("api", "", ["api", "admin"]),
            ("housekeeping", "-housekeeping", ["housekeeping"]),
            ("images", "-images", ["images"]),
            ("jwt_authorizer", "-jwt_authorizer", ["jwt_authorizer"]),
        ],
    )
    def test_each_policy_has_the_written_actions_and_the_resources_of_the_stage(
        self, checkout, function, suffix, merged
    ):
        written = parts.policy(*merged)["Statement"]
        *statements, logs = json.loads((checkout / ".chalice" / f"policy-{function}-dev.json").read_text())["Statement"]
        assert [(s["Sid"], s["Action"]) for s in statements] == [(s["Sid"], s["Action"]) for s in written]
        assert [s["Resource"] for s in statements] == [stated(s["Resource"]) for s in written]
        assert logs["Resource"] == f"arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/roster-dev{suffix}:*"

    def test_the_one_function_for_all_routes_may_do_what_administrators_do(self, checkout):
        statements = json.loads((checkout / ".chalice" / "policy-api-dev.json").read_text())["Statement"]
        actions = {action for statement in statements for action in statement["Action"]}
        assert actions >= {"dynamodb:Scan", "dynamodb:GetItem", "cognito-idp:ListUsers"}

    def test_recording_again_changes_nothing(self, checkout):
        before = {path.name: path.read_text() for path in (checkout / ".chalice").glob("*.json")}
        list(chalice_stage.record(DEV, OUTPUTS, LAYERS, checkout))
        assert {path.name: path.read_text() for path in (checkout / ".chalice").glob("*.json")} == before

    def test_make_run_uses_the_settings_of_no_stage(self, monkeypatch):
        # The settings that Chalice has for a stage override those of the environment.
        process = Mock()
        monkeypatch.setattr(stack, "Process", process)
        stack.serve(8000, {})
        command = process.call_args.args[1]
        assert not stages.NAME.fullmatch(command[command.index("--stage") + 1])

    def test_the_runtime_of_the_stage_is_recorded(self, checkout):
        recorded = json.loads((checkout / ".chalice" / "config.json").read_text())["stages"]["dev"]
        assert recorded["runtime"] == RUNNING


class TestOtherPython:
    """`chalice deploy` by another Python than the stage's."""

    @pytest.fixture
    def run(self, checkout, tmp_path):
        """A function that runs a command of Chalice in a checkout whose stage has this runtime."""
        folder = tmp_path / "roster"
        shutil.copytree(checkout, folder)

        def run(runtime, *command):
            config = folder / ".chalice" / "config.json"
            recorded = json.loads(config.read_text())
            recorded["stages"]["dev"]["runtime"] = runtime
            config.write_text(json.dumps(recorded))
            unreachable = dict.fromkeys(("AWS_ENDPOINT_URL", "HTTPS_PROXY", "HTTP_PROXY"), "http://127.0.0.1:9")
            keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
            return subprocess.run(
                [Path(sys.executable).parent / "chalice", "--project-dir", folder, *command, "--stage", "dev"],
                env={"PATH": os.environ["PATH"], **keys, **unreachable},
                capture_output=True,
                text=True,
                check=False,
            )

        return run

    def test_it_stops_with_one_sentence_that_says_what_to_do(self, run):
        done = run("python3.99", "deploy")
        assert done.returncode == 1
        assert done.stderr == (
            f"Error: The runtime of dev is python3.99, but chalice runs with {RUNNING}: run "
            "rm -rf .venv .venv-embedded && make backend STAGE=dev PYTHON=python3.99, then deploy again.\n"
        )


class TestDeployed:
    def test_a_deploy_prints_the_url_of_the_api(self, deployed):
        assert "Rest API URL: https://" in deployed

    def test_all_functions_are_deployed_with_their_settings_and_policies(self, deployed):
        assert functions().keys() == {
            "roster-dev",
            "roster-dev-housekeeping",
            "roster-dev-images",
            "roster-dev-jwt_authorizer",
        }
        for function in functions().values():
            assert function["Environment"]["Variables"]["USERS_TABLE"] == "users"
        policies = {}
        for name, function in functions().items():
            role = function["Role"].rpartition("/")[2]
            (policy,) = boto3.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
            document = boto3.client("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            policies[name] = {action for statement in document["Statement"] for action in statement["Action"]}
        assert policies["roster-dev-jwt_authorizer"] == {"logs:CreateLogStream", "logs:PutLogEvents"}
        assert {"dynamodb:UpdateItem", "dynamodb:Scan"} <= policies["roster-dev"]
        assert "dynamodb:DeleteItem" in policies["roster-dev-housekeeping"]
        assert "dynamodb:GetItem" not in policies["roster-dev-jwt_authorizer"]

    def test_the_functions_that_make_pictures_have_the_layer(self, deployed):
        attached = {name: function.get("Layers", []) for name, function in functions().items()}
        assert {name for name, found in attached.items() if found} == {"roster-dev", "roster-dev-images"}
        assert attached["roster-dev-images"][0]["Arn"] == LAYERS["PicturesLayer"]

    def test_the_images_function_takes_one_message_at_a_time(self, deployed):
        """A message that fails makes the function fail, and so would all others of its batch."""
        (source,) = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        assert source["EventSourceArn"] == OUTPUTS["MediaQueueArn"]
        assert source["BatchSize"] == 1
        assert source["FunctionArn"] == functions()["roster-dev-images"]["FunctionArn"]
        assert functions()["roster-dev-images"]["Timeout"] == processing.TIMEOUT

    def test_the_housekeeping_runs_every_hour(self, deployed):
        events = boto3.client("events")
        (rule,) = events.list_rules()["Rules"]
        assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        assert target["Arn"] == functions()["roster-dev-housekeeping"]["FunctionArn"]
        assert functions()["roster-dev-housekeeping"]["Timeout"] == 60

    def test_what_is_deployed_is_pinned(self, deployed, checkout):
        (zipped,) = (checkout / ".chalice" / "deployments").glob("*.zip")
        assert distributions(zipped.read_bytes()) == pinned("requirements.txt")

    def test_each_function_may_write_to_the_log_group_of_its_name_and_to_no_other(self, deployed):
        for name, function in functions().items():
            role = function["Role"].rpartition("/")[2]
            (policy,) = boto3.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
            document = boto3.client("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            (logs,) = [statement for statement in document["Statement"] if statement["Sid"] == "Logs"]
            assert logs["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
            assert logs["Resource"] == f"arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/{name}:*"

    def test_the_backend_has_the_log_groups_of_all_functions_and_chalice_makes_none(self, deployed):
        assert retentions() == {f"/aws/lambda/{name}": 30 for name in functions()}
        assert {group["DeletionPolicy"] for group in BACKENDS_GROUPS.values()} == {"Delete"}

    def test_every_route_is_deployed_with_its_authorizer(self, rest_api):
        resources = boto3.client("apigateway").get_resources(restApiId=rest_api, limit=500)["items"]
        made = {(method, resource["path"]) for resource in resources for method in resource.get("resourceMethods", {})}
        sent = {
            (method.upper(), path): operation.get("security")
            for path, methods in imported[0]["paths"].items()
            for method, operation in methods.items()
            if method != "options"
        }
        with imported_app(parts.examples()) as app:
            expected: dict[tuple[str, str], Any] = {
                (method, path): [{entry.authorizer.name: []}] if entry.authorizer else None
                for path, methods in app.app.routes.items()
                for method, entry in methods.items()
            }
        assert sent == expected
        assert made == expected.keys()

    def test_api_gateway_may_invoke_both_functions_that_it_calls(self, rest_api):
        for name in functions().keys() - {"roster-dev-housekeeping", "roster-dev-images"}:
            policy = json.loads(boto3.client("lambda").get_policy(FunctionName=name)["Policy"])
            assert any(rest_api in json.dumps(statement) for statement in policy["Statement"]), name

    def test_a_second_deploy_creates_nothing_new(self, deployed, chalice_cli):
        before = inventory()
        chalice_cli("deploy", "--stage", "dev")
        assert inventory() == before

    def test_a_delete_removes_all_resources(self, deployed, chalice_cli):
        chalice_cli("delete", "--stage", "dev")
        assert not any(inventory().values())

    def test_after_a_delete_the_logs_still_expire(self, deployed):
        assert retentions() == dict.fromkeys(BACKENDS_GROUPS, 30)
