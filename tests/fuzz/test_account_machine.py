"""Compares any life of three accounts with a model: signing up and in, one's own account, and administration.

``make test`` tries the same 250 or so steps every time, ``make fuzz`` thousands of different ones. What Roster shows
about the accounts is compared after each step, or in ``make test`` after every third one.
"""

import os
import re
from collections import Counter
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from embedded.emulator import limits
from testbed import targets
from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, challenge_of, sign_in
from tests.fuzz.account_model import (
    CONFIRMED,
    GROUP,
    INVITED,
    RESET,
    UNCONFIRMED,
    UNKNOWN,
    Account,
    Administrators,
    Authenticator,
    Session,
)

LONG = "FUZZ_EXAMPLES" in os.environ
ATTACKERS = "Attackers-horse-1"
PASSWORDS = (PASSWORD, NEW, ATTACKERS)
COMPARED = 1 if LONG else 3
"""The number of steps after which the accounts are compared."""
ADA = 2
"""The account that is an administrator when a life begins."""

ACCOUNTS = st.sampled_from([0, 0, 1, 1, ADA])
CALLERS = st.sampled_from([ADA, ADA, ADA, 0, 1])
CHOSEN = st.sampled_from(PASSWORDS)
PRESENT = "the present password"
PROOFS = st.sampled_from([PRESENT, PRESENT, PRESENT, *PASSWORDS])
"""What people send as their present password."""
CODES = st.sampled_from(["latest", "latest", "latest", "used", "other", "wrong"])
TOTP_CODES = st.sampled_from(["right", "right", "right", "used", "wrong"])
ADDRESSES = st.sampled_from(["new", "new", "taken", "same"])
OWN_NAMES = st.sampled_from(
    [{}, {"name": "Janet Doe"}, {"given_name": "Janet", "family_name": "Roe"}, {"given_name": None}]
)
CHANGES = st.sampled_from(
    [
        {"name": "Una Doe"},
        {"family_name": None},
        {"app_metadata": {"plan": "pro", "n": 1}},
        {"app_metadata": {"n": None}},
    ]
)


