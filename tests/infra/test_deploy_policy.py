"""infra/deploy-policy.json is enough for every command of the deploy program, and grants nothing else.

Two proofs complement each other. The embedded AWS enforces the policy for the requests that the program itself makes.
It does not check the caller's permissions for what CloudFormation creates, as AWS does. Those are compared with what
AWS states for each resource type in its CloudFormation schemas, which cfn-lint includes.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from functools import cache, partial
from pathlib import Path

import boto3
import cfnlint.data.schemas
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from embedded import aws, processes
from infra import parts
from infra.__main__ import COMMANDS
from infra.cloudformation import Account
from infra.failure import Failure
from infra.stages import Stage

SCHEMAS = Path(next(iter(cfnlint.data.schemas.__path__)))
TRANSLATE = """
import json, sys, boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
template = json.load(sys.stdin)
parameters = {name: value.get("Default", "x") for name, value in template["Parameters"].items()}
translator = Translator({}, Parser(), boto_session=boto3.Session())
print(json.dumps(translator.translate(template, parameters)))
"""

PROGRAM = {
    "apigateway:GET",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeEvents",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:ListStackResources",
    "cloudformation:ListStacks",
    "cloudformation:UpdateTerminationProtection",
    "cognito-idp:AdminAddUserToGroup",
    "cognito-idp:AdminCreateUser",
    "cognito-idp:AdminGetUser",
    "cognito-idp:DeleteUserPool",
    "cognito-idp:DescribeUserPool",
    "dynamodb:DeleteTable",
    "dynamodb:DescribeTable",
    "iam:GetRole",
    "lambda:DeleteLayerVersion",
    "lambda:ListLayerVersions",
    "lambda:ListLayers",
    "lambda:PublishLayerVersion",
    "s3:DeleteBucket",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:PutObject",
}
"""What the program's own requests need. Each is proved: without it, a command fails."""

NOT_PROVED = {
    "cloudformation:DescribeEvents": "the embedded AWS does not know this operation",
    "cloudformation:DescribeStackResources": "the embedded AWS can't look up the stack of a resource",
    "iam:GetRole": "a role that may not be read counts as one of others",
    "lambda:DeleteLayerVersion": "the embedded AWS asks for another action in its place",
    "lambda:ListLayerVersions": "the embedded AWS asks for lambda:ListLayers in its place",
    "s3:DeleteObjectVersion": "the embedded AWS does not distinguish it in DeleteObjects",
}

NOT_NAMED = {"s3:GetObject", "s3:ListBucket"}
"""The actions that an error does not name, because a response to HEAD has no body."""

