"""What matters only on a real account: account-wide resources, failed first deploys, names, redeployments and risks.

AWS is a recorder here: botocore checks each request against the service's model, and the test supplies the response.
"""

import json
import os
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from embedded import aws
from infra import __main__, api, backend, chalice_stage, layers, package, risks
from infra.cloudformation import Account, Template
from infra.failure import Failure
from infra.stages import Stage
from testbed import backend_template

ROLE = "arn:aws:iam::123456789012:role/team/logs"


class Recorder:
    """An account whose clients send nothing. ``responses`` are by operation; one can be a function or an error."""

    def __init__(self, **responses):
        self.calls: list[Any] = []
        self.messages: list[str] = []
        self.responses = responses
        self.account = Account(self.client, self.messages.append, pause=0)

    def client(self, service):
        client = boto3.client(service, "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.meta.events.register("provide-client-params", self._record)
        client.meta.events.register("before-call", self._respond)
        return client

    def _record(self, params, model, **_):
        self.calls.append((model.name, params))

    def _respond(self, model, **_):
        response = self.responses.get(model.name, {})
        if callable(response):
            response = response(self.calls[-1][1])
        if isinstance(response, Exception):
            raise response
        return type("Response", (), {"status_code": 200})(), response

    def sent(self, operation):
        """Return the parameters of each call of ``operation``."""
        return [params for name, params in self.calls if name == operation]


def error(code, message=""):
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {}}, "Operation")  # type: ignore[typeddict-item]


class Stacks(Recorder):
    """An account whose change sets succeed at once. ``deployed`` has the parameters of the stacks by name."""

    def __init__(self, deployed=(), **responses):
        self.deployed = dict(deployed)
        self.states = dict.fromkeys(self.deployed, "UPDATE_COMPLETE")
        self.outputs = {}
        self.protected = set()
        defaults = {
            "DescribeStacks": self._describe,
            "CreateChangeSet": self._change,
            "DescribeChangeSet": {"Status": "CREATE_COMPLETE"},
            "DescribeStackEvents": {"StackEvents": []},
            "DescribeEvents": {"OperationEvents": []},
            "ListStackResources": {"StackResourceSummaries": []},
            "ListStacks": {"StackSummaries": []},
            "ExecuteChangeSet": self._execute,
            "UpdateTerminationProtection": self._protect,
            "GetAccount": {},
        }
        super().__init__(**{**defaults, **responses})

    def _describe(self, params):
        name = params["StackName"]
        if name not in self.states:
            return error("ValidationError", f"Stack with id {name} does not exist")
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.deployed[name].items()]
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.get(name, {}).items()]
        stack = {"StackId": name, "StackStatus": self.states[name], "Parameters": parameters, "Outputs": outputs}
        return {"Stacks": [{**stack, "EnableTerminationProtection": name in self.protected}]}

    def _change(self, params):
        self.changing = params
        return {"Id": f"arn:aws:cloudformation:eu-central-1:123456789012:changeSet/{params['ChangeSetName']}/1"}

    def _execute(self, params):
        name = params["StackName"]
        self.deployed[name] = {entry["ParameterKey"]: entry["ParameterValue"] for entry in self.changing["Parameters"]}
        self.states[name] = f"{self.changing['ChangeSetType']}_COMPLETE"
        return {}

    def _protect(self, params):
        change = self.protected.add if params["EnableTerminationProtection"] else self.protected.discard
        change(params["StackName"])
        return {"StackId": params["StackName"]}


