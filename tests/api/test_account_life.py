"""An account's whole life, and what remains of it: nothing."""

import json
import time

import pyotp

from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, confirm, sign_in, signed_up

AFTER_RESET = "Third-horse-44"


def tokens(api, email, password, authenticator=None, step=0):
    """Sign in, with a code of the authenticator if there is one, and return the tokens."""
    answer = sign_in(api, email, password)
    if authenticator is not None:
        assert answer.status == 202
        code = authenticator.at(int(time.time()) + 30 * step)
        answer = api.post("/sessions/challenge", json={**answer.json, "code": code})
    assert answer.status == 200, answer
    return answer.json


def everything(api):
    """All items of all tables and all users of the pool, as text."""
    client = api.connection.client
    items = [item for table in api.tables.values() for item in client.scan(TableName=table)["Items"]]
    pages = api.cognito.get_paginator("list_users").paginate(UserPoolId=api.user_pool_id)
    return json.dumps([items, [user for page in pages for user in page["Users"]]], default=str)


def test_from_the_sign_up_to_leaving_and_nothing_of_the_person_remains(api, admin):
    """Sign up, change everything, enrol TOTP, lose it, be disabled and enabled, export, and leave."""
    email = signed_up(api)
    first = confirm(api, email).json
    account = api.get("/account", token=first["access_token"]).json
    userid, path = account["userid"], f"/accounts/{account['userid']}"
    api.put(f"/users/{userid}", token=first["id_token"], json={"colour": "green"})
    api.post("/user/profile", token=first["id_token"], json={"theme": "dark"})

    # Change everything.
    own = first["access_token"]
    names = {"name": "Janet Doe", "given_name": "Janet", "family_name": "Doe"}
    assert api.patch("/account", token=own, json=names).status == 200
    moved = new_email()
    assert api.put("/account/email", token=own, json={"email": moved, "password": PASSWORD}).status == 202
    assert api.get("/account", token=own).json["email"] == email
    code = api.mailed_code(moved)
    assert api.post("/account/email/confirmation", token=own, json={"code": code}).status == 204
    changed = {"password": PASSWORD, "new_password": NEW}
    assert api.put("/account/password", token=own, json=changed).status == 204
    assert sign_in(api, email, NEW).status == 401
    own = tokens(api, moved, NEW)["access_token"]
    account = api.get("/account", token=own).json
    assert account == {**account, **names, "email": moved, "email_verified": True, "totp": False}

    # Enrol TOTP, sign in with it, and lose it.
    secret = api.post("/account/totp", token=own).json["secret"]
    authenticator = pyotp.TOTP(secret)
    code = authenticator.now()
    assert api.put("/account/totp", token=own, json={"code": code}).status == 204
    assert api.get("/account", token=own).json["totp"]
    tokens(api, moved, NEW, authenticator, step=1)
    assert api.delete(f"{path}/totp", token=admin.token).status == 204
    tokens(api, moved, NEW)

    # Have the password reset, be disabled and enabled.
    assert api.post(f"{path}/password-reset", token=admin.token).status == 202
    assert sign_in(api, moved, NEW).status == 401
    body = {"email": moved, "code": api.mailed_code(moved), "password": AFTER_RESET}
    assert api.put("/accounts/password-reset", json=body).status == 204
    assert api.patch(path, token=admin.token, json={"enabled": False}).json["enabled"] is False
    assert sign_in(api, moved, AFTER_RESET).status == 401
    metadata = {"app_metadata": {"plan": "pro"}}
    assert api.patch(path, token=admin.token, json={"enabled": True, **metadata}).json["enabled"] is True
    own = tokens(api, moved, AFTER_RESET)["access_token"]

    # Export, and leave.
    export = api.get("/account/export", token=own)
    assert export.json["account"]["app_metadata"] == {"plan": "pro"}
    assert export.json["record"]["colour"] == "green"
    assert export.json["profile"]["profile_data"] == {"theme": "dark"}
    assert moved in everything(api)
    assert api.post("/account/deletion", token=own, json={"password": AFTER_RESET}).status == 204
    assert sign_in(api, moved, AFTER_RESET).status == 401
    left = everything(api)
    assert email not in left
    assert moved not in left
    assert left.count(userid) == 2  # the marker: its key, and the userid
    assert api.get(path, token=admin.token).status == 404