NOT_NEEDED = {
    r"(?!(apigateway|cloudwatch|cognito-identity|cognito-idp|dynamodb|events|iam|kms|lambda|logs|s3|sns|sqs|wafv2):)": (
        "no such service is used"
    ),
    r"apigateway:UpdateRestApiPolicy": "the API has no resource policy",
    r"cognito-idp:\w+WebACL\w*": "the firewall protects the API, and not the user pool",
    r"dynamodb:(Scan|Query|\w+Item)": "copies data to replicas, which Roster has none of",
    r"dynamodb:\w*(Replica|Import)\w*|dynamodb:ImportTable": "no replicas, no import from S3",
    r"dynamodb:(Put|Delete)ResourcePolicy": "the tables have no resource policies",
    r"dynamodb:(Enable|Disable|Update)KinesisStreamingDestination": "no Kinesis streams",
    r"dynamodb:UpdateContributorInsights": "not used",
    r"iam:(Put|Delete)RolePermissionsBoundary": "the roles have no boundaries",
    r"kms:((Create|Revoke)Grant|ListAliases|\w*(Encrypt|Decrypt|GenerateDataKey)\w*)": "for data with keys of your own",
    r"kms:(Enable|Disable)Key(Rotation)?": "the key of the alarms is always enabled, and not rotated",
    r"lambda:((Put|Delete)FunctionCodeSigning|GetCodeSigning)Config": "not used",
    r"lambda:Put(FunctionRecursion|FunctionScaling)Config|lambda:PublishVersion": "not used",
    r"lambda:PassCapacityProvider|lambda:AssociateRuntimeAlias": "not used",
    r"logs:\w*(KmsKey|LogDelivery|ResourcePolic|BearerToken|DeletionProtection)\w*": "not used",
    r"logs:(Put|Delete)(DataProtection|Index)Policy|logs:CreateLogStream|logs:PutLogEvents|logs:DescribeLogStreams": (
        "not used by a deploy"
    ),
    r"s3:\w*(Analytics|Metrics|Inventory|Accelerate|IntelligentTiering|Website|Logging|Replication)\w*": (
        "a feature that the bucket does not use"
    ),
    r"s3:\w*(ObjectLock|MetadataTable|Metadata\w+Table|Abac|Acl|DeleteBucketEncryption)\w*": (
        "a feature that the bucket does not use"
    ),
    r"s3:GetObjectVersion|s3:GetObjectMetadata|s3:REST\.PUT\.OBJECT": "packages are deployed without a version",
    r"s3:DeleteBucketTagging": "IAM has no such action: PutBucketTagging allows it",
    r"s3:DeleteBucketCors": "IAM has no such action: PutBucketCORS allows it",
    r"sns:PutDataProtectionPolicy": "not used",
    r"wafv2:(Get|Put)PermissionPolicy": "for rule groups that are shared between accounts",
}
"""What the schemas state for features that the templates do not use."""


def actions(policy):
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def without(policy, removed):
    """Return ``policy`` without these actions."""
    statements = [
        {**statement, "Action": [action for action in statement["Action"] if action not in removed]}
        for statement in policy["Statement"]
    ]
    return {**policy, "Statement": [statement for statement in statements if statement["Action"]]}


@pytest.fixture(scope="module")
def policy():
    return parts.deploy_policy()


