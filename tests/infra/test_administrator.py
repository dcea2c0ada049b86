"""`make admin`, on the embedded AWS."""

import uuid

import pytest
from botocore.exceptions import ClientError

from embedded import mail
from infra import administrator, backend, stages
from infra.failure import Failure

STAGE = stages.Stage("local", {}, {})


@pytest.fixture
def cognito(account):
    return account.client("cognito-idp")


@pytest.fixture
def pool(account):
    return backend.stack(account, STAGE).outputs["UserPool"]


@pytest.fixture
def user(pool):
    """The parameters that name a user with a new address in calls to Cognito."""
    return {"UserPoolId": pool, "Username": f"{uuid.uuid4().hex[:12]}@example.com"}


@pytest.fixture
def mails(embedded_aws, user):
    """A function that returns the texts of all e-mails to the user."""
    return lambda: [message.text for message in mail.sent(embedded_aws.aws_port) if message.to == user["Username"]]


def signed_up(cognito, account, user):
    client = backend.stack(account, STAGE).outputs["UserPoolClient"]
    attributes = [{"Name": "email", "Value": user["Username"]}, {"Name": "name", "Value": "Jane"}]
    cognito.sign_up(ClientId=client, Username=user["Username"], Password="Correct-horse-42", UserAttributes=attributes)


def groups(cognito, user):
    return [group["GroupName"] for group in cognito.admin_list_groups_for_user(**user)["Groups"]]


def attributes(cognito, user):
    return {entry["Name"]: entry["Value"] for entry in cognito.admin_get_user(**user)["UserAttributes"]}


class TestWithoutAnAccount:
    def test_the_person_is_invited_as_an_administrator(self, account, cognito, user, mails):
        said = administrator.appoint(account, STAGE, user["Username"], "Ada Admin")
        assert groups(cognito, user) == ["apiAdmins"]
        assert cognito.admin_get_user(**user)["UserStatus"] == "FORCE_CHANGE_PASSWORD"
        found = attributes(cognito, user)
        assert (found["name"], found["email_verified"]) == ("Ada Admin", "true")
        (text,) = mails()
        assert "temporary password" in text
        assert said.startswith(f"{user['Username']} is invited to be an administrator of local.")

    def test_the_name_can_be_left_out(self, account, cognito, user):
        administrator.appoint(account, STAGE, user["Username"], "")
        assert "name" not in attributes(cognito, user)

    def test_the_address_is_trimmed_and_lower_cased(self, account, cognito, user):
        administrator.appoint(account, STAGE, f" {user['Username'].upper()} ", "")
        assert groups(cognito, user) == ["apiAdmins"]

    def test_a_second_run_mails_another_invitation(self, account, cognito, user, mails):
        for _ in range(2):
            administrator.appoint(account, STAGE, user["Username"], "Ada")
        assert len(set(mails())) == 2
        assert groups(cognito, user) == ["apiAdmins"]


class TestWithAnAccount:
    @pytest.fixture
    def confirmed(self, account, cognito, user):
        signed_up(cognito, account, user)
        cognito.admin_confirm_sign_up(**user)
        return user

    def test_the_account_joins_the_administrators_and_no_invitation_is_mailed(self, account, cognito, confirmed, mails):
        before = mails()
        for _ in range(2):
            said = administrator.appoint(account, STAGE, confirmed["Username"], "Another Name")
            assert "is an administrator of local. Anybody who is signed in" in said
        assert groups(cognito, confirmed) == ["apiAdmins"]
        assert attributes(cognito, confirmed)["name"] == "Jane"
        assert mails() == before

    def test_an_account_that_is_not_confirmed_is_not_trusted(self, account, cognito, user):
        signed_up(cognito, account, user)
        with pytest.raises(Failure, match="has not confirmed the address yet"):
            administrator.appoint(account, STAGE, user["Username"], "")
        assert groups(cognito, user) == []

    def test_a_disabled_account_is_not_made_an_administrator(self, account, cognito, confirmed):
        cognito.admin_disable_user(**confirmed)
        with pytest.raises(Failure, match="is disabled: enable it"):
            administrator.appoint(account, STAGE, confirmed["Username"], "")
        assert groups(cognito, confirmed) == []


class TestFailures:
    @pytest.mark.parametrize("email", ["jane", "jane@", "jane@example", "a b@example.com", "jane@example.com,b@c.d e"])
    def test_an_invalid_address_is_rejected_with_a_sentence(self, account, email):
        with pytest.raises(Failure, match="is not an e-mail address: set it, as in make admin STAGE=dev EMAIL="):
            administrator.appoint(account, STAGE, email, "")

    @pytest.mark.parametrize("email", ["", "  "])
    def test_a_missing_address_is_reported(self, account, email):
        with pytest.raises(Failure, match="EMAIL is missing"):
            administrator.appoint(account, STAGE, email, "")

    def test_a_stage_that_is_not_deployed_is_reported(self, account):
        with pytest.raises(Failure, match="No stack named roster-backend-dev is deployed: deploy it first"):
            administrator.appoint(account, stages.Stage("dev", {}, {}), "jane@example.com", "")

    def test_other_errors_of_cognito_are_not_taken_for_a_missing_account(self, account, user, monkeypatch):
        def denied(**_):
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "AdminGetUser")

        monkeypatch.setattr(account.client("cognito-idp"), "admin_get_user", denied)
        with pytest.raises(ClientError, match="AccessDenied"):
            administrator.appoint(account, STAGE, user["Username"], "")
