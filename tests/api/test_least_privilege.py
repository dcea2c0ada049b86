"""Each function has the permissions that it needs and no others. Only the deployed stage enforces IAM.

Each permission has a proof: a request that succeeds with it and fails without it.
"""

import json
import re
import time
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.media import objects
from embedded import aws, housekeeping
from infra import parts
from infra.cloudformation import Account
from testbed.events import proxy_event
from testbed.routes import ROUTES, Who
from testbed.targets import PASSWORD, Person
from tests.api import media
from tests.api.accounts import NEW, confirm, confirmed, sign_in, signed_up, with_code

pytestmark = pytest.mark.parametrize("api", ["deployed"], indirect=True)

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
"""Lambda itself needs these, not the functions' code. The emulator works without them."""
MESSAGES = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
"""Lambda needs these too, for the queue whose messages it gives to the images function."""
ROLES = {
    "APIHandler": "api",
    "AdminHandler": "admin",
    "Housekeeping": "housekeeping",
    "Images": "images",
    "JwtAuthorizer": "jwt_authorizer",
}
"""The functions, and the names of their policies."""


class Scene(NamedTuple):
    """Who acts in a proof: an administrator, and a person who has just signed up."""

    api: Any
    admin: Person
    person: Person

    @property
    def account(self):
        """The path of the person's account."""
        return f"/accounts/{self.person.sub}"

    def as_admin(self, method, path, expected, body=...):
        """Send a request of the administrator. Return whether the response has the ``expected`` status."""
        return self.api.request(method, path, token=self.admin.token, json=body).status == expected

    def as_person(self, method, path, expected, body=...):
        """Send a request of the person, with an ID token."""
        return self.api.request(method, path, token=self.person.token, json=body).status == expected

    def in_pool(self):
        """Return the parameters that name the person's account in calls to Cognito."""
        return {"UserPoolId": self.api.user_pool_id, "Username": self.person.email}


def sends(method, path, expected, body=...):
    """Return the proof that is one request of the person."""
    return lambda scene: scene.as_person(method, path.format(sub=scene.person.sub), expected, body)


def asks(method, path, expected, body=...):
    """Return the proof that is one request of the administrator."""
    return lambda scene: scene.as_admin(method, path.format(sub=scene.person.sub), expected, body)


def resets_a_password(scene):
    email = confirmed(scene.api)
    scene.api.post("/accounts/password-reset", json={"email": email})
    body = {**with_code(scene.api, email), "password": NEW}
    return scene.api.put("/accounts/password-reset", json=body).status == 204


def locks_out_who_knows_the_password(scene):
    return confirm(scene.api, signed_up(scene.api, password="Attackers-horse-1")).status == 409


def leaves(scene):
    token = scene.api.access_token(scene.person.email)
    return scene.api.post("/account/deletion", token=token, json={"password": PASSWORD}).status == 204


def leaves_group(scene):
    scene.api.cognito.admin_add_user_to_group(**scene.in_pool(), GroupName="apiAdmins")
    return scene.as_admin("DELETE", f"{scene.account}/groups/apiAdmins", 204)


def enables(scene):
    scene.api.cognito.admin_disable_user(**scene.in_pool())
    return scene.as_admin("PATCH", scene.account, 200, {"enabled": True})


def invites(*groups):
    def proof(scene):
        body = {"email": f"{scene.person.sub}@example.com", "name": "John Doe", "groups": [*groups]}
        return scene.as_admin("POST", "/accounts/invitations", 201, body)

    return proof


def announces(scene):
    return scene.as_person("POST", "/media", 201, media.ANNOUNCED)


def reads_a_picture(scene):
    mediaid = media.announced(scene.api, scene.person)["mediaid"]
    return scene.as_person("GET", f"/media/{mediaid}", 200)


def fetches_a_picture(scene):
    return media.fetch(media.ready(scene.api, scene.person)["display_url"]).status_code == 200


def uploads_a_picture(scene):
    return media.upload(media.announced(scene.api, scene.person)["upload"], media.PNG).status_code == 204


def deletes_a_picture(scene):
    return scene.as_person("DELETE", f"/media/{media.ready(scene.api, scene.person)['mediaid']}", 204)


def erases_pictures(scene):
    media.ready(scene.api, scene.person)
    return scene.as_admin("DELETE", scene.account, 204)


