"""Administration: other people's accounts, groups and invitations, for administrators."""

import base64
import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import pyotp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.storage.cognito.directory import Directory
from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, STATES, challenge_of, in_state, sign_in, signed_up, with_code
from tests.api.test_accounts import problem

GROUP = "apiAdmins"
EDITORS = "editors"
LAST = (409, "last-admin")
IN_PROCESS = pytest.mark.parametrize("api", ["inprocess"], indirect=True)
"""For what does not depend on the target."""
NO_LONGER = (403, "forbidden")
UNKNOWN = (404, "not-found")


@pytest.fixture(scope="module", autouse=True)
def editors(api):
    """A group without privileges."""
    api.cognito.create_group(UserPoolId=api.user_pool_id, GroupName=EDITORS, Description="May edit.")
    yield
    api.cognito.delete_group(UserPoolId=api.user_pool_id, GroupName=EDITORS)


@pytest.fixture
def another(api):
    """Another administrator."""
    return api.make_admin(api.sign_up(name="Another Admin"))


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def invited(api, **attributes):
    """The userid of an account that was created outside Roster."""
    email = new_email()
    attributes = {"email": email, "email_verified": "true", **attributes}
    created = api.cognito.admin_create_user(
        UserPoolId=api.user_pool_id,
        Username=email,
        UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        MessageAction="SUPPRESS",
    )
    return created["User"]["Username"]


def account(person):
    return f"/accounts/{person.sub}"


def in_pool(api, operation, person, **parameters):
    """Do something outside Roster, as in the AWS console."""
    return getattr(api.cognito, operation)(UserPoolId=api.user_pool_id, Username=person.sub, **parameters)


def refreshed(api, tokens):
    return api.post("/sessions/refresh", json={"refresh_token": tokens["refresh_token"]}).status


def sub_of(api, email):
    found = api.cognito.admin_get_user(UserPoolId=api.user_pool_id, Username=email)
    return next(one["Value"] for one in found["UserAttributes"] if one["Name"] == "sub")


def pointers(answer):
    return [error["pointer"] for error in answer.json["errors"]]


@contextmanager
def only(api, *people):
    """Make these people the only administrators, outside Roster. Afterwards, those from before are so again."""
    group = {"UserPoolId": api.user_pool_id, "GroupName": GROUP}
    members = api.cognito.list_users_in_group(**group)["Users"]
    others = {user["Username"] for user in members} - {person.sub for person in people}
    for username in others:
        api.cognito.admin_remove_user_from_group(**group, Username=username)
    try:
        yield
    finally:
        for username in others:
            api.cognito.admin_add_user_to_group(**group, Username=username)


class TestWhoMayUseIt:
    @pytest.mark.parametrize(
        ("operation", "parameters"),
        [
            ("admin_remove_user_from_group", {"GroupName": GROUP}),
            ("admin_disable_user", {}),
            ("admin_reset_user_password", {}),
            ("admin_delete_user", {}),
        ],
    )
    def test_a_token_is_not_believed_when_its_owner_is_no_longer_an_administrator(
        self, api, another, operation, parameters
    ):
        assert api.get("/groups", token=another.token).status == 200
        in_pool(api, operation, another, **parameters)
        answer = api.get("/groups", token=another.token)
        assert problem(answer) == NO_LONGER
        assert answer.json["detail"] == "You are no longer an administrator."

    @IN_PROCESS
    def test_no_route_does_anything_for_somebody_who_is_no_longer_an_administrator(self, api, another, person):
        before = in_pool(api, "admin_get_user", person)["UserLastModifiedDate"]
        in_pool(api, "admin_remove_user_from_group", another, GroupName=GROUP)
        path, email = account(person), new_email()
        for method, route, body in (
            ("GET", "/accounts", ...),
            ("POST", "/accounts/invitations", {"email": email, "name": "Una"}),
            ("GET", path, ...),
            ("PATCH", path, {"name": "Mallory"}),
            ("PUT", f"{path}/groups/{GROUP}", ...),
            ("DELETE", f"{path}/groups/{GROUP}", ...),
            ("POST", f"{path}/password-reset", ...),
            ("DELETE", f"{path}/totp", ...),
            ("DELETE", f"{path}/sessions", ...),
            ("DELETE", path, ...),
        ):
            assert problem(api.request(method, route, token=another.token, json=body)) == NO_LONGER, (method, route)
        assert in_pool(api, "admin_get_user", person)["UserLastModifiedDate"] == before
        assert in_pool(api, "admin_list_groups_for_user", person)["Groups"] == []
        assert api.mailed(email) == []

    def test_it_is_closed_to_others(self, api, person):
        assert api.get(account(person)).status == 401
        assert api.get(account(person), token=person.token).status == 403
        assert api.delete(account(person), token=person.token).status == 403


