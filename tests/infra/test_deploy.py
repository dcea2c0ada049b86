"""`make deploy`, `make outputs` and `make destroy` on the embedded AWS."""

import json
import re
import shlex
import subprocess
import sys
import urllib.request
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.local.runtime import RUNNING
from embedded import accounts, aws, processes
from infra import backend, data, stages
from infra.__main__ import main
from infra.cloudformation import Template
from infra.failure import Failure
from testbed import backend_template

FUNCTIONS = ("Images", "admin", "api", "hourly", "jwt-authorizer", "thumbnails")
"""The functions of the API stack, by what their names end with."""
BY_CHALICE = ("", "-housekeeping", "-images", "-jwt_authorizer")
"""The functions of plain ``chalice deploy``, whose log groups are the backend stack's."""
GOOD = {"Topic": {"Type": "AWS::SNS::Topic"}}


@pytest.fixture
def bad(embedded_aws):
    """Resources of which one can't be created, because its name is already in use."""
    domain = {"Domain": embedded_aws.outputs["UserPoolDomain"], "UserPoolId": embedded_aws.outputs["UserPool"]}
    return {**GOOD, "Domain": {"Type": "AWS::Cognito::UserPoolDomain", "Properties": domain}}


def template(resources):
    return Template({"TemplateBody": json.dumps({"Resources": resources})}, {}, [])


