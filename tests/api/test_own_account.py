"""One's own account: reading and changing it, the export, and leaving."""

import time
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pyotp
import pytest

from chalicelib.accounts.erasure import Erasure
from chalicelib.accounts.errors import WrongPassword
from chalicelib.accounts.even_time import EvenTime
from chalicelib.accounts.own import handlers
from chalicelib.storage.cognito.own_account import OwnAccount
from chalicelib.storage.cognito.service import Declined
from testbed.routes import ROUTES, Who
from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, hosted_access_token, sign_in
from tests.api.test_accounts import WEAK, problem
from tests.api.test_administration import GROUP, only
from tests.api.test_sessions import from_own_page, refresh, wrong_code

OWN = [route for route in ROUTES if route.who is Who.OWN_ACCOUNT]
WITH_BODY = [route for route in OWN if route.has_body]
WRONG = "Wrong-horse-4242"
CLEARED = "__Secure-roster-refresh=; "
FIRST_LOCKOUTS = (0, 0, 0, 0, 1, 2)
"""Seconds for which each of the first failures locks a user out. The next one does so for 4 s."""


def lock_out(fail):
    """Fail with a wrong password until even the right one is rejected, for 4 s: a busy machine needs more than 1 s."""
    for seconds in FIRST_LOCKOUTS:
        assert problem(fail()) == (403, "wrong-password")
        time.sleep(seconds)
    assert problem(fail()) == (403, "wrong-password")


class Owner:
    """A person with an account, who calls the API with an access token."""

    def __init__(self, api, person=None):
        self.api = api
        self.person = person or api.sign_up()
        self.email, self.sub = self.person.email, self.person.sub
        self.token = api.access_token(self.email)

    def call(self, method, path, body=..., **more):
        return self.api.request(method, path, token=self.token, json=body, **more)

    def get(self):
        return self.call("GET", "/account").json

    def delete(self, password=PASSWORD):
        return self.call("POST", "/account/deletion", {"password": password})

    def is_accepted(self):
        """Whether Cognito still accepts the access token."""
        return self.call("GET", "/account").status == 200

    def admin(self, operation, **parameters):
        """Call an operation of an administrator on the account."""
        user = {"UserPoolId": self.api.user_pool_id, "Username": self.sub}
        return getattr(self.api.cognito, operation)(**user, **parameters)


@pytest.fixture
def owner(api):
    return Owner(api)


@pytest.fixture(scope="module")
def reader(api):
    """An owner whose account no test changes."""
    return Owner(api)


def send(owner, route, **more):
    """Send a body that the route accepts."""
    body = dict(route.accepted) if route.has_body else ...
    return owner.call(route.method, route.path, body, **more)


def pointers(answer):
    assert problem(answer) == (400, "invalid-request")
    return [fault["pointer"] for fault in answer.json["errors"]]


class TestTokens:
    def test_only_an_access_token_is_accepted(self, api, reader):
        for route in OWN:
            body = dict(route.accepted) if route.has_body else ...
            assert api.request(route.method, route.path, json=body).status == 401, route
            answer = api.request(route.method, route.path, token=reader.person.token, json=body)
            assert problem(answer) == (403, "forbidden"), route

    def test_an_access_token_without_the_scope_is_rejected(self, api, reader):
        token = hosted_access_token(api, reader.email)
        for route in OWN:
            body = dict(route.accepted) if route.has_body else ...
            answer = api.request(route.method, route.path, token=token, json=body)
            assert problem(answer) == (403, "insufficient-scope"), route
            assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("ended", ["revoked", "disabled", "deleted", "reset"])
    def test_a_token_that_cognito_no_longer_accepts_is_rejected(self, api, owner, ended):
        """Such as after a sign-out: the authorizer accepts the token until it expires."""
        operations = {
            "revoked": "admin_user_global_sign_out",
            "disabled": "admin_disable_user",
            "deleted": "admin_delete_user",
            "reset": "admin_reset_user_password",
        }
        owner.admin(operations[ended])
        for route in OWN:
            assert problem(send(owner, route)) == (401, "unauthorized"), route


