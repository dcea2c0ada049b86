"""The verifier by itself: what it refuses and why, what it takes."""

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
    yield Verifier(pool.issuer, {pool.client_id, "another-of-ours"}, SigningKeys(server.url))
    server.close()


def test_there_are_enough_attacks_and_no_two_are_the_same():
    assert len(ATTACKS) >= 120
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert all(len(attacks) >= 10 for attacks in CLAUSES.values())


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_is_refused_for_its_reason(verifier, pool, attack):
    with pytest.raises(InvalidToken) as refused:
        verifier.verify(attack.authorization(pool))
    assert refused.value.reason == attack.reason
    assert str(refused.value) == "Unauthorized"


@pytest.mark.parametrize("attack", COGNITO_ONLY, ids=str)
def test_where_only_id_tokens_are_taken_it_is_refused(verifier, pool, attack):
    with pytest.raises(InvalidToken) as refused:
        verifier.verify(attack.authorization(pool), uses=("id",))
    assert refused.value.reason == attack.reason


@pytest.mark.parametrize("oddity", ODDITIES, ids=str)
def test_it_is_unusual_and_valid(verifier, pool, oddity):
    assert verifier.verify(oddity.authorization(pool)).sub


def test_a_refusal_carries_nothing_of_the_token(verifier, pool):
    token = pool.token(sub="*")
    with pytest.raises(InvalidToken) as refused:
        verifier.verify(token)
    error = refused.value
    assert token not in repr(error.args)
    assert error.__cause__ is None


def test_the_claims_that_count_are_read(verifier, pool):
    claims = verifier.verify(pool.token(sub="jane", **{"cognito:groups": ["a", "apiAdmins"]}))
    assert claims.sub == "jane"
    assert claims.groups == {"a", "apiAdmins"}
    assert claims.all["email"] == "jane@example.com"


def test_any_of_several_clients_is_ours(verifier, pool):
    assert verifier.verify(pool.token(aud="another-of-ours"))
    assert verifier.verify(pool.token("access", client_id="another-of-ours"))