class TestApiGatewaysRole:
    """The role with which API Gateway writes logs, one per account and region."""

    def sets_role(self, **given):
        stacks = Stacks(**given)
        backend.deploy(stacks.account, Stage("dev", {}, {}))
        return stacks.deployed["roster-backend-dev"]["SetsApiGatewayRole"]

    def test_the_first_stage_of_a_bare_account_sets_it(self):
        assert self.sets_role(GetAccount={}) == "true"

    def test_an_existing_role_is_kept(self):
        assert self.sets_role(GetAccount={"cloudwatchRoleArn": ROLE}, GetRole={}) == "false"

    def test_an_existing_role_that_may_not_be_read_is_kept(self):
        given = {"GetAccount": {"cloudwatchRoleArn": ROLE}, "GetRole": error("AccessDenied")}
        assert self.sets_role(**given) == "false"

    def test_a_role_that_no_longer_exists_is_replaced(self):
        given = {"GetAccount": {"cloudwatchRoleArn": ROLE}, "GetRole": error("NoSuchEntity")}
        assert self.sets_role(**given) == "true"

    def test_any_other_error_ends_the_deploy(self):
        with pytest.raises(ClientError):
            self.sets_role(GetAccount={"cloudwatchRoleArn": ROLE}, GetRole=error("ServiceFailure"))

    def test_the_stage_that_has_set_it_does_not_remove_it_at_its_next_deploy(self):
        deployed = {"roster-backend-dev": {"SetsApiGatewayRole": "true"}}
        assert self.sets_role(deployed=deployed, GetAccount={"cloudwatchRoleArn": ROLE}) == "true"

    def test_the_role_is_looked_up_by_its_name_without_its_path(self):
        stacks = Stacks(GetAccount={"cloudwatchRoleArn": ROLE})
        backend.deploy(stacks.account, Stage("dev", {}, {}))
        assert stacks.sent("GetRole") == [{"RoleName": "logs"}]

    @pytest.mark.parametrize("value", ["true", "false"])
    def test_a_stage_can_decide_it_itself(self, value):
        stacks = Stacks(GetAccount={"cloudwatchRoleArn": ROLE})
        backend.deploy(stacks.account, Stage("dev", {"SetsApiGatewayRole": value}, {}))
        assert stacks.deployed["roster-backend-dev"]["SetsApiGatewayRole"] == value

    def test_it_is_set_after_a_first_resource_of_api_gateway_exists(self):
        resources = backend_template.load()["Resources"]
        assert resources["ApiGatewayAccount"]["DependsOn"] == "FirstRestApi"
        first = resources["FirstRestApi"]
        assert first["Type"] == "AWS::ApiGateway::RestApi"
        assert first["Properties"]["DisableExecuteApiEndpoint"] is True
        assert first["Condition"] == resources["ApiGatewayAccount"]["Condition"]

    def test_it_outlives_the_stage_that_has_set_it(self):
        resources = backend_template.load()["Resources"]
        for name in ("ApiGatewayRole", "ApiGatewayAccount"):
            assert resources[name]["DeletionPolicy"] == resources[name]["UpdateReplacePolicy"] == "Retain"


class TestFailedFirstDeploy:
    """A first deploy that fails leaves nothing behind, so that it can be repeated."""

    EMPTY = Template({"TemplateBody": "{}"}, {}, [])

    def test_a_rollback_deletes_what_the_deploy_has_created(self):
        stacks = Stacks()
        stacks.account.stack("new").deploy(self.EMPTY)
        (executed,) = stacks.sent("ExecuteChangeSet")
        assert executed["RetainExceptOnCreate"] is True

    @pytest.mark.parametrize("deployed", [(), {"some": {}}])
    def test_only_an_empty_stack_is_deleted_if_the_template_is_rejected(self, deployed):
        stacks = Stacks(deployed, DescribeChangeSet={"Status": "FAILED", "StatusReason": "Unknown type"})
        with pytest.raises(Failure, match="rejected the template of some: Unknown type"):
            stacks.account.stack("some").deploy(self.EMPTY)
        assert stacks.sent("DeleteStack") == ([] if deployed else [{"StackName": "some"}])

    @pytest.mark.parametrize(
        ("events", "details"),
        [
            (
                {
                    "OperationEvents": [
                        {
                            "LogicalResourceId": "Users",
                            "ValidationStatus": "FAILED",
                            "ValidationStatusReason": "It exists.",
                        },
                        {"LogicalResourceId": "Profiles", "ValidationStatus": "SKIPPED"},
                        {"LogicalResourceId": "Key"},
                    ]
                },
                ["Users: It exists."],
            ),
            (error("AccessDenied"), []),
        ],
    )
    def test_a_rejected_template_is_reported_with_what_early_validation_found(self, events, details):
        rejected = {"Status": "FAILED", "StatusReason": "Validation failed."}
        stacks = Stacks(DescribeChangeSet=rejected, DescribeEvents=events)
        with pytest.raises(Failure) as raised:
            stacks.account.stack("some").deploy(self.EMPTY)
        assert str(raised.value).split("\n  ")[1:] == details
        (described,) = stacks.sent("DescribeEvents")
        assert ":changeSet/deploy-" in described["ChangeSetName"]

    def test_a_new_stack_is_protected_only_once_it_is_complete(self):
        stacks = Stacks()
        protected = Stage("prod", {"DeletionProtection": "true"}, {})
        backend.deploy(stacks.account, protected)
        backend.deploy(stacks.account, protected)
        changes = [
            (change["ChangeSetType"], entry["ParameterValue"])
            for change in stacks.sent("CreateChangeSet")
            for entry in change["Parameters"]
            if entry["ParameterKey"] == "DeletionProtection"
        ]
        assert changes == [("CREATE", "false"), ("UPDATE", "true"), ("UPDATE", "true")]


