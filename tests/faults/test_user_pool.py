"""How the routes of accounts respond while Cognito misbehaves, as docs/reliability.md says, and that they recover."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyotp
import pytest

from embedded import aws, housekeeping, processes, stack
from testbed import logged, targets
from testbed.routes import ROUTES, Who
from testbed.targets import EVEN, PASSWORD, new_email
from tests.api.accounts import (
    NEW,
    Accepted,
    accepted_requests,
    administration_requests,
    confirm,
    confirmed,
    own_requests,
    sign_in,
    signed_up,
    with_code,
)
from tests.faults import proxy, test_database
from tests.faults.conftest import WITHIN

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "reliability.md"
ACCOUNTS = [(route.method, route.path) for route in ROUTES if route.pool_calls]

FINE, UNAVAILABLE, THROTTLED, INTERNAL = "normal", "503", "429", "500"
RETRY_AFTER = {UNAVAILABLE: "1", THROTTLED: "2", INTERNAL: None}
SLUGS = {UNAVAILABLE: "unavailable", THROTTLED: "throttled", INTERNAL: "internal-error"}
BAD_REQUEST = "400 Bad Request"
CODES = {
    "InternalErrorException": ("500 Internal Server Error", UNAVAILABLE),
    "ServiceUnavailable": ("503 Service Unavailable", UNAVAILABLE),
    "TooManyRequestsException": (BAD_REQUEST, THROTTLED),
    "AccessDeniedException": (BAD_REQUEST, INTERNAL),
    "ResourceNotFoundException": (BAD_REQUEST, INTERNAL),
}
FAULTS = {
    "responds 0.3 s late": (proxy.late(0.3), FINE),
    "never responds": (proxy.stalls, UNAVAILABLE),
    "stops in the middle of a response": (proxy.stalls_in_its_answer, UNAVAILABLE),
    "refuses connections": (None, UNAVAILABLE),
    "resets connections before the request": (proxy.resets_before_the_request, UNAVAILABLE),
    "resets connections during the request": (proxy.resets_during_the_request, UNAVAILABLE),
    "resets connections after the request": (proxy.resets_after_the_request, UNAVAILABLE),
    "performs the request, but its responses are lost": (proxy.loses_the_answer, UNAVAILABLE),
    "responds, but the last byte is missing": (proxy.cuts_the_answer, UNAVAILABLE),
    "returns something that is not HTTP": (proxy.no_http, UNAVAILABLE),
    "returns a web page, with status 200": (proxy.a_web_page, UNAVAILABLE),
    **{f"`{code}`": (proxy.answers(status, code), outcome) for code, (status, outcome) in CODES.items()},
}
"""Maps what Cognito does to the fault that simulates it and the status of Roster's responses."""

PERFORMED = {
    ("POST", "/accounts/confirmation"): 400,
    ("PUT", "/accounts/password-reset"): 400,
    ("POST", "/sessions/challenge"): 401,
    ("PUT", "/account/password"): 401,
    ("POST", "/account/email/confirmation"): 400,
    ("PUT", "/account/totp"): 409,
    ("DELETE", "/sessions"): 401,
    ("POST", "/account/deletion"): 401,
}
"""Statuses when the same request is sent again after Cognito has performed it: codes and sessions work once."""


