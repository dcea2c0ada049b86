"""The two locks: the authorizer's policy and the check in the handlers."""

import re
import string

import pytest
from chalice.app import AuthRequest, ChaliceAuthorizer, CognitoUserPoolAuthorizer
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.security.access import ADMINS, ANYONE, OWN_ACCOUNT, SIGNED_IN, Caller, owner_or_admins
from infra import parts
from testbed.in_process import imported_app
from testbed.routes import ROUTES, Who

ARN = "arn:aws:execute-api:eu-west-1:123456789012:api-id/stage"

JWT = [route for route in ROUTES if route.who.has_jwt_authorizer]
AUTHORIZERS = {
    Who.ANYONE: type(None),
    Who.SIGNED_IN: CognitoUserPoolAuthorizer,
    Who.ADMINS: ChaliceAuthorizer,
    Who.OWN_ACCOUNT: ChaliceAuthorizer,
    Who.OWN_DATA: ChaliceAuthorizer,
    Who.OWNER_OR_ADMINS: ChaliceAuthorizer,
}


def rule_of(route):
    """The rule that a row of the table means."""
    rules = {
        Who.ANYONE: ANYONE,
        Who.SIGNED_IN: SIGNED_IN,
        Who.OWN_ACCOUNT: OWN_ACCOUNT,
        Who.OWN_DATA: SIGNED_IN,
        Who.ADMINS: ADMINS,
    }
    rule = rules.get(route.who) or owner_or_admins(re.search(r"\{(\w+)\}", route.path)[1])
    return rule.only_with(*route.tokens) if route.tokens else rule


def may_call(route, caller, owner):
    """Whether the table lets ``caller`` call the route on what ``owner`` owns."""
    if route.tokens and caller.token_use not in route.tokens:
        return False
    if route.who in (Who.OWN_ACCOUNT, Who.OWN_DATA):
        return True
    return caller.is_admin or (route.who is Who.OWNER_OR_ADMINS and caller.sub == owner)


@pytest.fixture(scope="module")
def roster():
    """The module ``app``. No requests are sent to it."""
    with imported_app(parts.examples()) as app:
        yield app


def _routes(roster):
    return {(method, path): entry for path, methods in roster.app.routes.items() for method, entry in methods.items()}


class TestRules:
    def test_every_route_has_the_authorizer_and_the_rule_that_the_contract_states(self, roster):
        registered = _routes(roster)
        assert registered.keys() == {(route.method, route.path) for route in ROUTES}
        for route in ROUTES:
            entry = registered[route.method, route.path]
            assert isinstance(entry.authorizer, AUTHORIZERS[route.who]), route
            assert entry.view_function.operation.allow == rule_of(route), route

    def test_policies_are_made_from_the_routes_that_the_authorizer_guards(self, roster):
        stated = {(route.method, route.path) for route in roster.app.guarded_by(roster.jwt_authorizer)}
        assert stated == {(route.method, route.path) for route in JWT}

    def test_a_route_that_names_a_record_is_guarded_by_the_jwt_authorizer(self):
        assert all("{" not in route.path or route in JWT or route.who is Who.ANYONE for route in ROUTES)


subs = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=128)
uses = st.sampled_from(["id", "access"])
callers = st.builds(Caller, subs, st.just(value=False), uses)
admins = st.builds(Caller, subs, st.just(value=True), uses)
routes = st.sampled_from(JWT)


def allows(policy, method, path):
    """Whether IAM would allow it: ``*`` matches any text, ``?`` any character, and all else itself."""
    wanted = f"{ARN}/{method}{path}"
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert statement["Action"] == "execute-api:Invoke"
        for resource in statement["Resource"]:
            pattern = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in resource)
            if re.fullmatch(pattern, wanted, re.DOTALL):
                return True
    return False


def policy_of(roster, caller):
    request = AuthRequest("TOKEN", "", f"{ARN}/GET/users/whatever")
    return roster.app.policy(roster.jwt_authorizer, caller).to_dict(request)["policyDocument"]