def events(account, name):
    """Return the number of a stack's events."""
    return len(account.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"])


class TestStack:
    def test_a_deploy_reports_each_event(self, account, messages):
        account.stack("telling").deploy(template(GOOD))
        assert [line.split() for line in messages] == [
            ["CREATE_IN_PROGRESS", "telling"],
            ["CREATE_IN_PROGRESS", "Topic"],
            ["CREATE_COMPLETE", "Topic"],
            ["CREATE_COMPLETE", "telling"],
        ]

    def test_deploying_an_unchanged_template_changes_nothing(self, account, messages):
        stack = account.stack("unchanged")
        stack.deploy(template(GOOD))
        before = events(account, "unchanged")
        messages.clear()
        stack.deploy(template(GOOD))
        assert messages == ["  Nothing to change."]
        assert events(account, "unchanged") == before
        changed = {"Topic": {**GOOD["Topic"], "Properties": {"DisplayName": "Changed"}}}
        stack.deploy(template(changed))
        assert stack.status == "UPDATE_COMPLETE"

    def test_a_failed_create_names_the_resource_and_the_cause_and_can_be_repeated(self, account, messages, bad):
        stack = account.stack("failing")
        with pytest.raises(Failure, match=r"failing could not be deployed \(ROLLBACK_COMPLETE\): Domain: .+"):
            stack.deploy(template(bad))
        assert any("CREATE_FAILED" in line and "Domain" in line for line in messages)
        with pytest.raises(Failure, match="No stack named failing is deployed"):
            _ = stack.outputs
        stack.deploy(template(GOOD))
        assert stack.status == "CREATE_COMPLETE"

    def test_a_failed_create_leaves_nothing_behind_that_its_template_retains(self, account, bad):
        table = {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "Properties": {
                "TableName": "retained",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        }
        domain = {**bad["Domain"], "DependsOn": "Table"}
        with pytest.raises(Failure, match="Domain"):
            account.stack("orphaning").deploy(template({"Table": table, "Domain": domain}))
        assert "retained" not in account.client("dynamodb").list_tables()["TableNames"]

    def test_a_failed_update_names_the_resource_and_is_rolled_back(self, account, bad):
        stack = account.stack("updated")
        stack.deploy(template(GOOD))
        with pytest.raises(Failure, match=r"updated could not be deployed \(UPDATE_ROLLBACK_COMPLETE\): Domain: .+"):
            stack.deploy(template(bad))
        stack.deploy(template(GOOD))  # a deploy still works

    def test_an_invalid_template_is_rejected(self, account):
        with pytest.raises((Failure, account.client("cloudformation").exceptions.ClientError)):
            account.stack("nonsense").deploy(template({"Thing": {"Type": "No::Such::Thing"}}))

    def test_a_deleted_stack_no_longer_exists(self, account, messages):
        stack = account.stack("deleted")
        stack.deploy(template(GOOD))
        messages.clear()
        stack.delete()
        assert stack.status is None
        assert any("DELETE_COMPLETE" in line for line in messages)
        stack.delete()  # deleting it again is no error


class TestStages:
    def test_the_error_for_an_unknown_stage_lists_the_known_ones(self):
        with pytest.raises(Failure, match=r"There is no stage 'moon': infra/stages.yaml has dev, prod, local\."):
            stages.stage("moon")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("Prod:\n", "A stage can't be called"),
            ("prod-api:\n", "log groups would have the names of another stage's"),
            ("a-jwt-authorizer:\n", "log groups would have the names of another stage's"),
            ("laws:\n", "Cognito would reject its domain"),
            ('prod: {api: {DomainName: "a.example.com"}}', "both DomainName and CertificateArn"),
            ("prod: {tables: {}}", "neither backend, api nor runtime"),
            ("prod: {api: {ThrottlingRateLimit: 5}}", "in quotes"),
            ("prod: {runtime: python3.9}", r"has the runtime 'python3.9': use python3.12, .* or any\."),
            ("prod: {runtime: python3.11}", r"has the runtime 'python3.11': use python3.12, .* or any\."),
        ],
    )
    def test_an_invalid_stage_is_rejected_with_an_explanation(self, tmp_path, text, message):
        (tmp_path / "stages.yaml").write_text(text)
        with pytest.raises(Failure, match=message):
            stages.stage(text.split(":")[0], tmp_path / "stages.yaml")

    def test_production_is_protected_against_deletion(self):
        assert stages.stage("prod").backend["DeletionProtection"] == "true"

    def test_a_stage_without_a_runtime_has_the_default(self, tmp_path):
        (tmp_path / "stages.yaml").write_text("test:\n")
        assert stages.stage("test", tmp_path / "stages.yaml").runtime == stages.DEFAULT_RUNTIME

    def test_production_has_a_runtime_that_lambda_supports_beyond_2027(self):
        assert stages.stage("prod").runtime == "python3.13"

    @pytest.mark.parametrize("target", ["deploy", "backend"])
    def test_a_stage_of_another_python_stops_before_anything_is_deployed(self, monkeypatch, target):
        monkeypatch.setattr("infra.__main__.stage", lambda name: stages.Stage(name, {}, {}, "python3.99"))
        monkeypatch.setattr("infra.__main__.Account", lambda *_: None)
        with pytest.raises(SystemExit) as stopped:
            main([target, "--stage", "prod"])
        assert stopped.value.code == (
            f"The runtime of prod is python3.99, but Roster is installed here with {RUNNING}: run rm -rf .venv "
            f".venv-embedded && make {target} STAGE=prod PYTHON=python3.99, or change the runtime in infra/stages.yaml."
        )

    def test_the_embedded_aws_accepts_whichever_python_deploys(self):
        stages.stage("local").require_runtime("deploy")

    def test_every_parameter_of_a_stage_exists_in_its_template(self, template):
        known = {"backend": backend_template.load()["Parameters"].keys(), "api": template["Parameters"].keys()}
        for name in ("dev", "prod", "local"):
            stage = stages.stage(name)
            assert stage.backend.keys() <= known["backend"]
            assert stage.api.keys() <= known["api"]