class TestOneAccount:
    def test_it_shows_what_the_pool_knows(self, api, admin):
        person = api.sign_up(name="Una Doe", given_name="Una")
        in_pool(api, "admin_add_user_to_group", person, GroupName=EDITORS)
        answer = api.get(account(person), token=admin.token)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        shown = answer.json
        for name in ("created", "modified"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown.pop(name))
        assert shown == {
            "userid": person.sub,
            "email": person.email,
            "email_verified": True,
            "name": "Una Doe",
            "given_name": "Una",
            "family_name": None,
            "status": "confirmed",
            "enabled": True,
            "groups": [EDITORS],
            "totp": False,
            "app_metadata": {},
        }

    @pytest.mark.parametrize(
        ("state", "shown"),
        [
            ("unconfirmed", ("unconfirmed", True)),
            ("invited", ("invited", True)),
            ("disabled", ("confirmed", False)),
            ("reset required", ("reset-required", True)),
        ],
    )
    def test_it_shows_the_status(self, api, admin, state, shown):
        found = api.get(f"/accounts/{sub_of(api, in_state(api, state))}", token=admin.token).json
        assert (found["status"], found["enabled"]) == shown

    @IN_PROCESS
    @pytest.mark.parametrize("form", ["unknown", "address", "escaped address", "too long"])
    def test_only_its_userid_finds_it(self, api, admin, person, form):
        email = person.email
        names = {"unknown": str(uuid.uuid4()), "address": email, "escaped address": quote(email), "too long": "a" * 129}
        path = f"/accounts/{names[form]}"
        for method, route, body in (
            ("GET", path, ...),
            ("PATCH", path, {"name": "Una"}),
            ("PUT", f"{path}/groups/{EDITORS}", ...),
            ("DELETE", f"{path}/groups/{EDITORS}", ...),
            ("POST", f"{path}/password-reset", ...),
            ("DELETE", f"{path}/totp", ...),
            ("DELETE", f"{path}/sessions", ...),
            ("DELETE", path, ...),
        ):
            assert problem(api.request(method, route, token=admin.token, json=body)) == UNKNOWN, (method, route)
        assert sign_in(api, email).status == 200