class Lives(RuleBasedStateMachine):
    """Three addresses, and what all rules share. The test sets ``api``."""

    steps: ClassVar[int]
    api: targets.Target

    def __init__(self):
        super().__init__()
        self.accounts = [Account(), Account(), Account()]
        self.administrators = Administrators()
        self.mails: Counter[str] = Counter()
        self.ghosts = []
        self.touched = set()
        self.only_these_are_administrators()

    def only_these_are_administrators(self):
        """Let nobody be an administrator, in the pool and in Roster's table."""
        group = {"UserPoolId": self.api.user_pool_id, "GroupName": GROUP}
        for user in self.api.cognito.list_users_in_group(**group)["Users"]:
            self.api.cognito.admin_remove_user_from_group(**group, Username=user["Username"])
        table = {"TableName": self.api.tables["accounts"]}
        for item in self.api.connection.client.scan(**table)["Items"]:
            self.api.connection.client.delete_item(**table, Key={"id": item["id"]})

    def step(self, number):
        """Compare what the last steps touched, and return the account that this one is about."""
        type(self).steps += 1
        if self.steps % COMPARED == 0:
            self.compare()
        self.touched.add(self.accounts[number])
        return self.accounts[number]

    def compare(self):
        """Compare what Roster shows about the accounts that were touched."""
        for account in self.touched:
            self.shows_to_its_owner(account)
            self.shows_to_administrators(account)
            if account.exists:
                assert (self.api.users.get(account.userid) is not None) == account.has_record
        self.touched.clear()

    def shows_to_its_owner(self, account):
        for session in account.sessions[-1:]:
            answer = self.api.get("/account", token=session.access_token)
            if account.accepts(session):
                assert answer.json == account.as_owner_sees_it(session)
            else:
                assert answer.status == 401

    def shows_to_administrators(self, account):
        token = self.token_of_an_administrator()
        if token is None or not account.exists:
            return
        shown = self.api.get(f"/accounts/{account.userid}", token=token).json
        assert {**shown, **account.as_administrators_see_it()} == shown

    def token_of_an_administrator(self):
        for account in self.accounts:
            if account.is_administrator and account.sessions and GROUP in account.sessions[-1].groups:
                self.administrators.note(account)
                return account.sessions[-1].id_token
        return None

    def teardown(self):
        """Nobody is signed in without the present password, and only sessions that are alive can be refreshed."""
        self.touched.update(self.accounts)
        self.compare()
        assert {email: len(self.api.mailed(email)) for email in self.mails} == self.mails
        for account in self.accounts:
            for password in sorted(PASSWORDS, key=lambda password: password != account.password)[:2]:
                assert sign_in(self.api, account.email, password).status == self.sign_in_status(account, password)
            for session in account.sessions:
                self.refreshes(account, session)
        for userid, session in self.ghosts:
            assert self.api.post("/sessions/refresh", json={"refresh_token": session.refresh_token}).status == 401
            assert self.api.get("/account", token=session.access_token).status == 401
            assert self.api.get(f"/accounts/{userid}", token=session.id_token).status == 403

    def sign_in_status(self, account, password):
        if account.status == INVITED and account.is_enabled and password == account.password:
            return 202
        if not account.lets_in(password):
            return 401
        return 202 if account.has_totp else 200

    def would_lock(self, account, password):
        """Return whether a wrong password would be one too many ("Lockout behavior for failed sign-in attempts")."""
        return password != account.password and account.failures >= limits.FREE_FAILURES - 1

    # Mail and codes

    def code(self, account, purpose, which):
        """Return a code to send: the latest one, a used or replaced one, another account's, or a made-up one."""
        other = self.accounts[self.accounts[0] is account]
        codes = {"latest": account.codes.get(purpose), "other": other.codes.get(purpose)}
        codes["used"] = account.used[-1] if account.used else None
        return codes.get(which) or "none"

    def receives_code(self, account, purpose, email=None):
        email = email or account.email
        self.receives_mail(email)
        if purpose in account.codes:
            account.use(purpose)
        account.codes[purpose] = self.api.mailed_code(email)

    def receives_mail(self, email):
        self.mails[email] += 1
        assert len(self.api.mailed(email)) == self.mails[email]

    def receives_nothing(self, account):
        assert len(self.api.mailed(account.email)) == self.mails[account.email]

    def address(self, account, which):
        """Return an address to move to: one that nobody has, that of another account, or the present one."""
        others = [other.email for other in self.accounts if other is not account and other.exists]
        if which == "taken" and others:
            return others[0]
        return account.email if which == "same" else new_email()

    def is_taken(self, account, email):
        return any(other.exists and other.email == email for other in self.accounts if other is not account)

    def moves(self, account, email):
        """Another account that was erased, and had this address, leaves it to this one."""
        for other in self.accounts:
            if other is not account and other.email == email:
                other.email = new_email()
        account.email = email

    # Sessions

    def is_signed_in(self, account, answer):
        assert answer.status == 200
        assert self.api.get("/", token=answer.json["id_token"]).json["email"] == account.email
        tokens = {name: answer.json[name] for name in ("access_token", "id_token", "refresh_token")}
        account.sessions.append(Session(**tokens, groups=sorted(account.groups)))
        account.failures = 0

    def refreshes(self, account, session):
        answer = self.api.post("/sessions/refresh", json={"refresh_token": session.refresh_token})
        assert answer.status == (200 if session.is_alive else 401)
        if session.is_alive:
            session.access_token, session.id_token = answer.json["access_token"], answer.json["id_token"]
            session.groups = sorted(account.groups)

    def erased(self, number):
        """Everything about an account is gone, and it may sign up again."""
        account = self.accounts[number]
        self.ghosts += [(account.userid, session) for session in account.sessions]
        assert self.api.users.get(account.userid) is None
        assert self.api.profiles.get(account.userid) is None
        self.accounts[number] = Account(account.email, former=account.userid)
        self.touched = {self.accounts[number], *self.touched} - {account}