class TestCommandLine:
    def infra(self, *arguments, typed="no\n", **environ):
        """Run the program with no AWS configuration except ``environ``; return its status and its last line."""
        done = subprocess.run(
            [sys.executable, "-m", "infra", *arguments],
            cwd=processes.PROJECT,
            env={"HOME": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true", **environ},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr.strip().splitlines()[-1]

    def test_a_parameter_without_a_value_is_rejected(self):
        status, message = self.infra("deploy", "--parameter", "EmulatorEndpoint")
        assert status == 2
        assert message.endswith("argument --parameter: 'EmulatorEndpoint' is not NAME=VALUE")

    @pytest.mark.parametrize("typed", ["no\n", "yes\n", "prod\n", "\n", ""])
    def test_destroy_asks_for_the_name_of_the_stage_and_accepts_nothing_else(self, embedded_aws, account, typed):
        account.stack("roster-api-dev").deploy(template(GOOD))
        environ = aws.environ(embedded_aws.aws_port)
        assert self.infra("destroy", "--stage", "dev", typed=typed, **environ) == (1, "Nothing was deleted.")
        assert account.stack("roster-api-dev").status == "CREATE_COMPLETE"

    def test_destroying_a_stage_that_does_not_exist_is_reported(self, embedded_aws):
        environ = aws.environ(embedded_aws.aws_port)
        assert self.infra("destroy", "--stage", "prod", **environ) == (1, "Stage prod has nothing to delete.")


class Background:
    """A stage that ``make deploy`` has deployed to an embedded AWS in the background, which it started for that.

    It was stopped afterwards, and deployed to again. ``printed`` has what both deploys printed, ``events`` the numbers
    of events of both stacks after each.
    """

    STACKS = ("roster-api-local", "roster-backend-local")

    def __init__(self, folder):
        self.port, self.state = processes.free_port(), folder / "state"
        self.printed: list[str] = []
        self.events: list[list[int]] = []
        for is_last in (False, True):
            try:
                self.printed.append(make("deploy", self.state, f"EMBEDDED_AWS_PORT={self.port}"))
                account = aws.account(self.port, lambda _: None)
                self.events.append([events(account, name) for name in self.STACKS])
            except BaseException:
                self.stop()
                raise
            if not is_last:
                self.stop()

    def stop(self):
        assert make("stop", self.state).startswith("Stopped.")


@pytest.fixture(scope="module")
def background(tmp_path_factory):
    deployed = Background(tmp_path_factory.mktemp("background"))
    yield deployed
    deployed.stop()


class TestWholeStage:
    """A stage is deployed, deployed again and destroyed. The tests run in this order."""

    @pytest.fixture
    def state(self, background):
        return background.state

    @pytest.fixture
    def account(self, background, messages):
        return aws.account(background.port, messages.append)

    def test_deploy_starts_the_embedded_aws_and_stop_ends_it(self, background):
        first, second = background.printed
        assert ["CREATE_COMPLETE", "RestAPI"] in [line.split() for line in first.splitlines()]
        assert all(f"in the background on port {background.port}" in text for text in (first, second))
        address = rf"^APIEndpoint +http://127\.0\.0\.1:{background.port}/_aws/execute-api/\w+/api$"
        assert re.search(address, first, re.MULTILINE)

    def test_deploying_an_unchanged_stage_again_changes_nothing(self, background):
        first, second = background.printed
        assert second.count("Nothing to change.") == 2
        before, after = background.events
        assert before == after
        assert second.split("\n\n")[-1] == first.split("\n\n")[-1]  # the outputs

    def test_the_printed_outputs_are_those_of_the_stack(self, state, account):
        outputs = account.stack("roster-api-local").outputs
        printed = dict(line.split(maxsplit=1) for line in make("outputs", state).strip().splitlines())
        assert printed == outputs
        assert not [name for name, value in outputs.items() if "amazon" in value or "https:" in value]

    def test_the_api_has_one_stage_with_tracing_enabled(self, account):
        rest_api = account.stack("roster-api-local").outputs["RestAPIId"]
        (stage,) = account.client("apigateway").get_stages(restApiId=rest_api)["item"]
        assert stage["stageName"] == "api"
        assert stage["tracingEnabled"] is True

    def test_the_api_responds_at_the_printed_endpoint(self, account):
        address = f"{account.stack('roster-api-local').outputs['APIEndpoint']}/health"
        assert httpx.get(address, trust_env=False).json()["status"] == "ok"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address) as response:
            assert json.load(response)["status"] == "ok"

    def test_users_can_sign_in_on_the_printed_page(self, account):
        outputs = account.stack("roster-api-local").outputs
        with httpx.Client(trust_env=False) as browser:
            page = browser.get(outputs["CognitoLoginURL"])
            assert page.status_code == 200
            assert page.headers["content-type"].startswith("text/html")
            action = page.url.join(re.search(r'<form method="POST" action="(.+?)">', page.text)[1])
            form = dict(re.findall(r'<input type="hidden" name="(.+?)" value="(.*?)">', page.text))
            form |= {"username": accounts.USER.email, "password": accounts.PASSWORD}
            signed_in = browser.post(action, data=form)
        assert signed_in.status_code == 302
        assert signed_in.headers["location"].startswith("http://localhost:8000/?code=")

    def test_the_printed_command_signs_in_the_demo_admin(self, account):
        outputs = account.stack("roster-api-local").outputs
        token = run_aws_command(outputs["CognitoAuthCommand"])["AuthenticationResult"]["IdToken"]
        headers = {"Authorization": f"Bearer {token}"}
        users = f"{outputs['APIEndpoint']}/users"
        # Two functions start one after the other, which takes longer than httpx waits by default.
        assert httpx.get(users, headers=headers, trust_env=False, timeout=30).status_code == 200

    def test_the_printed_topic_accepts_subscriptions(self, account):
        topic = account.stack("roster-api-local").outputs["AlarmsTopic"]
        account.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="oncall@example.com")

    def test_every_log_group_expires(self, account):
        groups = account.client("logs").describe_log_groups()["logGroups"]
        apis = {api["name"]: api["id"] for api in account.client("apigateway").get_rest_apis()["items"]}
        assert {group["logGroupName"]: group.get("retentionInDays") for group in groups} == dict.fromkeys(
            [
                "/aws/apigateway/roster-local-access",
                *(f"/aws/lambda/roster-local-{name}" for name in FUNCTIONS),
                *(f"/aws/lambda/roster-local{suffix}" for suffix in BY_CHALICE),
                f"API-Gateway-Execution-Logs_{apis['roster-local']}/api",
            ],
            30,
        )

    def test_destroying_a_stage_keeps_its_data(self, state, account):
        outputs = account.stack("roster-backend-local").outputs
        printed = make("destroy", state, typed="local")
        assert f"  table {outputs['UsersTable']}\n" in printed
        assert f"  user pool {outputs['UserPool']}\n" in printed
        assert account.stack("roster-api-local").status is None
        account.client("dynamodb").describe_table(TableName=outputs["UsersTable"])
        account.client("cognito-idp").describe_user_pool(UserPoolId=outputs["UserPool"])

    def test_a_second_stage_keeps_the_role_with_which_api_gateway_writes_logs(self, account):
        role = account.client("apigateway").get_account()["cloudwatchRoleArn"]
        backend.deploy(account, stages.Stage("second", {}, {}))
        assert account.stack("roster-backend-local").parameters["SetsApiGatewayRole"] == "true"
        assert account.stack("roster-backend-second").parameters["SetsApiGatewayRole"] == "false"
        assert account.client("apigateway").get_account()["cloudwatchRoleArn"] == role

    def test_the_parameters_of_the_user_pool_reach_cognito(self, account):
        parameters = {
            "Mfa": "OPTIONAL",
            "UserPoolPlan": "PLUS",
            "ThreatProtection": "AUDIT",
            "SelfSignUp": "false",
            "IdTokenMinutes": "30",
            "CallbackURLs": "https://a.example/,https://b.example/",
            "LogoutURLs": "https://a.example/",
            "PasswordMinimumLength": "20",
            "PasswordRequiresSymbols": "true",
            "RefreshTokenRotation": "true",
            "ProductName": "Acme",
        }
        outputs = backend.deploy(account, stages.Stage("parameters", parameters, {}))
        cognito, ids = account.client("cognito-idp"), {"UserPoolId": outputs["UserPool"]}
        pool = cognito.describe_user_pool(**ids)["UserPool"]
        assert (pool["MfaConfiguration"], pool["UserPoolTier"]) == ("OPTIONAL", "PLUS")
        assert pool["UserPoolAddOns"]["AdvancedSecurityMode"] == "AUDIT"
        assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
        client = cognito.describe_user_pool_client(ClientId=outputs["UserPoolClient"], **ids)["UserPoolClient"]
        assert int(client["IdTokenValidity"]) == 30  # the embedded AWS returns text
        assert client["TokenValidityUnits"]["IdToken"] == "minutes"
        assert client["CallbackURLs"] == ["https://a.example/", "https://b.example/"]
        assert client["LogoutURLs"] == ["https://a.example/"]
        assert outputs["CallbackURL"] == "https://a.example/"
        assert pool["VerificationMessageTemplate"]["EmailSubject"] == "Your code for Acme"
        assert pool["AdminCreateUserConfig"]["InviteMessageTemplate"]["EmailSubject"] == "Your invitation to Acme"
        assert "ALLOW_REFRESH_TOKEN_AUTH" not in client["ExplicitAuthFlows"]
        assert (outputs["SelfSignUp"], outputs["RefreshTokenRotation"], outputs["ProductName"]) == (
            "false",
            "true",
            "Acme",
        )
        assert outputs["PasswordPolicy"] == "20,lowercase,uppercase,numbers,symbols"
        person = {**ids, "Username": "jane@example.com", "UserAttributes": [{"Name": "name", "Value": "Jane"}]}
        with pytest.raises(ClientError, match="greater than or equal to 20"):
            cognito.admin_create_user(**person, TemporaryPassword="Aa1!" + "x" * 15)
        cognito.admin_create_user(**person, TemporaryPassword="Aa1!" + "x" * 16)

    def test_an_app_client_is_rotated_in_three_deploys(self, account):
        # The embedded AWS finds no change if only a condition changes, so each step changes a value as well.
        steps = (
            {"RefreshTokenDays": "1"},
            {"RefreshTokenDays": "2", "BothAppClients": "true"},
            {"RefreshTokenDays": "3", "BothAppClients": "true", "AppClient": "second"},
            {"RefreshTokenDays": "4", "AppClient": "second"},
        )
        seen = [backend.deploy(account, stages.Stage("rotated", parameters, {})) for parameters in steps]
        first, second = seen[0]["UserPoolClient"], seen[-1]["UserPoolClient"]
        assert first != second
        assert [outputs["UserPoolClient"] for outputs in seen] == [first, first, second, second]
        assert [outputs["UserPoolClients"] for outputs in seen] == [
            first,
            f"{first},{second}",
            f"{first},{second}",
            second,
        ]
        listed = account.client("cognito-idp").list_user_pool_clients(UserPoolId=seen[0]["UserPool"])
        assert [client["ClientId"] for client in listed["UserPoolClients"]] == [second]

    def test_impossible_parameters_are_rejected_before_anything_changes(self, account):
        impossible = stages.Stage("parameters", {"ThreatProtection": "AUDIT"}, {})
        with pytest.raises((Failure, ClientError), match="ThreatProtection needs the plan PLUS"):
            backend.deploy(account, impossible)

    def test_protected_data_is_not_destroyed(self, account):
        protected = stages.Stage("safe", {"DeletionProtection": "true"}, {})
        backend.deploy(account, protected)
        with pytest.raises(Failure, match=r"Table roster-backend-safe-.+ is protected against deletion: first deploy"):
            data.require_unprotected(data.find(account, protected))

    def test_destroying_a_stage_with_its_data_deletes_everything(self, state, account):
        outputs = account.stack("roster-backend-local").outputs
        make("destroy", state, "DATA=yes", typed="local")
        assert account.stack("roster-backend-local").status is None
        assert not set(account.client("dynamodb").list_tables()["TableNames"]) & set(outputs.values())
        pools = account.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
        assert outputs["UserPool"] not in {pool["Id"] for pool in pools}
        role = account.client("apigateway").get_account()["cloudwatchRoleArn"]  # other stages write their logs with it
        account.client("iam").get_role(RoleName=role.rpartition("/")[2])
        groups = account.client("logs").describe_log_groups()["logGroups"]
        assert not [group["logGroupName"] for group in groups if "local" in group["logGroupName"]]


