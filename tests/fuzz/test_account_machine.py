"""Compares any life of two accounts with a model: signing up and in and out, resets, and what administrators do.

``make test`` tries the same 400 or so steps every time, ``make fuzz`` thousands of different ones.
"""

import os
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from embedded.emulator import limits
from testbed import targets
from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, challenge_of, sign_in

LONG = "FUZZ_EXAMPLES" in os.environ
TEMPORARY = "Temporary-horse-44"
ATTACKERS = "Attackers-horse-1"
PASSWORDS = (PASSWORD, NEW, ATTACKERS)
UNKNOWN, UNCONFIRMED, CONFIRMED, RESET, INVITED = "unknown", "unconfirmed", "confirmed", "reset", "invited"


@dataclass
class Account:
    """What the model knows of an address. ``codes``: the valid ones by purpose. ``calls``: those that are limited."""

    email: str = field(default_factory=new_email)
    status: str = UNKNOWN
    is_enabled: bool = True
    password: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    mails: int = 0
    sessions: dict[str, bool] = field(default_factory=dict)
    failures: int = 0
    calls: dict[str, int] = field(default_factory=dict)

    def is_allowed(self, operation):
        """Count a call. Return whether it is within the person's limit ("Quotas in Amazon Cognito")."""
        self.calls[operation] = self.calls.get(operation, 0) + 1
        return self.calls[operation] <= limits.PER_HOUR[operation]

    def is_code(self, purpose, code):
        return code is not None and self.codes.get(purpose) == code

    def lets_in(self, password):
        return self.status == CONFIRMED and self.is_enabled and password == self.password

    def end_sessions(self):
        self.sessions = dict.fromkeys(self.sessions, False)


ACCOUNTS = st.integers(0, 1)
CHOSEN = st.sampled_from(PASSWORDS)
CODES = st.sampled_from(["latest", "latest", "latest", "used", "other", "wrong"])


