"""What the thief of an access token can do without the password: through Roster, and through Cognito's own endpoint.

docs/security.md has the same tables.
"""

import pytest

from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, confirm, sign_in, signed_up

GUESS = {"password": "Guessed-horse-45"}
THROUGH_ROSTER = {
    "read the account": ("GET", "/account", None, 200),
    "read everything that is stored": ("GET", "/account/export", None, 200),
    "read the record": ("GET", "/users/{userid}", None, 200),
    "change the record": ("PUT", "/users/{userid}", {"colour": "red"}, 200),
    "get AWS credentials": ("POST", "/account/aws-credentials", {"id_token": "unknown"}, 400),
    "change the names": ("PATCH", "/account", {"name": "Somebody Else"}, 200),
    "end all sessions": ("DELETE", "/sessions", None, 204),
    "begin to set up TOTP": ("POST", "/account/totp", None, 200),
    "change the password": ("PUT", "/account/password", {**GUESS, "new_password": NEW}, 403),
    "change the address": ("PUT", "/account/email", {**GUESS, "email": "thief@example.com"}, 403),
    "turn TOTP off": ("POST", "/account/totp/removal", GUESS, 403),
    "delete the account": ("POST", "/account/deletion", GUESS, 403),
}
"""What is tried, the request, and the status of the response."""


@pytest.fixture
def stolen(api):
    """An address, and an access token of its account."""
    email = signed_up(api)
    return email, confirm(api, email).json["access_token"]


@pytest.mark.parametrize("attempt", THROUGH_ROSTER)
def test_through_roster(api, stolen, attempt):
    email, token = stolen
    method, path, body, status = THROUGH_ROSTER[attempt]
    if "{userid}" in path:
        path = path.format(userid=api.get("/account", token=token).json["userid"])
    json = {} if body is None else {"json": body}
    assert api.request(method, path, token=token, **json).status == status
    if status == 403:
        assert sign_in(api, email).status == 200


def test_the_profile_and_the_greeting_take_an_id_token(api, stolen):
    _, token = stolen
    status = 403 if api.name == "deployed" else 401  # the embedded API Gateway lets access tokens through
    assert api.get("/user/profile", token=token).status == status
    assert api.get("/", token=token).status == status


def test_an_authenticator_that_is_set_up_cannot_be_replaced_without_the_password(api, stolen):
    import pyotp

    _, token = stolen
    secret = api.post("/account/totp", token=token).json["secret"]
    assert api.put("/account/totp", token=token, json={"code": pyotp.TOTP(secret).now()}).status == 204
    assert api.post("/account/totp", token=token).status == 409
    assert api.put("/account/totp", token=token, json={"code": "123456"}).status == 409


@pytest.mark.parametrize("api", ["inprocess"], indirect=True)
class TestThroughCognito:
    """Roster cannot prevent these: Cognito's endpoint accepts the token until it expires."""

    def test_the_address_can_be_changed_and_then_the_password_reset(self, api, stolen):
        email, token = stolen
        thiefs = new_email()
        api.cognito.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "email", "Value": thiefs}])
        code = api.mailed_code(thiefs)
        api.cognito.verify_user_attribute(AccessToken=token, AttributeName="email", Code=code)
        assert api.post("/accounts/password-reset", json={"email": thiefs}).status == 202
        body = {"email": thiefs, "code": api.mailed_code(thiefs), "password": NEW}
        assert api.put("/accounts/password-reset", json=body).status == 204
        assert sign_in(api, thiefs, NEW).status == 200
        assert sign_in(api, email).status == 401

    def test_totp_can_be_turned_off(self, api, stolen):
        _, token = stolen
        api.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": False})

    def test_the_account_can_be_deleted_but_what_is_stored_in_roster_cannot(self, api, stolen):
        email, token = stolen
        tokens = sign_in(api, email).json
        userid = api.get("/account", token=token).json["userid"]
        api.cognito.delete_user(AccessToken=token)
        assert sign_in(api, email).status == 401
        assert api.get(f"/users/{userid}", token=tokens["id_token"]).json["email"] == email

    def test_the_password_cannot_be_changed(self, api, stolen):
        email, token = stolen
        with pytest.raises(api.cognito.exceptions.NotAuthorizedException):
            api.cognito.change_password(AccessToken=token, PreviousPassword="Guessed-horse-45", ProposedPassword=NEW)
        assert sign_in(api, email, PASSWORD).status == 200

    def test_the_groups_and_app_metadata_cannot_be_changed(self, api, stolen):
        _, token = stolen
        changed = [{"Name": "custom:app_metadata", "Value": '{"plan":"pro"}'}]
        with pytest.raises(api.cognito.exceptions.NotAuthorizedException):
            api.cognito.update_user_attributes(AccessToken=token, UserAttributes=changed)

    def test_once_all_sessions_have_ended_nothing_works_any_more(self, api, stolen):
        _, token = stolen
        assert api.delete("/sessions", token=token).status == 204
        with pytest.raises(api.cognito.exceptions.NotAuthorizedException):
            api.cognito.get_user(AccessToken=token)
        assert api.get("/account", token=token).status == 401
