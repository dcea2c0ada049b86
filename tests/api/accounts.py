"""Accounts as tests need them: in each state, made as in real life."""

import uuid
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp

from embedded import aws
from testbed.targets import PASSWORD, new_email

NEW = "Another-horse-43"
STATES = ("unknown", "unconfirmed", "known", "disabled", "invited", "reset required")


def signed_up(api, email=None, password=PASSWORD):
    """The address of an account that waits for its confirmation."""
    email = email or new_email()
    body = {"email": email, "password": password, "name": "Jane Doe"}
    assert api.post("/accounts", json=body).status == 202
    return email


def confirmed(api):
    """The address of a confirmed account."""
    email = signed_up(api)
    assert confirm(api, email).status == 200
    return email


def confirm(api, email, password=PASSWORD, **more):
    """The response to a confirmation with the code that was mailed last."""
    body = {**with_code(api, email), "password": password, **more}
    return api.post("/accounts/confirmation", json=body)


def sign_in(api, email, password=PASSWORD, **more):
    """The response to a sign-in."""
    return api.post("/sessions", json={"email": email, "password": password, **more})


def in_state(api, state):
    """The address of an account in one of the ``STATES``."""
    email = new_email()
    user = {"UserPoolId": api.user_pool_id, "Username": email}
    if state == "unconfirmed":
        signed_up(api, email)
    elif state == "invited":
        api.cognito.admin_create_user(**user, UserAttributes=[{"Name": "email", "Value": email}])
    elif state != "unknown":
        signed_up(api, email)
        confirm(api, email)
    if state == "disabled":
        api.cognito.admin_disable_user(**user)
    if state == "reset required":
        api.cognito.admin_reset_user_password(**user)
    return email


def invited(api, **attributes):
    """The address and the temporary password of an invited person."""
    email, password = new_email(), f"Temporary-{uuid.uuid4().hex[:8]}"
    attributes = {"email": email, "email_verified": "true", **attributes}
    api.cognito.admin_create_user(
        UserPoolId=api.user_pool_id,
        Username=email,
        TemporaryPassword=password,
        UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
    )
    return email, password


class Accepted(NamedTuple):
    """A request that a route accepts once. ``path`` has values for the parameters of the route."""

    path: str
    body: Any = ...
    token: str | None = None

    def send(self, api, method):
        """Return the response to it."""
        return api.request(method, self.path, token=self.token, json=self.body)


def accepted_requests(api):
    """A request for each route of accounts with which it succeeds once, by method and path of the route."""
    return {**public_requests(api), **own_requests(api)}


def public_requests(api):
    """A request for each route that takes no token."""
    known, unconfirmed, resetting = confirmed(api), signed_up(api), confirmed(api)
    assert api.post("/accounts/password-reset", json={"email": resetting}).status == 202
    challenge = sign_in(api, *invited(api, name="Jane Doe")).json
    bodies = {
        ("POST", "/accounts"): {"email": new_email(), "password": PASSWORD, "name": "Jane Doe"},
        ("POST", "/accounts/confirmation"): {**with_code(api, signed_up(api)), "password": PASSWORD},
        ("POST", "/accounts/confirmation/code"): {"email": unconfirmed},
        ("POST", "/accounts/password-reset"): {"email": known},
        ("PUT", "/accounts/password-reset"): {**with_code(api, resetting), "password": NEW},
        ("POST", "/sessions"): {"email": known, "password": PASSWORD},
        ("POST", "/sessions/challenge"): {**challenge_of(challenge), "password": NEW},
        ("POST", "/sessions/refresh"): {"refresh_token": sign_in(api, known).json["refresh_token"]},
        ("POST", "/sessions/revocation"): {"refresh_token": sign_in(api, known).json["refresh_token"]},
    }
    return {route: Accepted(route[1], body) for route, body in bodies.items()}