class TestReading:
    def test_it_has_what_its_owner_may_know(self, api, reader):
        answer = reader.call("GET", "/account")
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.json == {
            "userid": reader.sub,
            "email": reader.email,
            "email_verified": True,
            "name": "Jane Doe",
            "given_name": None,
            "family_name": None,
            "groups": [],
            "totp": False,
            "app_metadata": {},
        }

    def test_the_groups_are_those_in_the_token(self, api, admin):
        assert Owner(api, admin).get()["groups"] == ["apiAdmins"]


class TestNames:
    def test_a_merge_patch_sets_and_deletes_names(self, owner):
        answer = owner.call("PATCH", "/account", {"name": " Janet ", "given_name": "Janet", "family_name": "Roe"})
        assert answer.status == 200
        assert (answer.json["name"], answer.json["family_name"]) == ("Janet", "Roe")
        answer = owner.call("PATCH", "/account", {"family_name": None})
        names = {name: answer.json[name] for name in ("name", "given_name", "family_name")}
        assert names == {"name": "Janet", "given_name": "Janet", "family_name": None}
        assert owner.get() == answer.json

    def test_an_empty_patch_changes_nothing(self, reader):
        assert reader.call("PATCH", "/account", {}).json == reader.get()

    def test_both_media_types_of_a_patch_are_accepted(self, reader):
        answer = reader.call("PATCH", "/account", {}, headers={"Content-Type": "application/merge-patch+json"})
        assert answer.status == 200


def change_password(owner, password=PASSWORD, new=NEW, **more):
    return owner.call("PUT", "/account/password", {"password": password, "new_password": new}, **more)


class TestPassword:
    def test_changing_it_ends_all_sessions_and_clears_the_cookie(self, api, owner):
        other = sign_in(api, owner.email).json
        answer = change_password(owner)
        assert answer.status == 204
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["set-cookie"].startswith(CLEARED)
        assert not owner.is_accepted()
        assert refresh(api, other["refresh_token"]).status == 401
        assert sign_in(api, owner.email).status == 401
        assert sign_in(api, owner.email, NEW).status == 200

    def test_a_wrong_password_changes_nothing(self, api, owner):
        answer = change_password(owner, WRONG)
        assert problem(answer) == (403, "wrong-password")
        assert "set-cookie" not in answer.headers
        assert owner.is_accepted()
        assert sign_in(api, owner.email).status == 200

    def test_too_many_attempts_look_like_a_wrong_password(self, owner):
        lock_out(lambda: change_password(owner, WRONG))
        assert problem(change_password(owner)) == (403, "wrong-password")

    def test_pages_of_other_origins_do_not_clear_the_cookie(self, owner):
        answer = change_password(owner, headers={"Origin": "https://elsewhere.example"})
        assert answer.status == 204
        assert "set-cookie" not in answer.headers


def change_email(owner, email, password=PASSWORD):
    return owner.call("PUT", "/account/email", {"email": email, "password": password})


def confirm_email(owner, code):
    return owner.call("POST", "/account/email/confirmation", {"code": code})


class TestEmail:
    def test_the_new_address_counts_when_it_is_confirmed(self, api, owner):
        new = new_email()
        answer = change_email(owner, f" {new.upper()} ")
        assert (answer.status, answer.headers["cache-control"]) == (202, "no-store")
        assert owner.get()["email"] == owner.email
        assert sign_in(api, owner.email).status == 200
        assert confirm_email(owner, api.mailed_code(new)).status == 204
        account = owner.get()
        assert (account["email"], account["email_verified"]) == (new, True)
        assert sign_in(api, new).status == 200
        assert sign_in(api, owner.email).status == 401

    def test_a_wrong_password_mails_nothing(self, api, owner):
        new = new_email()
        assert problem(change_email(owner, new, WRONG)) == (403, "wrong-password")
        assert api.mailed(new) == []

    def test_guessing_passwords_locks_the_account_and_looks_the_same(self, api, owner):
        lock_out(lambda: change_email(owner, new_email(), WRONG))
        assert problem(change_email(owner, new_email())) == (403, "wrong-password")
        assert owner.is_accepted()

    def test_the_address_of_somebody_else_gets_the_same_response_and_cannot_be_confirmed(self, api, owner, reader):
        taken, free = change_email(owner, reader.email), change_email(owner, new_email())
        assert (taken.status, taken.json) == (free.status, free.json)

    def test_an_address_that_somebody_has_taken_meanwhile_is_reported_to_who_has_the_code(self, api, owner):
        new = new_email()
        change_email(owner, new)
        code = api.mailed_code(new)
        user = {"UserPoolId": api.user_pool_id, "Username": new}
        api.cognito.admin_create_user(**user, UserAttributes=[{"Name": "email", "Value": new}])
        assert problem(confirm_email(owner, code)) == (409, "email-taken")
        assert owner.get()["email"] == owner.email

    def test_a_code_works_once_and_another_one_never(self, api, owner):
        new = new_email()
        change_email(owner, new)
        code = api.mailed_code(new)
        other = f"{(int(code) + 1) % 10**6:06}"
        assert problem(confirm_email(owner, other)) == (400, "invalid-code")
        assert confirm_email(owner, code).status == 204
        assert problem(confirm_email(owner, code)) == (400, "invalid-code")


