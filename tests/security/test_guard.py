"""The guard where Chalice registers handlers: in ``app.py`` or a blueprint, nothing gets around it."""

import json
import logging
from http import HTTPStatus
from typing import Any

import chalice.app
import pytest
from chalice.local import LambdaContext as FakeLambdaContext
from chalice.test import Client

from chalicelib.errors import Forbidden, Misconfigured, RosterError
from chalicelib.security.access import ADMINS, ANYONE, SIGNED_IN, owner_or_admins
from chalicelib.settings import Settings
from chalicelib.web.api import Api
from chalicelib.web.blueprint import Blueprint
from chalicelib.web.events import EventFailed
from chalicelib.web.problems import Problem
from infra import parts
from testbed.events import TOKEN_EVENT, proxy_event

BLUEPRINTS = {
    "Chalice's": lambda: chalice.app.Blueprint("chalicelib.notes"),
    "Roster's": lambda: Blueprint("chalicelib.notes", section="Notes"),
}
SECRET = "jane@example.com"


@pytest.fixture
def app():
    return Api("roster", Settings.from_environ(parts.examples()))


@pytest.fixture
def jwt_authorizer(app):
    @app.authorizer(ttl_seconds=300)
    def authorizer(request):
        raise NotImplementedError

    return authorizer


@pytest.fixture(params=BLUEPRINTS)
def blueprint(request):
    return BLUEPRINTS[request.param]()


def view(**_):
    return {"reached": True}


def call(app, path, authorizer=None):
    return app(proxy_event("GET", path, authorizer=authorizer or {}, userid="jane"), None)


class TestRoutesWithoutARule:
    def test_app_py_cannot_declare_one(self, app):
        with pytest.raises(TypeError, match="allow"):
            app.route("/new", methods=["GET"])(view)

    def test_a_blueprint_cannot_register_one(self, app):
        plain = BLUEPRINTS["Chalice's"]()
        plain.route("/new", methods=["GET"])(view)
        with pytest.raises(TypeError, match=r"the route /new states no rule: add allow="):
            app.register_blueprint(plain)

    def test_rosters_blueprint_cannot_even_declare_one(self):
        with pytest.raises(TypeError, match="allow"):
            BLUEPRINTS["Roster's"]().route("/new", methods=["GET"])(view)

    def test_a_prefix_does_not_help(self, app):
        plain = BLUEPRINTS["Chalice's"]()
        plain.route("/new", methods=["GET"])(view)
        with pytest.raises(TypeError, match="/below/new states no rule"):
            app.register_blueprint(plain, url_prefix="/below")

    @pytest.mark.parametrize("declare", ["on_ws_connect", "on_ws_message", "on_ws_disconnect"])
    def test_websocket_routes_have_no_rules_so_they_are_rejected(self, app, declare):
        with pytest.raises(TypeError, match="WebSockets"):
            getattr(app, declare)()(view)


class TestRulesThatCannotHold:
    @pytest.mark.parametrize(
        ("rule", "authorizer", "why"),
        [
            (SIGNED_IN, None, "add authorizer="),
            (ADMINS, None, "add authorizer="),
            (ANYONE, "jwt", "takes no authorizer"),
            (owner_or_admins("author"), "jwt", "no parameter {author}"),
            (ADMINS, "cognito", "only signed-in users"),
            (SIGNED_IN.only_with("access"), "cognito", "with an ID token"),
        ],
        ids=str,
    )
    def test_they_are_an_error_at_import(self, app, jwt_authorizer, rule, authorizer, why):
        cognito = chalice.app.CognitoUserPoolAuthorizer("cognito", provider_arns=["arn"])
        chosen = {"jwt": jwt_authorizer, "cognito": cognito}.get(authorizer)
        with pytest.raises(TypeError, match=why):
            app.route("/notes/{noteid}", methods=["GET"], allow=rule, authorizer=chosen)(view)