class TestPatches:
    def patch(self, api, admin, person, **change):
        return api.patch(account(person), token=admin.token, json=change)

    def test_names_are_replaced_and_deleted(self, api, admin, person):
        answer = self.patch(api, admin, person, name=" Una ", given_name="U", family_name="D")
        assert answer.status == 200
        assert [answer.json[name] for name in ("name", "given_name", "family_name")] == ["Una", "U", "D"]
        answer = self.patch(api, admin, person, given_name=None)
        assert [answer.json[name] for name in ("name", "given_name", "family_name")] == ["Una", None, "D"]

    def test_a_new_address_is_verified_and_signs_in(self, api, admin, person):
        email = new_email()
        answer = self.patch(api, admin, person, email=f" {email.upper()}")
        assert (answer.json["email"], answer.json["email_verified"]) == (email, True)
        assert sign_in(api, email).status == 200
        assert sign_in(api, person.email).status == 401

    def test_an_address_of_another_account_is_rejected(self, api, admin, person, stranger):
        assert problem(self.patch(api, admin, person, email=stranger.email)) == (409, "email-taken")
        assert sign_in(api, person.email).status == 200

    def test_a_disabled_account_has_no_sessions_and_cannot_sign_in_until_it_is_enabled(self, api, admin, person):
        tokens = sign_in(api, person.email).json
        assert self.patch(api, admin, person, enabled=False).json["enabled"] is False
        assert refreshed(api, tokens) == 401
        assert sign_in(api, person.email).status == 401
        assert self.patch(api, admin, person, enabled=True).json["enabled"] is True
        assert refreshed(api, tokens) == 401
        assert sign_in(api, person.email).status == 200

    def test_an_empty_patch_returns_the_account(self, api, admin, person):
        before = api.get(account(person), token=admin.token).json
        assert self.patch(api, admin, person).json == before

    @IN_PROCESS
    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"enabled": None}, "/enabled"),
            ({"enabled": "false"}, "/enabled"),
            ({"email": None}, "/email"),
            ({"email": "nobody"}, "/email"),
            ({"name": None}, "/name"),
            ({"name": " "}, "/name"),
            ({"given_name": 1}, "/given_name"),
            ({"app_metadata": []}, "/app_metadata"),
            ({"app_metadata": {"a": "x" * 1993}}, "/app_metadata"),
            ({"app_metadata": {"a": "😀" * 997}}, "/app_metadata"),
            ({"groups": []}, "/groups"),
        ],
        ids=str,
    )
    def test_an_invalid_patch_changes_nothing(self, api, admin, person, change, pointer):
        before = api.get(account(person), token=admin.token).json
        answer = self.patch(api, admin, person, **{"family_name": "Changed", **change})
        assert problem(answer) == (400, "invalid-request")
        assert pointers(answer) == [pointer]
        assert api.get(account(person), token=admin.token).json == before


class TestMetadata:
    def patch(self, api, admin, person, change):
        answer = api.patch(account(person), token=admin.token, json={"app_metadata": change})
        assert answer.status == 200
        return answer.json["app_metadata"]

    def test_a_patch_is_merged_into_it(self, api, admin, person):
        assert self.patch(api, admin, person, {"plan": "pro", "limits": {"a": 1, "b": 2}}) == {
            "plan": "pro",
            "limits": {"a": 1, "b": 2},
        }
        merged = self.patch(api, admin, person, {"plan": None, "limits": {"b": None, "c": 10**25}})
        assert merged == {"limits": {"a": 1, "c": 10**25}}
        assert self.patch(api, admin, person, {}) == merged
        assert self.patch(api, admin, person, None) == {}
        assert self.patch(api, admin, person, {"a": "x" * 1992}) == {"a": "x" * 1992}

    def test_it_is_a_claim_of_new_id_tokens(self, api, admin, person):
        self.patch(api, admin, person, {"plan": "pro"})
        token = sign_in(api, person.email).json["id_token"]
        assert json.loads(claims(token)["custom:app_metadata"]) == {"plan": "pro"}

    @pytest.mark.parametrize("stored", ["[]", "nonsense", '{"a":1,"a":2}'])
    def test_what_something_else_has_stored_there_does_no_harm(self, api, admin, person, stored):
        attributes = [{"Name": "custom:app_metadata", "Value": stored}]
        in_pool(api, "admin_update_user_attributes", person, UserAttributes=attributes)
        assert api.get(account(person), token=admin.token).json["app_metadata"] == {}
        assert self.patch(api, admin, person, {"plan": "pro"}) == {"plan": "pro"}