class TestTotp:
    def test_it_is_set_up_with_a_code_and_removed_with_the_password(self, api, owner):
        begun = owner.call("POST", "/account/totp")
        assert (begun.status, begun.headers["cache-control"]) == (200, "no-store")
        authenticator = pyotp.TOTP(begun.json["secret"])
        listed = pyotp.parse_uri(begun.json["uri"])
        assert (listed.secret, listed.name, listed.issuer) == (authenticator.secret, owner.email, "Roster")
        assert ElementTree.fromstring(begun.json["qr"]).tag == "{http://www.w3.org/2000/svg}svg"
        assert not owner.get()["totp"]
        answer = owner.call("PUT", "/account/totp", {"code": wrong_code(authenticator)})
        assert problem(answer) == (400, "invalid-code")
        assert owner.call("PUT", "/account/totp", {"code": authenticator.now()}).status == 204
        assert owner.get()["totp"]
        assert sign_in(api, owner.email).json["challenge"] == "TOTP"
        answer = owner.call("POST", "/account/totp/removal", {"password": WRONG})
        assert problem(answer) == (403, "wrong-password")
        assert owner.get()["totp"]
        assert owner.call("POST", "/account/totp/removal", {"password": PASSWORD}).status == 204
        assert not owner.get()["totp"]
        assert sign_in(api, owner.email).status == 200

    def test_an_authenticator_cannot_be_replaced_without_the_password(self, api, owner):
        authenticator = pyotp.TOTP(owner.call("POST", "/account/totp").json["secret"])
        assert owner.call("PUT", "/account/totp", {"code": authenticator.now()}).status == 204
        for method, body in (("POST", ...), ("PUT", {"code": "123456"})):
            assert problem(owner.call(method, "/account/totp", body)) == (409, "totp-on")

    def test_a_code_of_no_authenticator_is_rejected(self, owner):
        for code in ("123456", "abcdef", "1234567"):
            assert problem(owner.call("PUT", "/account/totp", {"code": code})) == (400, "invalid-code")

    def test_a_second_factor_does_not_keep_its_owner_from_using_the_password(self, api, owner):
        authenticator = pyotp.TOTP(owner.call("POST", "/account/totp").json["secret"])
        owner.call("PUT", "/account/totp", {"code": authenticator.now()})
        assert change_email(owner, new_email()).status == 202
        assert problem(change_email(owner, new_email(), WRONG)) == (403, "wrong-password")
        assert owner.delete().status == 204


@pytest.fixture(scope="module", params=["OFF", "ON"])
def with_mfa(request, api):
    """The API as a pool with another setting for TOTP has it."""
    with api.with_settings(MFA=request.param) as other:
        yield request.param, other


def test_the_pool_decides_whether_totp_can_be_set_up_or_removed(with_mfa, reader):
    mfa, api = with_mfa
    begun = api.post("/account/totp", token=reader.token)
    verified = api.put("/account/totp", token=reader.token, json={"code": "123456"})
    removed = api.post("/account/totp/removal", token=reader.token, json={"password": WRONG})
    if mfa == "OFF":
        assert [problem(answer) for answer in (begun, verified)] == [(409, "totp-off")] * 2
        assert problem(removed) == (403, "wrong-password")
    else:
        assert begun.status == 200
        assert problem(removed) == (409, "totp-required")


