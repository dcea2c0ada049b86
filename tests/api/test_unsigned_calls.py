"""The public calls to the user pool, and those about one's own account, are unsigned.

They need no credentials, so they need no permissions.

Source: "Amazon Cognito user pools API authenticated and unauthenticated operations", Cognito developer guide.
"""

import botocore.session
import pyotp
import pytest

from chalicelib.errors import Misconfigured
from chalicelib.storage.cognito.own_account import Gone, OwnAccount
from chalicelib.storage.cognito.service import Cognito, Declined
from chalicelib.storage.cognito.user_pool import Pending, Tokens, UserPool
from embedded import aws
from testbed.targets import PASSWORD, new_email
from tests.api.accounts import NEW, invited
from tests.api.test_sessions import second_factor

pytestmark = pytest.mark.parametrize("api", ["inprocess"], indirect=True)


@pytest.fixture
def pool(api, monkeypatch):
    """The user pool of the target, used by a process that finds no credentials anywhere."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert botocore.session.Session().get_credentials() is None
    return UserPool(Cognito(api.user_pool_id, aws.endpoint(api.aws_port)), (api.client_id,), rotates=False)


@pytest.fixture
def email(api, pool):
    """The address of an account that was made without credentials."""
    email = new_email()
    pool.sign_up(email, PASSWORD, {"name": "Jane Doe"})
    pool.mail_confirmation_code(email)
    pool.confirm(email, api.mailed_code(email))
    return email


def test_people_sign_up_and_in_and_out_without_credentials(pool, email):
    signed_in = pool.sign_in(email, PASSWORD)
    assert isinstance(pool.refresh(signed_in.refresh), Tokens)
    pool.revoke(signed_in.refresh)
    with pytest.raises(Declined, match="NotAuthorized"):
        pool.refresh(signed_in.refresh)


def test_people_reset_their_passwords_without_credentials(api, pool, email):
    pool.mail_reset_code(email)
    pool.reset_password(email, api.mailed_code(email), NEW)
    assert isinstance(pool.sign_in(email, NEW), Tokens)


def test_invited_people_answer_every_challenge_without_credentials(api, pool):
    email, temporary = invited(api, name="Jane Doe")
    with second_factor(api, "ON"):
        asked = pool.sign_in(email, temporary)
        pending = pool.set_first_password(asked, NEW, {})
        assert isinstance(pending, Pending)
        pending, secret = pool.begin_totp_setup(pending)
        authenticator = pyotp.TOTP(secret)
        assert isinstance(pool.finish_totp_setup(pending, authenticator.now()), Tokens)
        asked = pool.sign_in(email, NEW)
        assert asked.challenge == "TOTP"
        with pytest.raises(Declined, match="CodeMismatch"):
            pool.enter_totp(asked, f"{(int(authenticator.now()) + 1) % 10**6:06}")


def test_people_look_after_their_account_and_leave_without_credentials(api, pool, email):
    own = OwnAccount(pool._cognito, pool.sign_in(email, PASSWORD).access)
    own.set_names({"name": "Janet"})
    new = new_email()
    own.mail_code_to(new)
    own.verify_email(api.mailed_code(new))
    own.change_password(PASSWORD, NEW)
    own.verify_totp(pyotp.TOTP(own.begin_totp()).now())
    own.set_totp(enabled=True)
    account = own.get()
    assert (account.email, account.names["name"], account.totp) == (new, "Janet", True)
    own.set_totp(enabled=False)
    own.end_sessions()
    own = OwnAccount(pool._cognito, pool.sign_in(new, NEW).access)
    own.delete()
    with pytest.raises(Gone):
        own.get()


@pytest.mark.parametrize("call", [UserPool.end_sessions, UserPool.force_reset])
def test_ending_sessions_and_forcing_a_reset_need_credentials(pool, email, call):
    with pytest.raises(Misconfigured, match="NoCredentialsError"):
        call(pool, email)
    assert isinstance(pool.sign_in(email, PASSWORD), Tokens)