class SigningUpAndIn(Lives):
    """What takes no token."""

    @rule(number=ACCOUNTS, password=CHOSEN)
    def sign_up(self, number, password):
        account = self.step(number)
        body = {"email": account.email, "password": password, "name": "Jane Doe"}
        assert self.api.post("/accounts", json=body).status == 202
        if account.exists:
            self.resends(account)
            return
        account.status, account.password, account.names["name"] = UNCONFIRMED, password, "Jane Doe"
        user = {"UserPoolId": self.api.user_pool_id, "Username": account.email}
        account.userid = self.api.cognito.admin_get_user(**user)["Username"]
        self.receives_code(account, "sign-up")

    @rule(number=ACCOUNTS)
    def ask_for_confirmation_code(self, number):
        account = self.step(number)
        assert self.api.post("/accounts/confirmation/code", json={"email": account.email}).status == 202
        self.resends(account)

    def resends(self, account):
        is_waiting = account.status == UNCONFIRMED and account.is_enabled
        if is_waiting and account.is_allowed("ResendConfirmationCode"):
            self.receives_code(account, "sign-up")
        else:
            self.receives_nothing(account)

    @rule(number=ACCOUNTS, which=CODES, password=CHOSEN)
    def confirm(self, number, which, password):
        account = self.step(number)
        code = self.code(account, "sign-up", which)
        if self.would_lock(account, password):
            return
        body = {"email": account.email, "code": code, "password": password}
        answer = self.api.post("/accounts/confirmation", json=body)
        is_counted = account.status == UNCONFIRMED
        if (is_counted and not account.is_allowed("ConfirmSignUp")) or not account.is_code("sign-up", code):
            assert answer.status == 400
            return
        account.use("sign-up")
        account.status, account.is_verified = CONFIRMED, True
        if account.lets_in(password):
            account.has_record = True
            self.is_signed_in(account, answer)
            return
        account.failures += password != account.password
        if account.is_enabled:
            assert answer.status == 409
            account.status = RESET
            self.receives_code(account, "reset")
        else:
            assert answer.status == 400
            self.receives_nothing(account)

    @rule(number=ACCOUNTS, password=CHOSEN)
    def confirm_at_once(self, number, password):
        self.ask_for_confirmation_code(number)
        self.confirm(number, "latest", password)

    # Forgotten passwords

    @rule(number=ACCOUNTS)
    def ask_for_reset_code(self, number):
        account = self.step(number)
        assert self.api.post("/accounts/password-reset", json={"email": account.email}).status == 202
        is_resettable = account.is_verified and account.status != INVITED and account.is_enabled
        if is_resettable and account.is_allowed("ForgotPassword"):
            self.receives_code(account, "reset")
        else:
            self.receives_nothing(account)

    @rule(number=ACCOUNTS, which=CODES, password=CHOSEN)
    def reset(self, number, which, password):
        account = self.step(number)
        code = self.code(account, "reset", which)
        body = {"email": account.email, "code": code, "password": password}
        answer = self.api.put("/accounts/password-reset", json=body)
        is_counted = account.exists and account.is_enabled
        if not is_counted or not account.is_allowed("ForgotPassword") or not account.is_code("reset", code):
            assert answer.status == 400
            return
        assert answer.status == 204
        account.use("reset")
        account.status, account.password = CONFIRMED, password
        account.end_sessions()

    @rule(number=ACCOUNTS, password=CHOSEN)
    def reset_at_once(self, number, password):
        self.ask_for_reset_code(number)
        self.reset(number, "latest", password)

    # Sessions

    @rule(number=ACCOUNTS, password=CHOSEN, which=TOTP_CODES)
    def sign_in(self, number, password, which):
        account = self.step(number)
        if self.would_lock(account, password):
            return
        answer = sign_in(self.api, account.email, password)
        assert answer.status == self.sign_in_status(account, password)
        if answer.status == 401:
            account.failures += account.status not in (UNKNOWN, UNCONFIRMED) and password != account.password
        elif answer.status == 200:
            self.is_signed_in(account, answer)
        elif account.has_totp:
            self.enter_code(account, answer.json, which)

    @rule(number=ACCOUNTS)
    def sign_in_again(self, number):
        """With the right password, and the code if there is an authenticator."""
        self.sign_in(number, self.accounts[number].password or PASSWORD, "right")

    def enter_code(self, account, challenge, which):
        assert challenge["challenge"] == "TOTP"
        app = account.authenticator
        code = {"right": app.unused_code, "used": app.used_code, "wrong": app.wrong_code}[which]()
        if code is None or (which == "wrong" and account.failures >= limits.FREE_FAILURES - 1):
            return
        answer = self.api.post("/sessions/challenge", json={**challenge_of(challenge), "code": code})
        if which == "right":
            self.is_signed_in(account, answer)
            return
        assert answer.status == 401
        account.failures += which == "wrong"

    @rule(number=ACCOUNTS, place=st.integers(0, 3))
    def refresh(self, number, place):
        account = self.step(number)
        for session in account.sessions[place : place + 1]:
            self.refreshes(account, session)

    @rule(number=ACCOUNTS, place=st.integers(0, 3))
    def revoke(self, number, place):
        account = self.step(number)
        for session in account.sessions[place : place + 1]:
            assert self.api.post("/sessions/revocation", json={"refresh_token": session.refresh_token}).status == 204
            session.is_alive = False

    @rule(number=ACCOUNTS, password=CHOSEN)
    def accept_invitation(self, number, password):
        account = self.step(number)
        if account.status != INVITED:
            return
        challenge = sign_in(self.api, account.email, account.password)
        if not account.is_enabled:
            assert challenge.status == 401
            return
        assert (challenge.status, challenge.json["challenge"]) == (202, "NEW_PASSWORD")
        body = {**challenge_of(challenge.json), "password": password}
        answer = self.api.post("/sessions/challenge", json=body)
        account.status, account.password, account.has_record = CONFIRMED, password, True
        self.is_signed_in(account, answer)
        assert self.api.post("/sessions/challenge", json=body).status == 401