class TestSigningOut:
    def test_it_ends_all_sessions_and_clears_the_cookie(self, api, owner):
        others = [sign_in(api, owner.email).json for _ in range(2)]
        answer = owner.call("DELETE", "/sessions")
        assert answer.status == 204
        assert answer.headers["set-cookie"].startswith(CLEARED)
        assert f"Path={urlsplit(api.base_url).path}/sessions;" in answer.headers["set-cookie"]
        assert not owner.is_accepted()
        assert [refresh(api, other["refresh_token"]).status for other in others] == [401, 401]
        assert sign_in(api, owner.email).status == 200

    def test_a_page_of_the_apis_own_origin_clears_its_cookie(self, api, owner):
        answer = owner.call("DELETE", "/sessions", headers=from_own_page(api))
        assert answer.headers["set-cookie"].startswith(CLEARED)


class TestExport:
    def test_it_has_the_account_the_record_and_the_profile_as_an_attachment(self, api, owner):
        token = owner.person.token
        record = api.put(f"/users/{owner.sub}", token=token, json={"name": "Jane", "n": 1}).json
        profile = api.post("/user/profile", token=token, json={"likes": ["chess"]}).json
        answer = owner.call("GET", "/account/export")
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-disposition"] == f'attachment; filename="roster-{owner.sub}.json"'
        expected = {"account": owner.get(), "groups": [], "record": record, "profile": profile}
        assert {name: answer.json[name] for name in expected} == expected

    def test_what_is_not_stored_is_null(self, reader):
        exported = reader.call("GET", "/account/export").json
        assert (exported["record"], exported["profile"]) == (None, None)


class TestDeletion:
    def test_it_erases_the_account_and_everything_that_is_stored(self, api, owner, admin):
        token = owner.person.token
        api.put(f"/users/{owner.sub}", token=token, json={"n": 1})
        api.post("/user/profile", token=token, json={"n": 1})
        answer = owner.delete()
        assert answer.status == 204
        assert answer.headers["set-cookie"].startswith(CLEARED)
        assert sign_in(api, owner.email).status == 401
        assert api.users.get(owner.sub) is None
        assert api.profiles.get(owner.sub) is None
        assert problem(owner.call("GET", "/account")) == (401, "unauthorized")

    def test_the_address_can_be_used_again(self, api, owner):
        assert owner.delete().status == 204
        body = {"email": owner.email, "password": NEW, "name": "Jane"}
        assert api.post("/accounts", json=body).status == 202
        assert api.mailed_code(owner.email)

    def test_a_wrong_password_erases_nothing(self, api, owner):
        api.put(f"/users/{owner.sub}", token=owner.person.token, json={"n": 1})
        answer = owner.delete(WRONG)
        assert problem(answer) == (403, "wrong-password")
        assert "set-cookie" not in answer.headers
        assert api.users.get(owner.sub) is not None
        assert owner.is_accepted()

    def test_two_requests_at_once_both_end_well(self, api, owner):
        answers = api.at_once([owner.delete] * 2)
        assert {answer.status for answer in answers} <= {204, 401}
        assert 204 in {answer.status for answer in answers}
        assert sign_in(api, owner.email).status == 401