def processes(scene, mediaid, upload):
    """Upload a picture, and let the images function handle the message about it. Return whether it has, and not failed.

    Nothing else gives it messages: two functions that handle one upload at the same time are in each other's way.
    """
    key = objects.incoming(scene.person.sub, mediaid)
    s3 = {"bucket": {"name": scene.api.bucket.name}, "object": {"key": key, "size": 1}}
    body = json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Post", "s3": s3}]})
    with scene.api.without_worker():
        upload(key)
        answer = scene.api.invoke("Images", {"Records": [{"messageId": "1", "body": body, "eventSource": "aws:sqs"}]})
        scene.api.sqs.purge_queue(QueueUrl=scene.api.queue)  # what S3 has sent for the same upload
    return json.load(answer["Payload"]) == {"batchItemFailures": []}


def processes_an_upload(scene):
    item = media.announced(scene.api, scene.person)
    handled = processes(scene, item["mediaid"], lambda _: media.upload(item["upload"], media.PNG))
    return handled and scene.api.media.get(item["mediaid"]).status == "ready"


def processes_the_upload_of_a_deleted_item(scene):
    bucket = scene.api.bucket
    put = partial(bucket.client.put_object, Bucket=bucket.name, Body=media.PNG)
    return processes(scene, str(uuid.uuid4()), lambda key: put(Key=key))


def keeps_house(scene):
    """Two people have left, one long ago and one at this moment, and another one has never confirmed the account.

    The one who left long ago has uploaded a picture meanwhile, an upload never arrived, and an object has no item.
    """
    item = scene.api.media.get(media.announced(scene.api, scene.person)["mediaid"])
    for change in ({"owner": f"former-{scene.person.sub}"}, {"created": "2026-01-01T00:00:00.000Z"}):
        scene.api.media.create(replace(item, mediaid=str(uuid.uuid4()), **change), may_exist=False)
    with scene.api.days_ago(8):
        signed_up(scene.api)
        key = objects.stored(str(uuid.uuid4()), str(uuid.uuid4()), objects.DISPLAY)
        scene.api.bucket.client.put_object(Bucket=scene.api.bucket.name, Key=key, Body=media.PNG)
    for userid, erased in ((scene.person.sub, int(time.time())), (f"former-{scene.person.sub}", 1)):
        marker = {"id": {"S": f"erasure#{userid}"}, "userid": {"S": userid}, "erased": {"N": str(erased)}}
        scene.api.connection.client.put_item(TableName=scene.api.tables["accounts"], Item=marker)
    known = {"TableName": scene.api.tables["accounts"], "Key": {"id": {"S": "administrators"}}}
    scene.api.connection.client.delete_item(**known)  # so that the housekeeping stores them
    return "FunctionError" not in scene.api.invoke("Housekeeping", housekeeping.EVENT)


POOL, ACCOUNTS, USERS, PROFILES = "UserPoolArn", "AccountsTableArn", "UsersTableArn", "ProfilesTableArn"
MEDIA, MEDIA_LISTS, BUCKET = "MediaTableArn", "${MediaTableArn}/index/*", "MediaBucketArn"
UPLOADS, PICTURES = "${MediaBucketArn}/incoming/*", "${MediaBucketArn}/media/*"
Proofs = dict[tuple[str, str, str], Callable[[Scene], bool]]