class TestGroups:
    def test_all_groups_are_listed(self, api, admin):
        answer = api.get("/groups", token=admin.token)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert {"group": EDITORS, "description": "May edit."} in answer.json["groups"]
        assert GROUP in [group["group"] for group in answer.json["groups"]]

    def test_an_account_comes_into_a_group_and_out_again(self, api, admin, person):
        path = f"{account(person)}/groups/{EDITORS}"
        for _ in range(2):
            assert api.put(path, token=admin.token).status == 204
            assert api.get(account(person), token=admin.token).json["groups"] == [EDITORS]
        tokens = sign_in(api, person.email).json
        for _ in range(2):
            assert api.delete(path, token=admin.token).status == 204
            assert api.get(account(person), token=admin.token).json["groups"] == []
        assert refreshed(api, tokens) == 401

    def test_a_new_administrator_may_use_the_administration_with_a_new_token(self, api, admin, person):
        assert api.put(f"{account(person)}/groups/{GROUP}", token=admin.token).status == 204
        assert api.get("/groups", token=api.sign_in(person.email)).status == 200

    @pytest.mark.parametrize("group", ["unknown", "a" * 129, "%20", "é"])
    def test_an_unknown_group_is_not_found(self, api, admin, person, group):
        for method in ("PUT", "DELETE"):
            path = f"{account(person)}/groups/{quote(group, safe='%')}"
            assert problem(api.request(method, path, token=admin.token)) == UNKNOWN


class TestInvitations:
    def invite(self, api, admin, **body):
        return api.post("/accounts/invitations", token=admin.token, json={"name": "Una Doe", **body})

    def password(self, api, email):
        return re.search(r"temporary password (\S+) and", api.mailed(email)[-1]).group(1)

    def test_an_invited_person_comes_with_the_password_that_was_mailed(self, api, admin):
        email = new_email()
        answer = self.invite(api, admin, email=f"{email.upper()} ", groups=[EDITORS, EDITORS])
        assert (answer.status, answer.headers["cache-control"]) == (201, "no-store")
        invited = answer.json
        assert (invited["email"], invited["name"], invited["status"]) == (email, "Una Doe", "invited")
        assert (invited["email_verified"], invited["groups"]) == (True, [EDITORS])
        assert answer.headers["location"] == f"{api.base_url}/accounts/{invited['userid']}"
        shown = api.get(answer.headers["location"], token=admin.token).json
        assert shown == {**invited, "modified": shown["modified"]}
        challenge = sign_in(api, email, self.password(api, email)).json
        assert challenge["challenge"] == "NEW_PASSWORD"
        answer = api.post("/sessions/challenge", json={**challenge_of(challenge), "password": NEW})
        assert claims(answer.json["access_token"])["cognito:groups"] == [EDITORS]

    def test_an_invitation_is_mailed_again_to_a_person_who_has_not_come(self, api, admin):
        email = new_email()
        first = self.invite(api, admin, email=email)
        again = self.invite(api, admin, email=email, groups=[EDITORS])
        assert (first.status, again.status) == (201, 200)
        assert again.headers["location"] == first.headers["location"]
        assert (again.json["userid"], again.json["groups"]) == (first.json["userid"], [EDITORS])
        assert len(api.mailed(email)) == 2
        assert sign_in(api, email, self.password(api, email)).json["challenge"] == "NEW_PASSWORD"

    @pytest.mark.parametrize("state", [state for state in STATES if state not in ("unknown", "invited")])
    def test_somebody_who_has_an_account_is_not_invited(self, api, admin, state):
        email = in_state(api, state)
        mails = api.mailed(email)
        assert problem(self.invite(api, admin, email=email)) == (409, "account-exists")
        assert api.mailed(email) == mails

    def test_without_an_unknown_group_nobody_is_invited(self, api, admin):
        email = new_email()
        answer = self.invite(api, admin, email=email, groups=[EDITORS, "unknown"])
        assert (problem(answer), pointers(answer)) == ((400, "invalid-request"), ["/groups/1"])
        assert api.mailed(email) == []

    @IN_PROCESS
    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/email"),
            ({"email": "a@example.com", "name": ""}, "/name"),
            ({"email": "a@example.com", "groups": "editors"}, "/groups"),
            ({"email": "a@example.com", "groups": [EDITORS, 1]}, "/groups/1"),
            ({"email": "a@example.com", "groups": ["a b"]}, "/groups/0"),
            ({"email": "a@example.com", "groups": [EDITORS] * 11}, "/groups"),
            ({"email": "a@example.com", "password": PASSWORD}, "/password"),
        ],
        ids=str,
    )
    def test_an_invalid_invitation_is_rejected(self, api, admin, body, pointer):
        answer = self.invite(api, admin, **body)
        assert (problem(answer), pointers(answer)) == ((400, "invalid-request"), [pointer])