class Broken:
    """The API, proxies in front of its user pool and its tables, and a way around them (``api.cognito``)."""

    def __init__(self, api, server, database, log, environ):
        self.api = api
        self._environ = environ
        self.proxy = server
        self.database = database
        self._log = log
        self.admin = api.make_admin(api.sign_up())
        # One client for all threads. Requests time out if the response is too late.
        self.http = httpx.Client(base_url=api.base_url, timeout=WITHIN, trust_env=False)

    def send(self, route, body, token=None):
        """Send a request and return the response, whatever its status."""
        method, path = route
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        content = {} if body is ... else {"json": body}
        return self.http.request(method, path, headers=headers, **content)

    def send_all(self, requests):
        """Send requests at once, and return the responses by route."""

        def sent(route):
            accepted = requests[route]
            return self.send((route[0], accepted.path), accepted.body, accepted.token)

        with ThreadPoolExecutor(len(requests)) as pool:
            return dict(zip(requests, pool.map(sent, requests), strict=True))

    @contextmanager
    def breaking(self, fault, of=None):
        """Apply a fault to the user pool, or to the proxy ``of``, until the context ends. ``None`` refuses connections.

        Yield a function that returns the new log.
        """
        start = len(self._log.read_text())
        server = of or self.proxy
        with server.refusing() if fault is None else server.breaking(fault):
            yield lambda: self._log.read_text()[start:]

    def administer(self, method, path, body=...):
        """Send a request of the administrator and return the response."""
        return self.send((method, path), body, self.admin.token)

    def housekeep(self):
        """Run the housekeeping, around the proxies."""
        log = self._log.with_name("housekeeping.log")
        with housekeeping.start(self._environ, log) as process:
            assert process.wait(seconds=60) == 0
        logged.texts.append(log.read_text())


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = targets.rarely_saved(tmp_path_factory.mktemp("pool"))
    aws_port = processes.free_port()
    with stack.aws_running(aws_port, folder, lambda _: None) as (running, _):
        server, database = proxy.Proxy(aws_port), proxy.Proxy(aws_port)
        changes = {
            **EVEN,
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": aws.endpoint(server.port),
            "AWS_ENDPOINT_URL_DYNAMODB": aws.endpoint(database.port),
        }
        log = folder / "api.log"
        with targets.served(aws_port, running.outputs, log, changes) as api:
            broken = Broken(api, server, database, log, stack.environ(aws_port, running.outputs))
            yield broken
            broken.http.close()
        server.close()
        database.close()


def assert_documented(answer, outcome, route):
    """Assert that a response has the status ``outcome`` and its problem."""
    assert str(answer.status_code) == outcome, (route, answer.text)
    assert answer.json()["type"] == f"urn:roster:problem:{SLUGS[outcome]}"


@pytest.mark.parametrize("name", FAULTS)
def test_every_route_responds_as_documented_and_recovers_with_the_next_request(broken, name):
    fault, outcome = FAULTS[name]
    requests = {**accepted_requests(broken.api), **administration_requests(broken.api, broken.admin)}
    with broken.breaking(fault) as logged_since:
        answers = broken.send_all(requests)  # raises if a response takes longer than 7 s
    log = logged_since()
    assert answers.keys() == set(ACCOUNTS)
    for route, answer in answers.items():
        if outcome == FINE:
            assert answer.is_success, (route, answer.text)
            continue
        assert_documented(answer, outcome, route)
        assert answer.headers.get("Retry-After") == RETRY_AFTER[outcome]
        assert "set-cookie" not in answer.headers
        assert not re.search(r"@example|secret|Exception", answer.text)
    misconfigured = re.findall("ERROR   misconfigured reason=Cognito", log)
    assert len(misconfigured) == (len(ACCOUNTS) if outcome == INTERNAL else 0)
    assert "ERROR   bug" not in log
    assert "sign_in_failed" not in log
    for route, answer in broken.send_all(requests).items():
        assert answer.is_success or answer.status_code == PERFORMED.get(route), (route, answer.text)


def test_the_documentation_lists_exactly_these_faults():
    table = DOCS.read_text().partition("## When Cognito fails")[2].partition("\n##")[0]
    rows = re.findall(r"^\| (?!What|---)(.+?) \| (normal|503|429|500)\b.*\|$", table, re.MULTILINE)
    assert dict(rows) == {name: outcome for name, (_, outcome) in FAULTS.items()}


SIGNED_IN = {"AccessToken": "a.b.c", "IdToken": "eyJhIjoxfQ.eyJzdWIiOiJqYW5lIn0.c", "ExpiresIn": 900}
INCOMPLETE = {
    "no result": {},
    "no tokens": {"AuthenticationResult": {}},
    "no access token": {"AuthenticationResult": {**SIGNED_IN, "AccessToken": ""}},
    "no time": {"AuthenticationResult": {**SIGNED_IN, "ExpiresIn": None}},
    "an ID token that is no JWT": {"AuthenticationResult": {**SIGNED_IN, "IdToken": "token"}},
    "an ID token with another payload": {"AuthenticationResult": {**SIGNED_IN, "IdToken": "a.WzFd.c"}},
    "an ID token without a sub": {"AuthenticationResult": {**SIGNED_IN, "IdToken": "a.e30.c"}},
    "a challenge without a session": {"ChallengeName": "SOFTWARE_TOKEN_MFA"},
}
"""Responses to a sign-in with status 200 that Cognito never sends."""
SIGN_INS = ("initiateauth", "respondtoauthchallenge")
EXPECTED_WITHOUT_TOKENS = {
    ("POST", "/accounts"): 503,
    ("POST", "/accounts/confirmation"): 409,
    ("POST", "/sessions"): 503,
    ("POST", "/sessions/challenge"): 503,
    ("POST", "/sessions/refresh"): 503,
    ("PUT", "/account/email"): 503,
    ("POST", "/account/deletion"): 503,
}