PROOFS: Proofs = {
    ("api", USERS, "dynamodb:GetItem"): sends("GET", "/users/{sub}", 200),
    ("api", USERS, "dynamodb:UpdateItem"): sends("PUT", "/users/{sub}", 200, {"name": "Jane"}),
    ("api", USERS, "dynamodb:DeleteItem"): sends("DELETE", "/users/{sub}", 200),
    ("api", PROFILES, "dynamodb:GetItem"): sends("GET", "/user/profile", 404),
    ("api", PROFILES, "dynamodb:UpdateItem"): sends("POST", "/user/profile", 200, {"a": 1}),
    ("api", PROFILES, "dynamodb:DeleteItem"): sends("DELETE", "/user/profile", 200),
    ("api", POOL, "cognito-idp:AdminUserGlobalSignOut"): resets_a_password,
    ("api", POOL, "cognito-idp:AdminResetUserPassword"): locks_out_who_knows_the_password,
    ("api", ACCOUNTS, "dynamodb:GetItem"): leaves,
    ("api", ACCOUNTS, "dynamodb:UpdateItem"): leaves,
    ("api", MEDIA, "dynamodb:PutItem"): announces,
    ("api", MEDIA, "dynamodb:GetItem"): reads_a_picture,
    ("api", MEDIA, "dynamodb:DeleteItem"): deletes_a_picture,
    ("api", MEDIA_LISTS, "dynamodb:Query"): sends("GET", "/media", 200),
    ("api", UPLOADS, "s3:PutObject"): uploads_a_picture,
    ("api", UPLOADS, "s3:DeleteObject"): deletes_a_picture,
    ("api", PICTURES, "s3:GetObject"): fetches_a_picture,
    ("api", PICTURES, "s3:DeleteObject"): deletes_a_picture,
    ("api", BUCKET, "s3:ListBucket"): leaves,
    ("admin", MEDIA, "dynamodb:PutItem"): erases_pictures,
    ("admin", MEDIA, "dynamodb:GetItem"): erases_pictures,
    ("admin", MEDIA, "dynamodb:DeleteItem"): erases_pictures,
    ("admin", MEDIA_LISTS, "dynamodb:Query"): erases_pictures,
    ("admin", UPLOADS, "s3:DeleteObject"): erases_pictures,
    ("admin", PICTURES, "s3:DeleteObject"): erases_pictures,
    ("admin", BUCKET, "s3:ListBucket"): erases_pictures,
    ("admin", USERS, "dynamodb:Scan"): asks("GET", "/users", 200),
    ("admin", USERS, "dynamodb:UpdateItem"): asks("POST", "/users", 200, {"name": "Jane"}),
    ("admin", USERS, "dynamodb:DeleteItem"): asks("DELETE", "/accounts/{sub}", 204),
    ("admin", PROFILES, "dynamodb:DeleteItem"): asks("DELETE", "/accounts/{sub}", 204),
    ("admin", ACCOUNTS, "dynamodb:GetItem"): asks("DELETE", "/accounts/{sub}", 204),
    ("admin", ACCOUNTS, "dynamodb:UpdateItem"): asks("DELETE", "/accounts/{sub}", 204),
    ("admin", POOL, "cognito-idp:AdminGetUser"): asks("GET", "/accounts/{sub}", 200),
    ("admin", POOL, "cognito-idp:AdminListGroupsForUser"): asks("GET", "/accounts/{sub}", 200),
    ("admin", POOL, "cognito-idp:ListUsers"): asks("GET", "/accounts", 200),
    ("admin", POOL, "cognito-idp:ListUsersInGroup"): asks("GET", "/accounts?group=apiAdmins", 200),
    ("admin", POOL, "cognito-idp:ListGroups"): asks("GET", "/groups", 200),
    ("admin", POOL, "cognito-idp:GetGroup"): invites("apiAdmins"),
    ("admin", POOL, "cognito-idp:AdminCreateUser"): invites(),
    ("admin", POOL, "cognito-idp:AdminUpdateUserAttributes"): asks("PATCH", "/accounts/{sub}", 200, {"name": "J"}),
    ("admin", POOL, "cognito-idp:AdminEnableUser"): enables,
    ("admin", POOL, "cognito-idp:AdminDisableUser"): asks("PATCH", "/accounts/{sub}", 200, {"enabled": False}),
    ("admin", POOL, "cognito-idp:AdminAddUserToGroup"): asks("PUT", "/accounts/{sub}/groups/apiAdmins", 204),
    ("admin", POOL, "cognito-idp:AdminRemoveUserFromGroup"): leaves_group,
    ("admin", POOL, "cognito-idp:AdminResetUserPassword"): asks("POST", "/accounts/{sub}/password-reset", 202),
    ("admin", POOL, "cognito-idp:AdminDeleteSoftwareToken"): asks("DELETE", "/accounts/{sub}/totp", 204),
    ("admin", POOL, "cognito-idp:AdminSetUserMFAPreference"): asks("DELETE", "/accounts/{sub}/totp", 204),
    ("admin", POOL, "cognito-idp:AdminUserGlobalSignOut"): asks("DELETE", "/accounts/{sub}/sessions", 204),
    ("admin", POOL, "cognito-idp:AdminDeleteUser"): asks("DELETE", "/accounts/{sub}", 204),
    ("housekeeping", POOL, "cognito-idp:AdminDeleteUser"): keeps_house,
    ("housekeeping", POOL, "cognito-idp:AdminGetUser"): keeps_house,
    ("housekeeping", POOL, "cognito-idp:ListUsers"): keeps_house,
    ("housekeeping", POOL, "cognito-idp:ListUsersInGroup"): keeps_house,
    ("housekeeping", ACCOUNTS, "dynamodb:DeleteItem"): keeps_house,
    ("housekeeping", ACCOUNTS, "dynamodb:GetItem"): keeps_house,
    ("housekeeping", ACCOUNTS, "dynamodb:Scan"): keeps_house,
    ("housekeeping", ACCOUNTS, "dynamodb:UpdateItem"): keeps_house,
    ("housekeeping", USERS, "dynamodb:DeleteItem"): keeps_house,
    ("housekeeping", PROFILES, "dynamodb:DeleteItem"): keeps_house,
    ("housekeeping", MEDIA, "dynamodb:BatchGetItem"): keeps_house,
    ("housekeeping", MEDIA, "dynamodb:DeleteItem"): keeps_house,
    ("housekeeping", MEDIA, "dynamodb:GetItem"): keeps_house,
    ("housekeeping", MEDIA, "dynamodb:PutItem"): keeps_house,
    ("housekeeping", MEDIA, "dynamodb:Scan"): keeps_house,
    ("housekeeping", MEDIA_LISTS, "dynamodb:Query"): keeps_house,
    ("housekeeping", UPLOADS, "s3:DeleteObject"): keeps_house,
    ("housekeeping", PICTURES, "s3:DeleteObject"): keeps_house,
    ("housekeeping", BUCKET, "s3:ListBucket"): keeps_house,
    ("images", MEDIA, "dynamodb:GetItem"): processes_an_upload,
    ("images", MEDIA, "dynamodb:PutItem"): processes_an_upload,
    ("images", UPLOADS, "s3:GetObject"): processes_an_upload,
    ("images", UPLOADS, "s3:DeleteObject"): processes_an_upload,
    ("images", PICTURES, "s3:PutObject"): processes_an_upload,
    ("images", PICTURES, "s3:DeleteObject"): processes_the_upload_of_a_deleted_item,
}
ONLY_ON_AWS = {("images", BUCKET, "s3:ListBucket")}
"""Without it, S3 reports an upload that is gone with 403 instead of 404. The embedded AWS reports 404."""


