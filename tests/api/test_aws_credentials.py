"""POST /account/aws-credentials: what the credentials allow, and who gets them."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from embedded import aws
from infra.cloudformation import Account
from testbed.targets import PASSWORD
from tests.api import media
from tests.api.accounts import hosted_access_token
from tests.api.test_accounts import problem

PATH = "/account/aws-credentials"
MEMBERS = {"identity_id", "access_key_id", "secret_access_key", "session_token", "expiration"}


class Tokens:
    """A person, with an access and an ID token of one session."""

    def __init__(self, api):
        self.api = api
        self.person = api.sign_up()
        self.sign_in()

    def sign_in(self):
        """Begin a new session."""
        answer = self.api.cognito.initiate_auth(
            ClientId=self.api.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": self.person.email, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]
        self.access, self.id = answer["AccessToken"], answer["IdToken"]

    def ask(self, **body):
        return self.api.post(PATH, token=self.access, json={"id_token": self.id, **body})


@pytest.fixture
def tokens(api):
    return Tokens(api)


@pytest.fixture(scope="module")
def steady(api):
    """Tokens of a session that no test ends."""
    return Tokens(api)


@pytest.fixture(scope="module")
def scene(api):
    """Two people with a picture each, and the first one's credentials."""
    steady, other = Tokens(api), api.sign_up(name="John Stranger")
    mine, theirs = media.ready(api, steady.person), media.ready(api, other)
    keys = steady.ask().json
    return SimpleNamespace(
        api=api,
        keys=keys,
        s3=client(api, keys, "s3"),
        bucket=api.bucket.name,
        prefix=f"media/{steady.person.sub}/",
        key=f"media/{steady.person.sub}/{mine['mediaid']}",
        other_prefix=f"media/{other.sub}/",
        other_key=f"media/{other.sub}/{theirs['mediaid']}",
    )