UNSET = {"Ref": "AWS::NoValue"}
FUNCTIONS = {
    "Fn::Equals": lambda given: given[0] == given[1],
    "Fn::Not": lambda given: not given[0],
    "Fn::And": all,
    "Fn::Or": any,
    "Fn::Join": lambda given: given[0].join(given[1]),
    "Fn::Select": lambda given: given[1][given[0]],
}


def resolved(part, values, conditions=()):
    """Return ``part`` of a template with parameters and conditions resolved. Other references stay as they are."""
    if isinstance(part, list):
        return [entry for item in part if (entry := resolved(item, values, conditions)) != UNSET]
    if not isinstance(part, dict):
        return part
    name, argument = next(iter(part.items()), ("", ("", "", "")))
    if name == "Fn::If":
        condition, then, otherwise = argument
        chosen = then if resolved(conditions[condition], values, conditions) else otherwise
        found = resolved(chosen, values, conditions)
    elif name == "Condition" and isinstance(argument, str):
        found = resolved(conditions[argument], values, conditions)
    elif name == "Ref":
        found = values.get(argument, part)
    elif name in FUNCTIONS:
        found = FUNCTIONS[name](resolved(argument, values, conditions))
    else:
        found = {key: entry for key in part if (entry := resolved(part[key], values, conditions)) != UNSET}
    return found


def values_of(template, **given):
    """Return the values of the template's parameters. Lists become lists, as a reference to them does."""
    return {
        name: value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
        for name, parameter in template["Parameters"].items()
        for value in [given.get(name, parameter.get("Default"))]
    }


def with_texts(part, values):
    """Return ``part`` of a template with parameters substituted in texts, where ``values`` has them all."""
    if isinstance(part, list):
        return [with_texts(item, values) for item in part]
    if not isinstance(part, dict):
        return part
    text = part.get("Fn::Sub")
    if isinstance(text, str) and all(name in values for name in re.findall(r"\$\{(.+?)\}", text)):
        return re.sub(r"\$\{(.+?)\}", lambda found: str(values[found[1]]), text)
    return {name: with_texts(value, values) for name, value in part.items()}


def properties(name, **given):
    """Return a resource's properties in the backend stack with these parameters."""
    template = backend_template.load()
    return resolved(template["Resources"][name]["Properties"], values_of(template, **given), template["Conditions"])


def broken_rules(**given):
    """Return what CloudFormation reports for the rules that these parameters break."""
    template = backend_template.load()
    values = values_of(template, **given)
    return [
        assertion["AssertDescription"]
        for rule in template["Rules"].values()
        for assertion in rule["Assertions"]
        if resolved(rule["RuleCondition"], values) and not resolved(assertion["Assert"], values)
    ]


IDENTITY = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"
SENDER = "Roster <accounts@example.com>"


