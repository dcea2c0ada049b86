"""Signing up, confirming an address and resetting a password: the routes that anybody may call."""

import json

import pytest

from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, STATES, confirm, confirmed, in_state, same, sign_in, signed_up

WEAK = ["Short-1", "no-uppercase-42", "NO-LOWERCASE-42", "No-numbers-here", " Spaces-42-x "]


def problem(answer):
    """The status and the slug of a problem."""
    return answer.status, answer.json["type"].rpartition(":")[2]


@pytest.fixture(scope="module")
def email(api):
    """The address of a confirmed account."""
    return confirmed(api)


class TestSigningUp:
    def test_a_code_is_mailed_and_confirms_the_account_and_signs_in(self, api):
        email = new_email()
        body = {"email": f"  {email.upper()} ", "password": PASSWORD, "name": " Jane Doe ", "given_name": "Jane"}
        answer = api.post("/accounts", json=body)
        assert (answer.status, answer.headers["cache-control"]) == (202, "no-store")
        assert len(api.mailed(email)) == 1
        tokens = confirm(api, email)
        assert (tokens.status, tokens.headers["cache-control"]) == (200, "no-store")
        assert tokens.json.keys() == {"access_token", "id_token", "refresh_token", "token_type", "expires_in"}
        greeting = api.get("/", token=tokens.json["id_token"])
        assert greeting.json["email"] == email

    def test_confirming_creates_the_record_of_the_person(self, api):
        email = signed_up(api)
        token = confirm(api, email).json["id_token"]
        sub = api.get("/", token=token).json["sub"]
        user = api.get(f"/users/{sub}", token=token).json
        assert {name: user[name] for name in ("name", "email")} == {"name": "Jane Doe", "email": email}

    def test_confirming_leaves_an_existing_record_unchanged(self, api, admin):
        email = signed_up(api)
        found = api.cognito.admin_get_user(UserPoolId=api.user_pool_id, Username=email)
        sub = next(entry["Value"] for entry in found["UserAttributes"] if entry["Name"] == "sub")
        api.put(f"/users/{sub}", token=admin.token, json={"note": "first"})
        assert confirm(api, email).status == 200
        assert api.get(f"/users/{sub}", token=admin.token).json["note"] == "first"

    def test_signing_up_again_mails_a_new_code_to_an_unconfirmed_address(self, api):
        email = signed_up(api)
        signed_up(api, email)
        assert len(api.mailed(email)) == 2
        assert confirm(api, email).status == 200

    def test_nothing_is_mailed_to_an_address_that_has_an_account(self, api, email):
        before = len(api.mailed(email))
        signed_up(api, email)
        api.post("/accounts/confirmation/code", json={"email": email})
        assert len(api.mailed(email)) == before

    def test_a_new_code_can_be_asked_for(self, api):
        email = signed_up(api)
        assert api.post("/accounts/confirmation/code", json={"email": email}).status == 202
        assert len(api.mailed(email)) == 2
        assert confirm(api, email).status == 200

    def test_if_sign_up_is_closed_nobody_can_sign_up_whether_or_not_the_address_is_known(self, api, email):
        with api.with_settings(SELF_SIGN_UP="false") as closed:
            for address in (email, new_email()):
                body = {"email": address, "password": PASSWORD, "name": "Jane"}
                assert problem(closed.post("/accounts", json=body)) == (403, "sign-up-closed")

    def test_if_the_pool_allows_invitations_only_nobody_can_sign_up(self, api):
        """The pool decides, even if the setting says otherwise."""
        pool = {"UserPoolId": api.user_pool_id}
        config = api.cognito.describe_user_pool(**pool)["UserPool"]["AdminCreateUserConfig"]
        api.cognito.update_user_pool(**pool, AdminCreateUserConfig={**config, "AllowAdminCreateUserOnly": True})
        body = {"email": new_email(), "password": PASSWORD, "name": "Jane"}
        try:
            assert problem(api.post("/accounts", json=body)) == (403, "sign-up-closed")
        finally:
            api.cognito.update_user_pool(**pool, AdminCreateUserConfig=config)

    def test_a_code_works_once(self, api):
        email = signed_up(api)
        assert confirm(api, email).status == 200
        assert problem(confirm(api, email)) == (400, "invalid-code")

    @pytest.mark.parametrize(
        "weak", ["Short-1", "no-uppercase-42", "NO-LOWERCASE-42", "No-numbers-here", " Spaces-42-x "]
    )
    @pytest.mark.parametrize("state", ["unknown", "known"])
    def test_a_weak_password_is_rejected_whether_or_not_the_address_is_known(self, api, email, state, weak):
        address = email if state == "known" else new_email()
        answer = api.post("/accounts", json={"email": address, "password": weak, "name": "Jane"})
        assert problem(answer) == (422, "password-rejected")
        assert "12 to 256 characters" in answer.json["detail"]
        assert len(api.mailed(address)) == (1 if state == "known" else 0)