def test_a_response_without_usable_tokens_signs_nobody_in(broken):
    """A confirmation has then proved the address but not the password, so the password is reset."""
    requests = accepted_requests(broken.api)
    asked = {route: requests[route] for route in EXPECTED_WITHOUT_TOKENS}
    for case, document in INCOMPLETE.items():
        email = signed_up(broken.api)
        body = {**with_code(broken.api, email), "password": PASSWORD}
        asked["POST", "/accounts/confirmation"] = Accepted("/accounts/confirmation", body)
        with broken.breaking(proxy.only(("signup", *SIGN_INS), proxy.returns(document))) as logged_since:
            answers = broken.send_all(asked)
        assert {route: answer.status_code for route, answer in answers.items()} == EXPECTED_WITHOUT_TOKENS, case
        assert "ERROR   bug" not in logged_since()
        assert sign_in(broken.api, email).status == 401
        assert len(broken.api.mailed(email)) == 2  # the second one has the code for a new password


# Cognito performs the operation, but its response is lost


def lost(operation, count=None):
    """Lose the first ``count`` responses to an operation, or all of them."""
    fault = proxy.loses_the_answer if count is None else proxy.first(count, proxy.loses_the_answer)
    return proxy.only((operation,), fault)


def test_a_sign_up_whose_response_was_lost_can_be_sent_again_and_confirmed(broken):
    route, body = ("POST", "/accounts"), {"email": new_email(), "password": PASSWORD, "name": "Jane Doe"}
    with broken.breaking(lost("signup")):
        assert broken.send(route, body).status_code == 503
    assert len(broken.api.mailed(body["email"])) == 1
    assert broken.send(route, body).status_code == 202
    assert len(broken.api.mailed(body["email"])) == 2
    assert confirm(broken.api, body["email"]).status == 200


def test_a_confirmation_is_never_repeated_because_only_its_own_answer_proves_the_code(broken):
    email = signed_up(broken.api)
    body = {**with_code(broken.api, email), "password": PASSWORD}
    with broken.breaking(lost("confirmsignup", 1)):
        assert broken.send(("POST", "/accounts/confirmation"), body).status_code == 503


def test_nobody_can_reset_the_password_of_another_person_while_responses_are_lost(broken):
    email = confirmed(broken.api)
    mails = len(broken.api.mailed(email))
    body = {"email": email, "code": "000000", "password": "Strangers-horse-1"}
    with broken.breaking(lost("confirmsignup", 1)):
        assert broken.send(("POST", "/accounts/confirmation"), body).status_code == 503
    assert sign_in(broken.api, email).status == 200
    assert len(broken.api.mailed(email)) == mails


def test_the_owner_of_an_address_gets_it_back_if_the_response_to_the_confirmation_was_lost(broken):
    email = signed_up(broken.api, password="Attackers-horse-1")
    body = {**with_code(broken.api, email), "password": PASSWORD}
    with broken.breaking(lost("confirmsignup")):
        assert broken.send(("POST", "/accounts/confirmation"), body).status_code == 503
    attackers = {"refresh_token": sign_in(broken.api, email, "Attackers-horse-1").json["refresh_token"]}
    assert reset(broken, email, PASSWORD).status_code == 204
    assert sign_in(broken.api, email, "Attackers-horse-1").status == 401
    assert broken.send(("POST", "/sessions/refresh"), attackers).status_code == 401