class OwnAccount(Lives):
    """What takes an access token. The one of the latest session is sent, whether or not it is still accepted."""

    def own(self, account, method, path, body=...):
        """Return the response, or ``None`` if there is no session or its token is rejected, as it must be."""
        for session in account.sessions[-1:]:
            answer = self.api.request(method, path, token=session.access_token, json=body)
            if account.accepts(session):
                return answer
            assert answer.status == 401
        return None

    def with_password(self, account, method, path, body):
        """As ``own``, for what takes the password too. Return ``None`` also if it is wrong, and rejected."""
        body["password"] = self.proof(account, body["password"])
        if self.would_lock(account, body["password"]):
            return None
        answer = self.own(account, method, path, body)
        if answer is None or account.proves(body["password"]):
            return answer
        assert (answer.status, answer.json["type"]) == (403, "urn:roster:problem:wrong-password")
        return None

    def proof(self, account, password):
        return account.password if password == PRESENT else password

    @rule(number=ACCOUNTS, names=OWN_NAMES)
    def change_own_names(self, number, names):
        account = self.step(number)
        if self.own(account, "PATCH", "/account", names):
            account.names |= names

    @rule(number=ACCOUNTS, password=PROOFS, new=CHOSEN)
    def change_password(self, number, password, new):
        account = self.step(number)
        password = self.proof(account, password)
        answer = self.own(account, "PUT", "/account/password", {"password": password, "new_password": new})
        if answer is None:
            return
        if not account.is_allowed("ChangePassword") or password != account.password:
            assert answer.status == 403
            return
        assert answer.status == 204
        account.password = new
        account.end_sessions()

    @rule(number=ACCOUNTS, which=ADDRESSES, password=PROOFS)
    def change_email(self, number, which, password):
        account = self.step(number)
        email = self.address(account, which)
        answer = self.with_password(account, "PUT", "/account/email", {"email": email, "password": password})
        if answer is None:
            self.receives_nothing(account)
            return
        assert answer.status == 202
        if email == account.email:
            self.receives_nothing(account)
            return
        account.new_email = email
        self.receives_code(account, "email", email)

    @rule(number=ACCOUNTS, which=CODES)
    def confirm_email(self, number, which):
        account = self.step(number)
        code = self.code(account, "email", which)
        answer = self.own(account, "POST", "/account/email/confirmation", {"code": code})
        if answer is None:
            return
        if not account.is_allowed("VerifyUserAttribute") or not account.is_code("email", code):
            assert answer.status == 400
        elif self.is_taken(account, account.new_email):
            assert (answer.status, answer.json["type"]) == (409, "urn:roster:problem:email-taken")
        else:
            assert answer.status == 204
            account.use("email")
            self.moves(account, account.new_email)

    @rule(number=ACCOUNTS)
    def move_at_once(self, number):
        self.change_email(number, "new", PRESENT)
        self.confirm_email(number, "latest")

    @rule(number=ACCOUNTS, is_right=st.booleans())
    def set_up_totp(self, number, is_right):
        account = self.step(number)
        answer = self.own(account, "POST", "/account/totp")
        if answer is None:
            return
        if account.has_totp:
            assert answer.status == 409
            return
        app = Authenticator(answer.json["secret"])
        code = app.unused_code() if is_right else app.wrong_code()
        answer = self.own(account, "PUT", "/account/totp", {"code": code})
        assert answer.status == (204 if is_right else 400)
        if is_right:
            account.authenticator, account.has_totp = app, True

    @rule(number=ACCOUNTS, password=PROOFS)
    def remove_totp(self, number, password):
        account = self.step(number)
        answer = self.with_password(account, "POST", "/account/totp/removal", {"password": password})
        if answer is not None:
            assert answer.status == 204
            account.has_totp = False

    @rule(number=ACCOUNTS)
    def sign_out_everywhere(self, number):
        account = self.step(number)
        if self.own(account, "DELETE", "/sessions"):
            account.end_sessions()

    @rule(number=ACCOUNTS)
    def export(self, number):
        account = self.step(number)
        answer = self.own(account, "GET", "/account/export")
        if answer is not None:
            exported = answer.json
            assert exported["account"] == account.as_owner_sees_it(account.sessions[-1])
            assert (exported["record"] is not None) == account.has_record

    @rule(number=ACCOUNTS, password=PROOFS)
    def leave(self, number, password):
        account = self.step(number)
        answer = self.with_password(account, "POST", "/account/deletion", {"password": password})
        if answer is None:
            return
        is_known = not account.has_totp and GROUP in account.groups  # from the check of the password
        is_admin = is_known or GROUP in account.sessions[-1].groups
        if self.administrators.lets_go(account, is_admin=is_admin):
            assert answer.status == 204
            self.erased(number)
        else:
            assert is_last_admin(answer)

    @rule(number=ACCOUNTS, place=st.integers(0, 3))
    def write_record(self, number, place):
        """Write one's record, also with a token that has outlived its account, and let the housekeeping run."""
        account = self.step(number)
        for session in account.sessions[-1:]:
            path = f"/users/{account.userid}"
            assert self.api.put(path, token=session.id_token, json={"n": place}).status == 200
            account.has_record = True
        for userid, session in self.ghosts[place : place + 1]:
            assert self.api.put(f"/users/{userid}", token=session.id_token, json={"n": place}).status == 200
            self.housekeep()
            assert self.api.users.get(userid) is None

    @rule()
    def housekeep(self):
        type(self).steps += 1
        self.api.housekeep()
        self.administrators.refresh(self.accounts)