BODIES = {
    ("POST", "/accounts"): {"email": new_email(), "password": PASSWORD, "name": "Jane"},
    ("POST", "/accounts/confirmation"): {"email": new_email(), "password": PASSWORD, "code": "314159"},
    ("POST", "/accounts/confirmation/code"): {"email": new_email()},
    ("POST", "/accounts/password-reset"): {"email": new_email()},
    ("PUT", "/accounts/password-reset"): {"email": new_email(), "password": PASSWORD, "code": "314159"},
    ("POST", "/sessions"): {"email": new_email(), "password": PASSWORD},
}


class TestBodies:
    @pytest.mark.parametrize(("route", "body"), BODIES.items())
    def test_each_member_is_required_and_typed_and_others_are_rejected(self, api, route, body):
        method, path = route
        for member in body:
            missing = {name: value for name, value in body.items() if name != member}
            for sent in (missing, {**body, member: 1}, {**body, member: ""}, {**body, member: None}):
                answer = api.request(method, path, json=sent)
                assert problem(answer) == (400, "invalid-request")
                assert [fault["pointer"] for fault in answer.json["errors"]] == [f"/{member}"]
        answer = api.request(method, path, json={**body, "a/b~c": 1})
        assert [fault["pointer"] for fault in answer.json["errors"]] == ["/a~1b~0c"]

    @pytest.mark.parametrize(
        "email",
        ["jane", "jane@", "@example.com", "jane@localhost", "jane@-a.com", "j ane@a.com", "a..b@c.com", "é@a.com"],
    )
    def test_an_address_that_is_none_is_rejected(self, api, email):
        answer = api.post("/accounts/password-reset", json={"email": email})
        assert [fault["pointer"] for fault in answer.json["errors"]] == ["/email"]

    def test_a_password_of_257_characters_is_rejected_and_one_of_256_is_not(self, api):
        body = {"email": new_email(), "name": "Jane"}
        assert api.post("/accounts", json={**body, "password": "Aa1-" * 64 + "x"}).status == 400
        assert api.post("/accounts", json={**body, "password": "Aa1-" * 64}).status == 202

    def test_the_largest_valid_body_is_read_and_a_larger_one_is_rejected_unread(self, api):
        names = dict.fromkeys(("name", "given_name", "family_name"), "\N{HORSE}" * 256)
        answer = {"session": "x" * 8192, "challenge": "NEW_PASSWORD", "password": "Aa1\N{HORSE}" * 64, **names}
        body = json.dumps(answer).encode()
        headers = {"Content-Type": "application/json"}
        assert 16 * 1024 < len(body) < 32 * 1024
        assert problem(api.post("/sessions/challenge", body=body, headers=headers)) == (401, "invalid-credentials")
        larger = body + b" " * (32 * 1024 + 1 - len(body))
        assert problem(api.post("/sessions/challenge", body=larger, headers=headers)) == (413, "too-large")

    @pytest.mark.parametrize("password", ["Pässwörd-42-ß", "Correct horse 42", "Emoji-🐴-42-xx"])
    def test_passwords_are_used_as_they_are(self, api, password):
        email = signed_up(api, password=password)
        assert confirm(api, email, password).status == 200
        assert sign_in(api, email, password).status == 200
        assert sign_in(api, email, password.lower()).status == 401


