"""Signing in and out: passwords, challenges, refreshes, revocation, and the cookie."""

import base64
import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import pyotp
import pytest

from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, confirm, confirmed, enroll, invited, same, sign_in, signed_up
from tests.api.test_accounts import problem


@pytest.fixture(scope="module")
def email(api):
    """The address of a confirmed account."""
    return confirmed(api)


@pytest.fixture
def tokens(api, email):
    """The tokens of a new session."""
    return sign_in(api, email).json


def refresh(api, refresh_token):
    return api.post("/sessions/refresh", json={"refresh_token": refresh_token})


def revoke(api, refresh_token):
    return api.post("/sessions/revocation", json={"refresh_token": refresh_token})


class TestTokens:
    def test_a_sign_in_returns_tokens_with_the_names_of_oauth(self, api, email):
        answer = sign_in(api, email)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.json["token_type"] == "Bearer"
        assert answer.json["expires_in"] == 15 * 60
        assert "set-cookie" not in answer.headers

    def test_its_tokens_open_the_routes_of_their_owner(self, api, tokens):
        sub = api.get("/", token=tokens["id_token"]).json["sub"]
        assert api.get(f"/users/{sub}", token=tokens["access_token"]).status == 200

    def test_addresses_are_matched_without_regard_to_case_and_white_space(self, api, email):
        assert sign_in(api, f" {email.upper()}\n").status == 200

    def test_a_refresh_returns_new_tokens_and_keeps_the_refresh_token(self, api, tokens):
        answer = refresh(api, tokens["refresh_token"])
        assert answer.status == 200
        assert answer.json.keys() == {"access_token", "id_token", "token_type", "expires_in"}
        assert api.get("/", token=answer.json["id_token"]).status == 200
        assert refresh(api, tokens["refresh_token"]).status == 200

    def test_a_revoked_refresh_token_no_longer_works_and_others_do(self, api, email, tokens):
        other = sign_in(api, email).json
        assert revoke(api, tokens["refresh_token"]).status == 204
        assert problem(refresh(api, tokens["refresh_token"])) == (401, "invalid-credentials")
        assert refresh(api, other["refresh_token"]).status == 200

    @pytest.mark.parametrize("token", ["unknown", "a.b.c", "x" * 8192, "ü", "a b"])
    def test_revoking_an_unknown_token_succeeds_and_refreshing_with_it_does_not(self, api, token):
        assert revoke(api, token).status == 204
        assert problem(refresh(api, token)) == (401, "invalid-credentials")

    def test_an_access_or_id_token_is_no_refresh_token(self, api, tokens):
        for name in ("access_token", "id_token"):
            assert refresh(api, tokens[name]).status == 401

    def test_without_a_token_a_refresh_fails_and_a_revocation_has_nothing_to_do(self, api):
        assert problem(api.post("/sessions/refresh", json={})) == (401, "invalid-credentials")
        assert api.post("/sessions/revocation", json={}).status == 204


def answer_to(api, challenge, **answer):
    """The response to an answer to ``challenge``, which is that of a sign-in."""
    body = {"session": challenge["session"], "challenge": challenge["challenge"], **answer}
    return api.post("/sessions/challenge", json=body)


class TestInvitations:
    def test_the_first_sign_in_sets_a_password_and_creates_the_record(self, api):
        email, temporary = invited(api, name="Jane Doe")
        challenged = sign_in(api, email, temporary)
        assert challenged.status == 202
        assert (challenged.json["challenge"], challenged.json["missing"]) == ("NEW_PASSWORD", [])
        tokens = answer_to(api, challenged.json, password=NEW)
        assert tokens.status == 200
        token = tokens.json["id_token"]
        sub = api.get("/", token=token).json["sub"]
        user = api.get(f"/users/{sub}", token=token).json
        assert (user["name"], user["email"]) == ("Jane Doe", email)
        assert sign_in(api, email, NEW).status == 200

    def test_a_missing_name_is_asked_for(self, api):
        email, temporary = invited(api)
        challenge = sign_in(api, email, temporary).json
        assert challenge["missing"] == ["name"]
        assert problem(answer_to(api, challenge, password=NEW)) == (400, "invalid-request")
        challenge = sign_in(api, email, temporary).json
        tokens = answer_to(api, challenge, password=NEW, name="Jane Doe")
        assert "Jane Doe" in api.get("/", token=tokens.json["id_token"]).json["message"]

    def test_a_weak_password_is_rejected(self, api):
        email, temporary = invited(api, name="Jane Doe")
        answer = answer_to(api, sign_in(api, email, temporary).json, password="weak")
        assert problem(answer) == (422, "password-rejected")

    def test_a_session_works_once(self, api):
        email, temporary = invited(api, name="Jane Doe")
        challenge = sign_in(api, email, temporary).json
        assert answer_to(api, challenge, password=NEW).status == 200
        assert problem(answer_to(api, challenge, password=NEW)) == (401, "invalid-credentials")

    def test_a_session_of_one_person_is_useless_for_another(self, api):
        challenge = sign_in(api, *invited(api, name="Jane")).json
        other = sign_in(api, *invited(api, name="John")).json
        mixed = base64.urlsafe_b64decode(other["session"] + "==").decode().split(",")
        mixed[0] = base64.urlsafe_b64decode(challenge["session"] + "==").decode().split(",")[0]
        session = base64.urlsafe_b64encode(",".join(mixed).encode()).decode()
        answer = answer_to(api, {**other, "session": session}, password=NEW)
        assert problem(answer) == (401, "invalid-credentials")