class Administration(Lives):
    """What administrators do, and everybody else may not."""

    def administer(self, caller, method, path, body=...):
        """Send the latest ID token. Return the response, or ``None`` if the token is rejected, as it must be."""
        account = self.accounts[caller]
        for session in account.sessions[-1:]:
            answer = self.api.request(method, path, token=session.id_token, json=body)
            if GROUP in session.groups and account.is_administrator:
                self.administrators.note(account)
                return answer
            assert answer.status == 403
        return None

    def change(self, caller, number, method, path="", body=...):
        """Do something to an account. Return the response, as ``administer``, or ``None`` if there is no account."""
        account = self.accounts[number]
        userid = account.userid or account.former or "nobody"
        answer = self.administer(caller, method, f"/accounts/{userid}{path}", body)
        if answer is None or account.exists:
            return answer
        assert answer.status == (204 if (method, path) == ("DELETE", "") and account.former else 404)
        return None

    def lets_go(self, account, answer):
        """Return whether an account may stop being an administrator. If not, it is the last one."""
        if account.is_administrator:
            self.administrators.refresh(self.accounts)
        lets_go = self.administrators.lets_go(account, is_admin=account.is_administrator)
        assert lets_go != is_last_admin(answer)
        return lets_go

    @rule(caller=CALLERS, number=ACCOUNTS, groups=st.sampled_from([[], [GROUP]]))
    def invite(self, caller, number, groups):
        account = self.step(number)
        body = {"email": account.email, "name": "Una Doe", "groups": groups}
        answer = self.administer(caller, "POST", "/accounts/invitations", body)
        if answer is None or account.status not in (UNKNOWN, INVITED):
            assert answer is None or answer.status == 409
            self.receives_nothing(account)
            return
        assert answer.status == (200 if account.exists else 201)
        self.receives_mail(account.email)
        if not account.exists:
            account.status, account.is_verified, account.names["name"] = INVITED, True, "Una Doe"
            account.userid = answer.json["userid"]
        account.password = re.search(r"password (\S+) and", self.api.mailed(account.email)[-1])[1]
        account.groups.update(groups)

    @rule(caller=CALLERS, number=ACCOUNTS, change=CHANGES)
    def change_names_or_metadata(self, caller, number, change):
        account = self.step(number)
        answer = self.change(caller, number, "PATCH", "", change)
        if answer is None:
            return
        assert answer.status == 200
        account.metadata = without_nulls({**account.metadata, **change.get("app_metadata", {})})
        account.names |= {name: value for name, value in change.items() if name in account.names}

    @rule(caller=CALLERS, number=ACCOUNTS, which=ADDRESSES)
    def move(self, caller, number, which):
        account = self.step(number)
        email = self.address(account, which)
        answer = self.change(caller, number, "PATCH", "", {"email": email})
        if answer is None:
            return
        if caller == number:
            assert answer.status == 403
            return
        if self.is_taken(account, email):
            assert (answer.status, answer.json["type"]) == (409, "urn:roster:problem:email-taken")
            return
        assert answer.status == 200
        account.is_verified = True
        self.moves(account, email)
        if "email" in account.codes:
            account.use("email")

    @rule(caller=CALLERS, number=ACCOUNTS)
    def disable(self, caller, number):
        account = self.step(number)
        answer = self.change(caller, number, "PATCH", "", {"enabled": False})
        if answer is not None and self.lets_go(account, answer):
            assert answer.status == 200
            account.is_enabled = False
            account.end_sessions()

    @rule(caller=CALLERS, number=ACCOUNTS)
    def enable(self, caller, number):
        account = self.step(number)
        answer = self.change(caller, number, "PATCH", "", {"enabled": True})
        if answer is not None:
            assert answer.status == 200
            account.is_enabled = True

    @rule(caller=CALLERS, number=ACCOUNTS)
    def make_administrator(self, caller, number):
        account = self.step(number)
        answer = self.change(caller, number, "PUT", f"/groups/{GROUP}")
        if answer is None:
            return
        assert answer.status == 204
        account.groups.add(GROUP)
        if account.can_sign_in:
            self.administrators.note(account)

    @rule(caller=CALLERS, number=ACCOUNTS)
    def make_no_administrator(self, caller, number):
        account = self.step(number)
        answer = self.change(caller, number, "DELETE", f"/groups/{GROUP}")
        if answer is not None and self.lets_go(account, answer):
            assert answer.status == 204
            account.groups.discard(GROUP)
            account.end_sessions()

    @rule(caller=CALLERS, number=ACCOUNTS)
    def make_reset_required(self, caller, number):
        account = self.step(number)
        answer = self.change(caller, number, "POST", "/password-reset")
        if answer is None:
            return
        if not account.is_enabled or account.status not in (CONFIRMED, RESET):
            assert (answer.status, answer.json["type"]) == (409, "urn:roster:problem:wrong-status")
        elif self.lets_go(account, answer):
            assert answer.status == 202
            account.status = RESET
            self.receives_code(account, "reset")

    @rule(caller=CALLERS, number=ACCOUNTS)
    def forget_authenticator(self, caller, number):
        account = self.step(number)
        answer = self.change(caller, number, "DELETE", "/totp")
        if answer is not None and caller == number:
            assert answer.status == 403
        elif answer is not None:
            assert answer.status == 204
            account.has_totp, account.authenticator = False, None

    @rule(caller=CALLERS, number=ACCOUNTS)
    def end_sessions(self, caller, number):
        account = self.step(number)
        answer = self.change(caller, number, "DELETE", "/sessions")
        if answer is not None:
            assert answer.status == 204
            account.end_sessions()

    @rule(caller=CALLERS, number=ACCOUNTS)
    def erase(self, caller, number):
        account = self.step(number)
        answer = self.change(caller, number, "DELETE")
        if answer is not None and caller == number:
            self.administrators.refresh(self.accounts)
            assert answer.status == (403 if self.administrators.knows_others(account) else 409)
        elif answer is not None and self.lets_go(account, answer):
            assert answer.status == 204
            self.erased(number)

    @rule()
    def a_minute_passes(self):
        """Accounts that have stopped being administrators may come back: Roster finds the times in its table."""
        type(self).steps += 1
        item = {"TableName": self.api.tables["accounts"], "Key": {"id": {"S": "administrators"}}}
        if "Item" in self.api.connection.client.get_item(**item):
            nobody: dict[str, Any] = {":nobody": {"M": {}}}
            change = {"UpdateExpression": "SET removed = :nobody", "ExpressionAttributeValues": nobody}
            self.api.connection.client.update_item(**item, **change)
        for account in self.accounts:
            account.is_away = False


