"""What Cognito does, stated once, for whatever stands in for it: here, the embedded AWS.

The docstring of each test names its source. Unless it says otherwise, that is a page of the Amazon Cognito developer
guide or, if the name is an operation's or a type's, of the Amazon Cognito user pools API reference.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import struct
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from botocore.exceptions import ClientError

from embedded import aws, processes
from embedded.emulator.clock import OFFSET

PASSWORD = "Correct-horse-42"
OTHER = "Another-horse-43"
HOUR, DAY = 3600, 86400


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cognito")


@pytest.fixture(scope="module")
def port(folder):
    number = processes.free_port()
    with aws.start(number, folder):
        yield number


@pytest.fixture(scope="module")
def cognito(port):
    return aws.client("cognito-idp", port)


class Pool:
    """A user pool with an app client, and what its users and their mailboxes can do."""

    def __init__(self, cognito, port, mfa="OFF", settings=None, **client):
        self.cognito, self._port = cognito, port
        self.id = cognito.create_user_pool(
            PoolName=uuid.uuid4().hex,
            UsernameAttributes=["email"],
            UsernameConfiguration={"CaseSensitive": False},
            AutoVerifiedAttributes=["email"],
            UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": ["email"]},
            AccountRecoverySetting={"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
            MfaConfiguration=mfa,
            Schema=[
                {"Name": "email", "AttributeDataType": "String", "Required": True, "Mutable": True},
                {"Name": "name", "AttributeDataType": "String", "Required": True, "Mutable": True},
                {"Name": "plan", "AttributeDataType": "String", "Mutable": True},
            ],
            Policies={"PasswordPolicy": {"MinimumLength": 12, "RequireSymbols": False}},
            **(settings or {}),
        )["UserPool"]["Id"]
        self.client = self.add_client(**client)

    def add_client(self, **settings):
        settings = {
            "ClientName": "any",
            "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "PreventUserExistenceErrors": "ENABLED",
            **settings,
        }
        return self.cognito.create_user_pool_client(UserPoolId=self.id, **settings)["UserPoolClient"]["ClientId"]

    def call(self, operation, **parameters):
        """Call an operation of the app client. Return its response, or ``(code, message)`` if that is an error."""
        return answer(getattr(self.cognito, operation), ClientId=self.client, **parameters)

    def admin(self, operation, username, **parameters):
        return answer(getattr(self.cognito, operation), UserPoolId=self.id, Username=username, **parameters)

    def sign_up(self, email=None, password=PASSWORD, **attributes):
        email = email or new_email()
        listed = pairs({"name": "Jane", **attributes})
        result = self.call("sign_up", Username=email, Password=password, UserAttributes=listed)
        return email if isinstance(result, dict) else result

    def user(self, **attributes):
        """Return the address of a new, confirmed user."""
        email = self.sign_up(**attributes)
        assert self.confirm(email, self.code(email)) == {}
        return email

    def invite(self, email=None, **attributes):
        email = email or new_email()
        attributes = {"email": email, "email_verified": "true", **attributes}
        result = self.admin("admin_create_user", email, UserAttributes=pairs(attributes))
        return email if "User" in result else result

    def confirm(self, email, code):
        return self.call("confirm_sign_up", Username=email, ConfirmationCode=code)

    def sign_in(self, email, password=PASSWORD):
        parameters = {"USERNAME": email, "PASSWORD": password}
        return self.call("initiate_auth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)

    def tokens(self, email, password=PASSWORD):
        return self.sign_in(email, password)["AuthenticationResult"]

    def access(self, email, password=PASSWORD):
        return self.tokens(email, password)["AccessToken"]

    def respond(self, challenge, session, email, **responses):
        responses = {"USERNAME": email, **responses}
        return self.call(
            "respond_to_auth_challenge", ChallengeName=challenge, Session=session, ChallengeResponses=responses
        )

    def new_password(self, session, email, password=PASSWORD, **attributes):
        given = {f"userAttributes.{name}": value for name, value in attributes.items()}
        return self.respond("NEW_PASSWORD_REQUIRED", session, email, NEW_PASSWORD=password, **given)

    def totp(self, session, email, code):
        return self.respond("SOFTWARE_TOKEN_MFA", session, email, SOFTWARE_TOKEN_MFA_CODE=code)

    def set_up_totp(self, session, email):
        """Set up an authenticator app during a sign-in. Return its secret and the response with the tokens."""
        associated = answer(self.cognito.associate_software_token, Session=session)
        secret = associated["SecretCode"]
        code = totp_code(secret)
        verified = answer(self.cognito.verify_software_token, Session=associated["Session"], UserCode=code)
        assert verified["Status"] == "SUCCESS"
        return secret, self.respond("MFA_SETUP", verified["Session"], email)

    def attributes(self, email):
        user = self.admin("admin_get_user", email)
        return {one["Name"]: one["Value"] for one in user["UserAttributes"]}

    def status(self, email):
        return self.admin("admin_get_user", email)["UserStatus"]

    def mails(self, email):
        """Return the texts of the mails to ``email``, oldest first."""
        url = f"{aws.endpoint(self._port)}/_ministack/ses/messages"
        messages = httpx.get(url, trust_env=False).json()["messages"]
        return [
            one["BodyText"] for all_of_account in messages.values() for one in all_of_account if one["To"] == [email]
        ]

    def code(self, email):
        """Return the code in the latest mail to ``email``."""
        return re.search(r"\b\d{6}\b", self.mails(email)[-1]).group()

    def temporary_password(self, email):
        return re.search(r"password is (.*)\.$", self.mails(email)[-1]).group(1)


def answer(function, **parameters):
    try:
        result = function(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    del result["ResponseMetadata"]
    return result


def pairs(attributes):
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def new_email():
    return f"{uuid.uuid4().hex[:12]}@example.com"


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def totp_code(secret, step=0):
    """Return the code of an authenticator app (RFC 6238), ``step`` times 30 s from now."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30 + step), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@pytest.fixture(scope="module")
def pool(cognito, port):
    return Pool(cognito, port)


@pytest.fixture(scope="module")
def optional(cognito, port):
    """A pool whose users can sign in with TOTP."""
    return Pool(cognito, port, mfa="OPTIONAL")


@pytest.fixture(scope="module")
def mandatory(cognito, port):
    """A pool whose users must sign in with TOTP."""
    return Pool(cognito, port, mfa="ON")


@pytest.fixture
def later_in():
    """Return a function that returns a clock for the embedded AWS with its state in a folder."""
    files = []

    def clock(folder):
        file = folder / "aws" / OFFSET
        files.append(file)
        passed = []

        def move(seconds):
            passed.append(seconds)
            file.with_suffix(".new").write_text(str(sum(passed)))
            file.with_suffix(".new").replace(file)

        return move

    yield clock
    for file in files:
        file.unlink(missing_ok=True)


@pytest.fixture
def later(folder, later_in):
    """Move the clock of Cognito's codes, sessions and lockouts forward by some seconds."""
    return later_in(folder)


ROTATION = {"Feature": "ENABLED"}
INCORRECT = ("NotAuthorizedException", "Incorrect username or password.")
LOCKED = ("NotAuthorizedException", "Password attempts exceeded")
MISMATCH = ("CodeMismatchException", "Invalid verification code provided, please try again.")
EXPIRED = ("ExpiredCodeException", "Invalid code provided, please request a code again.")
DISABLED = ("NotAuthorizedException", "User is disabled.")
LIMIT = ("LimitExceededException", "Attempt limit exceeded, please try after some time.")
INVALID_SESSION = ("NotAuthorizedException", "Invalid session for the user.")
USED_SESSION = ("NotAuthorizedException", "Invalid session for the user, session can only be used once.")
EXPIRED_SESSION = ("NotAuthorizedException", "Invalid session for the user, session is expired.")
UNAUTHORIZED_ATTRIBUTE = ("NotAuthorizedException", "A client attempted to write unauthorized attribute")
UNVERIFIED = (
    "InvalidParameterException",
    "Cannot reset password for the user as there is no registered/verified email or phone_number",
)


@pytest.fixture(scope="module")
def people(cognito, port):
    """A pool with users in three states, and a group of two."""
    pool = Pool(cognito, port)
    names = ["Jane Doe", 'Jane "JD" Doe', "Jane \\ Doe", "John", "Émile"]
    emails = [pool.invite(name=name) for name in names]
    emails.append(pool.sign_up(name="Una"))
    for group in ("b", "a", "c"):
        cognito.create_group(UserPoolId=pool.id, GroupName=group)
    for email in emails[:2]:
        pool.admin("admin_add_user_to_group", email, GroupName="a")
    pool.admin("admin_add_user_to_group", emails[0], GroupName="b")
    return pool, emails


