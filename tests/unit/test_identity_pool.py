"""How Roster calls an identity pool, and what it makes of its answers. Nothing is sent: botocore's events answer."""

from datetime import UTC, datetime
from functools import cache

import pytest

from chalicelib.errors import Misconfigured, Throttled, Unauthorized, Unavailable
from chalicelib.storage.identity_pool import IdentityPool
from tests.unit.cognito_answers import Answers, error

ID = "eu-west-1:00000000-0000-4000-8000-00000000c0de"
ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc"
KEYS = {"AccessKeyId": "ASIA", "SecretKey": "secret", "SessionToken": "session", "Expiration": 1_800_000_000}
FOUND = 200, {"IdentityId": "eu-west-1:identity"}
GIVEN = 200, {"IdentityId": "eu-west-1:identity", "Credentials": KEYS}


@cache
def identity_pool():
    """An identity pool, which takes 0.1 s to make."""
    return IdentityPool(ID, "http://127.0.0.1:1")


class Answering(Answers):
    """Answers the requests of an identity pool."""

    def __init__(self, *answers):
        self.pool = identity_pool()
        super().__init__((self.pool._client,), answers)

    def credentials(self):
        return self.pool.credentials(ISSUER, "token")


def test_both_calls_carry_the_token_and_are_unsigned():
    pool = Answering(FOUND, GIVEN)
    found = pool.credentials()
    logins = {"cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc": "token"}
    assert pool.sent == [
        ("GetId", {"IdentityPoolId": ID, "Logins": logins}, False),
        ("GetCredentialsForIdentity", {"IdentityId": "eu-west-1:identity", "Logins": logins}, False),
    ]
    assert found._asdict() == {
        "identity_id": "eu-west-1:identity",
        "access_key_id": "ASIA",
        "secret_access_key": "secret",
        "session_token": "session",
        "expiration": datetime.fromtimestamp(1_800_000_000, UTC),
    }


FAILURES = {
    "a token that is no longer accepted": (error("NotAuthorizedException", "Token is revoked"), Unauthorized),
    "an app client that the pool does not know": (
        error("NotAuthorizedException", "Token is not from a supported provider of this identity pool."),
        Misconfigured,
    ),
    "a role that does not trust the pool": (error("InvalidIdentityPoolConfigurationException"), Misconfigured),
    "a pool that does not exist": (error("ResourceNotFoundException"), Misconfigured),
    "a limit": (error("TooManyRequestsException"), Throttled),
    "two at once": (error("ResourceConflictException"), Unavailable),
    "a failure": (error("InternalErrorException", status=500), Unavailable),
    "a body that is no object": ((200, []), Unavailable),
    "nothing": ((200, {}), Unavailable),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("before", [(), (FOUND,)], ids=["GetId", "GetCredentialsForIdentity"])
def test_a_failure_of_either_call_is_translated(name, before):
    answer, expected = FAILURES[name]
    with pytest.raises(expected) as raised:
        Answering(*before, answer).credentials()
    assert "token" not in str(raised.value).replace("Your session", "")


@pytest.mark.parametrize("member", KEYS)
def test_credentials_that_lack_something_are_not_passed_on(member):
    keys = {name: value for name, value in KEYS.items() if name != member}
    with pytest.raises(Unavailable):
        Answering(FOUND, (200, {"IdentityId": ID, "Credentials": keys})).credentials()