class Accounts(SigningUpAndIn, OwnAccount, Administration):
    """Everything that can happen to accounts."""

    @initialize(others=st.sampled_from(["nobody", "one account", "one account", "another administrator"]))
    def begin(self, others):
        """Let Ada be an administrator, and in most lives another account exist: few sequences would get that far."""
        self.exists(ADA)
        ada = self.accounts[ADA]
        group = {"UserPoolId": self.api.user_pool_id, "GroupName": GROUP}
        self.api.cognito.admin_add_user_to_group(**group, Username=ada.email)
        ada.groups.add(GROUP)
        self.sign_in_again(ADA)
        if others != "nobody":
            self.exists(0)
        if others == "another administrator":
            self.make_administrator(ADA, 0)
            self.sign_in_again(0)

    def exists(self, number):
        self.sign_up(number, PASSWORD)
        self.confirm(number, "latest", PASSWORD)


def is_last_admin(answer):
    return answer.status == 409 and answer.json["type"] == "urn:roster:problem:last-admin"


def without_nulls(members):
    return {name: value for name, value in members.items() if value is not None}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    folder = targets.rarely_saved(tmp_path_factory.mktemp("accounts"))
    with targets.in_process_target(folder) as api:
        yield type("AccountsInProcess", (Accounts,), {"api": api, "steps": 0})


