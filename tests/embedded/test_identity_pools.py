"""What identity pools and policy variables do on AWS, stated once for the embedded AWS.

The docstring of each test names its source: a page of the Amazon Cognito developer guide, a type of the Amazon Cognito
identity pools API reference, or "Variables": "IAM policy elements: Variables and tags", IAM user guide.
"""

import json
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from embedded import aws, processes

PASSWORD = "Correct-horse-42"
PRINCIPAL = "cognito-identity.amazonaws.com"
ASSUME, TAG = "sts:AssumeRoleWithWebIdentity", "sts:TagSession"
OWN = "homes/${aws:PrincipalTag/home}/*"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    number = processes.free_port()
    with aws.start(number, tmp_path_factory.mktemp("identity")):
        yield number


class Pools:
    """A user pool, an identity pool whose users' sub is the tag ``home``, and a bucket with homes."""

    def __init__(self, port):
        self.port = port
        self.users, self.iam, self.s3 = (aws.client(name, port) for name in ("cognito-idp", "iam", "s3"))
        self.identities = aws.client("cognito-identity", port)
        self.user_pool = self.users.create_user_pool(PoolName="any")["UserPool"]["Id"]
        self.client = self._app_client()
        self.provider = f"cognito-idp.{aws.REGION}.amazonaws.com/{self.user_pool}"
        self.bucket = f"homes-{uuid.uuid4().hex[:8]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.pool = self.create()

    def _app_client(self):
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        settings = {"UserPoolId": self.user_pool, "ClientName": "any", "ExplicitAuthFlows": flows}
        return self.users.create_user_pool_client(**settings)["UserPoolClient"]["ClientId"]

    def create(self, tags=None, checks=True):
        """Create another identity pool."""
        provider = {"ProviderName": self.provider, "ClientId": self.client, "ServerSideTokenCheck": checks}
        pool = self.identities.create_identity_pool(
            IdentityPoolName="any", AllowUnauthenticatedIdentities=False, CognitoIdentityProviders=[provider]
        )["IdentityPoolId"]
        tags = {"home": "sub"} if tags is None else tags
        if tags:
            self.identities.set_principal_tag_attribute_map(
                IdentityPoolId=pool, IdentityProviderName=self.provider, PrincipalTags=tags
            )
        return pool

    def role(self, *, statements, pool=None, actions=(ASSUME, TAG), amr="authenticated"):
        """Create a role with a policy of these statements, and make it the identity pool's."""
        pool = pool or self.pool
        condition = {
            "StringEquals": {f"{PRINCIPAL}:aud": pool},
            "ForAnyValue:StringLike": {f"{PRINCIPAL}:amr": amr},
        }
        trust = {"Effect": "Allow", "Principal": {"Federated": PRINCIPAL}, "Action": [*actions], "Condition": condition}
        name = f"reader-{uuid.uuid4().hex[:8]}"
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=name, PolicyName="any", PolicyDocument=document(*statements))
        self.identities.set_identity_pool_roles(IdentityPoolId=pool, Roles={"authenticated": arn})

    def sign_up(self):
        """Return a new user's sub and ID token."""
        name = uuid.uuid4().hex
        user = {"UserPoolId": self.user_pool, "Username": name}
        self.users.admin_create_user(**user)
        self.users.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
        answer = self.users.initiate_auth(
            ClientId=self.client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )
        attributes = self.users.admin_get_user(**user)["UserAttributes"]
        sub = next(one["Value"] for one in attributes if one["Name"] == "sub")
        return name, sub, answer["AuthenticationResult"]["IdToken"]

    def credentials(self, token, pool=None):
        logins = {self.provider: token}
        identity = self.identities.get_id(IdentityPoolId=pool or self.pool, Logins=logins)["IdentityId"]
        return self.identities.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]

    def s3_with(self, keys):
        return boto3.client(
            "s3",
            region_name=aws.REGION,
            endpoint_url=aws.endpoint(self.port),
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(proxies={}),
        )

    def reads(self, keys, key):
        """Whether an object can be read with these credentials."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"x")
        s3 = self.s3_with(keys)
        try:
            return s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() == b"x"
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False

    def lists(self, keys, prefix):
        """Whether the keys with a prefix can be listed with these credentials."""
        try:
            self.s3_with(keys).list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    def reading(self, pattern, **more):
        """The statement that allows reading the objects with these keys."""
        return {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.bucket}/{pattern}",
            **more,
        }

    def listing(self, pattern):
        condition = {"StringLike": {"s3:prefix": pattern}}
        return {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{self.bucket}",
            "Condition": condition,
        }


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


@pytest.fixture(scope="module")
def pools(port):
    return Pools(port)


def code_of(call, *args, **parameters):
    with pytest.raises(ClientError) as error:
        call(*args, **parameters)
    return error.value.response["Error"]["Code"]


class TestVariables:
    def test_they_stand_in_resources(self, pools):
        """Variables."""
        pools.role(statements=[pools.reading(OWN)])
        _, sub, token = pools.sign_up()
        _, other, _ = pools.sign_up()
        keys = pools.credentials(token)
        assert pools.reads(keys, f"homes/{sub}/a")
        assert not pools.reads(keys, f"homes/{other}/a")
        assert not pools.reads(keys, "homes/${aws:PrincipalTag/home}/a")

    def test_they_stand_in_the_values_of_conditions(self, pools):
        """Variables."""
        pools.role(statements=[pools.listing(OWN)])
        _, sub, token = pools.sign_up()
        keys = pools.credentials(token)
        assert pools.lists(keys, f"homes/{sub}/")
        assert pools.lists(keys, f"homes/{sub}/deeper")
        assert not any(pools.lists(keys, prefix) for prefix in ("", "homes/", f"homes/{sub}", f"homes/{sub}x/"))

    def test_a_statement_with_a_variable_without_a_value_does_not_apply(self, pools):
        """Variables, "Policy variables with no value"."""
        pools.role(statements=[pools.reading("homes/${aws:PrincipalTag/team}/*"), pools.listing("*")])
        keys = pools.credentials(pools.sign_up()[2])
        assert not pools.reads(keys, "homes//a")
        assert not pools.reads(keys, "homes/None/a")
        assert pools.lists(keys, "homes/")

    def test_a_variable_can_have_a_default(self, pools):
        """Variables, "Specifying default values"."""
        pools.role(statements=[pools.reading("homes/${aws:PrincipalTag/team, 'all'}/*")])
        keys = pools.credentials(pools.sign_up()[2])
        assert pools.reads(keys, "homes/all/a")
        assert not pools.reads(keys, "homes/others/a")

    def test_they_stand_in_denials_too(self, pools):
        """Variables."""
        pools.role(statements=[pools.reading("homes/*"), pools.reading(OWN, Effect="Deny")])
        _, sub, token = pools.sign_up()
        keys = pools.credentials(token)
        assert not pools.reads(keys, f"homes/{sub}/a")
        assert pools.reads(keys, "homes/others/a")


class TestTags:
    def test_claims_become_tags_of_the_session(self, pools):
        """Attributes for access control."""
        pool = pools.create(tags={"home": "cognito:username", "kind": "token_use"})
        pools.role(statements=[pools.reading("${aws:PrincipalTag/kind}/${aws:PrincipalTag/home}/*")], pool=pool)
        name, _, token = pools.sign_up()
        assert pools.reads(pools.credentials(token, pool), f"id/{name}/a")

    def test_without_a_map_there_are_none(self, pools):
        """Attributes for access control."""
        pool = pools.create(tags={})
        pools.role(statements=[pools.reading("homes/${aws:PrincipalTag/home, 'none'}/*")], pool=pool)
        assert pools.reads(pools.credentials(pools.sign_up()[2], pool), "homes/none/a")


class TestTrust:
    @pytest.mark.parametrize(
        "differing", [{"actions": [TAG]}, {"actions": [ASSUME]}, {"amr": "unauthenticated"}], ids=str
    )
    def test_a_role_that_does_not_trust_the_pool_gives_no_credentials(self, pools, differing):
        """Role trust and permissions. For ``sts:TagSession``: Attributes for access control."""
        pool = pools.create()
        pools.role(statements=[pools.listing("*")], pool=pool, **differing)
        token = pools.sign_up()[2]
        assert code_of(pools.credentials, token, pool) == "InvalidIdentityPoolConfigurationException"

    def test_without_tags_the_role_needs_not_let_the_pool_tag(self, pools):
        """Attributes for access control."""
        pool = pools.create(tags={})
        pools.role(statements=[pools.listing("*")], pool=pool, actions=[ASSUME])
        assert pools.credentials(pools.sign_up()[2], pool)

    def test_a_role_that_trusts_another_pool_gives_no_credentials(self, pools):
        """Role trust and permissions."""
        pools.role(statements=[pools.listing("*")])
        pool = pools.create()
        arn = pools.identities.get_identity_pool_roles(IdentityPoolId=pools.pool)["Roles"]["authenticated"]
        pools.identities.set_identity_pool_roles(IdentityPoolId=pool, Roles={"authenticated": arn})
        token = pools.sign_up()[2]
        assert code_of(pools.credentials, token, pool) == "InvalidIdentityPoolConfigurationException"

    def test_a_pool_without_a_role_gives_no_credentials(self, pools):
        """InvalidIdentityPoolConfigurationException."""
        token = pools.sign_up()[2]
        assert code_of(pools.credentials, token, pools.create()) == "InvalidIdentityPoolConfigurationException"


class TestTokens:
    @pytest.mark.parametrize("ended", ["admin_user_global_sign_out", "admin_delete_user"])
    def test_who_has_signed_out_or_was_deleted_gets_none_if_the_pool_checks_that(self, pools, ended):
        """CognitoIdentityProvider, ``ServerSideTokenCheck``."""
        checking, trusting = pools.create(), pools.create(checks=False)
        for pool in (checking, trusting):
            pools.role(statements=[pools.listing("*")], pool=pool)
        name, _, token = pools.sign_up()
        assert pools.credentials(token, checking)
        getattr(pools.users, ended)(UserPoolId=pools.user_pool, Username=name)
        assert code_of(pools.credentials, token, checking) == "NotAuthorizedException"
        assert pools.credentials(token, trusting)

    def test_an_unknown_identity_gets_none(self, pools):
        """GetCredentialsForIdentity."""
        identity = f"{aws.REGION}:{uuid.uuid4()}"
        logins = {pools.provider: pools.sign_up()[2]}
        call = pools.identities.get_credentials_for_identity
        assert code_of(call, IdentityId=identity, Logins=logins) == "ResourceNotFoundException"