class Accounts(RuleBasedStateMachine):
    """Two addresses. The test sets ``api``."""

    steps: ClassVar[int]
    api: targets.Target

    def __init__(self):
        super().__init__()
        self.accounts = [Account(), Account()]

    @initialize(is_known=st.booleans())
    def begin(self, is_known):
        """Let one address have an account already in half of the lives: most sequences would never get that far."""
        if is_known:
            self.sign_up(0, PASSWORD)
            self.confirm(0, "latest", PASSWORD)

    # Signing up

    @rule(number=ACCOUNTS, password=CHOSEN)
    def sign_up(self, number, password):
        account = self.step(number)
        body = {"email": account.email, "password": password, "name": "Jane Doe"}
        assert self.api.post("/accounts", json=body).status == 202
        if account.status == UNKNOWN:
            account.status, account.password = UNCONFIRMED, password
            self.receives_code(account, "sign-up")
        else:
            self.resends(account)

    @rule(number=ACCOUNTS)
    def ask_for_confirmation_code(self, number):
        account = self.step(number)
        assert self.api.post("/accounts/confirmation/code", json={"email": account.email}).status == 202
        self.resends(account)

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
        self.use(account, "sign-up")
        account.status = CONFIRMED
        if account.lets_in(password):
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

    # Passwords

    @rule(number=ACCOUNTS)
    def ask_for_reset_code(self, number):
        account = self.step(number)
        assert self.api.post("/accounts/password-reset", json={"email": account.email}).status == 202
        is_resettable = account.status in (CONFIRMED, RESET) and account.is_enabled
        if is_resettable and account.is_allowed("ForgotPassword"):
            self.receives_code(account, "reset")
        else:
            self.receives_nothing(account)

    @rule(number=ACCOUNTS, password=CHOSEN)
    def reset_at_once(self, number, password):
        self.ask_for_reset_code(number)
        self.reset(number, "latest", password)

    @rule(number=ACCOUNTS, password=CHOSEN)
    def confirm_at_once(self, number, password):
        self.ask_for_confirmation_code(number)
        self.confirm(number, "latest", password)

    @rule(number=ACCOUNTS, which=CODES, password=CHOSEN)
    def reset(self, number, which, password):
        account = self.step(number)
        code = self.code(account, "reset", which)
        body = {"email": account.email, "code": code, "password": password}
        answer = self.api.put("/accounts/password-reset", json=body)
        is_counted = account.status != UNKNOWN and account.is_enabled
        if not is_counted or not account.is_allowed("ForgotPassword") or not account.is_code("reset", code):
            assert answer.status == 400
            return
        assert answer.status == 204
        self.use(account, "reset")
        account.status, account.password = CONFIRMED, password
        account.end_sessions()

    # Sessions

    @rule(number=ACCOUNTS, password=CHOSEN)
    def sign_in(self, number, password):
        account = self.step(number)
        if self.would_lock(account, password):
            return
        answer = sign_in(self.api, account.email, password)
        if account.lets_in(password):
            self.is_signed_in(account, answer)
            return
        assert answer.status == 401
        account.failures += account.status not in (UNKNOWN, UNCONFIRMED) and password != account.password

    @rule(number=ACCOUNTS, place=st.integers(0, 3))
    def refresh(self, number, place):
        account = self.step(number)
        for token in list(account.sessions)[place : place + 1]:
            self.refreshes(account, token)

    @rule(number=ACCOUNTS, place=st.integers(0, 3))
    def revoke(self, number, place):
        account = self.step(number)
        for token in list(account.sessions)[place : place + 1]:
            assert self.api.post("/sessions/revocation", json={"refresh_token": token}).status == 204
            account.sessions[token] = False

    # What administrators do, through the pool

    @rule(number=ACCOUNTS)
    def disable(self, number):
        account = self.step(number)
        if account.status != UNKNOWN:
            self.api.cognito.admin_disable_user(**self.user(account))
            account.is_enabled = False
            account.end_sessions()

    @rule(number=ACCOUNTS)
    def enable(self, number):
        account = self.step(number)
        if account.status != UNKNOWN:
            self.api.cognito.admin_enable_user(**self.user(account))
            account.is_enabled = True

    @rule(number=ACCOUNTS)
    def invite(self, number):
        account = self.step(number)
        if account.status == UNKNOWN:
            attributes = {"email": account.email, "email_verified": "true", "name": "Jane Doe"}
            self.api.cognito.admin_create_user(
                **self.user(account),
                TemporaryPassword=TEMPORARY,
                MessageAction="SUPPRESS",
                UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
            )
            account.status, account.password = INVITED, TEMPORARY

    @rule(number=ACCOUNTS, password=CHOSEN)
    def accept_invitation(self, number, password):
        account = self.step(number)
        if self.would_lock(account, TEMPORARY):
            return
        challenge = sign_in(self.api, account.email, TEMPORARY)
        if account.status != INVITED or not account.is_enabled:
            assert challenge.status == 401
            account.failures += account.status not in (UNKNOWN, UNCONFIRMED) and account.password != TEMPORARY
            return
        assert (challenge.status, challenge.json["challenge"]) == (202, "NEW_PASSWORD")
        body = {**challenge_of(challenge.json), "password": password}
        answer = self.api.post("/sessions/challenge", json=body)
        account.status, account.password = CONFIRMED, password
        self.is_signed_in(account, answer)
        assert self.api.post("/sessions/challenge", json=body).status == 401

    def teardown(self):
        """Nobody is signed in without the present password, and only sessions that are alive can be refreshed."""
        for account in self.accounts:
            assert len(self.api.mailed(account.email)) == account.mails
            for password in sorted(PASSWORDS, key=lambda password: password != account.password):
                answer = sign_in(self.api, account.email, password)
                assert answer.status == (200 if account.lets_in(password) else 401)
            for token in account.sessions:
                self.refreshes(account, token)

    def step(self, number):
        type(self).steps += 1
        return self.accounts[number]

    def user(self, account):
        return {"UserPoolId": self.api.user_pool_id, "Username": account.email}

    def code(self, account, purpose, which):
        """Return a code to send: the latest one, a used or replaced one, the other account's, or a made-up one."""
        other = self.accounts[self.accounts[0] is account]
        codes = {"latest": account.codes.get(purpose), "other": other.codes.get(purpose)}
        codes["used"] = account.used[-1] if account.used else None
        return codes.get(which) or "none"

    def would_lock(self, account, password):
        """Return whether a wrong password would be one too many ("Lockout behavior for failed sign-in attempts")."""
        return password != account.password and account.failures >= limits.FREE_FAILURES - 1

    def use(self, account, purpose):
        account.used.append(account.codes.pop(purpose))

    def resends(self, account):
        is_waiting = account.status == UNCONFIRMED and account.is_enabled
        if is_waiting and account.is_allowed("ResendConfirmationCode"):
            self.receives_code(account, "sign-up")
        else:
            self.receives_nothing(account)

    def receives_code(self, account, purpose):
        account.mails += 1
        assert len(self.api.mailed(account.email)) == account.mails
        if purpose in account.codes:
            self.use(account, purpose)
        account.codes[purpose] = self.api.mailed_code(account.email)

    def receives_nothing(self, account):
        assert len(self.api.mailed(account.email)) == account.mails

    def is_signed_in(self, account, answer):
        assert answer.status == 200
        assert self.api.get("/", token=answer.json["id_token"]).json["email"] == account.email
        account.sessions[answer.json["refresh_token"]] = True
        account.failures = 0

    def refreshes(self, account, token):
        answer = self.api.post("/sessions/refresh", json={"refresh_token": token})
        assert answer.status == (200 if account.sessions[token] else 401)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with targets.in_process_target(tmp_path_factory.mktemp("accounts")) as api:
        yield type("AccountsInProcess", (Accounts,), {"api": api, "steps": 0})