def test_after_a_confirmation_whose_response_was_lost_the_person_can_sign_in(broken):
    email = signed_up(broken.api)
    body = {**with_code(broken.api, email), "password": PASSWORD}
    with broken.breaking(lost("confirmsignup")):
        assert broken.send(("POST", "/accounts/confirmation"), body).status_code == 503
    assert broken.send(("POST", "/accounts/confirmation"), body).status_code == 400  # there is nothing to confirm
    assert sign_in(broken.api, email).status == 200


def test_after_a_reset_whose_response_was_lost_the_new_password_works_and_the_next_reset_ends_the_sessions(broken):
    email = confirmed(broken.api)
    session = {"refresh_token": sign_in(broken.api, email).json["refresh_token"]}
    with broken.breaking(lost("confirmforgotpassword")):
        assert reset(broken, email, NEW).status_code == 503
    assert sign_in(broken.api, email).status == 401
    assert sign_in(broken.api, email, NEW).status == 200
    assert reset(broken, email, PASSWORD).status_code == 204
    assert sign_in(broken.api, email).status == 200
    assert broken.send(("POST", "/sessions/refresh"), session).status_code == 401


def test_refreshing_and_signing_out_survive_a_lost_response(broken):
    email = confirmed(broken.api)
    session = {"refresh_token": sign_in(broken.api, email).json["refresh_token"]}
    with broken.breaking(lost("initiateauth", 1)):
        assert broken.send(("POST", "/sessions/refresh"), session).status_code == 200
    with broken.breaking(lost("revoketoken", 1)):
        assert broken.send(("POST", "/sessions/revocation"), session).status_code == 204
    assert broken.send(("POST", "/sessions/refresh"), session).status_code == 401


# The calls that need permission


def reset(broken, email, password):
    """Ask for a code, and return the response to setting a new password with it."""
    assert broken.api.post("/accounts/password-reset", json={"email": email}).status == 202
    body = {**with_code(broken.api, email), "password": password}
    return broken.send(("PUT", "/accounts/password-reset"), body)


SIGNED_CALLS = {
    "AccessDeniedException": (BAD_REQUEST, 500, 500),
    "NotAuthorizedException": (BAD_REQUEST, 500, 500),
    "UnrecognizedClientException": (BAD_REQUEST, 500, 500),
    "TooManyRequestsException": (BAD_REQUEST, 503, 409),
    "InternalErrorException": ("500 Internal Server Error", 503, 409),
}
"""The HTTP status of an error of ``AdminUserGlobalSignOut``, and the responses to a reset and to a confirmation."""


@pytest.mark.parametrize("code", SIGNED_CALLS)
def test_if_sessions_cannot_be_ended_a_reset_fails_and_a_confirmation_still_resets_the_password(broken, code):
    status, after_reset, after_confirmation = SIGNED_CALLS[code]
    email, taken = confirmed(broken.api), signed_up(broken.api, password="Attackers-horse-1")
    body = {**with_code(broken.api, taken), "password": PASSWORD}
    with broken.breaking(proxy.only(("adminuserglobalsignout",), proxy.answers(status, code))):
        assert reset(broken, email, NEW).status_code == after_reset
        assert broken.send(("POST", "/accounts/confirmation"), body).status_code == after_confirmation
    assert sign_in(broken.api, email, NEW).status == 200
    assert sign_in(broken.api, taken, "Attackers-horse-1").status == 401
    assert reset(broken, taken, PASSWORD).status_code == 204
    assert sign_in(broken.api, taken).status == 200


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 500),
        ("NotAuthorizedException", 500),
        ("TooManyRequestsException", 409),
        ("LimitExceededException", 409),
    ],
)
def test_if_a_forced_reset_fails_the_owner_can_reset_the_password(broken, code, status):
    """The 409 asks for it. A lack of permissions is reported to the operator instead."""
    email = signed_up(broken.api, password="Attackers-horse-1")
    body = {**with_code(broken.api, email), "password": PASSWORD}
    with broken.breaking(proxy.only(("adminresetuserpassword",), proxy.answers(BAD_REQUEST, code))):
        assert broken.send(("POST", "/accounts/confirmation"), body).status_code == status
    assert reset(broken, email, PASSWORD).status_code == 204
    assert sign_in(broken.api, email, "Attackers-horse-1").status == 401
    assert sign_in(broken.api, email).status == 200


# One's own account