class TestLivesInWhichEverythingHappens:
    """Few generated lives reach all of this."""

    def test_signing_up_and_in_matches_the_model(self, machine):
        lives = machine()
        lives.sign_up(0, ATTACKERS)
        lives.sign_up(0, PASSWORD)
        lives.sign_in(0, ATTACKERS, "right")
        lives.confirm(0, "used", PASSWORD)
        lives.confirm(0, "latest", PASSWORD)
        assert lives.accounts[0].status == RESET
        lives.sign_in(0, ATTACKERS, "right")
        lives.reset(0, "wrong", PASSWORD)
        lives.reset(0, "latest", PASSWORD)
        lives.reset(0, "used", NEW)
        lives.sign_in(0, PASSWORD, "right")
        lives.reset_at_once(0, NEW)
        lives.refresh(0, 0)
        lives.sign_in(0, NEW, "right")
        lives.revoke(0, 1)
        lives.refresh(0, 1)
        assert [session.is_alive for session in lives.accounts[0].sessions] == [False] * 2
        lives.sign_up(1, PASSWORD)
        lives.confirm_at_once(1, PASSWORD)
        lives.confirm(1, "used", PASSWORD)
        lives.teardown()

    def test_ones_own_account_matches_the_model(self, machine):
        lives = machine()
        lives.begin("one account")
        account = lives.accounts[0]
        lives.change_own_names(0, {"given_name": "Janet", "name": "Janet Doe"})
        lives.change_email(0, "taken", PASSWORD)
        lives.confirm_email(0, "latest")
        lives.change_email(0, "new", NEW)
        lives.change_email(0, "new", PASSWORD)
        lives.confirm_email(0, "wrong")
        lives.confirm_email(0, "used")
        lives.confirm_email(0, "latest")
        assert account.email == account.new_email
        lives.set_up_totp(0, is_right=False)
        lives.set_up_totp(0, is_right=True)
        lives.set_up_totp(0, is_right=True)
        lives.sign_in(0, PASSWORD, "used")
        lives.sign_in(0, PASSWORD, "wrong")
        lives.sign_in(0, PASSWORD, "right")
        assert len(account.sessions) == 2
        lives.remove_totp(0, NEW)
        lives.remove_totp(0, PASSWORD)
        lives.change_password(0, NEW, ATTACKERS)
        lives.change_password(0, PASSWORD, NEW)
        lives.export(0)
        lives.sign_in_again(0)
        lives.sign_out_everywhere(0)
        lives.sign_in_again(0)
        lives.export(0)
        lives.leave(0, PASSWORD)
        lives.leave(ADA, PASSWORD)
        lives.leave(0, NEW)
        assert [account.exists for account in lives.accounts] == [False, False, True]
        lives.write_record(0, 0)
        lives.sign_up(0, PASSWORD)
        lives.teardown()

    def test_administration_matches_the_model(self, machine):
        lives = machine()
        lives.begin("another administrator")
        john = lives.accounts[0]
        lives.invite(ADA, 1, [])
        lives.invite(ADA, 1, [GROUP])
        lives.confirm(1, "other", PASSWORD)
        lives.ask_for_reset_code(1)
        lives.make_reset_required(ADA, 1)
        lives.accept_invitation(1, PASSWORD)
        lives.change_names_or_metadata(1, 0, {"app_metadata": {"plan": "pro", "n": 1}})
        lives.change_names_or_metadata(1, 0, {"app_metadata": {"n": None}})
        lives.change_names_or_metadata(1, 0, {"family_name": "Doe"})
        lives.move(1, 0, "taken")
        lives.move(1, 0, "new")
        lives.set_up_totp(0, is_right=True)
        lives.forget_authenticator(ADA, 0)
        lives.end_sessions(ADA, 0)
        lives.sign_in_again(0)
        lives.disable(0, 1)
        lives.erase(ADA, 1)
        lives.disable(ADA, 0)
        assert not john.is_enabled
        lives.make_administrator(0, 1)
        lives.make_no_administrator(ADA, ADA)
        lives.enable(ADA, 0)
        lives.erase(ADA, ADA)
        assert lives.accounts[ADA].is_administrator
        lives.a_minute_passes()
        lives.sign_in_again(0)
        lives.make_reset_required(0, ADA)
        assert lives.accounts[ADA].status == RESET
        lives.disable(0, 0)
        lives.make_no_administrator(0, ADA)
        lives.housekeep()
        lives.erase(0, ADA)
        lives.erase(0, ADA)
        assert [account.exists for account in lives.accounts] == [True, False, False]
        lives.teardown()


def test_any_life_of_three_accounts_matches_the_model(machine):
    machine.steps = 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ["FUZZ_EXAMPLES"]) // 5 if LONG else 7,
            stateful_step_count=50 if LONG else 35,
            deadline=None,
            derandomize=not LONG,
            phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"Accounts: {machine.steps} steps")
    assert machine.steps >= (1_000 if LONG else 200)
