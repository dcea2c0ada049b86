"""What follows from Cognito's answers to a sign-up and a confirmation, whatever fails in between."""

import pytest

from chalicelib.accounts.bodies import Body
from chalicelib.accounts.errors import InvalidCode, PasswordResetRequired, SignUpClosed
from chalicelib.accounts.passwords import PasswordPolicy
from chalicelib.accounts.public import sign_up
from chalicelib.errors import Invalid, Misconfigured, Throttled, Unavailable
from chalicelib.storage.cognito.service import Declined


class Pool:
    """A user pool in which calls raise what ``failing`` says, by name. ``done`` are those that were made, in order."""

    def __init__(self, **failing):
        self.failing = failing
        self.done = []

    def __getattr__(self, name):
        def call(*_):
            self.done.append(name)
            if name in self.failing:
                raise self.failing[name]

        call.__name__ = name
        return call


WRONG = Declined("NotAuthorized")
FAILURES = [Declined("LimitExceeded"), Declined("CodeDeliveryFailure"), Throttled(""), Unavailable("")]


class TestConfirming:
    @pytest.mark.parametrize("doubt", [WRONG, Throttled(""), Unavailable(""), Misconfigured("")], ids=repr)
    def test_if_the_password_may_be_somebody_elses_it_is_reset_and_sessions_end(self, doubt):
        pool = Pool(sign_in=doubt)
        with pytest.raises(PasswordResetRequired):
            sign_up.confirm(pool, "e", "1", "p")
        assert pool.done == ["confirm", "sign_in", "force_reset", "end_sessions"]

    @pytest.mark.parametrize("failure", FAILURES, ids=repr)
    @pytest.mark.parametrize("call", ["force_reset", "end_sessions"])
    def test_if_one_of_both_fails_the_other_is_done(self, call, failure):
        pool = Pool(sign_in=WRONG, **{call: failure})
        with pytest.raises(PasswordResetRequired):
            sign_up.confirm(pool, "e", "1", "p")
        assert pool.done[-2:] == ["force_reset", "end_sessions"]

    def test_a_missing_permission_is_reported_after_sessions_have_ended(self):
        pool = Pool(sign_in=WRONG, force_reset=Misconfigured("denied"))
        with pytest.raises(Misconfigured):
            sign_up.confirm(pool, "e", "1", "p")
        assert pool.done[-1] == "end_sessions"

    @pytest.mark.parametrize(
        "reason", ["NotAuthorized", "CodeMismatch", "ExpiredCode", "LimitExceeded", "UserNotFound"]
    )
    def test_without_the_right_code_nothing_else_is_done(self, reason):
        pool = Pool(confirm=Declined(reason))
        with pytest.raises(InvalidCode):
            sign_up.confirm(pool, "e", "1", "p")
        assert pool.done == ["confirm"]

    @pytest.mark.parametrize("failure", [Throttled(""), Unavailable("")], ids=repr)
    def test_if_it_is_unknown_whether_the_code_is_right_nothing_else_is_done(self, failure):
        pool = Pool(confirm=failure)
        with pytest.raises(type(failure)):
            sign_up.confirm(pool, "e", "1", "p")
        assert pool.done == ["confirm"]


class TestSigningUp:
    @pytest.mark.parametrize("failure", [*FAILURES, Declined("InvalidParameter"), Declined("NotAuthorized")], ids=repr)
    def test_a_known_address_is_not_revealed_by_a_code_that_cannot_be_mailed(self, failure):
        pool = Pool(sign_up=Declined("UsernameExists"), mail_confirmation_code=failure)
        sign_up.sign_up(pool, "e", "p", {})
        assert pool.done == ["sign_up", "mail_confirmation_code"]

    @pytest.mark.parametrize("reason", ["CodeDeliveryFailure", "InvalidEmailRoleAccessPolicy", "InvalidPassword"])
    def test_a_new_address_is_not_revealed_by_what_the_pool_declines(self, reason):
        sign_up.sign_up(Pool(sign_up=Declined(reason)), "e", "p", {})

    @pytest.mark.parametrize(
        ("reason", "error"), [("NotAuthorized", SignUpClosed), ("InvalidParameter", Invalid)], ids=str
    )
    def test_what_concerns_every_address_is_reported(self, reason, error):
        with pytest.raises(error):
            sign_up.sign_up(Pool(sign_up=Declined(reason)), "e", "p", {})


class TestResettingAPassword:
    def test_if_the_response_is_lost_sessions_stay_because_the_code_is_unproved(self):
        pool = Pool(reset_password=Unavailable("late"))
        with pytest.raises(Unavailable, match="may have been changed"):
            sign_up.reset_password(pool, PasswordPolicy(12), "e", "1", "p")
        assert pool.done == ["reset_password"]

    @pytest.mark.parametrize("failure", [Throttled(""), Unavailable("")], ids=repr)
    def test_if_sessions_cannot_be_ended_the_response_says_so(self, failure):
        with pytest.raises(Unavailable, match="could not be ended"):
            sign_up.reset_password(Pool(end_sessions=failure), PasswordPolicy(12), "e", "1", "p")


def test_a_body_of_many_unknown_members_is_reported_with_few_errors():
    body = Body({"x" * 2000: 1, **{f"member-{number}": number for number in range(3000)}})
    with pytest.raises(Invalid) as raised:
        body.require_no_faults()
    assert len(raised.value.violations) == 20
    assert raised.value.violations[0].pointer == ""