@pytest.mark.parametrize("api", ["inprocess"], indirect=True)
class TestInterruptions:
    def test_an_erasure_that_takes_longer_is_continued_by_sending_it_again(self, api, owner, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(Erasure, "erase", lambda *_, **__: False)
            answer = owner.delete()
        assert (answer.status, answer.headers["retry-after"], answer.headers["cache-control"]) == (202, "1", "no-store")
        assert "set-cookie" not in answer.headers
        assert owner.delete().status == 204

    def test_an_account_that_another_request_has_deleted_meanwhile_is_deleted(self, api, owner, monkeypatch):
        def require_password(*_):
            owner.admin("admin_delete_user")
            raise WrongPassword

        monkeypatch.setattr(handlers, "require_password", require_password)
        answer = owner.delete()
        assert answer.status == 204
        assert answer.headers["set-cookie"].startswith(CLEARED)

    @pytest.mark.parametrize("enabled", [True, False])
    def test_if_cognito_does_not_know_the_authenticator_any_more_the_response_says_what_to_do(
        self, owner, monkeypatch, enabled
    ):
        def set_totp(*_, **__):
            raise Declined("InvalidParameter")

        monkeypatch.setattr(OwnAccount, "set_totp", set_totp)
        if enabled:
            secret = owner.call("POST", "/account/totp").json["secret"]
            answer = owner.call("PUT", "/account/totp", {"code": pyotp.TOTP(secret).now()})
        else:
            answer = owner.call("POST", "/account/totp/removal", {"password": PASSWORD})
        assert problem(answer) == (409, "wrong-status")

    def test_a_new_address_is_answered_at_an_even_time_once_the_password_is_right(self, owner, monkeypatch):
        """Mailing a code takes longer than finding that somebody has the address."""
        waits = []
        monkeypatch.setattr(EvenTime, "_wait", lambda self, started: waits.append(self))
        body = {"email": new_email(), "password": WRONG}
        assert owner.call("PUT", "/account/email", body).status == 403
        assert waits == []
        assert owner.call("PUT", "/account/email", {**body, "password": PASSWORD}).status == 202
        assert len(waits) == 1

    def test_the_only_administrator_stays_although_the_token_is_older_than_the_group(self, api, owner):
        """Nobody is known to be an administrator, and the token does not say so either: the password check does."""
        api.connection.client.delete_item(TableName=api.tables["accounts"], Key={"id": {"S": "administrators"}})
        with only(api, owner):
            owner.admin("admin_add_user_to_group", GroupName=GROUP)
            assert problem(owner.delete()) == (409, "last-admin")
            assert owner.is_accepted()
        owner.admin("admin_remove_user_from_group", GroupName=GROUP)

    def test_an_account_that_was_disabled_meanwhile_is_not_deleted(self, api, owner, monkeypatch):
        def require_password(*_):
            owner.admin("admin_disable_user")
            raise WrongPassword

        monkeypatch.setattr(handlers, "require_password", require_password)
        assert problem(owner.delete()) == (401, "unauthorized")


@pytest.mark.parametrize("api", ["inprocess"], indirect=True)
class TestMembers:
    """What is sent in bodies, and what Cognito has stored."""

    @pytest.mark.parametrize("route", WITH_BODY, ids=str)
    def test_an_unknown_or_ill_typed_member_is_rejected_with_its_pointer(self, reader, route):
        for member in route.accepted:
            answer = reader.call(route.method, route.path, {**route.accepted, member: 1, "un/known": 1})
            assert sorted(pointers(answer)) == sorted([f"/{member}", "/un~1known"])
        if route.method != "PATCH":
            answer = reader.call(route.method, route.path, {})
            assert sorted(pointers(answer)) == sorted(f"/{member}" for member in route.accepted)

    @pytest.mark.parametrize(
        "patch",
        [{"name": None}, {"name": " "}, {"given_name": ""}, {"family_name": "a\nb"}, {"given_name": "x" * 257}],
        ids=str,
    )
    def test_an_invalid_name_is_rejected(self, reader, patch):
        before = reader.get()
        assert pointers(reader.call("PATCH", "/account", patch)) == [f"/{name}" for name in patch]
        assert reader.get() == before

    @pytest.mark.parametrize("member", ["email", "email_verified", "app_metadata", "sub", "groups"])
    def test_nothing_else_can_be_patched(self, reader, member):
        assert pointers(reader.call("PATCH", "/account", {member: "true"})) == [f"/{member}"]

    @pytest.mark.parametrize("weak", WEAK)
    def test_a_weak_password_is_rejected(self, reader, weak):
        assert problem(change_password(reader, new=weak)) == (422, "password-rejected")
        assert problem(change_password(reader, WRONG, new=weak)) == (422, "password-rejected")

    @pytest.mark.parametrize("code", ["000000", "1", "x" * 256, "a b", "٣٤٥٦٧٨"])
    def test_a_wrong_code_is_rejected(self, owner, code):
        change_email(owner, new_email())
        assert problem(confirm_email(owner, code)) == (400, "invalid-code")

    def test_an_invalid_address_is_rejected(self, reader):
        assert pointers(change_email(reader, "jane")) == ["/email"]

    @pytest.mark.parametrize(
        ("stored", "shown"),
        [
            ('{"plan": "pro", "seats": 3.50}', {"plan": "pro", "seats": 3.5}),
            ("[1]", {}),
            ("plan=pro", {}),
            ('{"a": NaN}', {}),
        ],
    )
    def test_it_shows_what_administrators_have_written(self, owner, stored, shown):
        attribute = {"Name": "custom:app_metadata", "Value": stored}
        owner.admin("admin_update_user_attributes", UserAttributes=[attribute])
        assert owner.get()["app_metadata"] == shown