class TestBlueprints:
    def test_a_route_passes_the_second_lock(self, app, jwt_authorizer, blueprint):
        blueprint.route("/notes/{userid}", methods=["GET"], allow=owner_or_admins("userid"), authorizer=jwt_authorizer)(
            view
        )
        app.register_blueprint(blueprint)
        assert call(app, "/notes/{userid}", {"principalId": "jane"})["statusCode"] == 200
        assert call(app, "/notes/{userid}", {"principalId": "john"})["statusCode"] == 403
        assert call(app, "/notes/{userid}")["statusCode"] == 403

    def test_a_route_is_in_the_policy_of_its_authorizer(self, app, jwt_authorizer, blueprint):
        blueprint.route("/notes/{author}", methods=["GET"], allow=owner_or_admins("author"), authorizer=jwt_authorizer)(
            view
        )
        app.register_blueprint(blueprint)
        (route,) = app.guarded_by(jwt_authorizer)
        assert (route.method, route.path) == ("GET", "/notes/{author}")

    def test_errors_are_problems_and_responses_have_the_headers_and_the_log_line(self, app, blueprint, logged):
        def failing():
            raise ValueError(SECRET)

        blueprint.route("/fails", methods=["GET"], allow=ANYONE)(failing)
        app.register_blueprint(blueprint)
        response = call(app, "/fails")
        assert json.loads(response["body"])["type"] == "urn:roster:problem:internal-error"
        assert response["headers"]["X-Request-Id"] == "request-1"
        assert (
            sum(
                "request method=GET route=/fails status=500" in line.replace(" request_id=request-1", "")
                for line in logged
            )
            == 1
        )
        assert SECRET not in "".join(logged)

    def test_a_blueprint_can_be_registered_with_two_apps(self, app, blueprint):
        blueprint.route("/open", methods=["GET"], allow=ANYONE)(view)
        app.register_blueprint(blueprint)
        another = Api("another", Settings.from_environ(parts.examples()))
        another.register_blueprint(blueprint)
        assert json.loads(call(another, "/open")["body"]) == {"reached": True}

    def test_a_policy_holds_the_routes_that_are_registered_later_too(self, app, jwt_authorizer, blueprint):
        assert app.guarded_by(jwt_authorizer) == ()
        blueprint.route("/notes", methods=["GET"], allow=ADMINS, authorizer=jwt_authorizer)(view)
        app.register_blueprint(blueprint)
        assert [route.path for route in app.guarded_by(jwt_authorizer)] == ["/notes"]


class TestWhatCannotBeDeclared:
    @pytest.mark.parametrize("path", ["*", "/*", "users", "/users/", "/users//x", "/{proxy+}", "/a?b", "/a b", ""])
    def test_a_path_that_is_not_literal_in_a_policy(self, app, path):
        with pytest.raises(TypeError, match="literal"):
            app.route(path, methods=["GET"], allow=ANYONE)(view)

    @pytest.mark.parametrize("methods", ["GET", ["*"], ["get"], ["?ET"], ["GET", "TRACE"]])
    def test_a_method_that_is_not_literal_in_a_policy(self, app, methods):
        with pytest.raises(TypeError, match="literal"):
            app.route("/new", methods=methods, allow=ANYONE)(view)

    @pytest.mark.parametrize("event_type", ["all", "http"])
    def test_middleware_that_could_respond_before_the_second_lock(self, app, blueprint, event_type):
        blueprint.register_middleware(lambda event, get_response: None, event_type)
        with pytest.raises(TypeError, match="before the access rules"):
            app.register_blueprint(blueprint)

    @pytest.mark.parametrize("error", [Forbidden, RosterError, Misconfigured])
    def test_another_problem_for_an_error_of_the_core(self, app, error):
        problem = Problem("fine", HTTPStatus.OK, "Fine")
        with pytest.raises(TypeError, match=error.__name__):
            app.register_blueprint(Blueprint("chalicelib.notes", section="Notes", problems={error: problem}))

    @pytest.mark.parametrize(("rule", "tokens"), [(ANYONE, ["access"]), (SIGNED_IN, [])])
    def test_a_rule_that_requires_no_token_or_no_kind_of_token(self, rule, tokens):
        with pytest.raises(ValueError, match="kinds of token"):
            rule.only_with(*tokens)


class NoDetail(RosterError):
    """An error whose author forgot its base class."""

    def __init__(self, who):
        Exception.__init__(self, f"{who} is missing")


class TestFailuresOutsideTheHandler:
    """They pass through Chalice, which logs an exception's text."""

    def failing(self, app, raised):
        @app.route("/fails", methods=["GET"], allow=ANYONE)
        def fails():
            raise raised

        return app

    def test_an_error_without_a_detail_is_an_internal_error_and_its_text_is_not_logged(self, app, logged):
        response = call(self.failing(app, NoDetail(SECRET)), "/fails")
        assert json.loads(response["body"])["type"] == "urn:roster:problem:internal-error"
        assert SECRET not in "".join(logged) + response["body"]

    def test_a_header_that_chalice_rejects_is_an_internal_error_and_its_text_is_not_logged(self, app, logged):
        @app.route("/fails", methods=["GET"], allow=ANYONE)
        def fails():
            return chalice.app.Response("{}", headers={"X": f"{SECRET}\n"})

        response = call(app, "/fails")
        assert json.loads(response["body"])["type"] == "urn:roster:problem:internal-error"
        assert SECRET not in "".join(logged) + response["body"]

    @pytest.mark.parametrize("context", [{"claims": {}}, {"claims": None}, {"principalId": "*"}, {"principalId": ""}])
    def test_a_caller_that_cannot_be_read_is_no_caller(self, app, jwt_authorizer, context, logged):
        app.route("/users", methods=["GET"], allow=ADMINS, authorizer=jwt_authorizer)(view)
        response = call(app, "/users", context)
        assert response["statusCode"] in (403, 500)
        assert response["headers"]["X-Request-Id"] == "request-1"
        assert [line.split()[2] for line in logged][-1] == "request"

    def test_a_handlers_headers_may_be_a_constant(self, app):
        constant = {"Cache-Control": "no-store"}

        @app.route("/constant", methods=["GET"], allow=ANYONE)
        def get_constant():
            return chalice.app.Response("{}", headers=constant)

        assert call(app, "/constant")["headers"]["X-Request-Id"] == "request-1"
        assert constant == {"Cache-Control": "no-store"}