@contextmanager
def second_factor(api, configuration):
    """Let the pool offer (``OPTIONAL``) or demand (``ON``) a second factor."""
    pool = {"UserPoolId": api.user_pool_id, "SoftwareTokenMfaConfiguration": {"Enabled": True}}
    api.cognito.set_user_pool_mfa_config(**pool, MfaConfiguration=configuration)
    try:
        yield
    finally:
        api.cognito.set_user_pool_mfa_config(**pool, MfaConfiguration="OPTIONAL")


def enrolled(api):
    """The address of an account with an authenticator, and the authenticator."""
    email = confirmed(api)
    token = sign_in(api, email).json["access_token"]
    with second_factor(api, "OPTIONAL"):
        authenticator = enroll(api, token)
    return email, authenticator


def wrong_code(authenticator):
    """A code that is not the authenticator's."""
    return f"{(int(authenticator.now()) + 1) % 10**6:06}"


class TestSecondFactor:
    @pytest.mark.parametrize("configuration", ["OPTIONAL", "ON"])
    def test_an_account_with_an_authenticator_is_asked_for_its_code(self, api, configuration):
        email, authenticator = enrolled(api)
        with second_factor(api, configuration):
            challenged = sign_in(api, email)
            assert (challenged.status, challenged.json["challenge"]) == (202, "TOTP")
            for code in (wrong_code(authenticator), "abcdef", "1234567", "٣٤٥٦٧٨"):
                answer = answer_to(api, challenged.json, code=code)
                assert problem(answer) == (401, "invalid-credentials")
            # Each code works once, and the present one has enrolled the authenticator.
            code = authenticator.at(int(time.time()) + authenticator.interval)
            assert answer_to(api, sign_in(api, email).json, code=code).status == 200

    def test_an_account_without_one_sets_it_up_if_the_pool_demands_it(self, api):
        email = confirmed(api)
        with second_factor(api, "ON"):
            challenged = sign_in(api, email)
            assert (challenged.status, challenged.json["challenge"]) == (202, "TOTP_SETUP")
            authenticator = pyotp.parse_uri(challenged.json["uri"])
            assert authenticator.secret == challenged.json["secret"]
            assert (authenticator.name, authenticator.issuer) == (email, "Roster")
            answer = answer_to(api, challenged.json, code=wrong_code(authenticator))
            assert problem(answer) == (401, "invalid-credentials")
            challenge = sign_in(api, email).json
            code = pyotp.TOTP(challenge["secret"]).now()
            assert answer_to(api, challenge, code=code).status == 200
            assert sign_in(api, email).json["challenge"] == "TOTP"

    def test_confirming_an_account_can_lead_to_setting_it_up_and_creates_the_record_then(self, api):
        email = signed_up(api)
        with second_factor(api, "ON"):
            challenge = confirm(api, email)
            assert (challenge.status, challenge.json["challenge"]) == (202, "TOTP_SETUP")
            tokens = answer_to(api, challenge.json, code=pyotp.TOTP(challenge.json["secret"]).now()).json
        sub = api.get("/", token=tokens["id_token"]).json["sub"]
        assert api.get(f"/users/{sub}", token=tokens["id_token"]).json["email"] == email


MALFORMED = [
    "x",
    "not base64!",
    base64.urlsafe_b64encode(b"[]").decode(),
    base64.urlsafe_b64encode(b'["a", "b", "c"]').decode(),
    base64.urlsafe_b64encode(b'{"a": 1}').decode(),
    base64.urlsafe_b64encode(b'[1, "b", "c", false]').decode(),
    base64.urlsafe_b64encode(b"[" * 5000).decode(),
]