@pytest.fixture(scope="module")
def kinds(template):
    """The types of all resources of both stacks, after the Serverless transform, whatever their conditions are."""
    command = [str(aws.PYTHON), "-c", TRANSLATE]
    done = subprocess.run(
        command, input=json.dumps(template), env=aws.environ(1), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    templates = [json.loads(done.stdout), parts.template("backend")]
    return {resource["Type"] for template in templates for resource in template["Resources"].values()}


@pytest.fixture(scope="module")
def stated(kinds):
    """The permissions that AWS states for these types, each with the types that need it."""
    index = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    found = defaultdict(set)
    for kind in kinds:
        schema = json.loads((SCHEMAS / "resources" / f"{index[kind]}.json").read_text())
        handlers = {name: handler["permissions"] for name, handler in schema["handlers"].items() if name != "list"}
        for permissions in [*handlers.values(), schema.get("tagging", {}).get("permissions", [])]:
            for permission in permissions:
                found[permission].add(kind)
    return found


def is_needed(permission):
    return not any(re.match(pattern, permission) for pattern in NOT_NEEDED)


def test_the_program_prints_it_without_an_aws_account(policy):
    command = [sys.executable, "-m", "infra", "policy"]
    done = subprocess.run(
        command, cwd=processes.PROJECT, env={"HOME": "/nowhere"}, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == policy


def test_a_capability_adds_its_statements(monkeypatch, tmp_path, policy):
    statement = {"Sid": "Queues", "Effect": "Allow", "Action": ["sqs:CreateQueue"], "Resource": ["arn:aws:sqs:*:*:x"]}
    shutil.copy(parts.INFRA / "deploy-policy.json", tmp_path)
    (tmp_path / "queues").mkdir()
    (tmp_path / "queues" / "deploy-policy.json").write_text(json.dumps({"Statement": [statement]}))
    monkeypatch.setattr(parts, "INFRA", tmp_path)
    monkeypatch.setattr(parts, "capabilities", lambda: ("queues",))
    core = json.loads((tmp_path / "deploy-policy.json").read_text())["Statement"]
    assert parts.deploy_policy()["Statement"] == [*core, statement]


class TestStatements:
    def test_no_action_has_a_wildcard(self, policy):
        assert not [action for action in actions(policy) if "*" in action]

    def test_the_unconditional_statements_for_all_resources_can_change_no_existing_one(self, policy):
        everything = [
            action
            for statement in policy["Statement"]
            if "*" in statement["Resource"] and "Condition" not in statement
            for action in statement["Action"]
        ]
        verbs = {re.match(r"[A-Z][a-z]+", action.partition(":")[2])[0] for action in everything}
        assert verbs == {"Describe", "List", "Create"}
        created = [action for action in everything if "Create" in action]
        assert created == ["cognito-idp:CreateUserPool", "kms:CreateKey", "cognito-identity:CreateIdentityPool"]

    def test_events_are_sent_only_to_rosters_functions(self, policy):
        (sources,) = [one for one in policy["Statement"] if "lambda:CreateEventSourceMapping" in one["Action"]]
        assert sources["Condition"] == {"ArnLike": {"lambda:FunctionArn": "arn:aws:lambda:*:*:function:roster-*"}}

    def test_every_other_resource_has_rosters_name_if_iam_knows_it(self, policy):
        nameless = re.compile(
            r"\*|arn:aws:apigateway:|arn:aws:cognito-idp:.+:userpool/|arn:aws:cognito-identity:.+:identitypool/"
            r"|arn:aws:lambda:.+:event-source-mapping:\*|arn:aws:wafv2:.+/managedruleset/"
            r"|arn:aws:kms:\*:\*:key/|arn:aws:logs:\*:\*:log-group:API-Gateway-Execution-Logs_"
            r"|arn:aws:cloudformation:\*:aws:transform/|arn:aws:iam::\*:role/aws-service-role/"
        )
        resources = {resource for statement in policy["Statement"] for resource in statement["Resource"]}
        assert all("roster-" in resource or nameless.match(resource) for resource in resources)

    def test_roles_are_passed_only_to_lambda_api_gateway_and_identity_pools(self, policy):
        passing = [statement for statement in policy["Statement"] if "iam:PassRole" in statement["Action"]]
        assert [statement["Condition"] for statement in passing] == [
            {"StringEquals": {"iam:PassedToService": services}}
            for services in (
                ["apigateway.amazonaws.com", "lambda.amazonaws.com"],
                ["cognito-identity.amazonaws.com"],
            )
        ]

    def test_existing_keys_are_changed_only_by_cloudformation(self, policy):
        changing = [statement for statement in policy["Statement"] if "kms:PutKeyPolicy" in statement["Action"]]
        via = {"aws:CalledVia": "cloudformation.amazonaws.com"}
        assert [statement["Condition"] for statement in changing] == [{"ForAnyValue:StringEquals": via}]

    @pytest.mark.skipif("media" not in parts.capabilities(), reason="without media")
    def test_event_source_mappings_can_be_tagged_whatever_their_function_is(self, policy):
        """CloudFormation tags them as it creates them. A request that tags has no ``lambda:FunctionArn``."""
        (statement,) = [
            statement
            for statement in policy["Statement"]
            if any("event-source-mapping" in resource for resource in statement["Resource"])
        ]
        assert "lambda:TagResource" in statement["Action"]
        assert "Condition" not in statement

    def test_every_statement_says_what_it_is_for(self, policy):
        names = [statement["Sid"] for statement in policy["Statement"]]
        assert len(set(names)) == len(names)

    def test_it_fits_into_an_inline_policy_of_a_role(self, policy):
        # IAM counts no white space ("IAM and AWS STS quotas").
        assert len(json.dumps(policy, separators=(",", ":"))) <= 10240


class TestSchemas:
    def test_it_grants_every_permission_that_aws_states_for_the_resource_types(self, policy, stated):
        needed = {permission: kinds for permission, kinds in stated.items() if is_needed(permission)}
        missing = {permission: needed[permission] for permission in needed.keys() - actions(policy)}
        assert missing == {}

    def test_it_grants_nothing_else(self, policy, stated):
        known = {permission for permission in stated if is_needed(permission)} | PROGRAM
        assert actions(policy) - known == set()

    def test_every_exception_is_still_one(self, stated):
        unused = [name for name in NOT_NEEDED if not any(re.match(name, permission) for permission in stated)]
        assert unused == []


@pytest.fixture
def iam(embedded_aws):
    return aws.client("iam", embedded_aws.aws_port)


@pytest.fixture
def deployer(embedded_aws, iam, policy):
    """A function that returns the account as a new user sees it who has only ``policy``, or another policy."""
    users: list[str] = []

    def create(document=policy):
        name = f"deployer{len(users)}"
        users.append(name)
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="deploy", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=aws.REGION)
        address = aws.endpoint(embedded_aws.aws_port)
        config = Config(proxies={})
        clients = cache(lambda service: session.client(service, endpoint_url=address, config=config))
        return Account(clients, lambda _: None, pause=0.02)

    yield create
    for name in users:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="deploy")
        iam.delete_user(UserName=name)


