"""How Roster calls Cognito about one's own account, and what it makes of the answers. Nothing is sent."""

import json
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.accounts import authenticators, bodies
from chalicelib.accounts.bodies import Body
from chalicelib.accounts.errors import WrongPassword
from chalicelib.accounts.own.reauthentication import require_password
from chalicelib.errors import Invalid, Misconfigured, Throttled, Unauthorized, Unavailable
from chalicelib.json.merge_patch import merge
from chalicelib.json.strict_json import parse_object
from chalicelib.storage.cognito import service
from chalicelib.storage.cognito.own_account import Account, Gone, OwnAccount
from chalicelib.storage.cognito.service import Declined
from chalicelib.storage.cognito.user_pool import UserPool
from chalicelib.web import responses
from tests.unit import cognito_answers
from tests.unit.cognito_answers import error
from tests.unit.test_cognito import RESULT, SIGNED_IN


class Answering(cognito_answers.Answering):
    """Answers requests about one's own account."""

    def __init__(self, *answers):
        super().__init__(*answers)
        self.own = OwnAccount(self.cognito, "token")
        self.pool = UserPool(self.cognito, ("client",), rotates=False)


def user(**attributes):
    """A response of GetUser."""
    listed = [{"Name": name, "Value": value} for name, value in {"sub": "jane", **attributes}.items()]
    return 200, {"Username": "jane", "UserAttributes": listed}


HARMLESS = {
    "GetUser": OwnAccount.get,
    "UpdateUserAttributes": lambda own: own.set_names({"name": "Jane"}),
    "AssociateSoftwareToken": OwnAccount.begin_totp,
    "SetUserMFAPreference": lambda own: own.set_totp(enabled=True),
    "GlobalSignOut": OwnAccount.end_sessions,
    "DeleteUser": OwnAccount.delete,
}
"""The calls whose repetition does no harm, by their operations."""
ONCE = {
    "UpdateUserAttributes": lambda own: own.mail_code_to("e"),
    "VerifyUserAttribute": lambda own: own.verify_email("1"),
    "ChangePassword": lambda own: own.change_password("old", "new"),
    "VerifySoftwareToken": lambda own: own.verify_totp("1"),
}
"""The calls that mail something, or that use something up."""
CALLS = [*HARMLESS.items(), *ONCE.items()]
ANSWER = {**user()[1], "SecretCode": "ABC", "Status": "SUCCESS"}
"""What every call can make sense of."""


class TestCalls:
    @pytest.mark.parametrize(("operation", "call"), CALLS)
    def test_a_call_is_unsigned_and_has_the_access_token(self, operation, call):
        answering = Answering((200, ANSWER))
        call(answering.own)
        ((sent, parameters, is_signed),) = answering.sent
        assert (sent, parameters["AccessToken"], is_signed) == (operation, "token", False)

    @pytest.mark.parametrize(("operation", "call"), HARMLESS.items())
    def test_what_is_harmless_is_repeated(self, operation, call):
        answering = Answering(error("InternalErrorException", status=500), (200, ANSWER))
        call(answering.own)
        assert [sent for sent, _, _ in answering.sent] == [operation] * 2

    @pytest.mark.parametrize(("operation", "call"), ONCE.items())
    def test_what_a_repetition_could_harm_is_sent_once(self, operation, call):
        answering = Answering(error("InternalErrorException", status=500))
        with pytest.raises(Unavailable):
            call(answering.own)
        assert [sent for sent, _, _ in answering.sent] == [operation]