@pytest.fixture
def iam(api):
    return api.client("iam")


@pytest.fixture
def unchecked(api, monkeypatch):
    """Without a permission, the API returns 500."""
    monkeypatch.setattr(api, "_check", lambda answer: None)


@pytest.fixture
def scene(api, admin, person, unchecked):
    return Scene(api, admin, person)


def parameters(api):
    """Return the parameters of the API stack."""
    return Account(api.client, print).stack("roster-api-local").parameters


def role_of(api, function):
    """Return the name of a function's role."""
    configuration = api.client("lambda").get_function_configuration(FunctionName=api.function(function))
    return configuration["Role"].rpartition("/")[2]


def policy_of(api, function):
    """Return the name and the document of the one policy of a function's role. Assert that it has no others."""
    iam, role = api.client("iam"), role_of(api, function)
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return name, iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]


def grants(function):
    """Return the function's permissions according to its policies: the function, the resource and the action."""
    name = ROLES[function]
    return {
        (name, statement["Resource"].get("Ref") or statement["Resource"]["Fn::Sub"], action)
        for statement in parts.policy(name)["Statement"]
        for action in statement["Action"]
        if action not in MESSAGES
    }


@contextmanager
def without(api, function, resource, action):
    """Take an action on a resource away from a function's role until the context ends."""
    iam, role = api.client("iam"), role_of(api, function)
    name, document = policy_of(api, function)
    known = parameters(api)
    arn = re.sub(r"\$\{(\w+)\}", lambda name: known[name[1]], resource) if "$" in resource else known[resource]
    smaller = json.loads(json.dumps(document))
    for statement in smaller["Statement"]:
        if statement["Resource"] == arn:
            statement["Action"] = [other for other in statement["Action"] if other != action]
    smaller["Statement"] = [statement for statement in smaller["Statement"] if statement["Action"]]
    assert smaller != document
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(smaller))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def test_every_permission_has_a_proof(api):
    assert PROOFS.keys() | ONLY_ON_AWS == {grant for function in ROLES for grant in grants(function)}