class TestPasswordReset:
    def test_the_old_password_is_useless_and_the_mailed_code_sets_a_new_one(self, api, admin, person):
        assert api.post(f"{account(person)}/password-reset", token=admin.token).status == 202
        assert sign_in(api, person.email).status == 401
        assert api.get(account(person), token=admin.token).json["status"] == "reset-required"
        body = {**with_code(api, person.email), "password": NEW}
        assert api.put("/accounts/password-reset", json=body).status == 204
        assert sign_in(api, person.email, NEW).status == 200

    def test_it_can_be_repeated(self, api, admin, person):
        for _ in range(2):
            assert api.post(f"{account(person)}/password-reset", token=admin.token).status == 202

    @pytest.mark.parametrize("state", ["invited", "unconfirmed", "disabled"])
    def test_an_account_that_is_not_in_use_is_not_reset(self, api, admin, state):
        email = in_state(api, state)
        mails = api.mailed(email)
        answer = api.post(f"/accounts/{sub_of(api, email)}/password-reset", token=admin.token)
        assert problem(answer) == (409, "wrong-status")
        assert api.mailed(email) == mails

    def test_an_account_without_a_verified_address_is_not_reset(self, api, admin, person):
        unverified = [{"Name": "email_verified", "Value": "false"}]
        in_pool(api, "admin_update_user_attributes", person, UserAttributes=unverified)
        assert problem(api.post(f"{account(person)}/password-reset", token=admin.token)) == (409, "wrong-status")


class TestAuthenticatorsAndSessions:
    def test_an_account_without_its_phone_signs_in_with_the_password_again(self, api, admin, person):
        token = api.access_token(person.email)
        secret = api.cognito.associate_software_token(AccessToken=token)["SecretCode"]
        api.cognito.verify_software_token(AccessToken=token, UserCode=pyotp.TOTP(secret).now())
        on = {"Enabled": True, "PreferredMfa": True}
        api.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=on)
        assert sign_in(api, person.email).json["challenge"] == "TOTP"
        assert api.get(account(person), token=admin.token).json["totp"] is True
        for _ in range(2):
            assert api.delete(f"{account(person)}/totp", token=admin.token).status == 204
        assert api.get(account(person), token=admin.token).json["totp"] is False
        assert sign_in(api, person.email).status == 200

    def test_all_sessions_end(self, api, admin, person):
        tokens = [sign_in(api, person.email).json for _ in range(2)]
        assert api.delete(f"{account(person)}/sessions", token=admin.token).status == 204
        assert [refreshed(api, one) for one in tokens] == [401, 401]
        assert sign_in(api, person.email).status == 200


class TestDeletion:
    def test_the_account_and_what_is_stored_about_its_owner_are_gone(self, api, admin, person):
        api.put(f"/users/{person.sub}", token=person.token, json={"n": 1})
        api.post("/user/profile", token=person.token, json={"n": 1})
        assert api.delete(account(person), token=admin.token).status == 204
        assert (api.users.get(person.sub), api.profiles.get(person.sub)) == (None, None)
        assert sign_in(api, person.email).status == 401
        assert problem(api.get(account(person), token=admin.token)) == UNKNOWN

    def test_sending_it_again_succeeds(self, api, admin, person):
        for _ in range(3):
            assert api.delete(account(person), token=admin.token).status == 204

    @IN_PROCESS
    def test_what_does_not_fit_into_one_request_is_continued_with_the_same_request(
        self, api, admin, person, monkeypatch
    ):
        api.put(f"/users/{person.sub}", token=person.token, json={"n": 1})
        monkeypatch.setattr("chalicelib.accounts.erasure.SECONDS", 0.0)
        answer = api.delete(account(person), token=admin.token)
        assert (answer.status, answer.headers["retry-after"]) == (202, "1")
        assert api.users.get(person.sub) is not None
        monkeypatch.undo()
        assert api.delete(account(person), token=admin.token).status == 204
        assert api.users.get(person.sub) is None

    def test_the_address_can_be_used_again(self, api, admin, person):
        api.delete(account(person), token=admin.token)
        signed_up(api, person.email)
        assert len(api.mailed(person.email)) == 2


