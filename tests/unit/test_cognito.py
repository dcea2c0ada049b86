"""How Roster calls Cognito, and what it makes of its answers."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.errors import InvalidCredentials
from chalicelib.accounts.public.sign_in import Session
from chalicelib.errors import Misconfigured, Throttled, Unavailable
from chalicelib.storage.cognito import service
from chalicelib.storage.cognito.service import Declined
from chalicelib.storage.cognito.user_pool import Pending, Tokens, UserPool
from tests.unit import cognito_answers
from tests.unit.cognito_answers import error


class Answering(cognito_answers.Answering):
    """Answers the requests of a user pool with these app clients."""

    def __init__(self, *answers, clients=("client",), rotates=False):
        super().__init__(*answers)
        self.pool = UserPool(self.cognito, clients, rotates=rotates)


def token(**claims):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{payload}.signature"


RESULT = {"AccessToken": token(sub="jane"), "IdToken": token(sub="jane", name="Jane"), "ExpiresIn": 900}
SIGNED_IN = 200, {"AuthenticationResult": {**RESULT, "RefreshToken": "refresh"}}


class TestCalls:
    @pytest.mark.parametrize(
        ("call", "operation"),
        [
            (lambda pool: pool.sign_up("e", "p", {}), "SignUp"),
            (lambda pool: pool.confirm("e", "1"), "ConfirmSignUp"),
            (lambda pool: pool.mail_confirmation_code("e"), "ResendConfirmationCode"),
            (lambda pool: pool.mail_reset_code("e"), "ForgotPassword"),
            (lambda pool: pool.reset_password("e", "1", "p"), "ConfirmForgotPassword"),
            (lambda pool: pool.sign_in("e", "p"), "InitiateAuth"),
            (lambda pool: pool.refresh("r"), "InitiateAuth"),
            (lambda pool: pool.revoke("r"), "RevokeToken"),
            (lambda pool: pool.enter_totp(Pending("TOTP", "s", "u"), "1"), "RespondToAuthChallenge"),
        ],
    )
    def test_public_calls_are_unsigned_and_name_the_app_client(self, call, operation):
        answering = Answering((200, {**SIGNED_IN[1], "UserSub": "jane"}))
        call(answering.pool)
        ((sent, parameters, is_signed),) = answering.sent
        assert (sent, parameters["ClientId"], is_signed) == (operation, "client", False)

    @pytest.mark.parametrize(
        ("call", "operation"),
        [
            (lambda pool: pool.force_reset("e"), "AdminResetUserPassword"),
            (lambda pool: pool.end_sessions("e"), "AdminUserGlobalSignOut"),
        ],
    )
    def test_administrative_calls_are_signed_and_name_the_pool(self, call, operation):
        answering = Answering((200, {}))
        call(answering.pool)
        assert answering.sent == [(operation, {"UserPoolId": "eu-west-1_Abc", "Username": "e"}, True)]

    def test_a_pool_that_rotates_refresh_tokens_has_an_operation_of_its_own(self):
        answering = Answering(SIGNED_IN, rotates=True)
        assert answering.pool.refresh("old").refresh == "refresh"
        assert answering.sent == [("GetTokensFromRefreshToken", {"ClientId": "client", "RefreshToken": "old"}, False)]

    @pytest.mark.parametrize("rotates", [False, True])
    def test_refresh_tokens_of_another_app_client_are_refreshed_and_revoked(self, rotates):
        unknown = error("NotAuthorizedException", "Invalid Refresh Token")
        answering = Answering(unknown, SIGNED_IN, clients=("new", "old"), rotates=rotates)
        answering.pool.refresh("r")
        answering.answers = [error("UnauthorizedException"), (200, {})]
        answering.pool.revoke("r")
        assert [parameters["ClientId"] for _, parameters, _ in answering.sent] == ["new", "old", "new", "old"]

    def test_a_malformed_refresh_token_is_not_sent(self):
        answering = Answering(SIGNED_IN)
        for call in (answering.pool.refresh, answering.pool.revoke):
            with pytest.raises(Declined):
                call("ü")
        assert answering.sent == []


class TestRepetition:
    @pytest.mark.parametrize(
        "call",
        [
            lambda pool: pool.sign_up("e", "p", {}),
            lambda pool: pool.confirm("e", "1"),
            lambda pool: pool.mail_reset_code("e"),
            lambda pool: pool.mail_confirmation_code("e"),
            lambda pool: pool.reset_password("e", "1", "p"),
            lambda pool: pool.enter_totp(Pending("TOTP", "s", "u"), "1"),
        ],
    )
    def test_what_a_repetition_could_harm_is_sent_once(self, call):
        answering = Answering(error("InternalErrorException", status=500))
        with pytest.raises(Unavailable):
            call(answering.pool)
        assert len(answering.sent) == 1

    @pytest.mark.parametrize(
        "call",
        [lambda pool: pool.sign_in("e", "p"), lambda pool: pool.refresh("r"), lambda pool: pool.end_sessions("e")],
    )
    def test_what_is_harmless_is_repeated(self, call):
        answering = Answering(error("InternalErrorException", status=500), SIGNED_IN)
        call(answering.pool)
        assert len(answering.sent) == 2


class TestErrors:
    @pytest.mark.parametrize("code", sorted(service.THROTTLING))
    def test_limits_of_the_whole_pool_are_throttling(self, code):
        with pytest.raises(Throttled) as raised:
            Answering(error(code)).pool.sign_in("e", "p")
        assert raised.value.retry_after > 0

    @pytest.mark.parametrize(
        "code",
        ["NotAuthorizedException", "UserNotFoundException", "UserNotConfirmedException", "LimitExceededException"],
    )
    def test_what_concerns_one_person_declines_a_sign_in(self, code):
        with pytest.raises(Declined) as raised:
            Answering(error(code, "jane@example.com is unknown")).pool.sign_in("e", "p")
        assert str(raised.value) == code.removesuffix("Exception")

    @pytest.mark.parametrize(
        ("code", "text"),
        [
            ("ResourceNotFoundException", "User pool client does not exist."),
            ("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client"),
            ("NotAuthorizedException", "Client c is configured with secret but SECRET_HASH was not received"),
            ("NotAuthorizedException", "Unable to verify secret hash for client c"),
            ("InvalidUserPoolConfigurationException", ""),
            ("ForbiddenException", ""),
        ],
    )
    def test_what_the_operator_has_to_mend_is_no_failed_sign_in(self, code, text):
        with pytest.raises(Misconfigured):
            Answering(error(code, text)).pool.sign_in("e", "p")

    @pytest.mark.parametrize("call", [UserPool.force_reset, UserPool.end_sessions])
    def test_a_missing_permission_is_a_misconfiguration(self, call):
        with pytest.raises(Misconfigured):
            call(Answering(error("AccessDeniedException")).pool, "e")

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            [],
            {"AuthenticationResult": {}},
            {"AuthenticationResult": {**RESULT, "IdToken": "no token"}},
            {"AuthenticationResult": {**RESULT, "IdToken": token(name="nobody")}},
            {"AuthenticationResult": {**RESULT, "IdToken": "a.WyJhIl0.c"}},
            {"AuthenticationResult": {**RESULT, "ExpiresIn": "soon"}},
            {"AuthenticationResult": {**RESULT, "AccessToken": None}},
            {"ChallengeName": "SOFTWARE_TOKEN_MFA"},
            {
                "ChallengeName": "NEW_PASSWORD_REQUIRED",
                "Session": "s",
                "ChallengeParameters": {"requiredAttributes": "["},
            },
            b"<html>",
            b"",
        ],
        ids=str,
    )
    def test_an_incomplete_answer_is_an_outage(self, answer):
        with pytest.raises(Unavailable):
            Answering((200, answer)).pool.sign_in("e", "p")


class TestChallenges:
    def test_a_challenge_names_the_user_whom_later_answers_must_name(self):
        parameters = {"USER_ID_FOR_SRP": "sub", "requiredAttributes": '["userAttributes.name"]'}
        challenge = {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s", "ChallengeParameters": parameters}
        pending = Answering((200, challenge)).pool.sign_in("e", "p")
        assert pending == Pending("NEW_PASSWORD", "s", "sub", ("name",))

    def test_a_challenge_that_roster_does_not_know_keeps_its_name(self):
        pending = Answering((200, {"ChallengeName": "SMS_MFA", "Session": "s"})).pool.sign_in("e", "p")
        assert pending.challenge == "SMS_MFA"

    def test_a_sign_in_returns_tokens_and_the_claims_of_the_id_token(self):
        tokens = Answering(SIGNED_IN).pool.sign_in("e", "p")
        assert isinstance(tokens, Tokens)
        assert tokens.claims["name"] == "Jane"

    @given(st.text(min_size=20), st.text(min_size=1), st.text(min_size=1), st.booleans())
    def test_a_session_is_the_same_after_a_round_trip(self, session, username, email, is_first):
        sent = Session(Pending("", session, username), email, is_first)
        assert Session.parse(str(sent)) == sent

    @given(st.text())
    def test_any_other_text_is_no_session(self, text):
        with pytest.raises(InvalidCredentials):
            Session.parse(text)
