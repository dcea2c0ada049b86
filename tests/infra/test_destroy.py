"""`make destroy` on the embedded AWS: what it names, and that it can be run again after it was interrupted."""

import argparse
import json
from functools import cache

import boto3
import pytest
from botocore.stub import Stubber

from embedded import aws
from infra import backend, data
from infra.__main__ import COMMANDS
from infra.cloudformation import Account, Template
from infra.failure import Failure
from infra.stages import Stage
from testbed import backend_template

API = {"Topic": {"Type": "AWS::SNS::Topic"}}
DELETING = ["DeleteStack", "DeleteTable", "DeleteUserPool", "DeleteObjects", "DeleteBucket"]


def named(resource_type):
    """The outputs that name the resources of a type, of the core and of capabilities."""
    resources = backend_template.load()["Resources"].items()
    return [name for name, resource in resources if resource["Type"] == resource_type]


TABLES, BUCKETS = named("AWS::DynamoDB::Table"), named("AWS::S3::Bucket")
KEPT = (*TABLES, *BUCKETS, "UserPool")
"""What has data and outlives its stack."""
DATA = ["DeleteTable"] * len(TABLES) + ["DeleteUserPool"] + ["DeleteObjects"] * 3 + ["DeleteBucket"] * len(BUCKETS)
"""The deleting requests after those for the stacks: there are three objects, deleted with one request each."""


class Interrupted(Exception):
    """The program was interrupted."""


class Watched:
    """An account that lists the deleting requests, and interrupts the program right after each of them or never."""

    def __init__(self, aws_port, *, interrupts):
        self.requests: list[str] = []
        self._aws_port, self._interrupts = aws_port, interrupts
        self.account = Account(cache(self._client), lambda _: None, pause=0.02)

    def _client(self, service):
        client = aws.client(service, self._aws_port)
        client.meta.events.register("after-call", self._count)
        return client

    def _count(self, model, **_):
        if model.name in DELETING:
            self.requests.append(model.name)
            if self._interrupts:
                raise Interrupted


def destroy(account, stage, *, with_data=True):
    COMMANDS["destroy"](account, stage, argparse.Namespace(with_data=with_data, yes=True))


def deploy(account, stage):
    """Deploy a stage with a small API stack, and put two versions of an object and another object into its bucket."""
    outputs = backend.deploy(account, stage)
    account.stack(f"roster-api-{stage.name}").deploy(Template({"TemplateBody": json.dumps({"Resources": API})}, {}, []))
    s3, bucket = account.client("s3"), outputs["ArtifactsBucket"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"content")
    return outputs


def items(outputs):
    return {
        *(f"table {outputs[table]}" for table in TABLES),
        *(f"bucket {outputs[bucket]}" for bucket in BUCKETS),
        f"user pool {outputs['UserPool']}",
    }


def remaining(account, outputs):
    """Return the names of tables, pool and buckets that still exist."""
    pools = account.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    names = {
        *account.client("dynamodb").list_tables()["TableNames"],
        *(pool["Id"] for pool in pools),
        *(bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]),
    }
    return names & {outputs[name] for name in KEPT}


@pytest.fixture
def printed(capfd):
    """A function that returns what was printed since it was called last, as a list of lines without indentation."""
    return lambda: [line.strip() for line in capfd.readouterr().out.splitlines()]


def test_a_destroy_that_was_interrupted_after_any_request_can_be_run_again(embedded_aws, account, monkeypatch, printed):
    """Each run is interrupted after its first deleting request, so it continues what all runs before it have left."""
    monkeypatch.setattr(data, "BATCH", 1)
    stage = Stage("broken", {}, {})
    outputs = deploy(account, stage)
    watched = Watched(embedded_aws.aws_port, interrupts=True)
    while left := remaining(account, outputs):
        with pytest.raises(Interrupted):
            destroy(watched.account, stage)
        assert {line.split()[-1] for line in printed()} >= left
    # A stack that was still being deleted is asked to be deleted again.
    assert watched.requests.count("DeleteStack") >= 2
    assert sorted(name for name in watched.requests if name != "DeleteStack") == sorted(DATA)
    for name in ("api", "backend"):
        assert account.stack(f"roster-{name}-{stage.name}").status is None
    with pytest.raises(Failure, match="has nothing to delete"):
        destroy(account, stage)


