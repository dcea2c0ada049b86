"""What the user pool's parameters change: passwords, refresh tokens, what users may write, and the texts of e-mails."""

import re

import pytest
from botocore.session import get_session

from testbed import backend_template
from tests.infra.test_account import properties, resolved, values_of, with_texts

CLIENTS = ("UserPoolClient", "SecondUserPoolClient")
KINDS = ("Lowercase", "Uppercase", "Numbers", "Symbols")


def output(name, **given):
    """Return the value of an output of the backend stack with these parameters."""
    template = backend_template.load()
    value = resolved(template["Outputs"][name]["Value"], values_of(template, **given), template["Conditions"])
    if isinstance(value, dict) and isinstance(value["Fn::Sub"], list):
        text, names = value["Fn::Sub"]
        return with_texts({"Fn::Sub": text}, {**values_of(template, **given), **names})
    return str(value)


def matches(parameter, value):
    """Whether CloudFormation accepts the value: the pattern must match the whole of it."""
    return bool(re.fullmatch(backend_template.load()["Parameters"][parameter]["AllowedPattern"], value))


class TestPasswords:
    def test_a_password_has_twelve_characters_and_three_kinds_of_them_by_default(self):
        policy = properties("UserPool")["Policies"]["PasswordPolicy"]
        assert policy == {
            "MinimumLength": 12,
            "RequireLowercase": True,
            "RequireUppercase": True,
            "RequireNumbers": True,
            "RequireSymbols": False,
            "TemporaryPasswordValidityDays": 7,
        }
        assert output("PasswordPolicy") == "12,lowercase,uppercase,numbers"

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_kind_of_character_is_required_exactly_if_its_parameter_says_so(self, kind):
        others = {f"PasswordRequires{other}": "false" for other in KINDS if other != kind}
        given = {**others, f"PasswordRequires{kind}": "true", "PasswordMinimumLength": "20"}
        policy = properties("UserPool", **given)["Policies"]["PasswordPolicy"]
        assert policy["MinimumLength"] == "20"
        assert {name for name in KINDS if policy[f"Require{name}"]} == {kind}
        assert output("PasswordPolicy", **given) == f"20,{kind.lower()}"

    def test_the_functions_can_be_told_every_kind_and_none(self):
        every = {f"PasswordRequires{kind}": "true" for kind in KINDS}
        assert output("PasswordPolicy", **every) == "12,lowercase,uppercase,numbers,symbols"
        assert output("PasswordPolicy", **dict.fromkeys(every, "false"), PasswordMinimumLength=8) == "8"

    def test_the_least_length_is_within_what_cognito_and_nist_accept(self):
        parameter = backend_template.load()["Parameters"]["PasswordMinimumLength"]
        assert parameter["MinValue"] == 8  # NIST SP 800-63B, section 5.1.1.2
        shape = get_session().get_service_model("cognito-idp").shape_for("PasswordPolicyMinLengthType")
        assert parameter["MaxValue"] == shape.metadata["max"]


class TestRefreshTokens:
    @pytest.mark.parametrize("client", CLIENTS)
    def test_a_refresh_token_is_not_rotated_by_default(self, client):
        given = properties(client)
        assert "RefreshTokenRotation" not in given
        assert "ALLOW_REFRESH_TOKEN_AUTH" in given["ExplicitAuthFlows"]
        assert output("RefreshTokenRotation") == "false"

    @pytest.mark.parametrize("client", CLIENTS)
    def test_a_rotating_client_has_no_flow_that_would_bypass_the_rotation(self, client):
        given = properties(client, RefreshTokenRotation="true")
        assert given["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 60}
        assert given["ExplicitAuthFlows"] == ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]
        assert output("RefreshTokenRotation", RefreshTokenRotation="true") == "true"

    def test_both_clients_are_equal_with_rotation_too(self):
        first, second = (properties(client, RefreshTokenRotation="true") for client in CLIENTS)
        assert first.pop("ClientName") != second.pop("ClientName")
        assert first == second

    def test_the_functions_are_told_how_long_a_refresh_token_is_valid(self):
        assert output("RefreshTokenDays") == "30"
        assert output("RefreshTokenDays", RefreshTokenDays="7") == "7"


class TestClients:
    @pytest.mark.parametrize("client", CLIENTS)
    def test_users_may_write_their_names_and_address_and_nothing_else(self, client):
        assert properties(client)["WriteAttributes"] == ["email", "family_name", "given_name", "name"]

    def test_a_client_may_write_every_required_attribute(self):
        required = {entry["Name"] for entry in properties("UserPool")["Schema"] if entry.get("Required")}
        assert required <= set(properties("UserPoolClient")["WriteAttributes"])

    @pytest.mark.parametrize("client", CLIENTS)
    def test_a_challenge_leaves_time_to_install_an_authenticator_app(self, client):
        shape = get_session().get_service_model("cognito-idp").shape_for("AuthSessionValidityType")
        assert properties(client)["AuthSessionValidity"] == shape.metadata["max"] == 15

    @pytest.mark.parametrize("value", ["true", "false"])
    def test_the_functions_are_told_whether_people_can_sign_up(self, value):
        assert output("SelfSignUp", SelfSignUp=value) == value


def mails(product="Roster"):
    """Return subject and text of each e-mail that the pool sends."""
    pool = with_texts(properties("UserPool"), {"ProductName": product})
    templates = pool["VerificationMessageTemplate"], pool["AdminCreateUserConfig"]["InviteMessageTemplate"]
    return [(template["EmailSubject"], template["EmailMessage"]) for template in templates]


class TestMail:
    def test_each_e_mail_names_the_product_in_its_subject_and_its_text(self):
        for subject, text in mails("Acme and Sons"):
            assert "Acme and Sons" in subject
            assert "Acme and Sons" in text

    def test_a_code_is_sent_in_a_text_that_fits_every_reason_to_send_one(self):
        (_, text), _ = mails()
        assert text.count("{####}") == 1
        assert "{username}" not in text
        assert not re.search(r"sign.?up|password|reset|confirm|address|welcome", text, re.IGNORECASE)
        assert properties("UserPool")["VerificationMessageTemplate"]["DefaultEmailOption"] == "CONFIRM_WITH_CODE"

    def test_an_invitation_has_the_name_and_the_temporary_password_apart_from_punctuation(self):
        _, (_, text) = mails()
        # A full stop after a password could be taken for a part of it.
        assert re.search(r" \{username\} .* \{####\} ", text)
        days = properties("UserPool")["Policies"]["PasswordPolicy"]["TemporaryPasswordValidityDays"]
        assert f"after {days} days" in text

    def test_the_texts_are_short_and_have_no_markup(self):
        for subject, text in mails("x" * 40):
            assert len(subject) <= 78  # RFC 5322, section 2.1.1
            assert len(text) < 400
            assert not re.search(r"[<>&]|\$\{", subject + text)

    @pytest.mark.parametrize("name", ["Roster", "X", "Jane's Café 2.0", "x" * 40])
    def test_a_product_can_have_any_plain_name(self, name):
        assert matches("ProductName", name)
        assert output("ProductName", ProductName=name) == name

    @pytest.mark.parametrize(
        "name", ["", " ", " X", "X ", "x" * 41, "<b>X</b>", "A & B", "{username}", "#1", "a:b", 'a"b', "a\nb"]
    )
    def test_a_product_name_has_nothing_that_html_cognito_or_an_authenticator_app_would_interpret(self, name):
        assert not matches("ProductName", name)