def own_token(broken, email):
    """An access token of the account."""
    return sign_in(broken.api, email).json["access_token"]


def refused(operation, code, status=BAD_REQUEST):
    """Answer an operation with an error."""
    return proxy.only((operation,), proxy.answers(status, code))


PASSWORDS = {"password": PASSWORD, "new_password": NEW}


def test_after_a_change_whose_response_was_lost_the_new_password_works(broken):
    email = confirmed(broken.api)
    token = own_token(broken, email)
    with broken.breaking(lost("changepassword")):
        answer = broken.send(("PUT", "/account/password"), PASSWORDS, token)
    assert answer.status_code == 503
    assert "may have been changed" in answer.json()["detail"]
    assert sign_in(broken.api, email, NEW).status == 200


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("TooManyRequestsException", BAD_REQUEST),
        ("InternalErrorException", "500 Internal Server Error"),
        ("NotAuthorizedException", BAD_REQUEST),
        ("ForbiddenException", BAD_REQUEST),
    ],
)
def test_if_sessions_cannot_be_ended_after_a_change_the_response_says_what_to_do(broken, code, status):
    email = confirmed(broken.api)
    token = own_token(broken, email)
    with broken.breaking(refused("globalsignout", code, status)) as logged_since:
        answer = broken.send(("PUT", "/account/password"), PASSWORDS, token)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Your password is changed")
    assert "DELETE /sessions" in answer.json()["detail"]
    assert "sessions_not_ended" in logged_since()
    assert sign_in(broken.api, email, NEW).status == 200
    assert broken.send(("DELETE", "/sessions"), ..., token).status_code == 204


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AliasExistsException", 202),
        ("CodeDeliveryFailureException", 202),
        ("LimitExceededException", 202),
        ("InvalidParameterException", 400),
        ("TooManyRequestsException", 429),
    ],
)
def test_only_what_concerns_no_other_account_keeps_a_new_address_from_being_accepted(broken, code, status):
    """Cognito does not document whether it reports an address that has an account before or after the code."""
    token, body = own_token(broken, confirmed(broken.api)), {"email": new_email(), "password": PASSWORD}
    usual = broken.send(("PUT", "/account/email"), body, token)
    with broken.breaking(refused("updateuserattributes", code)):
        answer = broken.send(("PUT", "/account/email"), body, token)
    assert answer.status_code == status
    assert (answer.json() == usual.json()) == (status == 202)


def test_a_setup_of_an_authenticator_that_was_interrupted_can_be_begun_again(broken):
    token = own_token(broken, confirmed(broken.api))

    def set_up():
        secret = broken.send(("POST", "/account/totp"), ..., token).json()["secret"]
        return broken.send(("PUT", "/account/totp"), {"code": pyotp.TOTP(secret).now()}, token).status_code

    for operation in ("verifysoftwaretoken", "setusermfapreference"):
        with broken.breaking(lost(operation)):
            assert set_up() == 503


def test_a_deletion_that_was_interrupted_is_finished_by_sending_it_again(broken):
    email = confirmed(broken.api)
    token, route, body = own_token(broken, email), ("POST", "/account/deletion"), {"password": PASSWORD}
    with broken.breaking(refused("deleteuser", "InternalErrorException", "500 Internal Server Error")):
        assert broken.send(route, body, token).status_code == 503
    assert sign_in(broken.api, email).status == 200
    assert broken.send(route, body, token).status_code == 204
    assert sign_in(broken.api, email).status == 401


def test_a_deletion_whose_first_response_was_lost_succeeds(broken):
    email = confirmed(broken.api)
    with broken.breaking(lost("deleteuser", 1)):
        answer = broken.send(("POST", "/account/deletion"), {"password": PASSWORD}, own_token(broken, email))
    assert answer.status_code == 204
    assert sign_in(broken.api, email).status == 401


# Administration


def later_calls(route):
    """The calls of a route of administration after the first one, in lower case."""
    extra = {
        ("POST", "/accounts/invitations"): ("GetGroup", "AdminAddUserToGroup"),
        ("PATCH", "/accounts/{userid}"): ("AdminDisableUser", "AdminUserGlobalSignOut"),
    }
    calls = (*route.pool_calls, *extra.get((route.method, route.path), ()))
    return {call.lower() for call in calls} - {"admingetuser"}