def own_requests(api):
    """A request for each route of one's own account. Those that end sessions are for accounts of their own."""
    emails = [api.sign_up().email for _ in range(6)]
    steady, changing, leaving, deleted, enrolling, removing = (api.access_token(email) for email in emails)
    new = new_email()
    change = {"Name": "email", "Value": new}
    api.cognito.update_user_attributes(AccessToken=steady, UserAttributes=[change])
    password = {"password": PASSWORD}
    authenticator = pyotp.TOTP(api.cognito.associate_software_token(AccessToken=enrolling)["SecretCode"])
    enroll(api, removing)
    sent = {
        ("GET", "/account"): (steady, ...),
        ("PATCH", "/account"): (steady, {"given_name": "Janet", "family_name": None}),
        ("PUT", "/account/password"): (changing, {**password, "new_password": NEW}),
        ("PUT", "/account/email"): (enrolling, {"email": new_email(), **password}),
        ("POST", "/account/email/confirmation"): (steady, {"code": api.mailed_code(new)}),
        ("POST", "/account/totp"): (steady, ...),
        ("PUT", "/account/totp"): (enrolling, {"code": authenticator.now()}),
        ("POST", "/account/totp/removal"): (removing, password),
        ("DELETE", "/sessions"): (leaving, ...),
        ("GET", "/account/export"): (steady, ...),
        ("POST", "/account/deletion"): (deleted, password),
        ("POST", "/account/aws-credentials"): (steady, {"id_token": api.sign_in(emails[0])}),
    }
    return {route: Accepted(route[1], body, token) for route, (token, body) in sent.items()}


def administration_requests(api, admin):
    """A request of an administrator for each route of administration. All succeed again when they are repeated."""
    ensure_group(api, READERS)
    steady, resetting, deleted = (f"/accounts/{api.sign_up().sub}" for _ in range(3))
    sent = {
        ("GET", "/accounts"): ("/accounts?limit=1", ...),
        ("POST", "/accounts/invitations"): (
            "/accounts/invitations",
            {"email": new_email(), "name": "Una Doe", "groups": [READERS]},
        ),
        ("GET", "/accounts/{userid}"): (steady, ...),
        ("PATCH", "/accounts/{userid}"): (steady, {"name": "Una Doe", "enabled": False}),
        ("DELETE", "/accounts/{userid}"): (deleted, ...),
        ("GET", "/groups"): ("/groups", ...),
        ("PUT", "/accounts/{userid}/groups/{group}"): (f"{steady}/groups/{READERS}", ...),
        ("DELETE", "/accounts/{userid}/groups/{group}"): (f"{steady}/groups/apiAdmins", ...),
        ("POST", "/accounts/{userid}/password-reset"): (f"{resetting}/password-reset", ...),
        ("DELETE", "/accounts/{userid}/totp"): (f"{steady}/totp", ...),
        ("DELETE", "/accounts/{userid}/sessions"): (f"{steady}/sessions", ...),
    }
    return {route: Accepted(path, body, admin.token) for route, (path, body) in sent.items()}


READERS = "readers"


def ensure_group(api, name):
    """Create a group, unless it exists."""
    with suppress(api.cognito.exceptions.GroupExistsException):
        api.cognito.create_group(UserPoolId=api.user_pool_id, GroupName=name)


def enroll(api, access_token):
    """Turn TOTP on for an account. Return its authenticator."""
    authenticator = pyotp.TOTP(api.cognito.associate_software_token(AccessToken=access_token)["SecretCode"])
    api.cognito.verify_software_token(AccessToken=access_token, UserCode=authenticator.now())
    preference = {"Enabled": True, "PreferredMfa": True}
    api.cognito.set_user_mfa_preference(AccessToken=access_token, SoftwareTokenMfaSettings=preference)
    return authenticator


def with_code(api, email):
    """An address, and the code that was mailed to it last."""
    return {"email": email, "code": api.mailed_code(email)}


def challenge_of(answer):
    """The members of a challenge that belong to the answer to it."""
    return {name: answer[name] for name in ("session", "challenge")}


def same(answers):
    """Whether responses are equal byte for byte, apart from request ids."""
    seen = set()
    for answer in answers:
        headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
        body = answer.body.replace(answer.headers["x-request-id"].encode(), b"")
        seen.add((answer.status, tuple(sorted(headers.items())), body))
    return len(seen) == 1


VARYING = {"x-request-id", "date", "x-amzn-requestid", "x-amz-request-id"}


def hosted_access_token(api, email):
    """An access token of the hosted page, which lacks the scope for one's own account."""
    clients = {"UserPoolId": api.user_pool_id, "ClientId": api.client_id}
    redirect = api.cognito.describe_user_pool_client(**clients)["UserPoolClient"]["CallbackURLs"][0]
    form = {"client_id": api.client_id, "redirect_uri": redirect}
    log_in = {**form, "response_type": "code", "scope": "openid email", "username": email, "password": PASSWORD}
    base = aws.endpoint(api.aws_port)
    with httpx.Client(base_url=base, trust_env=False) as http:
        address = urlsplit(http.post("/login", data=log_in).headers["location"])
        grant = {**form, "grant_type": "authorization_code", "code": parse_qs(address.query)["code"][0]}
        return http.post("/oauth2/token", data=grant).json()["access_token"]
