"""How the routes of accounts respond while Cognito misbehaves, as docs/reliability.md says, and that they recover."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from embedded import aws, processes, stack
from testbed import targets
from testbed.routes import ROUTES
from testbed.targets import EVEN, PASSWORD, new_email
from tests.api.accounts import NEW, accepted_bodies, confirm, confirmed, sign_in, signed_up, with_code
from tests.faults import proxy
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
}
"""Statuses when the same request is sent again after Cognito has performed it: codes and sessions work once."""


class Broken:
    """The API, a proxy in front of its user pool, and a way around the proxy (``api.cognito``)."""

    def __init__(self, api, server, log):
        self.api = api
        self.proxy = server
        self._log = log
        # One client for all threads. Requests time out if the response is too late.
        self.http = httpx.Client(base_url=api.base_url, timeout=WITHIN, trust_env=False)

    def send(self, route, body):
        """Send a request and return the response, whatever its status."""
        method, path = route
        return self.http.request(method, path, json=body)

    def send_all(self, bodies):
        """Send all bodies at once, and return the responses by route."""
        with ThreadPoolExecutor(len(bodies)) as pool:
            return dict(zip(bodies, pool.map(self.send, bodies, bodies.values()), strict=True))

    @contextmanager
    def breaking(self, fault):
        """Apply a fault, or refuse connections, until the context ends. Yield a function that returns the new log."""
        start = len(self._log.read_text())
        with self.proxy.refusing() if fault is None else self.proxy.breaking(fault):
            yield lambda: self._log.read_text()[start:]


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    aws_port = processes.free_port()
    with stack.aws_running(aws_port, folder, lambda _: None) as (running, _):
        server = proxy.Proxy(aws_port)
        changes = {**EVEN, "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": aws.endpoint(server.port)}
        log = folder / "api.log"
        with targets.served(aws_port, running.outputs, log, changes) as api:
            broken = Broken(api, server, log)
            yield broken
            broken.http.close()
        server.close()


@pytest.mark.parametrize("name", FAULTS)
def test_every_route_responds_as_documented_and_recovers_with_the_next_request(broken, name):
    fault, outcome = FAULTS[name]
    bodies = accepted_bodies(broken.api)
    with broken.breaking(fault) as logged:
        answers = broken.send_all(bodies)  # raises if a response takes longer than 7 s
    log = logged()
    assert answers.keys() == set(ACCOUNTS)
    for route, answer in answers.items():
        if outcome == FINE:
            assert answer.is_success, (route, answer.text)
            continue
        assert str(answer.status_code) == outcome, (route, answer.text)
        assert answer.json()["type"] == f"urn:roster:problem:{SLUGS[outcome]}"
        assert answer.headers.get("Retry-After") == RETRY_AFTER[outcome]
        assert "set-cookie" not in answer.headers
        assert not re.search(r"@example|secret|Exception", answer.text)
    misconfigured = re.findall("ERROR   misconfigured reason=Cognito", log)
    assert len(misconfigured) == (len(ACCOUNTS) if outcome == INTERNAL else 0)
    assert "ERROR   bug" not in log
    assert "sign_in_failed" not in log
    for route, answer in broken.send_all(bodies).items():
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
}


def test_a_response_without_usable_tokens_signs_nobody_in(broken):
    """A confirmation has then proved the address but not the password, so the password is reset."""
    bodies = accepted_bodies(broken.api)
    asked = {route: bodies[route] for route in EXPECTED_WITHOUT_TOKENS}
    for case, document in INCOMPLETE.items():
        email = signed_up(broken.api)
        asked["POST", "/accounts/confirmation"] = {**with_code(broken.api, email), "password": PASSWORD}
        with broken.breaking(proxy.only(("signup", *SIGN_INS), proxy.returns(document))) as logged:
            answers = broken.send_all(asked)
        assert {route: answer.status_code for route, answer in answers.items()} == EXPECTED_WITHOUT_TOKENS, case
        assert "ERROR   bug" not in logged()
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