class TestOnesOwnAccount:
    """A stolen token alone must not change the address, remove TOTP or delete the account."""

    @pytest.mark.parametrize(
        ("method", "path", "body", "route"),
        [
            ("PATCH", "", {"email": "thief@example.com"}, "PUT /account/email"),
            ("DELETE", "/totp", ..., "POST /account/totp/removal"),
            ("DELETE", "", ..., "POST /account/deletion"),
        ],
        ids=str,
    )
    def test_what_takes_the_password_elsewhere_is_rejected(self, api, admin, another, method, path, body, route):  # noqa: PLR0917
        answer = api.request(method, account(another) + path, token=another.token, json=body)
        assert problem(answer)[:2] == (403, "forbidden")
        assert route in answer.json["detail"]
        assert sign_in(api, another.email).status == 200

    def test_other_changes_are_allowed(self, api, another):
        assert api.patch(account(another), token=another.token, json={"name": "Ada"}).json["name"] == "Ada"


@IN_PROCESS
class TestBecomingAnAdministrator:
    """Whoever becomes one while the account is disabled or erased must not count as one who remains."""

    def known(self, api):
        item = {"TableName": api.tables["accounts"], "Key": {"id": {"S": "administrators"}}}
        return set(api.connection.client.get_item(**item)["Item"]["members"]["M"])

    def test_an_account_that_is_disabled_meanwhile_is_not_known(self, api, admin, person, monkeypatch):
        add = Directory.add_to_group

        def added(directory, userid, group):
            add(directory, userid, group)
            in_pool(api, "admin_disable_user", person)

        monkeypatch.setattr(Directory, "add_to_group", added)
        assert api.put(f"{account(person)}/groups/{GROUP}", token=admin.token).status == 204
        assert person.sub not in self.known(api)

    def test_an_account_whose_erasure_has_begun_meanwhile_is_not_known(self, api, admin, person):
        marker = {"id": {"S": f"erasure#{person.sub}"}, "userid": {"S": person.sub}, "erased": {"N": "1"}}
        api.connection.client.put_item(TableName=api.tables["accounts"], Item=marker)
        assert api.put(f"{account(person)}/groups/{GROUP}", token=admin.token).status == 204
        assert person.sub not in self.known(api)

    @pytest.mark.parametrize(
        ("operation", "path", "body", "status"),
        [("disable", "", {"enabled": False}, 200), ("reset_password", "/password-reset", ..., 202)],
    )
    def test_an_account_that_becomes_one_while_it_stops_being_usable_is_not_known(  # noqa: PLR0917
        self, api, admin, person, monkeypatch, operation, path, body, status
    ):
        act = getattr(Directory, operation)

        def acted(directory, userid):
            api.put(f"{account(person)}/groups/{GROUP}", token=admin.token)
            act(directory, userid)

        monkeypatch.setattr(Directory, operation, acted)
        method = "POST" if path else "PATCH"
        assert api.request(method, account(person) + path, token=admin.token, json=body).status == status
        assert person.sub not in self.known(api)