class TestPasswordReset:
    def test_a_mailed_code_sets_a_new_password_and_ends_every_session(self, api):
        email = confirmed(api)
        session = sign_in(api, email).json
        assert api.post("/accounts/password-reset", json={"email": email}).status == 202
        body = {"email": email, "code": api.mailed_code(email), "password": NEW}
        answer = api.put("/accounts/password-reset", json=body)
        assert (answer.status, answer.body) == (204, b"")
        assert sign_in(api, email).status == 401
        assert sign_in(api, email, NEW).status == 200
        refreshed = api.post("/sessions/refresh", json={"refresh_token": session["refresh_token"]})
        assert problem(refreshed) == (401, "invalid-credentials")

    def test_a_weak_new_password_is_rejected_before_the_code_is_checked(self, api, email):
        for address in (email, new_email()):
            body = {"email": address, "code": "000000", "password": "weak"}
            assert problem(api.put("/accounts/password-reset", json=body)) == (422, "password-rejected")


class TestRaces:
    """Requests of one person at the same time, or a form that is sent twice."""

    def test_sign_ups_with_one_address_all_succeed_and_make_one_account(self, api):
        email = new_email()
        answers = api.at_once([lambda: signed_up(api, email)] * 4)
        assert answers == [email] * 4
        assert confirm(api, email).status == 200
        assert sign_in(api, email).status == 200

    def test_of_confirmations_with_one_code_exactly_one_signs_in(self, api):
        email = signed_up(api)
        body = {"email": email, "code": api.mailed_code(email), "password": PASSWORD}
        answers = api.at_once([lambda: api.post("/accounts/confirmation", json=body)] * 4)
        assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
        assert {problem(answer) for answer in answers if answer.status == 400} == {(400, "invalid-code")}

    def test_of_password_resets_with_one_code_exactly_one_wins(self, api):
        email = confirmed(api)
        api.post("/accounts/password-reset", json={"email": email})
        body = {"email": email, "code": api.mailed_code(email)}
        passwords = [f"{NEW}-{number}" for number in range(4)]

        def reset(password):
            return lambda: api.put("/accounts/password-reset", json={**body, "password": password})

        statuses = [answer.status for answer in api.at_once([reset(password) for password in passwords])]
        assert sorted(statuses) == [204, 400, 400, 400]
        assert [sign_in(api, email, password).status == 200 for password in passwords] == [
            status == 204 for status in statuses
        ]


@pytest.mark.parametrize("token", ["of a stranger", "that is none"])
def test_a_token_changes_nothing_on_the_public_routes(api, email, stranger, token):
    sent = stranger.token if token == "of a stranger" else "garbage"
    body = {"email": email, "password": "Wrong-horse-4242"}
    with_token = api.post("/sessions", json=body, token=sent)
    assert same([with_token, api.post("/sessions", json=body)])
    assert with_token.status == 401


class TestPreRegisteredAddresses:
    """Somebody else signs up with an address, before its owner does."""

    ATTACKERS = "Attackers-horse-1"

    @pytest.fixture(params=["through Roster", "through Cognito"])
    def email(self, request, api):
        """An address that an attacker has signed up with."""
        email = new_email()
        if request.param == "through Roster":
            return signed_up(api, email, self.ATTACKERS)
        names = [{"Name": "email", "Value": email}, {"Name": "name", "Value": "Mallory"}]
        client = {"ClientId": api.client_id, "Username": email}
        api.cognito.sign_up(**client, Password=self.ATTACKERS, UserAttributes=names)
        return email

    def test_the_owner_is_asked_to_choose_a_password_and_the_attacker_never_gets_in(self, api, email):
        assert sign_in(api, email, self.ATTACKERS).status == 401
        signed_up(api, email)
        assert sign_in(api, email, self.ATTACKERS).status == 401
        answer = confirm(api, email)
        assert problem(answer) == (409, "password-reset-required")
        assert sign_in(api, email, self.ATTACKERS).status == 401
        assert sign_in(api, email).status == 401
        body = {"email": email, "code": api.mailed_code(email), "password": PASSWORD}
        assert api.put("/accounts/password-reset", json=body).status == 204
        assert sign_in(api, email, self.ATTACKERS).status == 401
        assert sign_in(api, email).status == 200

    def test_a_session_that_the_attacker_opens_while_the_owner_confirms_ends(self, api, email, monkeypatch):
        signed_up(api, email)
        code = {"ClientId": api.client_id, "Username": email, "ConfirmationCode": api.mailed_code(email)}
        api.cognito.confirm_sign_up(**code)  # the first half of a confirmation
        session = sign_in(api, email, self.ATTACKERS).json
        user = {"UserPoolId": api.user_pool_id, "Username": email}
        api.cognito.admin_reset_user_password(**user)  # the second half
        api.cognito.admin_user_global_sign_out(**user)
        refreshed = api.post("/sessions/refresh", json={"refresh_token": session["refresh_token"]})
        assert refreshed.status == 401

    def test_the_attacker_cannot_confirm_without_the_code(self, api, email):
        for code in ("000000", "123457", "abcdef", "٣٤٥٦٧٨"):
            body = {"email": email, "code": code, "password": self.ATTACKERS}
            assert problem(api.post("/accounts/confirmation", json=body)) == (400, "invalid-code")
        assert sign_in(api, email, self.ATTACKERS).status == 401

    @pytest.mark.parametrize("password", [PASSWORD, ATTACKERS])
    def test_a_disabled_account_can_be_confirmed_but_not_signed_in_to(self, api, password):
        """Cognito declines to reset it: amazon-cognito-identity-js, issue 373."""
        email = signed_up(api, password=self.ATTACKERS)
        api.cognito.admin_disable_user(UserPoolId=api.user_pool_id, Username=email)
        assert problem(confirm(api, email, password)) == (400, "invalid-code")
        assert sign_in(api, email, self.ATTACKERS).status == 401
        assert len(api.mailed(email)) == 1