def run_aws_command(command):
    """Do what the AWS CLI does with ``command`` without configuration and credentials: send an unsigned request."""
    program, service, operation, *words = shlex.split(command)
    assert program == "aws"
    options = dict(zip(words[::2], words[1::2], strict=True))
    create: Any = boto3.client  # its stubs know services by literal name only
    client = create(
        service,
        region_name=options.pop("--region"),
        endpoint_url=options.pop("--endpoint-url"),
        config=Config(signature_version=UNSIGNED, proxies={}),
    )
    parameters: dict[str, Any] = {parameter_of(name): value for name, value in options.items()}
    parameters["AuthParameters"] = dict(pair.split("=", 1) for pair in parameters["AuthParameters"].split(","))
    return getattr(client, operation.replace("-", "_"))(**parameters)


def parameter_of(option):
    """Return ``AuthFlow`` for ``--auth-flow``."""
    return "".join(word.capitalize() for word in option.strip("-").split("-"))


def make(target, state, *variables, typed=""):
    """Run `make` with ``typed`` as its input; return its output."""
    options = ["-s", "-o", ".venv", "-o", ".venv-embedded", target, "STAGE=local", f"STATE_DIR={state}", *variables]
    done = subprocess.run(
        ["make", *options], cwd=processes.PROJECT, input=f"{typed}\n", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_program_lists_its_commands(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "{deploy,destroy,outputs,backend,admin,policy}" in capsys.readouterr().out