def test_a_life_in_which_everything_happens_matches_the_model(machine):
    """Few generated lives reach all of this."""
    lives = machine()
    lives.sign_up(0, ATTACKERS)
    lives.sign_up(0, PASSWORD)
    lives.sign_in(0, ATTACKERS)
    lives.confirm(0, "used", PASSWORD)
    lives.confirm(0, "latest", PASSWORD)
    assert lives.accounts[0].status == RESET
    lives.sign_in(0, ATTACKERS)
    lives.reset(0, "wrong", PASSWORD)
    lives.reset(0, "latest", PASSWORD)
    lives.reset(0, "used", NEW)
    lives.sign_in(0, PASSWORD)
    lives.reset_at_once(0, NEW)
    lives.refresh(0, 0)
    lives.sign_in(0, NEW)
    lives.revoke(0, 1)
    lives.refresh(0, 1)
    lives.sign_in(0, NEW)
    lives.disable(0)
    lives.sign_in(0, NEW)
    lives.enable(0)
    lives.refresh(0, 2)
    assert list(lives.accounts[0].sessions.values()) == [False] * 3
    lives.invite(1)
    lives.confirm(1, "other", PASSWORD)
    lives.ask_for_reset_code(1)
    lives.accept_invitation(1, PASSWORD)
    lives.ask_for_confirmation_code(1)
    lives.teardown()
    lives = machine()
    lives.sign_up(0, ATTACKERS)
    lives.disable(0)
    lives.confirm(0, "latest", ATTACKERS)
    lives.enable(0)
    lives.sign_up(1, PASSWORD)
    lives.confirm_at_once(1, PASSWORD)
    lives.confirm(1, "used", PASSWORD)
    lives.teardown()


def test_any_life_of_two_accounts_matches_the_model(machine):
    machine.steps = 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ["FUZZ_EXAMPLES"]) // 5 if LONG else 20,
            stateful_step_count=40 if LONG else 25,
            deadline=None,
            derandomize=not LONG,
            phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"Accounts: {machine.steps} steps")
    assert machine.steps >= (1_000 if LONG else 200)