def test_a_destroy_that_is_not_interrupted_makes_no_other_deleting_request(embedded_aws, account, monkeypatch):
    monkeypatch.setattr(data, "BATCH", 1)
    stage = Stage("whole", {}, {})
    deploy(account, stage)
    watched = Watched(embedded_aws.aws_port, interrupts=False)
    destroy(watched.account, stage)
    assert sorted(watched.requests) == sorted(["DeleteStack", "DeleteStack", *DATA])


def test_a_destroy_without_data_names_what_it_keeps_each_time(account, printed):
    stage = Stage("keeping", {}, {})
    outputs = deploy(account, stage)
    for _ in range(2):
        destroy(account, stage, with_data=False)
        lines = printed()
        assert items(outputs) <= set(lines)
    assert lines[-1] == "There is nothing else to delete: no stack named roster-api-keeping is deployed."
    assert len(remaining(account, outputs)) == len(KEPT)
    account.stack("roster-backend-keeping").delete()  # as somebody may do in the console
    printed()
    destroy(account, stage, with_data=False)
    assert items(outputs) <= set(printed())
    destroy(account, stage)
    assert remaining(account, outputs) == set()


def test_a_destroy_names_what_it_keeps_for_other_stages(account, printed):
    stage = Stage("role", {"SetsApiGatewayRole": "true"}, {})
    backend.deploy(account, stage)
    role = next(found for found in account.stack("roster-backend-role").resources() if found.type == "AWS::IAM::Role")
    destroy(account, stage)
    assert f"{role.name} ({role.logical_id})" in printed()
    account.client("iam").get_role(RoleName=role.name)


def test_the_data_of_another_stage_is_left_alone(account):
    one, other = Stage("one", {}, {}), Stage("one-more", {}, {})
    backend.deploy(account, one)
    outputs = backend.deploy(account, other)
    destroy(account, one)
    assert len(remaining(account, outputs)) == len(KEPT)
    destroy(account, other)


def test_data_that_another_stack_has_imported_is_left_alone(account, monkeypatch):
    stage = Stage("imported", {}, {})
    outputs = deploy(account, stage)
    account.stack("roster-backend-imported").delete()
    # The embedded AWS can't look up the stack of a resource.
    owned = {outputs["UsersTable"]}
    monkeypatch.setattr(Account, "owner", lambda _, resource: "another stack" if resource in owned else None)
    destroy(account, stage)
    assert remaining(account, outputs) == owned
    owned.clear()
    destroy(account, stage)


def test_an_object_that_cannot_be_deleted_is_reported():
    s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(s3) as stub:
        version = {"Key": "k", "VersionId": "1"}
        stub.add_response("list_object_versions", {"Versions": [version], "DeleteMarkers": []})
        stub.add_response("delete_objects", {"Errors": [{"Key": "k", "Message": "Access Denied"}]})
        with pytest.raises(Failure, match=r"The object k in bucket b can't be deleted \(Access Denied\): delete it in"):
            data.KINDS["AWS::S3::Bucket"].delete(s3, "b")


class TestOwner:
    STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/other/1"

    @pytest.fixture
    def owner(self):
        """A function that returns the owner of a table that stack ``STACK`` has or had, by the stack's status."""

        def ask(status):
            client = boto3.client(
                "cloudformation", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
            )
            resource = {"StackId": self.STACK, "LogicalResourceId": "T", "ResourceType": "AWS::DynamoDB::Table"}
            at = "2026-01-01T00:00:00Z"
            with Stubber(client) as stub:
                if status is None:
                    error = {"service_error_code": "ValidationError", "service_message": "Stack for t does not exist"}
                    stub.add_client_error("describe_stack_resources", **error)
                else:
                    resource |= {"Timestamp": at, "ResourceStatus": "CREATE_COMPLETE"}
                    asked = {"PhysicalResourceId": "t"}
                    stub.add_response("describe_stack_resources", {"StackResources": [resource]}, asked)
                    stack = {"StackName": "other", "StackId": self.STACK, "CreationTime": at, "StackStatus": status}
                    stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": self.STACK})
                return Account(lambda _: client, print).owner("t")

        return ask

    def test_a_resource_that_no_stack_has_has_no_owner(self, owner):
        assert owner(None) is None

    def test_a_deleted_stack_does_not_own_what_it_has_kept(self, owner):
        assert owner("DELETE_COMPLETE") is None

    def test_an_existing_stack_owns_its_resources(self, owner):
        assert owner("UPDATE_COMPLETE") == self.STACK