@pytest.mark.parametrize("function", ROLES)
def test_a_role_has_what_its_policies_say_and_may_write_its_logs(api, function):
    _, document = policy_of(api, function)
    *statements, logs = document["Statement"]
    actions = {action for statement in statements for action in statement["Action"]}
    assert actions - MESSAGES == {action for _, _, action in grants(function)}
    assert actions & MESSAGES == (MESSAGES if function == "Images" else set())
    assert set(logs["Action"]) == LOGS
    suffix = {"Housekeeping": "hourly", "Images": "Images"}.get(function, ROLES[function].replace("_", "-"))
    assert logs["Resource"].endswith(f":log-group:/aws/lambda/roster-local-{suffix}:*")
    assert "*" not in "".join(action for statement in document["Statement"] for action in statement["Action"])


@pytest.mark.parametrize(("name", "resource", "action"), PROOFS)
def test_a_function_needs_each_of_its_permissions(api, scene, name, resource, action):
    (function,) = [function for function, policy in ROLES.items() if policy == name]
    proof = PROOFS[name, resource, action]
    with without(api, function, resource, action):
        assert not proof(scene)
    # A function can also run out of time, on a machine that is busy with other things.
    assert any(proof(scene) for _ in range(3))


def clients_of(api, function):
    """Return clients that may do what a function's role may do, by service."""
    arn = api.client("iam").get_role(RoleName=role_of(api, function))["Role"]["Arn"]
    given = api.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], aws.REGION)
    given = {"endpoint_url": aws.endpoint(api.aws_port), "config": Config(proxies={})}
    return {service: session.client(service, **given) for service in ("cognito-idp", "dynamodb")}


def is_denied(client, action, stack):
    """Return whether the role of ``client`` may not do ``action`` with the stage's pool or one of its tables."""
    operation = action.partition(":")[2]
    values = {"UserPoolId": stack["UserPool"], "TableName": stack["UsersTable"]}
    shape = client.meta.service_model.operation_model(operation).input_shape
    parameters = {name: values.get(name, sample(shape.members[name])) for name in shape.required_members}
    try:
        client._make_api_call(operation, parameters)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDeniedException", "AccessDenied")
    return False


def sample(shape):
    """Return a value that botocore accepts for a parameter."""
    return {"string": "nobody", "list": [], "map": {}, "structure": {}, "boolean": False}[shape.type_name]


DENIED = sorted(
    {action for _, _, action in grants("AdminHandler") if action.startswith("cognito-idp:")}
    - {action for _, _, action in grants("APIHandler")}
    | {"dynamodb:Scan"}
)


def test_the_role_behind_the_public_routes_may_not_do_what_only_administrators_may(api):
    stack = parameters(api)
    for function, denied in (("APIHandler", True), ("JwtAuthorizer", True), ("AdminHandler", False)):
        clients = clients_of(api, function)
        found = {action: is_denied(clients[action.partition(":")[0]], action, stack) for action in DENIED}
        assert found == dict.fromkeys(DENIED, denied), function


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.who is Who.ADMINS and (route.pool_calls or "Scan users" in route.calls)],
    ids=str,
)
def test_an_administrators_request_that_reaches_the_public_function_fails(api, admin, person, route):
    body = route.body.decode() or None
    authorizer = {"principalId": admin.sub, "admin": "true", "token_use": "id"}
    event = proxy_event(route.method, route.path, body, authorizer, person.sub)
    answer = json.loads(api.invoke("APIHandler", event)["Payload"].read())
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["type"] == "urn:roster:problem:internal-error"


def test_a_regular_users_request_that_reaches_the_administrators_function_is_rejected(api, person):
    for route in ROUTES:
        if route.who is Who.ADMINS:
            authorizer = {"principalId": person.sub, "admin": "false", "token_use": "id"}
            event = proxy_event(route.method, route.path, route.body.decode() or None, authorizer, person.sub)
            answer = json.loads(api.invoke("AdminHandler", event)["Payload"].read())
            assert answer["statusCode"] == 403, route


def test_signing_up_and_in_needs_none_of_the_permissions_for_the_pool(api, unchecked):
    with (
        without(api, "APIHandler", POOL, "cognito-idp:AdminResetUserPassword"),
        without(api, "APIHandler", POOL, "cognito-idp:AdminUserGlobalSignOut"),
    ):
        email = confirmed(api)
        token = {"refresh_token": sign_in(api, email).json["refresh_token"]}
        assert api.post("/sessions/refresh", json=token).status == 200
        assert api.post("/sessions/revocation", json=token).status == 204
        assert api.post("/accounts/password-reset", json={"email": email}).status == 202