class TestUserPool:
    def test_the_defaults_cost_nothing_and_tokens_are_short_lived(self):
        pool, client = properties("UserPool"), properties("UserPoolClient")
        assert pool["UserPoolTier"] == "ESSENTIALS"
        assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])
        assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False
        assert pool["EmailConfiguration"] == {"EmailSendingAccount": "COGNITO_DEFAULT"}
        assert "UserPoolAddOns" not in pool
        validities = (client["AccessTokenValidity"], client["IdTokenValidity"], client["RefreshTokenValidity"])
        assert validities == (15, 15, 30)
        assert client["TokenValidityUnits"] == {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"}
        assert client["CallbackURLs"] == ["http://localhost:8000/"]
        assert "LogoutURLs" not in client

    @pytest.mark.parametrize("mode", ["OPTIONAL", "ON"])
    def test_the_second_factor_is_an_authenticator_app(self, mode):
        pool = properties("UserPool", Mfa=mode)
        assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == (mode, ["SOFTWARE_TOKEN_MFA"])

    @pytest.mark.parametrize("mode", ["OFF", "AUDIT", "ENFORCED"])
    def test_threat_protection_is_set_only_on_the_plan_that_has_it(self, mode):
        pool = properties("UserPool", UserPoolPlan="PLUS", ThreatProtection=mode)
        assert pool["UserPoolAddOns"] == {"AdvancedSecurityMode": mode}
        for plan in ("LITE", "ESSENTIALS"):
            assert "UserPoolAddOns" not in properties("UserPool", UserPoolPlan=plan)

    def test_sign_up_can_be_left_to_administrators(self):
        assert properties("UserPool", SelfSignUp="false")["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True

    def test_mail_can_be_sent_by_ses(self):
        pool = properties("UserPool", EmailIdentityArn=IDENTITY, EmailFrom=SENDER)
        assert pool["EmailConfiguration"] == {
            "EmailSendingAccount": "DEVELOPER",
            "SourceArn": IDENTITY,
            "From": SENDER,
        }

    def test_there_can_be_several_callback_and_logout_addresses(self):
        given = {"CallbackURLs": "https://a.example/,https://b.example/", "LogoutURLs": "https://a.example/,app://out"}
        client = properties("UserPoolClient", **given)
        assert client["CallbackURLs"] == ["https://a.example/", "https://b.example/"]
        assert client["LogoutURLs"] == ["https://a.example/", "app://out"]
        template = backend_template.load()
        output = resolved(template["Outputs"]["CallbackURL"]["Value"], values_of(template, **given))
        assert output == "https://a.example/"

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"ThreatProtection": "AUDIT"}, "Set UserPoolPlan to PLUS"),
            ({"ThreatProtection": "ENFORCED", "UserPoolPlan": "LITE"}, "Set UserPoolPlan to PLUS"),
            ({"RefreshTokenRotation": "true", "UserPoolPlan": "LITE"}, "Set UserPoolPlan to ESSENTIALS"),
            ({"EmailFrom": SENDER}, "Set EmailIdentityArn as well"),
            ({"EmailIdentityArn": IDENTITY}, "Set EmailFrom as well"),
        ],
    )
    def test_impossible_combinations_are_rejected_with_an_explanation(self, given, message):
        (broken,) = broken_rules(**given)
        assert message in broken

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"UserPoolPlan": "LITE"},
            {"UserPoolPlan": "PLUS", "ThreatProtection": "ENFORCED"},
            {"RefreshTokenRotation": "true"},
            {"RefreshTokenRotation": "true", "UserPoolPlan": "PLUS"},
            {"EmailFrom": SENDER, "EmailIdentityArn": IDENTITY},
        ],
    )
    def test_possible_combinations_are_accepted(self, given):
        assert broken_rules(**given) == []

    @pytest.mark.parametrize("mfa", ["OFF", "ON"])
    @pytest.mark.parametrize(("plan", "rotation"), [("LITE", "false"), ("PLUS", "true")])
    def test_cognito_accepts_the_properties(self, mfa, plan, rotation):
        # CloudFormation's properties have the names and types of Cognito's model, which botocore checks.
        cognito = Recorder().client("cognito-idp")
        given = {"Mfa": mfa, "UserPoolPlan": plan, "EmailIdentityArn": IDENTITY, "EmailFrom": SENDER}
        pool = with_texts(properties("UserPool", **given), {"ProductName": "Roster"})
        (pool.pop("EnabledMfas", None), pool.pop("UserPoolName"))
        cognito.create_user_pool(PoolName="roster-dev", **pool)
        client = properties("UserPoolClient", RefreshTokenRotation=rotation, LogoutURLs="https://a.example/")
        client |= {"ClientName": "roster-dev", "UserPoolId": "eu-west-1_a"}
        cognito.create_user_pool_client(**client)