class TestAuthorizers:
    @pytest.mark.parametrize("where", ["app", "Chalice's", "Roster's"])
    def test_a_failure_is_named_and_says_nothing_of_the_token(self, app, where, logged):
        declared = app if where == "app" else BLUEPRINTS[where]()

        @declared.authorizer(ttl_seconds=300)
        def failing(request):
            raise ValueError(f"cannot read {request.token}")

        if where != "app":
            app.register_blueprint(declared)
        with pytest.raises(EventFailed, match=r"^ValueError$"):
            failing({**TOKEN_EVENT, "authorizationToken": SECRET}, FakeLambdaContext("function", 128, 1))
        assert "error=ValueError" in logged[-1]
        assert SECRET not in "".join(logged)


class TestTokenKinds:
    @pytest.mark.parametrize(("token_use", "status"), [("access", 200), ("id", 403), (None, 403)])
    def test_a_rule_may_require_an_access_token(self, app, jwt_authorizer, token_use, status):
        rule = owner_or_admins("userid").only_with("access")
        app.route("/notes/{userid}", methods=["GET"], allow=rule, authorizer=jwt_authorizer)(view)
        context = {"principalId": "jane", **({"token_use": token_use} if token_use else {})}
        assert call(app, "/notes/{userid}", context)["statusCode"] == status


class TestEventHandlers:
    """Handlers of events, which no client waits for: see ``chalicelib/web/events.py``."""

    @pytest.fixture
    def handled(self):
        return []

    @pytest.fixture
    def blueprint(self, handled):
        """Handlers as a capability's module declares them."""
        events: Any = Blueprint("chalicelib.notes.events", section="Notes")

        @events.on_sqs_message(queue="notes")
        def store(event):
            handled.extend(record.body for record in event)

        @events.schedule("rate(1 hour)")
        def sweep(event):
            raise ValueError(f"cannot sweep {SECRET}")

        events.store, events.sweep = store, sweep
        return events

    def test_a_handler_gets_its_event_and_one_log_line(self, app, blueprint, handled, logged):
        app.register_blueprint(blueprint)
        with Client(app) as client:
            client.lambda_.invoke("store", client.events.generate_sqs_event([SECRET], "notes"))
        assert handled == [SECRET]
        assert [line.split()[2] for line in logged] == ["event"]
        assert "kind=SQSEvent" in logged[0]
        assert SECRET not in logged[0]

    def test_a_failure_is_named_and_says_nothing_that_came_with_the_event(self, app, blueprint, logged):
        app.register_blueprint(blueprint)
        with Client(app) as client, pytest.raises(Exception, match=r"^ValueError$") as failed:
            client.lambda_.invoke("sweep", client.events.generate_cw_event("a", "b", {}, []))
        assert failed.value.__suppress_context__
        assert [line.split()[2] for line in logged] == ["event_failed"]
        assert "error=ValueError" in logged[0]
        assert SECRET not in "".join(logged)

    def test_a_function_that_never_imports_the_app_logs_the_same(self, blueprint, handled, logged):
        assert logging.getLogger("roster").level == logging.INFO  # which nothing has configured there
        blueprint.store({"Records": [{"body": SECRET, "receiptHandle": "r", "messageId": "1"}]}, None)
        assert handled == [SECRET]
        assert [line.split()[2] for line in logged] == ["event"]

    def test_an_event_handler_of_the_app_itself_logs_the_same(self, app, logged):
        @app.schedule("rate(1 hour)")
        def sweep(event):
            pass

        with Client(app) as client:
            client.lambda_.invoke("sweep", client.events.generate_cw_event("a", "b", {}, []))
        assert [line.split()[2] for line in logged] == ["event"]

    def test_chalices_own_blueprint_cannot_declare_one(self, app):
        plain = BLUEPRINTS["Chalice's"]()
        plain.schedule("rate(1 hour)")(view)
        with pytest.raises(TypeError, match=r"chalicelib\.web\.blueprint"):
            app.register_blueprint(plain)
