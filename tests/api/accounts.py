"""Accounts as tests need them: in each state, made as in real life."""

import uuid

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


def accepted_bodies(api):
    """A body for each route of accounts with which it succeeds once, by method and path."""
    known, unconfirmed, resetting = confirmed(api), signed_up(api), confirmed(api)
    assert api.post("/accounts/password-reset", json={"email": resetting}).status == 202
    challenge = sign_in(api, *invited(api, name="Jane Doe")).json
    return {
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