ADMINISTRATION = {(route.method, route.path): later_calls(route) for route in ROUTES if route.who is Who.ADMINS}
OPERATIONS = sorted(set().union(*ADMINISTRATION.values()))


@pytest.fixture(scope="module")
def administration(broken):
    return administration_requests(broken.api, broken.admin)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_of_an_administrator_that_fails_at_a_later_call_is_finished_by_sending_it_again(
    broken, administration, operation
):
    asked = {route: administration[route] for route, calls in ADMINISTRATION.items() if operation in calls}
    for status, code, outcome in (
        ("500 Internal Server Error", "InternalErrorException", UNAVAILABLE),
        (BAD_REQUEST, "TooManyRequestsException", THROTTLED),
        (BAD_REQUEST, "AccessDeniedException", INTERNAL),
    ):
        with broken.breaking(refused(operation, code, status)):
            answers = broken.send_all(asked)
        for route, answer in answers.items():
            assert (str(answer.status_code), answer.headers.get("Retry-After")) == (outcome, RETRY_AFTER[outcome]), (
                route
            )
    with broken.breaking(lost(operation)):
        assert {answer.status_code for answer in broken.send_all(asked).values()} == {503}
    assert all(answer.is_success for answer in broken.send_all(asked).values())


@pytest.mark.parametrize("operation", ["admingetuser", "adminlistgroupsforuser"])
@pytest.mark.parametrize(
    "document",
    [{}, {"UserStatus": "CONFIRMED", "UserAttributes": []}, {"Groups": None}],
    ids=["empty", "user", "groups"],
)
def test_nobody_is_told_to_be_no_administrator_because_a_response_is_incomplete(broken, operation, document):
    with broken.breaking(proxy.only((operation,), proxy.returns(document))):
        assert broken.administer("GET", "/groups").status_code == 503
    assert broken.administer("GET", "/groups").status_code == 200


# Between the steps: DynamoDB or Cognito fails after a part is done


def erasable(broken):
    """A person with an account, a record and a profile."""
    person = broken.api.sign_up()
    broken.api.put(f"/users/{person.sub}", token=person.token, json={"n": 1})
    broken.api.post("/user/profile", token=person.token, json={"n": 1})
    return person


def is_erased(broken, person):
    """Whether nothing of a person remains."""
    stored = (broken.api.users.get(person.sub), broken.api.profiles.get(person.sub))
    return stored == (None, None) and sign_in(broken.api, person.email).status == 401


def erase_as_owner(broken, person):
    """Return a function that asks for the erasure, as its owner. Each time, it takes the token from before."""
    token = own_token(broken, person.email)
    return lambda: broken.send(("POST", "/account/deletion"), {"password": PASSWORD}, token)


def erase_as_administrator(broken, person):
    """Return a function that asks for the erasure, as an administrator."""
    return lambda: broken.administer("DELETE", f"/accounts/{person.sub}")


DYNAMODBS = ("getitem", "updateitem", "deleteitem")


@pytest.mark.parametrize("begin", [erase_as_owner, erase_as_administrator])
@pytest.mark.parametrize(
    "fault", [proxy.loses_the_answer, proxy.answers("500 Internal Server Error", "InternalServerError")]
)
def test_an_erasure_that_fails_at_any_step_is_finished_by_sending_it_again(broken, begin, fault):
    person = erasable(broken)
    erase = begin(broken, person)
    for operation in DYNAMODBS:
        with broken.breaking(proxy.only((operation,), fault), broken.database):
            assert erase().status_code == 503
        assert sign_in(broken.api, person.email).status == 200
    with broken.breaking(proxy.only(("deleteuser", "admindeleteuser"), fault)):
        assert erase().status_code == 503
    again = erase()
    # The owner's token is worth nothing once Cognito has deleted the account, whatever became of its response.
    assert again.status_code in (204, 401)
    assert is_erased(broken, person)


@pytest.mark.parametrize("begin", [erase_as_owner, erase_as_administrator])
def test_the_housekeeping_leaves_an_interrupted_erasure_to_whoever_began_it(broken, begin):
    person = erasable(broken)
    erase = begin(broken, person)
    with broken.breaking(proxy.only(("deleteitem",), proxy.resets_after_the_request), broken.database):
        assert erase().status_code == 503
    assert not is_erased(broken, person)
    broken.housekeep()
    assert sign_in(broken.api, person.email).status == 200
    assert erase().status_code == 204
    assert is_erased(broken, person)