class TestTheLastAdministrator:
    ENDINGS = (
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", ...),
        ("DELETE", f"/groups/{GROUP}", ...),
        ("POST", "/password-reset", ...),
    )

    def end(self, api, caller, target, ending):
        method, path, body = ending
        return api.request(method, account(target) + path, token=caller.token, json=body)

    @pytest.mark.parametrize("ending", ENDINGS, ids=str)
    def test_it_remains(self, api, another, ending):
        with only(api, another):
            assert problem(self.end(api, another, another, ending)) == LAST
            assert api.get("/groups", token=another.token).status == 200
            assert sign_in(api, another.email).status == 200

    @pytest.mark.parametrize("ending", ENDINGS, ids=str)
    def test_one_of_two_may_leave(self, api, admin, another, ending):
        with only(api, admin, another):
            assert self.end(api, admin, another, ending).status in (200, 202, 204)
            assert problem(self.end(api, admin, admin, ending)) == LAST

    @pytest.mark.parametrize("state", ["disabled", "invited", "unconfirmed", "reset required"])
    def test_members_who_cannot_sign_in_do_not_count(self, api, another, state):
        idle = in_state(api, state)
        with only(api, another):
            api.cognito.admin_add_user_to_group(UserPoolId=api.user_pool_id, Username=idle, GroupName=GROUP)
            assert problem(api.delete(account(another), token=another.token)) == LAST
            assert api.delete(f"/accounts/{sub_of(api, idle)}", token=another.token).status == 204

    def test_other_changes_of_it_are_allowed(self, api, another):
        api.cognito.admin_add_user_to_group(UserPoolId=api.user_pool_id, Username=another.sub, GroupName=EDITORS)
        with only(api, another):
            change = {"enabled": True, "name": "Una", "app_metadata": {"a": 1}}
            assert api.patch(account(another), token=another.token, json=change).status == 200
            assert api.delete(f"{account(another)}/groups/{EDITORS}", token=another.token).status == 204
            assert api.delete(f"{account(another)}/sessions", token=another.token).status == 204

    def test_administrators_who_remove_each_other_at_once_do_not_both_succeed(self, api):
        people = [api.make_admin(api.sign_up()) for _ in range(4)]
        pairs = list(zip(people, [*people[1:], people[0]], strict=True))
        with only(api, *people):
            paths = [(caller, f"{account(target)}/groups/{GROUP}") for caller, target in pairs]
            answers = api.at_once([lambda c=caller, p=path: api.delete(p, token=c.token) for caller, path in paths])
            left = api.cognito.list_users_in_group(UserPoolId=api.user_pool_id, GroupName=GROUP)["Users"]
        outcomes = [answer.status for answer in answers]
        assert set(outcomes) <= {204, 403, 409}
        assert 1 <= outcomes.count(204) < len(people)
        assert len(left) == len(people) - outcomes.count(204)