class TestFirstLock:
    """The policy alone."""

    @given(route=routes, one=callers, other=callers)
    def test_a_user_reaches_their_own_records_and_nobody_elses(self, roster, route, one, other):
        policy = policy_of(roster, one)
        for owner in (one.sub, other.sub):
            assert allows(policy, route.method, route.at(owner)) == may_call(route, one, owner)

    @given(caller=callers, path=st.text(max_size=60), method=st.sampled_from(["GET", "PUT", "PATCH", "DELETE", "POST"]))
    def test_a_user_reaches_nothing_but_their_own_paths(self, roster, caller, path, method):
        own = {(route.method, route.at(caller.sub)) for route in JWT if may_call(route, caller, caller.sub)}
        assert allows(policy_of(roster, caller), method, path) == ((method, path) in own)

    @given(route=routes, admin=admins, userid=st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True))
    def test_an_admin_reaches_every_guarded_route(self, roster, route, admin, userid):
        assert allows(policy_of(roster, admin), route.method, route.at(userid)) == may_call(route, admin, userid)

    @given(caller=callers | admins, called=st.sampled_from(["GET/users", "DELETE/users/x", "GET/users/x"]))
    def test_a_policy_does_not_depend_on_the_path_that_was_called(self, roster, caller, called):
        request = AuthRequest("TOKEN", "", f"{ARN}/{called}")
        policy = roster.app.policy(roster.jwt_authorizer, caller).to_dict(request)["policyDocument"]
        assert policy == policy_of(roster, caller)

    @given(caller=callers | admins)
    def test_the_context_for_the_handlers_is_text_as_api_gateway_requires(self, roster, caller):
        policy = roster.app.policy(roster.jwt_authorizer, caller)
        assert policy.principal_id == caller.sub
        assert policy.context == {"admin": "true" if caller.is_admin else "false", "token_use": caller.token_use}

    @pytest.mark.parametrize("is_admin", [False, True])
    @pytest.mark.parametrize("token_use", ["id", "access"])
    def test_no_wildcard_reaches_a_stricter_route(self, roster, is_admin, token_use):
        """In a policy, ``*`` matches ``/`` too."""
        caller = Caller("jane", is_admin, token_use)
        policy = policy_of(roster, caller)
        for route in JWT:
            for owner in ("jane", "john"):
                assert allows(policy, route.method, route.at(owner)) == may_call(route, caller, owner), route


class TestSecondLock:
    """The handlers' check, with the rules that the routes state."""

    @given(route=routes, caller=callers | admins, other=subs)
    def test_it_lets_through_exactly_whom_the_table_names(self, roster, route, caller, other):
        rule = roster.app.routes[route.path][route.method].view_function.operation.allow
        names = re.findall(r"\{(\w+)\}", route.path)
        for owner in (caller.sub, other):
            assert rule.permits(caller, dict.fromkeys(names, owner)) == may_call(route, caller, owner)

    @given(route=routes, other=subs)
    def test_it_lets_nobody_through_without_a_token(self, roster, route, other):
        rule = roster.app.routes[route.path][route.method].view_function.operation.allow
        assert not rule.permits(None, dict.fromkeys(re.findall(r"\{(\w+)\}", route.path), other))


@pytest.fixture
def is_rejected(served):
    """Whether a request is rejected by a lock. It is sent by somebody whom the route is not for."""

    def send(route):
        token = served.pool.token("id")  # of a user: routes for any signed-in user take an access token
        headers = {"Authorization": token, "Content-Type": "application/json"}
        answer = served.send(route.method, route.at("another"), headers, route.body)
        assert answer.status_code != 401
        return answer.status_code == 403 and b"insufficient-scope" not in answer.body

    return send


@pytest.mark.parametrize("route", [route for route in JWT if route.who is not Who.OWN_DATA], ids=str)
class TestOneLockOpen:
    """Every signed-in user may call the other routes. What they own there is for the handlers to check."""

    def test_the_handlers_hold_when_the_policy_allows_everything(self, monkeypatch, is_rejected, route):
        monkeypatch.setattr("chalicelib.web.api.reach", lambda caller, routes: {"/*": ["*"], "/users": ["*"]})
        assert is_rejected(route)

    def test_the_policy_holds_when_the_handlers_allow_everything(self, monkeypatch, is_rejected, route):
        monkeypatch.setattr("chalicelib.web.guard.require", lambda rule, caller, parameters: None)
        assert is_rejected(route)

    def test_with_both_open_it_would_go_through(self, monkeypatch, is_rejected, route):
        """So that the two tests above show what they say. What the handlers then ask Cognito fails: it is not there."""
        monkeypatch.setattr("chalicelib.web.api.reach", lambda caller, routes: {"/*": ["*"], "/users": ["*"]})
        monkeypatch.setattr("chalicelib.web.guard.require", lambda rule, caller, parameters: None)
        assert not is_rejected(route)