class TestMadeUp:
    """What was not issued lets nobody in."""

    @pytest.mark.parametrize("session", MALFORMED, ids=range(len(MALFORMED)))
    @pytest.mark.parametrize("challenge", ["TOTP", "TOTP_SETUP", "NEW_PASSWORD"])
    def test_a_malformed_session_is_as_wrong_as_an_unknown_one(self, api, session, challenge):
        sent = {"password": NEW} if challenge == "NEW_PASSWORD" else {"code": "123456"}
        malformed = answer_to(api, {"session": session, "challenge": challenge}, **sent)
        unknown = answer_to(api, {"session": made_up(new_email()), "challenge": challenge}, **sent)
        assert same([malformed, unknown])
        assert problem(unknown) == (401, "invalid-credentials")

    def test_an_unknown_challenge_is_rejected(self, api):
        answer = api.post("/sessions/challenge", json={"session": "x", "challenge": "SMS", "code": "123456"})
        assert [fault["pointer"] for fault in answer.json["errors"]] == ["/challenge"]

    @pytest.mark.parametrize("kind", ["sessions", "codes", "refresh tokens", "foreign cookies"])
    def test_none_of_many_made_up_ones_gets_in(self, api, email, tokens, kind):
        """A thousand of them over all kinds and targets."""
        with ThreadPoolExecutor(min(api.threads, 8)) as pool:
            answers = list(pool.map(lambda _: made_up_call(api, kind, email, tokens), range(84)))
        assert {answer.status for answer in answers} <= {400, 401, 403}
        assert not any("access_token" in answer.json for answer in answers)


def made_up(email):
    """A session that Cognito has not issued."""
    members = [base64.b64encode(secrets.token_bytes(32)).decode(), email, email, False]
    return base64.urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")