class TestLists:
    """``ListUsers``, ``ListUsersInGroup``, ``ListGroups``, ``AdminListGroupsForUser``."""

    PARSING = ("InvalidParameterException", "Error while parsing filter.")

    def listed(self, people, expression, **parameters):
        found = answer(people[0].cognito.list_users, UserPoolId=people[0].id, Filter=expression, **parameters)
        if not isinstance(found, dict):
            return found
        return [one["Value"] for user in found["Users"] for one in user["Attributes"] if one["Name"] == "name"]

    @pytest.mark.parametrize(
        ("expression", "names"),
        [
            ('name = "John"', ["John"]),
            ('"name" = "John"', ["John"]),
            ('name ^= "jo"', ["John"]),
            ('name ^= "Jane \\"J"', ['Jane "JD" Doe']),
            ('name ^= "Jane \\\\"', ["Jane \\ Doe"]),
            ('name ^= "É"', ["Émile"]),
            ('name = "Jo"', []),
            ('cognito:user_status = "unconfirmed"', ["Una"]),
            ('status = "Enabled" ', ["Jane Doe", 'Jane "JD" Doe', "Jane \\ Doe", "John", "Émile", "Una"]),
            ('status = "enabled"', []),
        ],
    )
    def test_a_filter_finds_what_equals_or_starts_with_a_text(self, people, expression, names):
        """In "ListUsers", a backslash escapes quotation marks, and only username and status are case-sensitive."""
        assert self.listed(people, expression) == names

    @pytest.mark.parametrize(
        "expression",
        ['name ~ "J"', "name = J", 'plan = "x"', 'custom:plan = "x"', 'name ^= "a"b"', 'name ^= "a\\"', "J"],
    )
    def test_a_filter_that_is_none_is_rejected(self, people, expression):
        """According to "ListUsers", custom attributes are not searchable. The message is in aws-sdk-php issue 1088."""
        assert self.listed(people, expression) == self.PARSING

    def pages(self, people, operation, member, token, **parameters):
        """Return all pages with two items each."""
        pages, given = [], dict[str, str]()
        while True:
            got = answer(getattr(people[0].cognito, operation), UserPoolId=people[0].id, Limit=2, **parameters, **given)
            pages.append(got[member])
            if token not in got:
                return pages
            given = {token: got[token]}

    def test_a_list_has_pages(self, people):
        """According to "ListUsers", there are more results if the response has a token."""
        pages = self.pages(people, "list_users", "Users", "PaginationToken")
        assert [len(page) for page in pages] == [2, 2, 2]
        assert len({user["Username"] for page in pages for user in page}) == 6
        pages = self.pages(people, "list_groups", "Groups", "NextToken")
        assert [group["GroupName"] for page in pages for group in page] == ["a", "b", "c"]
        (page,) = self.pages(people, "list_users_in_group", "Users", "NextToken", GroupName="a")
        assert len(page) == 2
        (page,) = self.pages(people, "admin_list_groups_for_user", "Groups", "NextToken", Username=people[1][0])
        assert [group["GroupName"] for group in page] == ["a", "b"]

    def test_a_token_is_only_good_for_its_own_list(self, people):
        """According to "ListUsers", a token is presented with the same parameters."""
        token = people[0].cognito.list_users(UserPoolId=people[0].id, Limit=2)["PaginationToken"]
        for wrong_token in (token, "unknown"):
            got = self.listed(people, 'name ^= "J"', PaginationToken=wrong_token)
            assert got == ("InvalidParameterException", "Invalid pagination token given.")

    @pytest.mark.parametrize("operation", ["admin_add_user_to_group", "admin_remove_user_from_group"])
    def test_an_unknown_group_is_rejected(self, people, operation):
        """ResourceNotFoundException in "AdminAddUserToGroup", "AdminRemoveUserFromGroup" and "ListUsersInGroup"."""
        assert people[0].admin(operation, people[1][0], GroupName="z")[0] == "ResourceNotFoundException"
        got = answer(people[0].cognito.list_users_in_group, UserPoolId=people[0].id, GroupName="z")
        assert got[0] == "ResourceNotFoundException"

    def test_removing_somebody_who_is_no_member_succeeds(self, people):
        """The operation "AdminRemoveUserFromGroup" has no error for it."""
        assert people[0].admin("admin_remove_user_from_group", people[1][3], GroupName="a") == {}