class TestErrors:
    @pytest.mark.parametrize(
        ("call", "code"),
        [
            (call, code)
            for operation, call in CALLS
            for code in ("NotAuthorizedException", "PasswordResetRequiredException", "UserNotConfirmedException")
            if (operation, code) != ("ChangePassword", "NotAuthorizedException")
        ],
    )
    def test_a_token_that_is_no_longer_accepted_is_unauthorized(self, call, code):
        with pytest.raises(Unauthorized) as raised:
            call(Answering(error(code, "jane@example.com")).own)
        assert not isinstance(raised.value, Gone)
        assert "jane" not in raised.value.detail

    @pytest.mark.parametrize(("operation", "call"), CALLS)
    def test_an_account_that_is_gone_is_unauthorized_unless_it_is_to_be_deleted(self, operation, call):
        answering = Answering(error("UserNotFoundException"))
        if operation == "DeleteUser":
            assert call(answering.own) is None
            return
        with pytest.raises(Gone):
            call(answering.own)

    def test_a_wrong_password_is_no_ended_session(self):
        with pytest.raises(Declined, match="NotAuthorized"):
            Answering(error("NotAuthorizedException")).own.change_password("old", "new")

    @pytest.mark.parametrize("call", [OwnAccount.get, ONCE["ChangePassword"]])
    def test_limits_of_the_whole_pool_are_throttling(self, call):
        with pytest.raises(Throttled):
            call(Answering(error("TooManyRequestsException")).own)

    @pytest.mark.parametrize(("operation", "call"), CALLS)
    @pytest.mark.parametrize(
        "code", ["ResourceNotFoundException", "ForbiddenException", "OperationNotEnabledException"]
    )
    def test_what_the_operator_has_to_mend_concerns_no_person(self, operation, call, code):
        with pytest.raises(Misconfigured):
            call(Answering(error(code)).own)

    def test_an_app_client_that_may_not_write_names_is_a_misconfiguration(self):
        rejected = error("NotAuthorizedException", "A client attempted to write unauthorized attribute")
        with pytest.raises(Misconfigured):
            Answering(rejected).own.set_names({"name": "Jane"})

    @pytest.mark.parametrize(
        ("call", "reason"),
        [
            (lambda own: own.mail_code_to("e"), "AliasExists"),
            (lambda own: own.mail_code_to("e"), "CodeDeliveryFailure"),
            (lambda own: own.verify_email("1"), "AliasExists"),
            (lambda own: own.verify_email("1"), "CodeMismatch"),
            (lambda own: own.verify_email("1"), "LimitExceeded"),
            (lambda own: own.change_password("a", "b"), "LimitExceeded"),
            (lambda own: own.change_password("a", "b"), "PasswordHistoryPolicyViolation"),
            (lambda own: own.verify_totp("1"), "EnableSoftwareTokenMFA"),
            (lambda own: own.verify_totp("1"), "SoftwareTokenMFANotFound"),
            (OwnAccount.begin_totp, "SoftwareTokenMFANotFound"),
        ],
    )
    def test_what_concerns_one_person_is_declined(self, call, reason):
        with pytest.raises(Declined, match=reason):
            call(Answering(error(f"{reason}Exception")).own)

    def test_two_setups_of_an_authenticator_at_once_can_be_retried(self):
        with pytest.raises(Unavailable):
            Answering(error("ConcurrentModificationException")).own.begin_totp()

    def test_a_code_that_did_not_verify_the_authenticator_is_declined(self):
        with pytest.raises(Declined):
            Answering((200, {"Status": "ERROR"})).own.verify_totp("1")

    @pytest.mark.parametrize("answer", [{}, [], {"Username": "jane"}, {**user()[1], "UserAttributes": []}, b"<html>"])
    def test_an_incomplete_answer_is_an_outage(self, answer):
        with pytest.raises(Unavailable):
            Answering((200, answer)).own.get()


class TestAccount:
    def test_an_account_has_the_attributes_that_cognito_lists(self):
        given = {"email": "e@example.com", "email_verified": "true", "name": "Jane", "family_name": "Doe"}
        status, answer = user(**given, **{"custom:app_metadata": '{"n": 1.50}'})
        account = Answering((status, {**answer, "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"]})).own.get()
        names = {"name": "Jane", "family_name": "Doe"}
        metadata = {"n": Decimal("1.5")}
        assert account == Account("jane", "jane", "e@example.com", True, names, True, metadata)

    def test_an_account_of_the_console_may_lack_everything(self):
        account = Answering(user()).own.get()
        assert account.to_json([]) == {
            "userid": "jane",
            "email": None,
            "email_verified": False,
            "name": None,
            "given_name": None,
            "family_name": None,
            "groups": [],
            "totp": False,
            "app_metadata": {},
        }

    def test_another_second_factor_is_no_totp(self):
        status, answer = user()
        assert not Answering((status, {**answer, "UserMFASettingList": ["SMS_MFA", "EMAIL_OTP"]})).own.get().totp


JANE = Account("jane", "jane", None, False, {}, False, {})


