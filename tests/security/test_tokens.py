"""Which tokens the verifier accepts, and for which reasons it rejects others."""

import pytest

from chalicelib.security.signing_keys import SigningKeys
from chalicelib.security.tokens import InvalidToken, Verifier
from testbed.pool import KeyServer, Pool
from tests.security.attacks import ATTACKS, CLAUSES, COGNITO_ONLY, ODDITIES


@pytest.fixture(scope="module")
def pool():
    return Pool()


@pytest.fixture(scope="module")
def verifier(pool):
    server = KeyServer(pool.key.jwk)
    yield Verifier(pool.issuer, {pool.client_id, "another-known-client"}, SigningKeys(server.url))
    server.close()


def test_there_are_at_least_120_attacks_with_unique_names():
    assert len(ATTACKS) >= 120
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert all(len(attacks) >= 10 for attacks in CLAUSES.values())


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_is_rejected_for_its_reason(verifier, pool, attack):
    with pytest.raises(InvalidToken) as rejected:
        verifier.verify(attack.authorization(pool))
    assert rejected.value.reason == attack.reason
    assert str(rejected.value) == "Unauthorized"


@pytest.mark.parametrize("attack", COGNITO_ONLY, ids=str)
def test_an_access_token_is_rejected_if_only_id_tokens_are_accepted(verifier, pool, attack):
    with pytest.raises(InvalidToken) as rejected:
        verifier.verify(attack.authorization(pool), uses=("id",))
    assert rejected.value.reason == attack.reason


@pytest.mark.parametrize("oddity", ODDITIES, ids=str)
def test_an_unusual_but_valid_token_is_accepted(verifier, pool, oddity):
    assert verifier.verify(oddity.authorization(pool)).sub


def test_the_error_contains_no_part_of_the_token(verifier, pool):
    token = pool.token(sub="*")
    with pytest.raises(InvalidToken) as rejected:
        verifier.verify(token)
    error = rejected.value
    assert token not in repr(error.args)
    assert error.__cause__ is None


def test_the_claims_of_a_valid_token_are_returned(verifier, pool):
    claims = verifier.verify(pool.token(sub="jane", **{"cognito:groups": ["a", "apiAdmins"]}))
    assert claims.sub == "jane"
    assert claims.groups == {"a", "apiAdmins"}
    assert claims.all["email"] == "jane@example.com"


def test_tokens_of_any_configured_client_are_accepted(verifier, pool):
    assert verifier.verify(pool.token(aud="another-known-client"))
    assert verifier.verify(pool.token("access", client_id="another-known-client"))