TRANSFORM = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
made = Translator({}, Parser()).translate(json.load(sys.stdin), json.loads(sys.argv[1]))
print(json.dumps(made["Resources"]))
"""


def transformed(template, **parameters):
    """Return the resources that the Serverless transform makes of a template (JSON)."""
    done = subprocess.run(
        [aws.PYTHON, "-W", "ignore", "-c", TRANSFORM, json.dumps(parameters)],
        input=template,
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


VALUES = {"UserPoolArn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_a", "Stage": "dev"}


class TestRedeployment:
    """API Gateway serves the latest deployment, so every change of a value must make a new one."""

    def deployments(self, built, **parameters):
        given = {**VALUES, **parameters}
        resources = transformed(built.template_for("a-bucket", given), **given)
        return [name for name, resource in resources.items() if resource["Type"] == "AWS::ApiGateway::Deployment"]

    def test_another_user_pool_makes_a_new_deployment_and_the_same_one_does_not(self, built):
        (first,) = self.deployments(built)
        (same,) = self.deployments(built)
        (other,) = self.deployments(built, UserPoolArn=f"{VALUES['UserPoolArn']}b")
        assert first == same != other

    @pytest.mark.parametrize("name", ["UserPoolArn", "CorsOrigin", "DomainName", "ThrottlingRateLimit"])
    def test_each_parameter_changes_the_definition(self, built, name):
        before = built.template_for("b", VALUES)
        assert built.template_for("b", {**VALUES, name: "7"}) != before
        assert built.template_for("b", dict(reversed(VALUES.items()))) == before

    def test_a_default_that_is_stated_changes_nothing(self, built):
        default = built.template["Parameters"]["ThrottlingRateLimit"]["Default"]
        stated = {**VALUES, "ThrottlingRateLimit": str(default)}
        assert built.template_for("b", stated) == built.template_for("b", VALUES)


GLOBAL = {
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::S3::Bucket": "BucketName",
}
"""The resources whose names share one namespace across regions, and the property that names them."""


class TestTwoRegions:
    def test_no_name_of_a_stage_collides_with_that_of_another_region(self, template):
        resources = {**backend_template.load()["Resources"], **template["Resources"]}
        for name, resource in resources.items():
            given = resource.get("Properties", {}).get(GLOBAL.get(resource["Type"]))
            assert given is None or "${AWS::Region}" in given["Fn::Sub"], name


SAFE = Stage(
    "prod",
    {"DeletionProtection": "true", "CallbackURLs": "https://app.example.com/"},
    {"AlarmEmail": "oncall@example.com", "CorsOrigin": "https://app.example.com"},
)
LOCAL = "https://app.example.com/,http://localhost:8000/"


class TestRisks:
    def test_a_stage_with_safe_settings_has_no_risks(self):
        assert risks.of(SAFE) == []

    @pytest.mark.parametrize(
        ("part", "parameter", "value"),
        [
            ("api", "AlarmEmail", ""),
            ("api", "AlarmEmail", None),
            ("api", "CorsOrigin", "*"),
            ("api", "CorsOrigin", None),
            ("backend", "CallbackURLs", LOCAL),
            ("backend", "CallbackURLs", "http://127.0.0.1/"),
            ("backend", "CallbackURLs", None),
            ("backend", "LogoutURLs", LOCAL),
        ],
    )
    def test_each_risky_value_is_named_whether_stated_or_the_default(self, part, parameter, value):
        given = {**getattr(SAFE, part), parameter: value}
        stage = replace(SAFE, **{part: {name: value for name, value in given.items() if value is not None}})
        (risk,) = risks.of(stage)
        assert risk.startswith(parameter)

    def test_a_stage_without_deletion_protection_may_have_them(self):
        assert risks.of(Stage("dev", {}, {})) == []

    @pytest.fixture
    def deployed(self, monkeypatch):
        """The stages that the program deploys, which it is kept from doing, when all settings are risky."""
        deployed = []

        def deploy(_, where):
            deployed.append(where.name)
            return {"A": "b"}

        monkeypatch.setattr(__main__, "_backend_outputs", deploy)
        monkeypatch.setattr(__main__, "stage", lambda _: Stage("prod", {"DeletionProtection": "true"}, {}))
        monkeypatch.setattr(chalice_stage, "record", lambda *_: [])
        monkeypatch.setattr(layers, "publish", lambda *_: {})
        monkeypatch.setattr(package, "build", lambda _: SimpleNamespace(zip=b""))
        monkeypatch.setattr(api, "deploy", lambda *_: {"A": "b"})
        monkeypatch.setattr(__main__, "Account", lambda *_: Recorder().account)
        return deployed

    @pytest.mark.parametrize("command", ["deploy", "backend"])
    @pytest.mark.parametrize("typed", ["", "yes", "dev"])
    def test_a_protected_stage_with_risks_does_not_deploy(self, deployed, monkeypatch, capsys, command, typed):
        monkeypatch.setattr("sys.stdin", StringIO(typed))
        with pytest.raises(SystemExit, match=r"Nothing was deployed\. .* add ACCEPT=yes"):
            __main__.main([command, "--stage", "prod"])
        printed = capsys.readouterr().out
        assert all(name in printed for name in ("AlarmEmail", "CallbackURLs", "CorsOrigin"))
        assert deployed == []

    @pytest.mark.parametrize("command", ["deploy", "backend"])
    @pytest.mark.parametrize(("typed", "options"), [("prod", []), ("", ["--accept-risks"])])
    def test_it_deploys_if_the_risks_are_accepted(self, deployed, monkeypatch, command, typed, options):
        monkeypatch.setattr("sys.stdin", StringIO(typed))
        __main__.main([command, "--stage", "prod", *options])
        assert deployed == ["prod"]


class TestTerminationProtection:
    def test_it_is_on_for_protected_stages_only_and_changes_only_if_it_must(self):
        stacks = Stacks()
        for protection in ("true", "true", "false", "false"):
            backend.deploy(stacks.account, Stage("prod", {"DeletionProtection": protection}, {}))
        sent = [call["EnableTerminationProtection"] for call in stacks.sent("UpdateTerminationProtection")]
        assert sent == [True, False]

    def test_the_api_stack_has_it_too(self, built):
        stacks = Stacks()
        api.deploy(stacks.account, SAFE, built, {"ArtifactsBucket": "bucket"})
        assert stacks.protected == {"roster-api-prod"}

    @pytest.mark.parametrize("options", [[], ["--with-data"]])
    def test_a_protected_stage_is_not_destroyed(self, monkeypatch, options):
        stacks = Stacks({"roster-api-prod": {}, "roster-backend-prod": {}})
        stacks.protected = {"roster-api-prod", "roster-backend-prod"}
        monkeypatch.setattr(__main__, "Account", lambda *_: stacks.account)
        with pytest.raises(SystemExit, match=r"roster-api-prod is protected .* DeletionProtection set to false"):
            __main__.main(["destroy", "--stage", "prod", "--yes", *options])
        assert stacks.sent("DeleteStack") == []


class TestAppClients:
    """Rotating an app client by the template."""

    ROTATION: tuple[Any, ...] = (
        ({}, {"UserPoolClient"}, "UserPoolClient"),
        ({"BothAppClients": "true"}, {"UserPoolClient", "SecondUserPoolClient"}, "UserPoolClient"),
        (
            {"BothAppClients": "true", "AppClient": "second"},
            {"UserPoolClient", "SecondUserPoolClient"},
            "SecondUserPoolClient",
        ),
        ({"AppClient": "second"}, {"SecondUserPoolClient"}, "SecondUserPoolClient"),
    )

    @pytest.mark.parametrize(("given", "existing", "used"), ROTATION)
    def test_each_step_has_the_clients_it_needs_and_accepts_all_of_them(self, given, existing, used):
        template = backend_template.load()
        values = values_of(template, **given)

        def of(part):
            return resolved(part, values, template["Conditions"])

        clients = {
            name
            for name, resource in template["Resources"].items()
            if resource["Type"] == "AWS::Cognito::UserPoolClient" and of({"Condition": resource["Condition"]})
        }
        assert clients == existing
        outputs = {name: of(output["Value"]) for name, output in template["Outputs"].items()}
        assert outputs["UserPoolClient"] == {"Ref": used}
        both = {"Fn::Sub": "${UserPoolClient},${SecondUserPoolClient}"}
        assert outputs["UserPoolClients"] == (both if len(existing) == 2 else {"Ref": used})

    def test_each_step_changes_a_resource(self):
        """CloudFormation can't update conditions and outputs alone."""
        names = [
            {name: properties(name, **given)["ClientName"]["Fn::Sub"] for name in existing}
            for given, existing, _ in self.ROTATION
        ]
        assert all(before != after for before, after in pairwise(names))
        used = [step[client] for step, (_, _, client) in zip(names, self.ROTATION, strict=True)]
        assert set(used) == {"roster-${Stage}"}

    def test_both_clients_have_the_same_settings(self):
        first, second = properties("UserPoolClient"), properties("SecondUserPoolClient")
        assert first.pop("ClientName") != second.pop("ClientName")
        assert first == second
        assert first["PreventUserExistenceErrors"] == "ENABLED"
        assert "ALLOW_USER_SRP_AUTH" in first["ExplicitAuthFlows"]

    def test_the_functions_get_all_accepted_clients(self, template):
        for name in ("APIHandler", "AdminHandler", "JwtAuthorizer"):
            variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
            assert variables["APPLICATION_CLIENT_ID"] == {"Ref": "UserPoolClients"}