class TestReauthentication:
    def test_the_tokens_of_the_check_are_revoked(self):
        answering = Answering(SIGNED_IN, (200, {}))
        require_password(answering.pool, JANE, "password")
        (_, given, _), (operation, revoked, _) = answering.sent
        assert given["AuthParameters"] == {"USERNAME": "jane", "PASSWORD": "password"}
        assert (operation, revoked["Token"]) == ("RevokeToken", SIGNED_IN[1]["AuthenticationResult"]["RefreshToken"])

    @pytest.mark.parametrize("code", ["InternalErrorException", "TooManyRequestsException", "ForbiddenException"])
    def test_if_they_cannot_be_revoked_that_is_only_logged(self, code, caplog):
        answering = Answering(SIGNED_IN, error(code))
        require_password(answering.pool, JANE, "password")
        (record,) = caplog.records
        assert record.message == "tokens_not_revoked"

    @pytest.mark.parametrize("challenge", ["SOFTWARE_TOKEN_MFA", "MFA_SETUP", "SMS_MFA"])
    def test_a_challenge_means_that_the_password_is_right(self, challenge):
        answering = Answering((200, {"ChallengeName": challenge, "Session": "s"}))
        require_password(answering.pool, JANE, "password")
        assert len(answering.sent) == 1

    @pytest.mark.parametrize("code", ["NotAuthorizedException", "LimitExceededException", "UserNotFoundException"])
    def test_too_many_attempts_look_like_a_wrong_password(self, code):
        with pytest.raises(WrongPassword):
            require_password(Answering(error(code, "Password attempts exceeded")).pool, JANE, "password")

    @pytest.mark.parametrize("answer", [(200, {}), (200, {"AuthenticationResult": {**RESULT, "ExpiresIn": None}})])
    def test_an_incomplete_answer_proves_nothing(self, answer):
        with pytest.raises(Unavailable):
            require_password(Answering(answer).pool, JANE, "password")


VALID = st.text("abc é", min_size=1, max_size=5).filter(str.strip)
NAMES = st.dictionaries(st.sampled_from(bodies.NAMES), VALID)
PATCHES = st.fixed_dictionaries(
    {}, optional={"name": VALID, "given_name": VALID | st.none(), "family_name": VALID | st.none()}
)


class TestNames:
    @given(NAMES, PATCHES)
    def test_a_patch_has_the_effect_that_rfc_7396_defines(self, before, patch):
        """Cognito sets an attribute, and deletes it if the value is blank ("UpdateUserAttributes")."""
        body = Body(patch)
        changes = body.changed_names()
        body.require_no_faults()
        after = {name: value for name, value in {**before, **changes}.items() if value}
        assert after == merge(before, {name: value and value.strip() for name, value in patch.items()})

    @pytest.mark.parametrize("name", [None, "", 1, "a\u0000"])
    def test_a_name_cannot_be_deleted(self, name):
        body = Body({"name": name})
        body.changed_names()
        with pytest.raises(Invalid) as raised:
            body.require_no_faults()
        assert [fault.pointer for fault in raised.value.violations] == ["/name"]


class TestExport:
    def test_numbers_are_written_in_full(self):
        assert responses.attachment({"n": 10**20}, "f").body == f'{{"n":{10**20}}}'

    def test_they_are_shortened_if_lambda_could_not_return_the_response_otherwise(self):
        numbers = parse_object(b'{"n": [' + b",".join([b"1e125"] * 50_000) + b"]}")
        body = responses.attachment({"record": numbers, "profile": numbers}, "f").body
        assert len(json.dumps(body)) < responses.MAX_RESPONSE
        assert parse_object(body.encode(), limit=10**7) == {"record": numbers, "profile": numbers}


class TestAuthenticators:
    @settings(max_examples=10)
    @given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
    def test_every_name_of_a_product_fits_into_a_qr_code(self, product):
        uri = authenticators.uri(product, "j" * 116 + "@example.com", "A" * 52)
        assert ElementTree.fromstring(authenticators.qr_code(uri)).tag == "{http://www.w3.org/2000/svg}svg"


def test_every_operation_that_roster_calls_lists_its_errors():
    assert {operation for operation, _ in CALLS} <= service._DECLINED.keys()