NAMES = [
    'O"Hara',
    'O\\"Hara',
    "O\\Hara",
    "O'Hara",
    "\\",
    '"',
    '"" = ""',
    'Émile "É" Zola',
    "ÉMILE",
    "名前",
    "😀 😀",
    "%_*?",
    "name ^= x",
    "a&b=c#d+e f",
]
PREFIXES = st.sampled_from(NAMES).flatmap(
    lambda name: st.integers(1, len(name)).map(lambda size: name[:size])
) | st.text(st.sampled_from(sorted({*"".join(NAMES)})), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def names(api):
    """The names of accounts, by userid."""
    return {invited(api, name=name): name for name in NAMES}


class TestSearching:
    def found(self, api, admin, **query):
        """Return the accounts of all pages."""
        path, accounts = f"/accounts?{urlencode(query)}", []
        while path:
            answer = api.get(path, token=admin.token)
            assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
            assert len(answer.json) <= int(query.get("limit", 50))
            accounts += answer.json
            path = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
        return accounts

    def test_a_prefix_of_an_address_finds_its_account(self, api, admin, person):
        prefix = person.email.partition("@")[0]
        assert [one["userid"] for one in self.found(api, admin, email=f" {prefix.upper()}")] == [person.sub]
        assert self.found(api, admin, email=prefix[1:]) == []

    def test_a_summary_is_a_part_of_the_account(self, api, admin, person):
        (summary,) = self.found(api, admin, email=person.email)
        whole = api.get(account(person), token=admin.token).json
        assert summary == {name: whole[name] for name in summary}
        assert summary.keys() == {"userid", "email", "name", "status", "enabled", "created", "modified"}

    @pytest.mark.parametrize("state", ["unconfirmed", "invited", "reset required"])
    def test_a_status_finds_all_accounts_that_have_it(self, api, admin, state):
        email, status = in_state(api, state), state.replace(" ", "-")
        found = self.found(api, admin, status=status, limit=60)
        assert {one["status"] for one in found} == {status}
        assert email in [one["email"] for one in found]

    def test_a_group_finds_its_members(self, api, admin):
        members = {api.sign_up().sub for _ in range(3)}
        for sub in members:
            api.put(f"/accounts/{sub}/groups/{EDITORS}", token=admin.token)
        found = self.found(api, admin, group=EDITORS, limit=1)
        assert members <= {one["userid"] for one in found}
        assert len(found) == len({one["userid"] for one in found})

    @IN_PROCESS
    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ({"email": "a", "name": "b"}, "/name"),
            ({"status": "confirmed", "group": GROUP}, "/group"),
            ({"status": "CONFIRMED"}, "/status"),
            ({"status": ""}, "/status"),
            ({"group": "unknown"}, "/group"),
            ({"group": "a b"}, "/group"),
            ({"name": ""}, "/name"),
            ({"name": "a\nb"}, "/name"),
            ({"name": "a" * 300}, "/name"),
            ({"name": '"' * 125}, "/name"),
            ({"limit": "61"}, "/limit"),
            ({"limit": "0"}, "/limit"),
            ({"cursor": "unknown"}, "/cursor"),
            ([("name", "a"), ("name", "b")], "/name"),
        ],
        ids=str,
    )
    def test_an_invalid_search_is_rejected(self, api, admin, query, pointer):
        answer = api.get(f"/accounts?{urlencode(query)}", token=admin.token)
        assert (problem(answer), pointers(answer)) == ((400, "invalid-request"), [pointer])

    def test_unknown_parameters_are_ignored(self, api, admin):
        assert api.get("/accounts?limit=1&unknown=1", token=admin.token).status == 200

    def test_a_cursor_is_good_for_its_own_search_only(self, api, admin, stranger):
        def cursor(path):
            link = api.get(path, token=admin.token).headers["link"]
            return re.search(r"cursor=([^&>]+)", link).group(1)

        ours = {path: cursor(path) for path in ("/accounts?limit=1", "/accounts?limit=1&status=confirmed")}
        for path, other in zip(ours, [*ours.values()][::-1], strict=True):
            assert pointers(api.get(f"{path}&cursor={other}", token=admin.token)) == ["/cursor"]
            damaged = ours[path][:-3] + ("A" if ours[path][-3] != "A" else "B") + ours[path][-2:]
            assert pointers(api.get(f"{path}&cursor={damaged}", token=admin.token)) == ["/cursor"]
            assert api.get(f"{path}&cursor={ours[path]}", token=admin.token).status == 200

    @IN_PROCESS
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(prefix=PREFIXES)
    def test_a_prefix_of_a_name_finds_exactly_the_accounts_whose_name_starts_with_it(self, api, admin, names, prefix):
        """Cognito ignores case."""
        found = {one["userid"] for one in self.found(api, admin, name=prefix, limit=60)}
        expected = {userid for userid, name in names.items() if name.lower().startswith(prefix.lower())}
        assert found & names.keys() == expected

    @IN_PROCESS
    def test_each_of_500_accounts_is_met_once(self, api, admin):
        tag = uuid.uuid4().hex[:8]

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: invited(api, name=f"{tag} {number}"), range(500)))
        expected = sorted(f"{tag} {number}" for number in range(500))
        for query in ({"name": tag}, {"status": "invited", "limit": 60}, {"limit": 37}):
            names = [one["name"] for one in self.found(api, admin, **query) if (one["name"] or "").startswith(tag)]
            assert sorted(names) == expected, query