def client(api, credentials, service):
    """A client of the embedded AWS with the credentials of a response."""
    return boto3.client(
        service,
        region_name=aws.REGION,
        endpoint_url=aws.endpoint(api.aws_port),
        aws_access_key_id=credentials["access_key_id"],
        aws_secret_access_key=credentials["secret_access_key"],
        aws_session_token=credentials["session_token"],
        config=Config(proxies={}, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def is_denied(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    return "AccessDenied" in error.value.response["Error"]["Code"]


class TestCredentials:
    def test_they_are_temporary(self, steady):
        answer = steady.ask()
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.json.keys() == MEMBERS
        assert answer.json["access_key_id"].startswith("ASIA")
        assert re.fullmatch(r"us-east-1:[0-9a-f-]{36}", answer.json["identity_id"])
        left = datetime.fromisoformat(answer.json["expiration"]) - datetime.now(UTC)
        assert timedelta(minutes=55) < left <= timedelta(hours=1)

    def test_a_person_keeps_the_identity(self, steady):
        first, second = steady.ask().json, steady.ask().json
        assert first["identity_id"] == second["identity_id"]
        assert first["access_key_id"] != second["access_key_id"]


@pytest.mark.parametrize("api", ["local", "deployed"], indirect=True)
class TestWhatTheyAllow:
    """In process, the pictures are in moto's S3, which does not check permissions."""

    def test_ones_own_pictures_can_be_listed_and_read(self, scene):
        found = scene.s3.list_objects_v2(Bucket=scene.bucket, Prefix=scene.prefix)["Contents"]
        kinds = ("display", "original", "thumbnail")
        assert sorted(one["Key"] for one in found) == [f"{scene.key}/{kind}" for kind in kinds]
        for kind in kinds:
            answer = scene.s3.get_object(Bucket=scene.bucket, Key=f"{scene.key}/{kind}")
            assert answer["Body"].read() == media.PNG

    @pytest.mark.parametrize(
        "prefix", ["", "media/", "incoming/", "{other}", "{own_without_slash}", "{own_without_slash}*/"]
    )
    def test_nothing_else_can_be_listed(self, scene, prefix):
        own = scene.prefix.removesuffix("/")
        prefix = prefix.format(other=scene.other_prefix, own_without_slash=own)
        assert is_denied(scene.s3.list_objects_v2, Bucket=scene.bucket, Prefix=prefix)

    def test_without_a_prefix_nothing_can_be_listed(self, scene):
        assert is_denied(scene.s3.list_objects_v2, Bucket=scene.bucket)

    def test_another_persons_picture_cannot_be_read(self, scene):
        scene.api.bucket.client.head_object(Bucket=scene.bucket, Key=f"{scene.other_key}/display")
        assert is_denied(scene.s3.get_object, Bucket=scene.bucket, Key=f"{scene.other_key}/display")

    def test_ones_own_pictures_cannot_be_changed(self, scene):
        key = f"{scene.key}/display"
        assert is_denied(scene.s3.put_object, Bucket=scene.bucket, Key=key, Body=b"x")
        assert is_denied(scene.s3.delete_object, Bucket=scene.bucket, Key=key)
        assert is_denied(
            scene.s3.copy_object, Bucket=scene.bucket, Key=f"{scene.prefix}new", CopySource=f"{scene.bucket}/{key}"
        )

    def test_other_buckets_and_services_are_out_of_reach(self, scene):
        stack = Account(scene.api.client, print).stack("roster-backend-local")
        other = stack.outputs["ArtifactsBucket"]
        assert is_denied(scene.s3.list_objects_v2, Bucket=other, Prefix=scene.prefix)
        assert is_denied(scene.s3.get_object, Bucket=other, Key=f"{scene.key}/display")
        assert is_denied(scene.s3.list_buckets)
        table = scene.api.tables["media"]
        assert is_denied(client(scene.api, scene.keys, "dynamodb").scan, TableName=table)
        pool = scene.api.user_pool_id
        assert is_denied(client(scene.api, scene.keys, "cognito-idp").list_users, UserPoolId=pool)
        assert is_denied(client(scene.api, scene.keys, "iam").list_roles)


class TestWhoGetsThem:
    @pytest.mark.parametrize("token", ["unknown", "a.b.c", "Bearer {id}", "{access}", "{id}x"])
    def test_what_is_no_id_token_is_rejected(self, steady, token):
        answer = steady.ask(id_token=token.format(id=steady.id, access=steady.access))
        assert problem(answer) == (400, "invalid-request")
        assert [fault["pointer"] for fault in answer.json["errors"]] == ["/id_token"]

    def test_the_id_token_of_another_account_is_rejected(self, api, steady):
        answer = steady.ask(id_token=api.sign_up().token)
        assert problem(answer) == (400, "invalid-request")
        assert answer.json["errors"] == [
            {"pointer": "/id_token", "detail": "This is the ID token of another account. Send your own."}
        ]

    def test_a_body_with_other_members_is_rejected(self, steady):
        assert [fault["pointer"] for fault in steady.ask(role="admin").json["errors"]] == ["/role"]

    def test_an_access_token_without_the_scope_is_not_enough(self, api, steady):
        token = hosted_access_token(api, steady.person.email)
        answer = api.post(PATH, token=token, json={"id_token": steady.id})
        assert problem(answer) == (403, "insufficient-scope")

    def test_an_id_token_alone_is_not_enough(self, api, steady):
        assert api.post(PATH, token=steady.id, json={"id_token": steady.id}).status == 403

    @pytest.mark.parametrize("ended", ["admin_user_global_sign_out", "admin_disable_user", "admin_delete_user"])
    def test_who_has_signed_out_or_was_disabled_or_deleted_gets_none(self, api, tokens, ended):
        assert tokens.ask().status == 200
        getattr(api.cognito, ended)(UserPoolId=api.user_pool_id, Username=tokens.person.email)
        assert problem(tokens.ask()) == (401, "unauthorized")

    @pytest.mark.parametrize("ended", ["access", "id"])
    def test_a_token_of_a_session_that_has_ended_is_not_enough(self, api, tokens, ended):
        """The other token is of a new session. Cognito rejects the access token, and the identity pool the ID token."""
        old = getattr(tokens, ended)
        assert api.delete("/sessions", token=tokens.access).status == 204
        assert problem(tokens.ask()) == (401, "unauthorized")
        tokens.sign_in()
        assert tokens.ask().status == 200
        setattr(tokens, ended, old)
        assert problem(tokens.ask()) == (401, "unauthorized")