@pytest.fixture
def life(monkeypatch, account, built):
    """A function that runs every command as another account: it deploys a stage twice and destroys it.

    It passes each command to ``run``, which calls it.
    """
    monkeypatch.setattr("infra.package.build", lambda _: built)
    monkeypatch.setattr("infra.chalice_stage.record", lambda *_: [])
    parameter = [("EmulatorEndpoint", "http://127.0.0.1:1")]
    options = argparse.Namespace(
        parameter=parameter, yes=True, with_data=True, accept_risks=False, email="ada@example.com", name="Ada"
    )

    def live(deployer, stage, run=lambda command: command()):
        commands = {name: partial(command, deployer, stage, options) for name, command in COMMANDS.items()}
        run(commands["backend"])
        backend_stack = account.stack(f"roster-backend-{stage.name}")
        backend_stack.protect(True)  # the stage does not ask for it, so the next deploy turns it off
        for command in ("deploy", "deploy", "outputs", "admin", "destroy"):
            run(commands[command])
        with pytest.raises(Failure, match="has nothing to delete"):
            run(commands["destroy"])

    return live


class TestEnforced:
    def test_a_user_without_the_policy_can_do_nothing(self, deployer):
        listing = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
        nothing = {"Version": "2012-10-17", "Statement": [listing]}
        with pytest.raises(ClientError, match="AccessDenied"):
            _ = deployer(nothing).stack("roster-api-proof").status

    def test_it_is_enough_for_every_command(self, deployer, life):
        life(deployer(), Stage("proof", {}, {}))

    def test_it_reaches_no_other_stack(self, deployer):
        with pytest.raises(ClientError, match="AccessDenied"):
            _ = deployer().stack("payroll").status

    def test_without_an_action_that_the_program_requests_a_command_fails(self, deployer, iam, life, policy):
        """A user gets each action only when a command has failed for want of it, and then runs the command again.

        The policy only allows, and the error names the action that the request needs. So the same request fails for any
        other user without this action, whatever other actions that user has.
        """
        lacking = PROGRAM - NOT_PROVED.keys() - NOT_NAMED

        def run(command):
            while True:
                try:
                    return command()
                except ClientError as error:
                    lacking.remove(re.search(r"is not authorized to perform: ([\w:-]+)", str(error))[1])
                    document = json.dumps(without(policy, lacking))
                    iam.put_user_policy(UserName="deployer0", PolicyName="deploy", PolicyDocument=document)

        life(deployer(without(policy, lacking)), Stage("lacking", {}, {}), run)
        assert lacking == set()

    @pytest.mark.parametrize("action", sorted(NOT_NAMED))
    def test_without_an_action_that_errors_do_not_name_a_command_fails(self, deployer, life, policy, account, action):
        stage = Stage("lacking", {}, {})
        with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
            life(deployer(without(policy, {action})), stage)
        COMMANDS["destroy"](account, stage, argparse.Namespace(yes=True, with_data=True))