class TestSessions:
    CHALLENGES = ("NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "MFA_SETUP")

    @pytest.mark.parametrize("challenge", CHALLENGES)
    def test_a_made_up_session_is_rejected(self, pool, challenge):
        """RespondToAuthChallenge: Session."""
        email = pool.user()
        responses = {"NEW_PASSWORD": OTHER, "SOFTWARE_TOKEN_MFA_CODE": "123456"}
        assert pool.respond(challenge, "x" * 40, email, **responses) == INVALID_SESSION

    def test_a_session_of_another_user_is_rejected(self, pool):
        """RespondToAuthChallenge: Session."""
        mine, yours = pool.invite(name="Jane"), pool.invite(name="John")
        session = pool.sign_in(mine, pool.temporary_password(mine))["Session"]
        assert pool.new_password(session, yours) == INVALID_SESSION
        assert pool.new_password(session, "unknown@example.com") == INVALID_SESSION
        assert "AuthenticationResult" in pool.new_password(session, mine)

    def test_a_session_of_another_client_or_challenge_is_rejected(self, mandatory):
        """RespondToAuthChallenge: Session."""
        email = mandatory.invite(name="Jane")
        session = mandatory.sign_in(email, mandatory.temporary_password(email))["Session"]
        assert mandatory.respond("MFA_SETUP", session, email) == INVALID_SESSION
        assert answer(mandatory.cognito.associate_software_token, Session=session) == INVALID_SESSION
        first, mandatory.client = mandatory.client, mandatory.add_client()
        assert mandatory.new_password(session, email) == INVALID_SESSION
        mandatory.client = first
        assert mandatory.new_password(session, email)["ChallengeName"] == "MFA_SETUP"

    def test_a_session_works_once(self, pool):
        """RespondToAuthChallenge: Session. The message is the one in aws-amplify/amplify-js issue 14330."""
        email = pool.invite(name="Jane")
        session = pool.sign_in(email, pool.temporary_password(email))["Session"]
        assert "AuthenticationResult" in pool.new_password(session, email)
        assert pool.new_password(session, email, OTHER) == USED_SESSION
        assert pool.sign_in(email, OTHER) == INCORRECT

    def test_concurrent_requests_can_not_use_it_twice(self, pool):
        """RespondToAuthChallenge: Session."""
        email = pool.invite(name="Jane")
        session = pool.sign_in(email, pool.temporary_password(email))["Session"]
        with ThreadPoolExecutor(8) as threads:
            results = list(
                threads.map(lambda number: pool.new_password(session, email, f"{PASSWORD}{number}"), range(8))
            )
        assert sorted(result == USED_SESSION for result in results) == [False, *[True] * 7]

    def test_a_session_expires_after_three_minutes_unless_the_client_says_otherwise(self, pool, later):
        """UserPoolClientType: AuthSessionValidity."""
        email = pool.invite(name="Jane")
        password = pool.temporary_password(email)
        first = pool.sign_in(email, password)["Session"]
        usual, pool.client = pool.client, pool.add_client(AuthSessionValidity=15)
        longer = pool.sign_in(email, password)["Session"]
        later(181)
        assert "AuthenticationResult" in pool.new_password(longer, email)
        pool.client = usual
        assert pool.new_password(first, email) == EXPIRED_SESSION

    def test_a_session_is_no_proof_for_other_flows(self, pool):
        """RespondToAuthChallenge: ChallengeName."""
        email = pool.invite(name="Jane")
        session = pool.sign_in(email, pool.temporary_password(email))["Session"]
        assert pool.respond("CUSTOM_CHALLENGE", session, email, ANSWER="x")[0] == "InvalidParameterException"
        assert pool.respond("SMS_MFA", session, email, SMS_MFA_CODE="123456")[0] == "InvalidParameterException"

    def test_administrators_too_need_the_session(self, pool):
        """AdminRespondToAuthChallenge: Session."""
        email = pool.user()
        for challenge in (*self.CHALLENGES, "SMS_MFA"):
            code, _ = answer(
                pool.cognito.admin_respond_to_auth_challenge,
                UserPoolId=pool.id,
                ClientId=pool.client,
                ChallengeName=challenge,
                Session="x" * 40,
                ChallengeResponses={"USERNAME": email, "NEW_PASSWORD": OTHER, "SOFTWARE_TOKEN_MFA_CODE": "123456"},
            )
            assert code in ("NotAuthorizedException", "InvalidParameterException")

    def test_administrators_sign_users_in_by_the_same_rules(self, cognito, port):
        """AdminInitiateAuth, AdminRespondToAuthChallenge."""
        pool = Pool(cognito, port, ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"])
        ids = {"UserPoolId": pool.id, "ClientId": pool.client}

        def sign_in(email, password):
            parameters = {"USERNAME": email, "PASSWORD": password}
            flow = {"AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "AuthParameters": parameters}
            return answer(cognito.admin_initiate_auth, **ids, **flow)

        email = pool.invite(name="Jane")
        assert sign_in(email, "wrong") == INCORRECT
        assert pool.sign_in(email, pool.temporary_password(email))[0] == "InvalidParameterException"
        challenge = sign_in(email, pool.temporary_password(email))
        respond = {
            "ChallengeName": challenge["ChallengeName"],
            "ChallengeResponses": {"USERNAME": email, "NEW_PASSWORD": PASSWORD},
            "Session": challenge["Session"],
        }
        result = answer(cognito.admin_respond_to_auth_challenge, **ids, **respond)
        assert works(pool, result["AuthenticationResult"]["AccessToken"])
        assert answer(cognito.admin_respond_to_auth_challenge, **ids, **respond) == USED_SESSION
        assert "AuthenticationResult" in sign_in(email, PASSWORD)

    def test_a_disabled_user_can_not_complete_a_challenge(self, pool):
        """AdminDisableUser."""
        email = pool.invite(name="Jane")
        session = pool.sign_in(email, pool.temporary_password(email))["Session"]
        pool.admin("admin_disable_user", email)
        assert pool.new_password(session, email) == DISABLED


class TestFirstSignIn:
    def test_it_asks_for_the_required_attributes_that_the_user_lacks(self, pool):
        """RespondToAuthChallenge: NEW_PASSWORD_REQUIRED."""
        email = pool.invite()
        challenge = pool.sign_in(email, pool.temporary_password(email))
        assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
        parameters = challenge["ChallengeParameters"]
        assert json.loads(parameters["requiredAttributes"]) == ["userAttributes.name"]
        assert json.loads(parameters["userAttributes"]) == {"email": email, "email_verified": "true"}
        missing = ("InvalidParameterException", "Invalid attributes given, name is missing")
        assert pool.new_password(challenge["Session"], email) == missing
        assert "AuthenticationResult" in pool.new_password(challenge["Session"], email, name="Jane")
        assert pool.attributes(email)["name"] == "Jane"
        assert pool.status(email) == "CONFIRMED"
        assert "AuthenticationResult" in pool.sign_in(email)

    def test_it_does_not_ask_for_attributes_that_the_user_has(self, pool):
        """RespondToAuthChallenge: NEW_PASSWORD_REQUIRED. The message is that of aws-saas-factory-bootcamp issue 67."""
        email = pool.invite(name="Jane")
        challenge = pool.sign_in(email, pool.temporary_password(email))
        assert json.loads(challenge["ChallengeParameters"]["requiredAttributes"]) == []
        already = ("NotAuthorizedException", "Cannot modify an already provided name")
        assert pool.new_password(challenge["Session"], email, name="John") == already

    def test_protected_attributes_can_not_be_set_with_it(self, pool):
        """RespondToAuthChallenge: NEW_PASSWORD_REQUIRED sets attributes that the app client can write."""
        email = pool.invite(name="Jane")
        session = pool.sign_in(email, pool.temporary_password(email))["Session"]
        assert pool.new_password(session, email, email_verified="true") == UNAUTHORIZED_ATTRIBUTE
        assert pool.new_password(session, email, **{"custom:plan": "gold"}) == UNAUTHORIZED_ATTRIBUTE

    def test_the_new_password_must_conform_to_the_policy(self, pool):
        """RespondToAuthChallenge: InvalidPasswordException."""
        email = pool.invite(name="Jane")
        session = pool.sign_in(email, pool.temporary_password(email))["Session"]
        assert pool.new_password(session, email, "short")[0] == "InvalidPasswordException"
        assert "AuthenticationResult" in pool.new_password(session, email)

    def test_a_temporary_password_expires_and_resending_the_invitation_renews_it(self, pool, later):
        """AdminCreateUser: TemporaryPassword and MessageAction."""
        email = pool.invite(name="Jane")
        first = pool.temporary_password(email)
        later(7 * DAY + 1)
        expired = "Temporary password has expired and must be reset by an administrator."
        assert pool.sign_in(email, first) == ("NotAuthorizedException", expired)
        pool.admin("admin_create_user", email, MessageAction="RESEND")
        second = pool.temporary_password(email)
        assert second != first
        assert pool.sign_in(email, first) == INCORRECT
        assert pool.sign_in(email, second)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    @pytest.mark.parametrize("verified", [True, False])
    def test_an_address_is_verified_only_if_the_administrator_says_so(self, pool, verified):
        """AdminCreateUser: UserAttributes."""
        email = new_email()
        attributes = {"name": "Jane", **({"email_verified": "true"} if verified else {})}
        pool.admin("admin_create_user", email, UserAttributes=pairs(attributes))
        session = pool.sign_in(email, pool.temporary_password(email))["Session"]
        result = pool.new_password(session, email)["AuthenticationResult"]
        assert claims(result["IdToken"])["email_verified"] is verified

    def test_an_invitation_can_be_sent_again_only_to_somebody_who_has_not_come(self, pool):
        """AdminCreateUser: UnsupportedUserStateException."""
        again = pool.admin("admin_create_user", pool.user(), MessageAction="RESEND")
        assert again[0] == "UnsupportedUserStateException"


class TestTotp:
    def test_a_pool_that_requires_mfa_has_a_new_user_set_it_up(self, mandatory):
        """AssociateSoftwareToken, VerifySoftwareToken, RespondToAuthChallenge: MFA_SETUP."""
        email = mandatory.user()
        challenge = mandatory.sign_in(email)
        assert challenge["ChallengeName"] == "MFA_SETUP"
        assert json.loads(challenge["ChallengeParameters"]["MFAS_CAN_SETUP"]) == ["SOFTWARE_TOKEN_MFA"]
        secret, result = mandatory.set_up_totp(challenge["Session"], email)
        assert "AccessToken" in result["AuthenticationResult"]
        challenge = mandatory.sign_in(email)
        assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        result = mandatory.totp(challenge["Session"], email, totp_code(secret, 1))
        assert "AccessToken" in result["AuthenticationResult"]

    def test_the_setup_can_not_be_skipped_or_done_with_an_earlier_session(self, mandatory):
        """RespondToAuthChallenge: MFA_SETUP takes the session from VerifySoftwareToken."""
        email = mandatory.user()
        first = mandatory.sign_in(email)["Session"]
        assert mandatory.respond("MFA_SETUP", first, email) == INVALID_SESSION
        associated = answer(mandatory.cognito.associate_software_token, Session=first)
        assert answer(mandatory.cognito.associate_software_token, Session=first) == USED_SESSION
        assert mandatory.respond("MFA_SETUP", associated["Session"], email) == INVALID_SESSION
        code = totp_code(associated["SecretCode"])
        assert answer(mandatory.cognito.verify_software_token, Session=first, UserCode=code) == USED_SESSION
        verified = answer(mandatory.cognito.verify_software_token, Session=associated["Session"], UserCode=code)
        assert mandatory.respond("MFA_SETUP", associated["Session"], email) == USED_SESSION
        assert answer(mandatory.cognito.associate_software_token, Session=verified["Session"]) == INVALID_SESSION
        assert "AuthenticationResult" in mandatory.respond("MFA_SETUP", verified["Session"], email)
        assert mandatory.respond("MFA_SETUP", verified["Session"], email) == USED_SESSION

    def test_a_wrong_code_during_the_setup_is_rejected_and_the_right_one_still_works(self, mandatory):
        """VerifySoftwareToken: EnableSoftwareTokenMFAException."""
        email = mandatory.user()
        associated = answer(mandatory.cognito.associate_software_token, Session=mandatory.sign_in(email)["Session"])
        session, code = associated["Session"], totp_code(associated["SecretCode"])
        rejected = answer(mandatory.cognito.verify_software_token, Session=session, UserCode=totp_code("A" * 32))
        assert rejected == ("EnableSoftwareTokenMFAException", "Code mismatch")
        assert mandatory.sign_in(email)["ChallengeName"] == "MFA_SETUP"
        assert answer(mandatory.cognito.verify_software_token, Session=session, UserCode=code)["Status"] == "SUCCESS"

    def test_an_invited_user_first_sets_a_password_and_then_the_app(self, mandatory):
        """RespondToAuthChallenge returns the next challenge."""
        email = mandatory.invite(name="Jane")
        challenge = mandatory.sign_in(email, mandatory.temporary_password(email))
        challenge = mandatory.new_password(challenge["Session"], email)
        assert challenge["ChallengeName"] == "MFA_SETUP"
        secret, _ = mandatory.set_up_totp(challenge["Session"], email)
        mandatory.admin("admin_set_user_password", email, Password=OTHER, Permanent=False)
        challenge = mandatory.new_password(mandatory.sign_in(email, OTHER)["Session"], email)
        assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        assert "AuthenticationResult" in mandatory.totp(challenge["Session"], email, totp_code(secret, 1))

    def test_after_a_wrong_code_the_session_can_be_used_again(self, mandatory):
        """RespondToAuthChallenge: CodeMismatchException."""
        email = mandatory.user()
        secret, _ = mandatory.set_up_totp(mandatory.sign_in(email)["Session"], email)
        session = mandatory.sign_in(email)["Session"]
        mismatch = ("CodeMismatchException", "Invalid code received for user")
        assert mandatory.totp(session, email, totp_code("A" * 32)) == mismatch
        assert "AuthenticationResult" in mandatory.totp(session, email, totp_code(secret, 1))
        assert mandatory.totp(session, email, totp_code(secret, 1)) == USED_SESSION

    def test_a_code_works_once(self, mandatory):
        """RFC 6238, section 5.2. The message, and that the setup counts, are in tests of aws-amplify/amplify-swift."""
        email = mandatory.user()
        secret, _ = mandatory.set_up_totp(mandatory.sign_in(email)["Session"], email)
        used = ("ExpiredCodeException", "Your software token has already been used once.")
        code = totp_code(secret, 1)
        assert "AuthenticationResult" in mandatory.totp(mandatory.sign_in(email)["Session"], email, code)
        assert mandatory.totp(mandatory.sign_in(email)["Session"], email, code) == used

    def test_wrong_codes_lock_the_user_out(self, mandatory, later):
        """Adding MFA to a user pool: after five unsuccessful attempts, the lockout for failed sign-ins begins."""
        email = mandatory.user()
        secret, _ = mandatory.set_up_totp(mandatory.sign_in(email)["Session"], email)
        session = mandatory.sign_in(email)["Session"]
        for lockout in FIRST_LOCKOUTS:
            assert mandatory.totp(session, email, totp_code("A" * 32))[0] == "CodeMismatchException"
            later(lockout)
        assert mandatory.totp(session, email, totp_code("A" * 32))[0] == "CodeMismatchException"
        assert mandatory.totp(session, email, totp_code(secret, 1)) == LOCKED
        assert mandatory.sign_in(email) == LOCKED
        later(16)
        assert "AuthenticationResult" in mandatory.totp(session, email, totp_code(secret, 1))

    def test_a_user_can_turn_it_on_and_off(self, optional):
        """SetUserMFAPreference."""
        email = optional.user()
        token = optional.access(email)
        on = {"AccessToken": token, "SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}
        unverified = ("InvalidParameterException", "User has not verified software token mfa")
        assert answer(optional.cognito.set_user_mfa_preference, **on) == unverified
        secret = answer(optional.cognito.associate_software_token, AccessToken=token)["SecretCode"]
        wrong_code = answer(optional.cognito.verify_software_token, AccessToken=token, UserCode=totp_code("A" * 32))
        assert wrong_code[0] == "EnableSoftwareTokenMFAException"
        code = totp_code(secret)
        assert answer(optional.cognito.verify_software_token, AccessToken=token, UserCode=code)["Status"] == "SUCCESS"
        assert "AuthenticationResult" in optional.sign_in(email)
        assert answer(optional.cognito.set_user_mfa_preference, **on) == {}
        challenge = optional.sign_in(email)
        assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        token = optional.totp(challenge["Session"], email, totp_code(secret, 1))["AuthenticationResult"]["AccessToken"]
        off = {"AccessToken": token, "SoftwareTokenMfaSettings": {"Enabled": False}}
        assert answer(optional.cognito.set_user_mfa_preference, **off) == {}
        assert "AuthenticationResult" in optional.sign_in(email)

    def test_a_new_app_replaces_the_old_one_and_none_of_its_codes_has_been_used(self, optional):
        """AssociateSoftwareToken: a new secret for each request."""
        email = optional.user()
        token = optional.access(email)
        for _ in range(2):
            secret = answer(optional.cognito.associate_software_token, AccessToken=token)["SecretCode"]
            verified = answer(optional.cognito.verify_software_token, AccessToken=token, UserCode=totp_code(secret))
            assert verified["Status"] == "SUCCESS"

    def test_an_administrator_can_turn_it_off(self, optional, mandatory):
        """AdminSetUserMFAPreference, AdminDeleteSoftwareToken."""
        email = optional.user()
        token = optional.access(email)
        secret = answer(optional.cognito.associate_software_token, AccessToken=token)["SecretCode"]
        answer(optional.cognito.verify_software_token, AccessToken=token, UserCode=totp_code(secret))
        settings = {"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}
        assert optional.admin("admin_set_user_mfa_preference", email, **settings) == {}
        assert optional.sign_in(email)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        off = {"SoftwareTokenMfaSettings": {"Enabled": False}}
        assert optional.admin("admin_set_user_mfa_preference", email, **off) == {}
        assert "AuthenticationResult" in optional.sign_in(email)

        email = mandatory.user()
        mandatory.set_up_totp(mandatory.sign_in(email)["Session"], email)
        assert mandatory.admin("admin_get_user", email)["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
        assert mandatory.admin("admin_delete_software_token", email) == {}
        assert mandatory.admin("admin_get_user", email)["UserMFASettingList"] == []
        assert mandatory.sign_in(email)["ChallengeName"] == "MFA_SETUP"

    def test_it_can_not_be_set_up_in_a_pool_without_mfa(self, pool):
        """AssociateSoftwareToken: SoftwareTokenMFANotFoundException."""
        token = pool.access(pool.user())
        code, _ = answer(pool.cognito.associate_software_token, AccessToken=token)
        assert code == "SoftwareTokenMFANotFoundException"


class TestUsernames:
    def test_addresses_are_case_insensitive_and_stored_in_lower_case(self, pool):
        """UsernameConfigurationType."""
        email = new_email()
        pool.sign_up(email.upper())
        assert pool.attributes(email)["email"] == email
        code, _ = pool.sign_up(email)
        assert code == "UsernameExistsException"
        assert pool.invite(email.title())[0] == "UsernameExistsException"
        assert pool.confirm(email.title(), pool.code(email)) == {}
        assert "AuthenticationResult" in pool.sign_in(email.upper())
        pool.admin(
            "admin_update_user_attributes",
            email,
            UserAttributes=pairs({"email": "X" + email, "email_verified": "true"}),
        )
        assert pool.attributes("X" + email)["email"] == "x" + email

    def test_they_are_case_sensitive_by_default(self, cognito):
        """UsernameConfigurationType: true is the default value."""
        pool_id = cognito.create_user_pool(PoolName="sensitive", UsernameAttributes=["email"])["UserPool"]["Id"]
        for email in ("jane@example.com", "Jane@example.com"):
            assert answer(cognito.admin_create_user, UserPoolId=pool_id, Username=email)["User"]
        assert len(cognito.list_users(UserPoolId=pool_id)["Users"]) == 2


def visible(pool, email):
    """The names of the user's attributes in the response of GetUser, which are also the claims of an ID token."""
    tokens = pool.tokens(email)
    user = answer(pool.cognito.get_user, AccessToken=tokens["AccessToken"])
    names = {one["Name"] for one in user["UserAttributes"]}
    known = {"sub", "email", "email_verified", "name", "given_name", "family_name", "custom:plan"}
    assert claims(tokens["IdToken"]).keys() & known == names
    return names


class TestAttributes:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("sub", "InvalidParameterException"),
            ("email_verified", "NotAuthorizedException"),
            ("custom:plan", "NotAuthorizedException"),
            ("custom:unknown", "InvalidParameterException"),
        ],
    )
    def test_users_can_not_write_protected_attributes(self, pool, name, expected):
        """UserPoolClientType: WriteAttributes. By default, the standard attributes are writable."""
        email = pool.user()
        before = pool.attributes(email)
        token, change = pool.access(email), pairs({name: "true"})
        code, _ = answer(pool.cognito.update_user_attributes, AccessToken=token, UserAttributes=change)
        assert code == expected
        code, _ = answer(pool.cognito.delete_user_attributes, AccessToken=token, UserAttributeNames=[name])
        assert code == expected
        assert pool.attributes(email) == before
        assert pool.sign_up(**{name: "true"})[0] == expected

    def test_a_client_writes_only_its_write_attributes(self, pool):
        """UserPoolClientType: WriteAttributes."""
        usual = pool.client
        email = pool.user()
        pool.client = pool.add_client(WriteAttributes=["email", "name", "custom:plan"])
        token = pool.access(email)
        pool.client = usual
        update = pool.cognito.update_user_attributes
        assert "CodeDeliveryDetailsList" in answer(
            update, AccessToken=token, UserAttributes=pairs({"custom:plan": "gold"})
        )
        rejected = answer(update, AccessToken=token, UserAttributes=pairs({"name": "X", "given_name": "X"}))
        assert rejected == UNAUTHORIZED_ATTRIBUTE
        assert pool.attributes(email)["custom:plan"] == "gold"
        assert pool.attributes(email)["name"] == "Jane"

    def test_a_client_reads_only_its_read_attributes(self, pool):
        """UserPoolClientType: ReadAttributes. They apply to GetUser and to the claims of ID tokens."""
        email = pool.user(given_name="Jane", family_name="Doe")
        assert pool.admin("admin_update_user_attributes", email, UserAttributes=pairs({"custom:plan": "gold"})) == {}
        assert visible(pool, email) == {"sub", "email", "email_verified", "name", "given_name", "family_name"}
        usual, pool.client = pool.client, pool.add_client(ReadAttributes=["email", "email_verified", "custom:plan"])
        seen = visible(pool, email)
        pool.client = usual
        assert seen == {"sub", "email", "email_verified", "custom:plan"}

    def test_a_required_attribute_must_be_given_and_can_not_be_removed(self, pool):
        """SignUp, UpdateUserAttributes, DeleteUserAttributes: InvalidParameterException."""
        missing = (
            "InvalidParameterException",
            "Attributes did not conform to the schema: name: The attribute is required",
        )
        assert pool.sign_up(name="") == missing
        token = pool.access(pool.user())
        empty = pairs({"name": ""})
        assert answer(pool.cognito.update_user_attributes, AccessToken=token, UserAttributes=empty) == missing
        assert answer(pool.cognito.delete_user_attributes, AccessToken=token, UserAttributeNames=["name"]) == missing

    def test_other_attributes_can_be_removed(self, pool):
        """DeleteUserAttributes, UpdateUserAttributes (a blank value), AdminDeleteUserAttributes."""
        email = pool.user(given_name="Jane", family_name="Doe", nickname="J")
        token = pool.access(email)
        assert answer(pool.cognito.delete_user_attributes, AccessToken=token, UserAttributeNames=["given_name"]) == {}
        blank = pairs({"family_name": ""})
        assert answer(pool.cognito.update_user_attributes, AccessToken=token, UserAttributes=blank)
        assert pool.admin("admin_delete_user_attributes", email, UserAttributeNames=["nickname"]) == {}
        assert set(pool.attributes(email)) == {"sub", "email", "email_verified", "name"}

    def test_an_administrator_writes_everything_but_sub(self, pool):
        """AdminUpdateUserAttributes."""
        email = pool.user()
        update = {"custom:plan": "gold", "name": "John"}
        assert pool.admin("admin_update_user_attributes", email, UserAttributes=pairs(update)) == {}
        assert pool.attributes(email).items() >= update.items()
        code, _ = pool.admin("admin_update_user_attributes", email, UserAttributes=pairs({"sub": "x"}))
        assert code == "InvalidParameterException"


def change_email(pool, token, email):
    return answer(pool.cognito.update_user_attributes, AccessToken=token, UserAttributes=pairs({"email": email}))


def verify_email(pool, token, code):
    return answer(pool.cognito.verify_user_attribute, AccessToken=token, AttributeName="email", Code=code)


class TestEmailChange:
    def test_the_old_address_stays_until_the_new_one_is_verified(self, pool):
        """UserAttributeUpdateSettingsType, VerifyUserAttribute."""
        old, new = pool.user(), new_email()
        token = pool.access(old)
        (delivery,) = change_email(pool, token, new.upper())["CodeDeliveryDetailsList"]
        assert delivery == {"Destination": f"{new[0]}****@e****", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
        assert pool.attributes(old).items() >= {"email": old, "email_verified": "true"}.items()
        assert "AuthenticationResult" in pool.sign_in(old)
        assert pool.sign_in(new) == INCORRECT
        assert verify_email(pool, token, wrong(pool.code(new))) == MISMATCH
        assert verify_email(pool, token, pool.code(new)) == {}
        assert pool.attributes(new).items() >= {"email": new, "email_verified": "true"}.items()
        assert "AuthenticationResult" in pool.sign_in(new)
        assert pool.sign_in(old) == INCORRECT
        assert verify_email(pool, token, pool.code(new)) == EXPIRED

    def test_only_the_latest_code_counts(self, pool):
        """GetUserAttributeVerificationCode."""
        old, first, second = pool.user(), new_email(), new_email()
        token = pool.access(old)
        change_email(pool, token, first)
        change_email(pool, token, second)
        again = answer(pool.cognito.get_user_attribute_verification_code, AccessToken=token, AttributeName="email")
        assert again["CodeDeliveryDetails"]["Destination"] == f"{second[0]}****@e****"
        superseded = {pool.code(first), re.search(r"\d{6}", pool.mails(second)[0]).group()} - {pool.code(second)}
        for code in superseded:
            assert verify_email(pool, token, code) == MISMATCH
        assert verify_email(pool, token, pool.code(second)) == {}
        assert pool.attributes(second)["email"] == second

    def test_an_address_that_somebody_else_has_taken_meanwhile_is_rejected(self, pool):
        """VerifyUserAttribute: AliasExistsException."""
        old, new = pool.user(), new_email()
        token = pool.access(old)
        change_email(pool, token, new)
        code = pool.code(new)
        pool.user(email=new)
        assert verify_email(pool, token, code)[0] == "AliasExistsException"
        assert pool.attributes(old)["email"] == old

    def test_a_code_expires_after_24_hours(self, pool, later):
        """Quotas in Amazon Cognito: user attribute verification code."""
        old, new = pool.user(), new_email()
        token = pool.access(old)
        change_email(pool, token, new)
        later(24 * HOUR + 1)
        assert verify_email(pool, token, pool.code(new)) == EXPIRED

    def test_codes_can_be_requested_and_tried_only_so_often_an_hour(self, pool, later):
        """Quotas in Amazon Cognito: 5 GetUserAttributeVerificationCode and 15 VerifyUserAttribute requests."""
        email = pool.user()
        token = pool.access(email)
        request = {"AccessToken": token, "AttributeName": "email"}
        for _ in range(5):
            assert "CodeDeliveryDetails" in answer(pool.cognito.get_user_attribute_verification_code, **request)
        assert answer(pool.cognito.get_user_attribute_verification_code, **request) == LIMIT
        code = pool.code(email)
        for _ in range(15):
            assert verify_email(pool, token, wrong(code)) == MISMATCH
        assert verify_email(pool, token, code) == LIMIT
        later(HOUR + 1)
        assert verify_email(pool, token, code) == {}

    def test_an_administrator_changes_it_at_once_only_if_it_is_marked_as_verified(self, pool):
        """AdminUpdateUserAttributes: UserAttributes."""
        old, new, other = pool.user(), new_email(), pool.user()
        update = {"email": new}
        assert pool.admin("admin_update_user_attributes", old, UserAttributes=pairs(update)) == {}
        assert pool.attributes(old)["email"] == old
        assert pool.code(new)
        update["email_verified"] = "true"
        assert pool.admin("admin_update_user_attributes", old, UserAttributes=pairs(update)) == {}
        assert pool.attributes(new)["email"] == new
        update["email"] = other
        assert (
            pool.admin("admin_update_user_attributes", new, UserAttributes=pairs(update))[0] == "AliasExistsException"
        )


class TestSignUp:
    def test_a_code_that_was_mailed_confirms_the_account_and_its_address(self, pool):
        """SignUp, ConfirmSignUp."""
        email = new_email()
        response = pool.call("sign_up", Username=email, Password=PASSWORD, UserAttributes=pairs({"name": "Jane"}))
        assert response["CodeDeliveryDetails"]["Destination"] == f"{email[0]}****@e****"
        assert pool.attributes(email)["email_verified"] == "false"
        code = pool.code(email)
        assert pool.confirm(email, wrong(code)) == MISMATCH
        assert pool.confirm(email, code) == {}
        assert pool.attributes(email)["email_verified"] == "true"
        assert claims(pool.tokens(email)["IdToken"])["email_verified"] is True
        again = ("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
        assert pool.confirm(email, code) == again

    def test_codes_are_random(self, pool):
        """SignUp. A constant code would prove nothing."""
        emails = [pool.sign_up() for _ in range(4)]
        assert len({pool.code(email) for email in emails}) > 1

    def test_a_code_expires_after_24_hours_and_a_new_one_can_be_requested(self, pool, later):
        """Quotas in Amazon Cognito: sign-up confirmation code. ResendConfirmationCode."""
        email = pool.sign_up()
        first = pool.code(email)
        later(24 * HOUR + 1)
        assert pool.confirm(email, first) == EXPIRED
        assert "CodeDeliveryDetails" in pool.call("resend_confirmation_code", Username=email)
        assert len(pool.mails(email)) == 2
        assert pool.confirm(email, pool.code(email)) == {}

    def test_only_the_latest_code_counts(self, pool):
        """ResendConfirmationCode."""
        email = pool.sign_up()
        for _ in range(4):
            pool.call("resend_confirmation_code", Username=email)
        codes = [re.search(r"\d{6}", text).group() for text in pool.mails(email)]
        superseded = set(codes) - {codes[-1]}
        assert superseded
        for code in superseded:
            assert pool.confirm(email, code) == MISMATCH
        assert pool.confirm(email, pool.code(email)) == {}

    def test_codes_can_be_requested_and_tried_only_so_often_an_hour(self, pool, later):
        """Quotas in Amazon Cognito: 5 ResendConfirmationCode and 15 ConfirmSignUp requests per user and hour."""
        email = pool.sign_up()
        for _ in range(5):
            assert "CodeDeliveryDetails" in pool.call("resend_confirmation_code", Username=email)
        assert pool.call("resend_confirmation_code", Username=email) == LIMIT
        code = pool.code(email)
        for _ in range(15):
            assert pool.confirm(email, wrong(code)) == MISMATCH
        assert pool.confirm(email, code) == LIMIT
        later(HOUR + 1)
        assert pool.confirm(email, code) == {}

    def test_an_unconfirmed_account_keeps_its_first_password_and_says_so_before_the_password_is_checked(self, pool):
        """SignUp: UsernameExistsException. InitiateAuth: UserNotConfirmedException."""
        email = pool.sign_up(password=PASSWORD)
        assert pool.sign_up(email, password=OTHER)[0] == "UsernameExistsException"
        for password in (PASSWORD, OTHER, "wrong"):
            assert pool.sign_in(email, password) == ("UserNotConfirmedException", "User is not confirmed.")
        pool.confirm(email, pool.code(email))
        assert pool.sign_in(email, OTHER) == INCORRECT
        assert "AuthenticationResult" in pool.sign_in(email, PASSWORD)

    def test_the_password_must_conform_to_the_policy(self, pool):
        """SignUp: InvalidPasswordException."""
        assert pool.sign_up(password="short")[0] == "InvalidPasswordException"
        assert pool.sign_up(password="no-digits-and-no-Capitals"[:-8])[0] == "InvalidPasswordException"

    def test_a_pool_can_be_for_invited_people_only(self, cognito, port):
        """AdminCreateUserConfigType: AllowAdminCreateUserOnly."""
        closed = Pool(cognito, port, settings={"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True}})
        assert closed.sign_up() == ("NotAuthorizedException", "SignUp is not permitted for this user pool")

    def test_a_confirmed_user_gets_no_code(self, pool):
        """ResendConfirmationCode: InvalidParameterException."""
        rejected = ("InvalidParameterException", "User is already confirmed.")
        assert pool.call("resend_confirmation_code", Username=pool.user()) == rejected

    def test_an_administrator_confirms_an_account_but_not_its_address(self, pool):
        """AdminConfirmSignUp."""
        email = pool.sign_up()
        assert pool.admin("admin_confirm_sign_up", email) == {}
        assert pool.attributes(email)["email_verified"] == "false"
        assert claims(pool.tokens(email)["IdToken"])["email_verified"] is False
        assert pool.admin("admin_confirm_sign_up", email)[0] == "NotAuthorizedException"


def reset(pool, email, code, password=OTHER):
    return pool.call("confirm_forgot_password", Username=email, ConfirmationCode=code, Password=password)


class TestPasswords:
    def test_a_mailed_code_resets_a_forgotten_password_once(self, pool):
        """ForgotPassword, ConfirmForgotPassword."""
        email = pool.user()
        assert reset(pool, email, "123456") == EXPIRED
        delivery = pool.call("forgot_password", Username=email)["CodeDeliveryDetails"]
        assert delivery["Destination"] == f"{email[0]}****@e****"
        code = pool.code(email)
        assert reset(pool, email, wrong(code)) == MISMATCH
        assert reset(pool, email, code, "short")[0] == "InvalidPasswordException"
        assert reset(pool, email, code) == {}
        assert pool.sign_in(email, PASSWORD) == INCORRECT
        assert "AuthenticationResult" in pool.sign_in(email, OTHER)
        assert reset(pool, email, code, PASSWORD) == EXPIRED

    def test_the_code_expires_after_an_hour(self, pool, later):
        """Quotas in Amazon Cognito: forgot password code."""
        email = pool.user()
        pool.call("forgot_password", Username=email)
        later(HOUR + 1)
        assert reset(pool, email, pool.code(email)) == EXPIRED

    def test_codes_can_be_requested_and_tried_only_so_often_an_hour(self, pool, later):
        """Quotas in Amazon Cognito: 5 to 20 ForgotPassword and ConfirmForgotPassword requests per user and hour."""
        email = pool.user()
        pool.call("forgot_password", Username=email)
        code = pool.code(email)
        results = [reset(pool, email, wrong(code)) for _ in range(20)]
        assert 4 <= results.count(MISMATCH) < 20
        assert results[-1] == LIMIT
        assert reset(pool, email, code) == LIMIT
        assert pool.call("forgot_password", Username=email) == LIMIT
        later(HOUR + 1)
        assert "CodeDeliveryDetails" in pool.call("forgot_password", Username=email)

    def test_without_a_verified_address_nothing_is_mailed(self, pool):
        """ForgotPassword: InvalidParameterException. Managing user existence error responses: ForgotPassword."""
        usual = pool.client
        legacy = pool.add_client(PreventUserExistenceErrors="LEGACY")
        unconfirmed, disabled = pool.sign_up(), pool.user()
        pool.admin("admin_disable_user", disabled)
        for email, rejection in (
            (unconfirmed, UNVERIFIED),
            (disabled, DISABLED),
        ):
            before = pool.mails(email)
            assert "CodeDeliveryDetails" in pool.call("forgot_password", Username=email)
            pool.client = legacy
            assert pool.call("forgot_password", Username=email) == rejection
            pool.client = usual
            assert pool.mails(email) == before

    def test_an_invited_user_can_not_reset_the_password(self, pool):
        """Knowledge center, "Why doesn't Amazon Cognito send the verification code with the ForgotPassword API?"."""
        email = pool.invite(name="Jane")
        rejection = ("NotAuthorizedException", "User password cannot be reset in the current state.")
        assert pool.call("forgot_password", Username=email) == rejection
        assert pool.admin("admin_reset_user_password", email) == rejection
        assert pool.status(email) == "FORCE_CHANGE_PASSWORD"

    def test_an_administrator_can_require_a_reset(self, pool):
        """AdminResetUserPassword, InitiateAuth: PasswordResetRequiredException."""
        email = pool.user()
        assert pool.admin("admin_reset_user_password", email) == {}
        assert pool.status(email) == "RESET_REQUIRED"
        assert pool.sign_in(email)[0] == "PasswordResetRequiredException"
        assert pool.sign_in(email, "wrong") == INCORRECT
        assert reset(pool, email, pool.code(email)) == {}
        assert "AuthenticationResult" in pool.sign_in(email, OTHER)

    def test_an_administrator_can_not_require_it_without_a_verified_address(self, pool):
        """AdminResetUserPassword: InvalidParameterException."""
        email = pool.sign_up()
        assert pool.admin("admin_reset_user_password", email) == UNVERIFIED
        assert pool.status(email) == "UNCONFIRMED"

    def test_changing_it_needs_the_present_one_and_is_limited(self, pool, later):
        """ChangePassword. Quotas in Amazon Cognito: 5 ChangePassword requests per user and hour."""
        email = pool.user()
        change = {"AccessToken": pool.access(email), "PreviousPassword": PASSWORD, "ProposedPassword": OTHER}
        assert answer(pool.cognito.change_password, **{**change, "PreviousPassword": OTHER}) == INCORRECT
        weak = answer(pool.cognito.change_password, **{**change, "ProposedPassword": "short1"})
        assert weak[0] == "InvalidPasswordException"
        assert answer(pool.cognito.change_password, **change) == {}
        assert "AuthenticationResult" in pool.sign_in(email, OTHER)
        change["PreviousPassword"] = OTHER
        for _ in range(2):
            assert answer(pool.cognito.change_password, **change) == {}
        assert answer(pool.cognito.change_password, **change) == LIMIT
        later(HOUR + 1)
        assert answer(pool.cognito.change_password, **change) == {}


FIRST_LOCKOUTS = (0, 0, 0, 0, 1, 2, 4, 8)
"""Seconds for which each of the first failures locks a user out. The next one does so for 16 s."""


def fail(pool, email, later):
    """Fail to sign in nine times, so that the user is locked out for 16 s."""
    for lockout in FIRST_LOCKOUTS:
        assert pool.sign_in(email, "wrong") == INCORRECT
        later(lockout)
    assert pool.sign_in(email, "wrong") == INCORRECT


class TestLockout:
    """Things to know about authentication with user pools: Lockout behavior for failed sign-in attempts."""

    def test_each_further_failure_locks_for_twice_as_long_up_to_15_minutes(self, pool, later):
        """Lockout behavior for failed sign-in attempts."""
        email = pool.user()
        fail(pool, email, later)
        for seconds in (16, 32, 64, 128, 256, 512):
            later(seconds / 2)
            assert pool.sign_in(email) == LOCKED
            later(seconds / 2)
            assert pool.sign_in(email, "wrong") == INCORRECT
        later(850)
        assert pool.sign_in(email) == LOCKED
        later(50)
        assert "AuthenticationResult" in pool.sign_in(email)

    def test_attempts_during_a_lockout_do_not_count(self, pool, later):
        """Lockout behavior for failed sign-in attempts."""
        email = pool.user()
        fail(pool, email, later)
        for _ in range(5):
            assert pool.sign_in(email, "wrong") == LOCKED
        later(16)
        assert "AuthenticationResult" in pool.sign_in(email)

    @pytest.mark.parametrize("how", ["a sign-in", "15 minutes without an attempt"])
    def test_it_is_forgotten_after(self, pool, later, how):
        """Lockout behavior for failed sign-in attempts."""
        email = pool.user()
        fail(pool, email, later)
        if how == "a sign-in":
            later(16)
            assert "AuthenticationResult" in pool.sign_in(email)
        else:
            later(900)
        for _ in range(4):
            assert pool.sign_in(email, "wrong") == INCORRECT
        assert "AuthenticationResult" in pool.sign_in(email)

    def test_it_applies_to_srp_too(self, cognito, port, later):
        """Lockout behavior for failed sign-in attempts: sign-in attempts with a password."""
        pool = Pool(cognito, port, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"])
        email = pool.user()
        parameters = {"USERNAME": email, "SRP_A": "ab" * 128}
        challenge = pool.call("initiate_auth", AuthFlow="USER_SRP_AUTH", AuthParameters=parameters)
        assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
        proof = {
            "USERNAME": challenge["ChallengeParameters"]["USER_ID_FOR_SRP"],
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(b"wrong").decode(),
            "PASSWORD_CLAIM_SECRET_BLOCK": challenge["ChallengeParameters"]["SECRET_BLOCK"],
            "TIMESTAMP": "Sun Nov 22 09:00:00 UTC 2026",
        }
        respond = {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": proof}
        for lockout in (*FIRST_LOCKOUTS, 0):
            assert pool.call("respond_to_auth_challenge", **respond) == INCORRECT
            later(lockout)
        assert pool.call("respond_to_auth_challenge", **respond) == LOCKED
        assert pool.sign_in(email) == LOCKED

    def test_it_concerns_one_user_only(self, pool, later):
        """Lockout behavior for failed sign-in attempts."""
        email, other = pool.user(), pool.user()
        fail(pool, email, later)
        assert pool.sign_in(email) == LOCKED
        assert "AuthenticationResult" in pool.sign_in(other)


class TestUnknownUsers:
    """Managing user existence error responses."""

    UNKNOWN = "nobody@example.com"

    def test_they_get_the_responses_of_known_users(self, pool):
        """Managing user existence error responses: PreventUserExistenceErrors is ENABLED."""
        assert pool.sign_in(self.UNKNOWN) == INCORRECT
        assert pool.confirm(self.UNKNOWN, "123456") == MISMATCH
        assert reset(pool, self.UNKNOWN, "123456") == MISMATCH
        details = {"Destination": "n****@e****", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
        for operation in ("forgot_password", "resend_confirmation_code"):
            assert pool.call(operation, Username=self.UNKNOWN.upper()) == {"CodeDeliveryDetails": details}
        assert pool.mails(self.UNKNOWN) == []

    def test_a_client_can_ask_to_be_told(self, pool):
        """Managing user existence error responses: PreventUserExistenceErrors is LEGACY."""
        usual, pool.client = pool.client, pool.add_client(PreventUserExistenceErrors="LEGACY")
        results = [
            pool.sign_in(self.UNKNOWN),
            pool.confirm(self.UNKNOWN, "123456"),
            reset(pool, self.UNKNOWN, "123456"),
            pool.call("forgot_password", Username=self.UNKNOWN),
            pool.call("resend_confirmation_code", Username=self.UNKNOWN),
        ]
        pool.client = usual
        assert {code for code, _ in results} == {"UserNotFoundException"}

    def test_a_disabled_user_is_told_so_only_with_the_right_password(self, pool):
        """Managing user existence error responses: user name and password based authentication."""
        email = pool.user()
        pool.admin("admin_disable_user", email)
        assert pool.sign_in(email, "wrong") == INCORRECT
        assert pool.sign_in(email) == DISABLED
        assert reset(pool, email, "123456") == MISMATCH


@pytest.fixture(scope="module")
def rotating(cognito, port):
    """A pool whose client rotates refresh tokens."""
    return Pool(
        cognito,
        port,
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 10},
    )


def refresh(pool, token):
    result = pool.call("get_tokens_from_refresh_token", RefreshToken=token)
    return result["AuthenticationResult"] if isinstance(result, dict) else result


def works(pool, access_token):
    return "Username" in answer(pool.cognito.get_user, AccessToken=access_token)


class TestRefreshTokens:
    def test_without_rotation_a_refresh_token_stays_valid_and_no_new_one_is_returned(self, pool):
        """GetTokensFromRefreshToken."""
        token = pool.tokens(pool.user())["RefreshToken"]
        for _ in range(2):
            result = refresh(pool, token)
            assert works(pool, result["AccessToken"])
            assert "RefreshToken" not in result
        flow = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": token}}
        assert works(pool, pool.call("initiate_auth", **flow)["AuthenticationResult"]["AccessToken"])

    def test_a_rotated_token_is_valid_only_for_the_grace_period(self, rotating, later):
        """RefreshTokenRotationType, GetTokensFromRefreshToken: RefreshTokenReuseException."""
        first = rotating.tokens(rotating.user())["RefreshToken"]
        second = refresh(rotating, first)["RefreshToken"]
        assert second != first
        later(9)
        assert refresh(rotating, first)["RefreshToken"] not in (first, second)
        later(2)
        assert refresh(rotating, first)[0] == "RefreshTokenReuseException"
        third = refresh(rotating, second)["RefreshToken"]
        assert works(rotating, refresh(rotating, third)["AccessToken"])

    def test_without_a_grace_period_a_rotated_token_is_invalid_at_once(self, rotating):
        """RefreshTokenRotationType: RetryGracePeriodSeconds."""
        usual = rotating.client
        rotating.client = rotating.add_client(
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"], RefreshTokenRotation={"Feature": "ENABLED"}
        )
        first = rotating.tokens(rotating.user())["RefreshToken"]
        second = refresh(rotating, first)["RefreshToken"]
        reused, renewed = refresh(rotating, first), refresh(rotating, second)
        rotating.client = usual
        assert reused[0] == "RefreshTokenReuseException"
        assert works(rotating, renewed["AccessToken"])

    def test_a_new_token_expires_when_the_first_one_would_have(self, rotating, later):
        """Refresh tokens: the new refresh token is valid for the remaining duration of the original refresh token."""
        first = rotating.tokens(rotating.user())["RefreshToken"]
        later(29 * DAY)
        second = refresh(rotating, first)["RefreshToken"]
        later(DAY + 60)
        assert refresh(rotating, second) == ("NotAuthorizedException", "Refresh Token has expired")

    def test_rotation_excludes_the_refresh_flow(self, rotating):
        """Refresh tokens: you can't authenticate with REFRESH_TOKEN_AUTH in app clients with rotation."""
        token = rotating.tokens(rotating.user())["RefreshToken"]
        flow = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": token}}
        assert rotating.call("initiate_auth", **flow)[0] == "InvalidParameterException"

    def test_the_setting_is_described_and_can_be_updated(self, rotating):
        """UserPoolClientType: RefreshTokenRotation."""
        ids = {"UserPoolId": rotating.id, "ClientId": rotating.add_client()}
        describe = rotating.cognito.describe_user_pool_client
        assert "RefreshTokenRotation" not in describe(**ids)["UserPoolClient"]
        setting = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 60}
        updated = rotating.cognito.update_user_pool_client(**ids, RefreshTokenRotation=setting)["UserPoolClient"]
        assert updated["RefreshTokenRotation"] == describe(**ids)["UserPoolClient"]["RefreshTokenRotation"] == setting

    def test_a_template_can_set_it(self, rotating, port):
        """CloudFormation template reference: AWS::Cognito::UserPoolClient, RefreshTokenRotation."""
        cloudformation = aws.client("cloudformation", port)
        setting = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 20}
        properties = {"UserPoolId": rotating.id, "RefreshTokenRotation": setting}

        def template():
            client = {"Type": "AWS::Cognito::UserPoolClient", "Properties": properties}
            output = {"Id": {"Value": {"Ref": "Client"}}}
            return json.dumps({"Resources": {"Client": client}, "Outputs": output})

        def described():
            (stack,) = cloudformation.describe_stacks(StackName="rotation")["Stacks"]
            ids = {"UserPoolId": rotating.id, "ClientId": stack["Outputs"][0]["OutputValue"]}
            return rotating.cognito.describe_user_pool_client(**ids)["UserPoolClient"].get("RefreshTokenRotation")

        cloudformation.create_stack(StackName="rotation", TemplateBody=template())
        cloudformation.get_waiter("stack_create_complete").wait(StackName="rotation", WaiterConfig={"Delay": 1})
        assert described() == setting
        del properties["RefreshTokenRotation"]
        cloudformation.update_stack(StackName="rotation", TemplateBody=template())
        cloudformation.get_waiter("stack_update_complete").wait(StackName="rotation", WaiterConfig={"Delay": 1})
        assert described() is None

    def test_revoking_a_token_ends_its_session_only(self, rotating):
        """RevokeToken."""
        email = rotating.user()
        mine, other = rotating.tokens(email), rotating.tokens(email)
        renewed = refresh(rotating, mine["RefreshToken"])
        assert rotating.call("revoke_token", Token=renewed["RefreshToken"]) == {}
        assert not works(rotating, mine["AccessToken"])
        assert not works(rotating, renewed["AccessToken"])
        assert refresh(rotating, renewed["RefreshToken"])[0] == "NotAuthorizedException"
        assert works(rotating, refresh(rotating, other["RefreshToken"])["AccessToken"])

    def test_only_refresh_tokens_of_the_client_can_be_revoked(self, pool):
        """RevokeToken: UnsupportedTokenTypeException, UnauthorizedException."""
        tokens = pool.tokens(pool.user())
        assert pool.call("revoke_token", Token=tokens["AccessToken"])[0] == "UnsupportedTokenTypeException"
        usual, pool.client = pool.client, pool.add_client()
        rejected = pool.call("revoke_token", Token=tokens["RefreshToken"])
        pool.client = usual
        assert rejected[0] == "UnauthorizedException"
        header, body, _ = tokens["RefreshToken"].split(".")
        assert pool.call("revoke_token", Token=f"{header}.{body}.{'A' * 342}") == {}
        assert works(pool, refresh(pool, tokens["RefreshToken"])["AccessToken"])

    @pytest.mark.parametrize("by", ["user", "administrator"])
    def test_a_global_sign_out_ends_all_sessions(self, pool, by):
        """GlobalSignOut, AdminUserGlobalSignOut."""
        email = pool.user()
        sessions = [pool.tokens(email) for _ in range(2)]
        if by == "user":
            assert answer(pool.cognito.global_sign_out, AccessToken=sessions[0]["AccessToken"]) == {}
        else:
            assert pool.admin("admin_user_global_sign_out", email) == {}
        for session in sessions:
            assert not works(pool, session["AccessToken"])
            assert refresh(pool, session["RefreshToken"])[0] == "NotAuthorizedException"
        assert works(pool, pool.access(email))


WITH_ACCESS_TOKEN = {
    "get_user": {},
    "update_user_attributes": {"UserAttributes": pairs({"name": "X"})},
    "verify_user_attribute": {"AttributeName": "email", "Code": "123456"},
    "change_password": {"PreviousPassword": PASSWORD, "ProposedPassword": OTHER},
    "associate_software_token": {},
    "verify_software_token": {"UserCode": "123456"},
    "set_user_mfa_preference": {"SoftwareTokenMfaSettings": {"Enabled": False}},
    "global_sign_out": {},
    "delete_user": {},
}
"""The operations that users call with an access token, and their other parameters."""
GONE = ("UserNotFoundException", "User does not exist.")
RESET = ("PasswordResetRequiredException", "Password reset required for the user")


class TestAccessTokens:
    @pytest.mark.parametrize(
        ("operation", "expected"),
        [
            ("admin_disable_user", DISABLED),
            ("admin_delete_user", GONE),
            ("admin_reset_user_password", RESET),
            ("admin_user_global_sign_out", ("NotAuthorizedException", "Access Token has been revoked")),
        ],
    )
    def test_no_operation_accepts_one_whose_user_may_not_use_it_any_more(self, optional, operation, expected):
        """The errors of each operation. AssociateSoftwareToken does not list PasswordResetRequiredException."""
        email = optional.user()
        token = optional.access(email)
        assert optional.admin(operation, email) == {}
        for name, parameters in WITH_ACCESS_TOKEN.items():
            if (name, expected) != ("associate_software_token", RESET):
                assert answer(getattr(optional.cognito, name), AccessToken=token, **parameters) == expected, name

    def test_no_operation_accepts_an_id_token(self, optional):
        """GetUser: AccessToken."""
        token = optional.tokens(optional.user())["IdToken"]
        for name, parameters in WITH_ACCESS_TOKEN.items():
            rejected = answer(getattr(optional.cognito, name), AccessToken=token, **parameters)
            assert rejected == ("NotAuthorizedException", "Invalid Access Token")

    def test_a_user_can_delete_the_account(self, optional):
        """DeleteUser."""
        email = optional.user()
        assert answer(optional.cognito.delete_user, AccessToken=optional.access(email)) == {}
        assert optional.sign_in(email) == INCORRECT
        assert optional.sign_up(email=email) == email


REDIRECT = "http://localhost:8000/"


@pytest.fixture(scope="module")
def hosted(cognito, port):
    """A pool whose users can sign in on the hosted page, and with TOTP."""
    return Pool(
        cognito,
        port,
        mfa="OPTIONAL",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        RefreshTokenRotation=ROTATION,
        AllowedOAuthFlows=["code"],
        AllowedOAuthScopes=["openid", "email"],
        AllowedOAuthFlowsUserPoolClient=True,
        CallbackURLs=[REDIRECT],
        SupportedIdentityProviders=["COGNITO"],
    )


class TestHostedPage:
    """The emulated hosted page, and the token endpoint."""

    def post(self, port, path, **form):
        return httpx.post(f"{aws.endpoint(port)}{path}", data=form, trust_env=False)

    def log_in(self, pool, port, email, password=PASSWORD):
        form = {
            "client_id": pool.client,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "openid email",
        }
        return self.post(port, "/login", username=email, password=password, **form)

    def refresh(self, pool, port, token):
        return self.post(port, "/oauth2/token", grant_type="refresh_token", client_id=pool.client, refresh_token=token)

    def test_failed_sign_ins_lock_the_user_out_there_too(self, hosted, port, later):
        """Lockout behavior for failed sign-in attempts."""
        email = hosted.user()
        assert self.log_in(hosted, port, email.upper()).status_code == 302
        for lockout in FIRST_LOCKOUTS:
            assert "Incorrect username or password." in self.log_in(hosted, port, email, "wrong").text
            later(lockout)
        assert "Incorrect username or password." in self.log_in(hosted, port, email, "wrong").text
        assert "Password attempts exceeded" in self.log_in(hosted, port, email).text
        assert hosted.sign_in(email) == LOCKED
        later(16)
        assert self.log_in(hosted, port, email).status_code == 302

    def test_nobody_gets_around_totp_there(self, hosted, port):
        """The emulated page has no form for codes, so it must not sign in whoever needs one."""
        email = hosted.user()
        token = hosted.access(email)
        secret = answer(hosted.cognito.associate_software_token, AccessToken=token)["SecretCode"]
        answer(hosted.cognito.verify_software_token, AccessToken=token, UserCode=totp_code(secret))
        assert self.log_in(hosted, port, email).status_code == 302
        hosted.admin("admin_set_user_mfa_preference", email, SoftwareTokenMfaSettings={"Enabled": True})
        response = self.log_in(hosted, port, email)
        assert response.status_code == 200
        assert "no form for MFA codes" in response.text

    @pytest.mark.parametrize("issued_by", ["InitiateAuth", "hosted page"])
    def test_the_token_endpoint_rotates_refresh_tokens(self, hosted, port, issued_by):
        """Refresh tokens: OAuth token endpoint."""
        email = hosted.user()
        if issued_by == "InitiateAuth":
            first = hosted.tokens(email)["RefreshToken"]
        else:
            code = re.search(r"code=([^&]+)", self.log_in(hosted, port, email).headers["Location"]).group(1)
            form = {"grant_type": "authorization_code", "client_id": hosted.client, "redirect_uri": REDIRECT}
            first = self.post(port, "/oauth2/token", code=code, **form).json()["refresh_token"]
        second = self.refresh(hosted, port, first).json()["refresh_token"]
        assert self.refresh(hosted, port, first).json()["error"] == "invalid_grant"
        third = self.refresh(hosted, port, second).json()
        assert third["refresh_token"] not in (first, second)
        assert claims(third["access_token"])["sub"] == hosted.attributes(email)["sub"]


class TestRestart:
    def test_everything_that_cognito_remembers_survives_it(self, tmp_path, later_in):
        """The embedded AWS saves its state. AWS, of course, does not restart."""
        number = processes.free_port()
        with aws.start(number, tmp_path):
            pool = Pool(aws.client("cognito-idp", number), number, mfa="OPTIONAL", RefreshTokenRotation=ROTATION)
            unconfirmed, invited, locked, renewed = pool.sign_up(), pool.invite(name="Jane"), pool.user(), pool.user()
            code, password = pool.code(unconfirmed), pool.temporary_password(invited)
            for _ in range(14):
                assert pool.confirm(unconfirmed, wrong(code)) == MISMATCH
            later = later_in(tmp_path)
            fail(pool, locked, later)
            for lockout in (16, 32, 64):
                later(lockout)
                assert pool.sign_in(locked, "wrong") == INCORRECT
            session = pool.sign_in(invited, password)["Session"]
            first = pool.tokens(renewed)["RefreshToken"]
            second = refresh(pool, first)["RefreshToken"]
        with aws.start(number, tmp_path):
            assert pool.confirm(unconfirmed, code) == {}
            assert "AuthenticationResult" in pool.new_password(session, invited)
            assert pool.sign_in(locked) == LOCKED
            assert refresh(pool, first)[0] == "RefreshTokenReuseException"
            assert "AccessToken" in refresh(pool, second)

    @pytest.mark.parametrize(
        ("operation", "expected"),
        [
            ("GetTokensFromRefreshToken", "True"),
            ("GetUserAttributeVerificationCode", "True"),
            ("InitiateAuth", "True"),
            ("GetUser", "False"),
        ],
    )
    def test_an_operation_that_changes_something_is_saved_at_once(self, tmp_path, operation, expected):
        """The embedded AWS saves its state after such operations. The names of some start with Get."""
        target = f"AWSCognitoIdentityProviderService.{operation}".encode()
        scope = {"method": "POST", "headers": [(b"x-amz-target", target)]}
        program = f"from embedded.emulator import keeper; print(keeper._may_change_something({scope}))"
        environ = {**os.environ, "STATE_DIR": str(tmp_path)}
        done = subprocess.run(
            [aws.PYTHON, "-c", program], cwd=processes.PROJECT, env=environ, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected

    def test_a_state_from_before_these_rules_is_still_read(self, tmp_path):
        """The embedded AWS used to save codes that were always 123456."""
        number, own = processes.free_port(), tmp_path / "aws"
        environ = {**os.environ, "BIND_HOST": processes.HOST, "GATEWAY_PORT": str(number), "PERSIST_STATE": "1"}
        environ |= {"STATE_DIR": str(own), "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", **aws.CREDENTIALS}
        own.mkdir(parents=True)
        with processes.Process("ministack", [str(aws.PYTHON.parent / "ministack")], environ) as ministack:
            ministack.wait_until_answering(f"{aws.endpoint(number)}/_ministack/health", 60)
            pool = Pool(aws.client("cognito-idp", number), number)
            confirmed, unconfirmed = pool.sign_up("Jane@example.com"), pool.sign_up()
            assert pool.admin("admin_confirm_sign_up", confirmed) == {}
        with aws.start(number, tmp_path):
            assert "AuthenticationResult" in pool.sign_in("jane@example.com")
            assert pool.confirm(unconfirmed, "123456") == EXPIRED
            assert "CodeDeliveryDetails" in pool.call("resend_confirmation_code", Username=unconfirmed)
            assert pool.confirm(unconfirmed, pool.code(unconfirmed)) == {}