def another_administrator(broken):
    """An administrator whom Roster knows."""
    person = broken.api.make_admin(broken.api.sign_up())
    assert broken.send(("GET", "/groups"), ..., person.token).status_code == 200
    return person


ENDINGS = {
    "disabling": ("PATCH", "", {"enabled": False}, ("admindisableuser", "adminuserglobalsignout")),
    "removal from the group": (
        "DELETE",
        "/groups/apiAdmins",
        ...,
        ("adminremoveuserfromgroup", "adminuserglobalsignout"),
    ),
    "password reset": ("POST", "/password-reset", ..., ("adminresetuserpassword",)),
    "erasure": ("DELETE", "", ..., ("admindeleteuser",)),
}
"""What makes an administrator none: the request, and the calls that do it."""


@pytest.mark.parametrize("name", ENDINGS)
def test_an_administrator_who_was_half_removed_is_removed_by_sending_it_again(broken, name):
    method, path, body, operations = ENDINGS[name]
    target = another_administrator(broken)
    session = {"refresh_token": sign_in(broken.api, target.email).json["refresh_token"]}

    def end():
        return broken.administer(method, f"/accounts/{target.sub}{path}", body).status_code

    for operation in ("getitem", "updateitem"):
        with broken.breaking(refused(operation, "InternalServerError", "500 Internal Server Error"), broken.database):
            assert end() == 503
        assert broken.send(("GET", "/groups"), ..., target.token).status_code == 200
    with broken.breaking(refused("listusersingroup", "TooManyRequestsException")):
        assert end() == 429
    for operation in operations:
        with broken.breaking(lost(operation)):
            assert end() == 503
    assert end() in (200, 202, 204)
    assert broken.send(("GET", "/groups"), ..., target.token).status_code == 403
    if name != "password reset":
        assert broken.send(("POST", "/sessions/refresh"), session).status_code == 401


# The routes that use the table of accounts, while DynamoDB fails

DATABASE = {
    name: test_database.FAULTS[name]
    for name in (
        "responds 0.3 s late",
        "never responds",
        "performs the request, but its responses are lost",
        "`ThrottlingException`",
        "`AccessDeniedException`",
    )
}
USING_DYNAMODB = [
    (route.method, route.path)
    for route in ROUTES
    if route.capability == "accounts" and route.who is not Who.ANYONE and route.calls
]


@pytest.mark.parametrize("name", DATABASE)
def test_a_route_that_needs_dynamodb_responds_as_documented_and_recovers(broken, name):
    fault, outcome = DATABASE[name]
    requests = {**own_requests(broken.api), **administration_requests(broken.api, broken.admin)}
    asked = {route: requests[route] for route in USING_DYNAMODB}
    assert broken.administer("GET", "/groups").status_code == 200  # so that the caller is known
    with broken.breaking(fault, broken.database) as logged_since:
        answers = broken.send_all(asked)
    log = logged_since()
    for route, answer in answers.items():
        if outcome == FINE:
            assert answer.is_success, (route, answer.text)
            continue
        assert_documented(answer, outcome, route)
    misconfigured = re.findall("ERROR   misconfigured reason=DynamoDB", log)
    assert len(misconfigured) == (len(asked) if outcome == INTERNAL else 0)
    assert "ERROR   bug" not in log
    for route, answer in broken.send_all(asked).items():
        assert answer.is_success or (outcome == FINE and answer.status_code == PERFORMED.get(route)), route


@pytest.mark.parametrize("name", ["performs the request, but its responses are lost", "refuses connections"])
def test_what_needs_no_table_works_for_an_administrator_whom_roster_does_not_know_yet(broken, name):
    admin = broken.api.make_admin(broken.api.sign_up())
    fault, _ = test_database.FAULTS[name]
    with broken.breaking(fault, broken.database) as logged_since:
        answer = broken.send(("GET", "/groups"), ..., admin.token)
    assert answer.status_code == 200, answer.text
    assert "administrator_not_noted" in logged_since()