WRONG = "Wrong-horse-4242"


@pytest.fixture(scope="module")
def emails(api):
    """An address in each state."""
    return [in_state(api, state) for state in STATES]


class TestNobodyLearnsWhoHasAnAccount:
    """Responses are equal byte for byte, apart from ids, for accounts in every state."""

    def answers(self, api, emails, method, path, **body):
        return [api.request(method, path, json={"email": email, **body}) for email in emails]

    @pytest.mark.parametrize(("password", "status"), [(PASSWORD, 202), (WRONG, 202), ("weak", 422)])
    def test_by_signing_up(self, api, emails, password, status):
        answers = self.answers(api, emails, "POST", "/accounts", password=password, name="Jane")
        assert same(answers)
        assert answers[0].status == status

    @pytest.mark.parametrize("password", [PASSWORD, WRONG, "weak"])
    def test_by_confirming_with_a_wrong_code(self, api, emails, password):
        answers = self.answers(api, emails, "POST", "/accounts/confirmation", password=password, code="000000")
        assert same(answers)
        assert problem(answers[0]) == (400, "invalid-code")

    @pytest.mark.parametrize("path", ["/accounts/confirmation/code", "/accounts/password-reset"])
    def test_by_asking_for_a_code(self, api, emails, path):
        answers = self.answers(api, emails, "POST", path)
        assert same(answers)
        assert answers[0].status == 202

    @pytest.mark.parametrize(("password", "status"), [(PASSWORD, 400), (WRONG, 400), ("weak", 422)])
    def test_by_resetting_a_password_with_a_wrong_code(self, api, emails, password, status):
        answers = self.answers(api, emails, "PUT", "/accounts/password-reset", password=password, code="000000")
        assert same(answers)
        assert answers[0].status == status

    @pytest.mark.parametrize("password", [WRONG, "weak"])
    def test_by_signing_in_with_a_wrong_password(self, api, emails, password):
        answers = self.answers(api, emails, "POST", "/sessions", password=password)
        assert same(answers)
        assert problem(answers[0]) == (401, "invalid-credentials")

    def test_by_signing_in_with_the_right_password_before_it_is_usable(self, api, emails):
        by_state = dict(zip(STATES, emails, strict=True))
        waiting = [by_state[state] for state in ("unknown", "unconfirmed", "disabled", "reset required")]
        answers = self.answers(api, waiting, "POST", "/sessions", password=PASSWORD)
        assert same(answers)
        assert problem(answers[0]) == (401, "invalid-credentials")

    def test_by_repeating_a_call_until_one_person_is_over_their_limit(self, api):
        emails = [new_email(), confirmed(api)]
        for path in ("/accounts/password-reset", "/accounts/confirmation/code"):
            for _ in range(12):
                assert same(self.answers(api, emails, "POST", path))
        for _ in range(12):
            assert same(self.answers(api, emails, "POST", "/sessions", password=WRONG))
            assert same(self.answers(api, emails, "PUT", "/accounts/password-reset", password=PASSWORD, code="000000"))