def made_up_call(api, kind, email, tokens):
    if kind == "sessions":
        return answer_to(api, {"session": made_up(email), "challenge": "TOTP"}, code=f"{secrets.randbelow(10**6):06}")
    if kind == "codes":
        body = {"email": email, "password": PASSWORD, "code": f"{secrets.randbelow(10**6):06}"}
        return api.post("/accounts/confirmation", json=body)
    if kind == "refresh tokens":
        parts = tokens["refresh_token"].split(".")
        place = secrets.randbelow(len(parts))
        parts[place] = secrets.token_urlsafe(len(parts[place]) * 3 // 4)
        return refresh(api, ".".join(parts))
    cookie = f"__Secure-roster-refresh={tokens['refresh_token']}"
    origin = f"https://{secrets.token_hex(4)}.example.com"
    return api.post("/sessions/refresh", json={}, headers={"Cookie": cookie, "Origin": origin})


def cookie_of(answer):
    """The name and value that a browser sends back, and the attributes."""
    pair, *attributes = answer.headers["set-cookie"].split("; ")
    return pair, dict(attribute.partition("=")[::2] for attribute in attributes)


class TestCookie:
    """Cookie mode, for pages of the API's own origin."""

    @pytest.fixture
    def signed_in(self, api, email):
        """The response to a sign-in with a cookie."""
        return sign_in(api, email, cookie=True)

    def test_it_holds_the_refresh_token_instead_of_the_response(self, api, signed_in):
        assert "refresh_token" not in signed_in.json
        pair, attributes = cookie_of(signed_in)
        assert pair.startswith("__Secure-roster-refresh=ey")
        assert attributes == {
            "Path": f"{urlsplit(api.base_url).path}/sessions",
            "Max-Age": str(30 * 24 * 3600),
            "HttpOnly": "",
            "Secure": "",
            "SameSite": "Strict",
        }

    def test_it_refreshes_and_signs_out(self, api, signed_in):
        headers = {"Cookie": f"theme=dark; {cookie_of(signed_in)[0]}"}
        refreshed = api.post("/sessions/refresh", json={}, headers=headers)
        assert refreshed.status == 200
        assert "refresh_token" not in refreshed.json
        signed_out = api.post("/sessions/revocation", json={}, headers=headers)
        assert signed_out.status == 204
        assert cookie_of(signed_out) == ("__Secure-roster-refresh=", {**cookie_of(signed_in)[1], "Max-Age": "0"})
        after = api.post("/sessions/refresh", json={}, headers=headers)
        assert after.status == 401
        assert cookie_of(after) == cookie_of(signed_out)

    def test_pages_of_the_apis_own_origin_can_use_it(self, api, email, signed_in):
        own = from_own_page(api)
        headers = {"Cookie": cookie_of(signed_in)[0], **own}
        assert api.post("/sessions/refresh", json={}, headers=headers).status == 200
        body = {"email": email, "password": PASSWORD, "cookie": True}
        assert api.post("/sessions", json=body, headers=own).status == 200

    @pytest.mark.parametrize("foreign", ["https://evil.example", "null", "http://127.0.0.1:1", ""])
    def test_pages_of_other_origins_cannot(self, api, email, signed_in, foreign):
        headers = {"Cookie": cookie_of(signed_in)[0], "Origin": foreign}
        for path in ("/sessions/refresh", "/sessions/revocation"):
            answer = api.post(path, json={}, headers=headers)
            assert answer.status == 403
            assert "set-cookie" not in answer.headers
        body = {"email": email, "password": PASSWORD, "cookie": True}
        answer = api.post("/sessions", json=body, headers={"Origin": foreign})
        assert answer.status == 403
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    def test_it_needs_a_json_content_type(self, api, signed_in, content_type):
        headers = {"Cookie": cookie_of(signed_in)[0], "Content-Type": content_type}
        answer = api.post("/sessions/refresh", body=b"{}", headers=headers)
        assert answer.status in (400, 415)

    def test_of_two_cookies_none_is_used_for_a_refresh_and_signing_out_revokes_both(self, api, email, signed_in):
        """A host of the same domain can set a cookie of the name, to sign somebody in to an account of its own."""
        other = sign_in(api, email).json["refresh_token"]
        headers = {"Cookie": f"{cookie_of(signed_in)[0]}; __Secure-roster-refresh={other}"}
        answer = api.post("/sessions/refresh", json={}, headers=headers)
        assert problem(answer) == (403, "forbidden")
        assert "set-cookie" not in answer.headers
        assert api.post("/sessions/revocation", json={}, headers=headers).status == 204
        own = api.post("/sessions/refresh", json={}, headers={"Cookie": cookie_of(signed_in)[0]})
        assert [own.status, refresh(api, other).status] == [401, 401]

    def test_a_page_of_another_origin_cannot_clear_it(self, api):
        for path in ("/sessions/refresh", "/sessions/revocation"):
            body = {"refresh_token": "unknown"}
            answer = api.post(path, json=body, headers={"Origin": "https://evil.example"})
            assert "set-cookie" not in answer.headers

    def test_two_tabs_that_refresh_at_once_both_stay_signed_in(self, api, signed_in):
        headers = {"Cookie": cookie_of(signed_in)[0]}
        answers = api.at_once([lambda: api.post("/sessions/refresh", json={}, headers=headers)] * 2)
        assert [answer.status for answer in answers] == [200, 200]


def from_own_page(api):
    """The headers that a browser sends with a request of a page of the API's own origin."""
    if not api.base_url:
        return {"Origin": "http://localhost", "Host": "localhost"}
    parts = urlsplit(api.base_url)
    return {"Origin": f"{parts.scheme}://{parts.netloc}"}


@contextmanager
def rotating(api, grace):
    """Yield the API with an app client that rotates refresh tokens. An old one stays good for ``grace`` seconds."""
    client = api.cognito.create_user_pool_client(
        UserPoolId=api.user_pool_id,
        ClientName="rotating",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": grace},
    )["UserPoolClient"]["ClientId"]
    settings = {"SIGN_IN_CLIENT_ID": client, "APPLICATION_CLIENT_ID": client, "REFRESH_TOKEN_ROTATION": "true"}
    with api.with_settings(**settings) as other:
        yield other


class TestRotation:
    """A pool that rotates refresh tokens."""

    def test_a_refresh_replaces_the_refresh_token_and_the_old_one_no_longer_works(self, api, email):
        with rotating(api, grace=0) as other:
            first = sign_in(other, email).json["refresh_token"]
            second = refresh(other, first).json["refresh_token"]
            assert problem(refresh(other, first)) == (401, "invalid-credentials")
            assert refresh(other, second).status == 200

    def test_two_tabs_that_refresh_at_once_get_a_cookie_each_and_stay_signed_in(self, api, email):
        with rotating(api, grace=60) as other:
            signed_in = sign_in(other, email, cookie=True)
            headers = {"Cookie": cookie_of(signed_in)[0]}
            answers = other.at_once([lambda: other.post("/sessions/refresh", json={}, headers=headers)] * 2)
            for answer in answers:
                assert answer.status == 200
                assert "refresh_token" not in answer.json
                new, attributes = cookie_of(answer)
                assert new not in ("__Secure-roster-refresh=", headers["Cookie"])
                assert attributes == cookie_of(signed_in)[1]
                assert other.post("/sessions/refresh", json={}, headers={"Cookie": new}).status == 200
