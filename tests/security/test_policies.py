"""The two locks: the authorizer's policy and the check in the handlers."""

import re
import string

import pytest
from chalice.app import AuthRequest, ChaliceAuthorizer, CognitoUserPoolAuthorizer
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.security.access import ADMINS, ANYONE, SIGNED_IN, THEMSELVES_OR_ADMINS, Caller
from chalicelib.settings import Settings
from chalicelib.web.api import Api
from infra import parts
from testbed.pool import KeyServer, Pool
from testbed.routes import ROUTES, Who
from testbed.targets import imported_app
from tests.security.conftest import in_process

ARN = "arn:aws:execute-api:eu-west-1:123456789012:api-id/stage"

MEANS = {
    Who.ANYONE: (type(None), ANYONE),
    Who.SIGNED_IN: (CognitoUserPoolAuthorizer, SIGNED_IN),
    Who.ADMINS: (ChaliceAuthorizer, ADMINS),
    Who.OWNER_OR_ADMINS: (ChaliceAuthorizer, THEMSELVES_OR_ADMINS),
}


@pytest.fixture(scope="module")
def roster():
    """The module ``app``. No requests are sent to it."""
    with imported_app(parts.examples()) as app:
        yield app


@pytest.fixture(scope="module")
def guarded_paths(roster):
    """Method and path of every route that the JWT authorizer guards."""
    return _guarded_by_jwt(roster)


def _routes(roster):
    return {(method, path): entry for path, methods in roster.app.routes.items() for method, entry in methods.items()}


def _guarded_by_jwt(roster):
    return {key for key, entry in _routes(roster).items() if isinstance(entry.authorizer, ChaliceAuthorizer)}


class TestRules:
    def test_every_route_has_the_authorizer_and_the_rule_that_the_contract_states(self, roster):
        registered = _routes(roster)
        assert registered.keys() == {(route.method, route.path) for route in ROUTES}
        for route in ROUTES:
            entry = registered[route.method, route.path]
            authorizer, rule = MEANS[route.who]
            assert isinstance(entry.authorizer, authorizer), route
            assert entry.view_function.operation.allow == rule, route

    def test_policies_are_built_from_the_routes_that_the_authorizer_guards(self, roster):
        stated = {(route.method, route.path) for route in roster.app.guarded_by(roster.jwt_authorizer)}
        assert stated == _guarded_by_jwt(roster)

    def test_a_route_without_a_rule_is_rejected(self):
        with pytest.raises(TypeError, match="allow"):
            Api("test", Settings.from_environ(parts.examples())).route("/new", methods=["GET"])

    def test_every_route_with_a_path_parameter_is_guarded_by_the_jwt_authorizer(self, roster):
        assert all("{" not in path or (method, path) in _guarded_by_jwt(roster) for method, path in _routes(roster))


subs = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=128)
callers = st.builds(Caller, subs)
admins = st.builds(Caller, subs, st.just(True))


def allows(policy, method, path):
    """Return whether the policy allows a request, as IAM evaluates it: ``*`` matches any text, ``?`` any character."""
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

    @given(one=callers, other=callers, data=st.data())
    def test_the_policy_allows_users_their_own_record_and_no_other(self, roster, guarded_paths, one, other, data):
        method, path = data.draw(st.sampled_from(sorted(guarded_paths)))
        own, others = path.replace("{userid}", one.sub), path.replace("{userid}", other.sub)
        policy = policy_of(roster, one)
        assert allows(policy, method, own) == ("{userid}" in path)
        if one.sub != other.sub:
            assert not allows(policy, method, others)

    @given(caller=callers, path=st.text(max_size=60), method=st.sampled_from(["GET", "PUT", "PATCH", "DELETE", "POST"]))
    def test_the_policy_allows_a_user_no_path_but_their_own(self, roster, caller, path, method):
        if path != f"/users/{caller.sub}":
            assert not allows(policy_of(roster, caller), method, path)

    @given(admin=admins, userid=st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True))
    def test_the_policy_allows_an_admin_every_guarded_route(self, roster, guarded_paths, admin, userid):
        for method, path in guarded_paths:
            assert allows(policy_of(roster, admin), method, path.replace("{userid}", userid))

    @given(caller=callers | admins, called=st.sampled_from(["GET/users", "DELETE/users/x", "GET/users/x"]))
    def test_the_policy_does_not_depend_on_the_requested_path(self, roster, caller, called):
        request = AuthRequest("TOKEN", "", f"{ARN}/{called}")
        asked = roster.app.policy(roster.jwt_authorizer, caller).to_dict(request)["policyDocument"]
        assert asked == policy_of(roster, caller)

    @given(caller=callers | admins)
    def test_the_context_has_only_strings_as_api_gateway_requires(self, roster, caller):
        answer = roster.app.policy(roster.jwt_authorizer, caller)
        assert answer.principal_id == caller.sub
        assert answer.context == {"admin": "true" if caller.is_admin else "false", "token_use": ""}


class TestSecondLock:
    """The check in the handlers, with the rules of the routes."""

    @given(one=callers, other=callers, data=st.data())
    def test_the_check_allows_users_their_own_record_and_no_other(self, roster, guarded_paths, one, other, data):
        method, path = data.draw(st.sampled_from(sorted(guarded_paths)))
        rule = roster.app.routes[path][method].view_function.operation.allow
        parameters = {"userid": other.sub} if "{userid}" in path else {}
        assert rule.permits(one, parameters) == ("{userid}" in path and one.sub == other.sub)

    @given(admin=admins, userid=subs)
    def test_the_check_allows_an_admin_every_guarded_route(self, roster, guarded_paths, admin, userid):
        for method, path in guarded_paths:
            assert roster.app.routes[path][method].view_function.operation.allow.permits(admin, {"userid": userid})


@pytest.fixture(scope="module")
def served():
    """A function that sends a user's request in process and returns its status."""
    pool = Pool()
    keys = KeyServer(pool.key.jwk)
    with in_process(pool, keys, None) as send:
        headers = {"Authorization": pool.token(), "Content-Type": "application/json"}
        yield lambda method, path: send(method, path, headers, b"{}")
    keys.close()


OTHERS = [(route.method, route.path.format(userid="another")) for route in ROUTES if route.who.has_jwt_authorizer]


@pytest.mark.parametrize(("method", "path"), OTHERS)
class TestOneLockOpen:
    def test_the_handlers_hold_when_the_policy_allows_everything(self, monkeypatch, served, method, path):
        monkeypatch.setattr("chalicelib.web.api.reach", lambda caller, routes: {"/*": ["*"], "/users": ["*"]})
        assert served(method, path) == 403

    def test_the_policy_holds_when_the_handlers_allow_everything(self, monkeypatch, served, method, path):
        monkeypatch.setattr("chalicelib.web.guard.require", lambda rule, caller, parameters: None)
        assert served(method, path) == 403

    def test_with_both_open_it_would_go_through(self, monkeypatch, served, method, path):
        """So that the two tests above show what they say."""
        monkeypatch.setattr("chalicelib.web.api.reach", lambda caller, routes: {"/*": ["*"], "/users": ["*"]})
        monkeypatch.setattr("chalicelib.web.guard.require", lambda rule, caller, parameters: None)
        assert served(method, path) in (200, 404)