class TestAlarmsTopic:
    def test_it_is_encrypted_with_a_key_that_cloudwatch_may_use(self, template):
        resources = template["Resources"]
        topic = resources["AlarmsTopic"]["Properties"]["KmsMasterKeyId"]
        assert topic == {"Fn::If": ["EncryptsAlarms", {"Ref": "AlarmsKey"}, UNSET]}
        assert resources["AlarmsKey"]["Condition"] == "EncryptsAlarms"
        owner, alarms = resources["AlarmsKey"]["Properties"]["KeyPolicy"]["Statement"]
        assert owner["Principal"]["AWS"]["Fn::Sub"].endswith(":${AWS::AccountId}:root")
        assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert alarms["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]

    @pytest.mark.parametrize(
        ("encryption", "emulator", "encrypted"),
        [("true", "", True), ("false", "", False), ("true", "http://127.0.0.1:4566", False)],
    )
    def test_the_key_exists_only_on_aws_and_if_wanted(self, template, encryption, emulator, encrypted):
        values = values_of(template, AlarmEncryption=encryption, EmulatorEndpoint=emulator)
        assert resolved({"Condition": "EncryptsAlarms"}, values, template["Conditions"]) is encrypted


class TestDefaultEndpoint:
    @pytest.mark.parametrize(
        ("domain", "wanted", "disabled"),
        [("", "false", False), ("api.example.com", "false", True), ("api.example.com", "true", False)],
    )
    def test_it_is_off_if_there_is_a_domain_unless_it_is_wanted(self, built, domain, wanted, disabled):
        given = {**VALUES, "DomainName": domain, "DefaultEndpoint": wanted}
        made = transformed(built.template_for("a-bucket", given), **given)
        body = made["RestAPI"]["Properties"]["Body"]
        values = values_of(built.template, **given)
        endpoint = resolved(body["x-amazon-apigateway-endpoint-configuration"], values, built.template["Conditions"])
        assert endpoint == {"disableExecuteApiEndpoint": disabled}
        condition = {"Condition": built.template["Outputs"]["EndpointURL"]["Condition"]}
        assert resolved(condition, values, built.template["Conditions"]) is not disabled


class TestOldArtefacts:
    def test_only_old_packages_and_templates_that_are_not_current_are_deleted(self, built):
        (old, new) = (datetime.now(UTC) - timedelta(days=days) for days in (91, 89))
        stored = {"functions/old.zip": old, "functions/new.zip": new, "templates/old.json": old, built.key: old}

        def listed(params):
            entries = [{"Key": key, "LastModified": at} for key, at in stored.items()]
            return {"Contents": [entry for entry in entries if entry["Key"].startswith(params["Prefix"])]}

        stacks = Stacks(ListObjectsV2=listed)
        api.deploy(stacks.account, SAFE, built, {"ArtifactsBucket": "bucket"})
        assert [call["Key"] for call in stacks.sent("DeleteObject")] == ["functions/old.zip", "templates/old.json"]
        operations = [name for name, _ in stacks.calls]
        assert operations.index("ExecuteChangeSet") < operations.index("DeleteObject")

    def test_nothing_is_deleted_if_the_deploy_fails(self, built):
        old = {"Contents": [{"Key": "functions/old.zip", "LastModified": datetime(2020, 1, 1, tzinfo=UTC)}]}
        stacks = Stacks(ListObjectsV2=old, DescribeChangeSet={"Status": "FAILED", "StatusReason": "no"})
        with pytest.raises(Failure):
            api.deploy(stacks.account, SAFE, built, {"ArtifactsBucket": "bucket"})
        assert stacks.sent("DeleteObject") == []
