"""The accounts' part of the API stack, merged as if ``app.py`` registered accounts, whether or not it does."""

import json
import logging
import re

import pytest

from chalicelib.web.logs import JsonFormatter
from infra import chalice_stage, package, parts, stages
from testbed import backend_template
from tests.infra.test_chalice_deploy import OUTPUTS
from tests.infra.test_second_opinion import EXCEPTIONS, cfripper, serverless_rules
from tests.infra.test_templates import FUNCTIONS, actions, granted, lint, of_type, references

PUBLIC = {
    ("POST", "/accounts"),
    ("POST", "/accounts/confirmation"),
    ("POST", "/accounts/confirmation/code"),
    ("POST", "/accounts/password-reset"),
    ("PUT", "/accounts/password-reset"),
    ("POST", "/sessions"),
    ("POST", "/sessions/challenge"),
    ("POST", "/sessions/refresh"),
    ("POST", "/sessions/revocation"),
}
"""The routes of accounts that anybody may call."""
WITH_PASSWORD = {
    ("PUT", "/account/password"),
    ("PUT", "/account/email"),
    ("POST", "/account/totp/removal"),
    ("POST", "/account/deletion"),
}
"""The routes that take the password of the caller's own account."""
OTHERS = {
    ("GET", "/accounts"),
    ("POST", "/accounts/invitations"),
    ("POST", "/accounts/7d3c/password-reset"),
    ("DELETE", "/accounts/7d3c/sessions"),
    ("DELETE", "/sessions"),
    *WITH_PASSWORD,
    ("POST", "/users"),
    ("OPTIONS", "/sessions"),
    ("POST", "/users/accounts"),
    ("POST", "/sessionsx"),
}
"""Requests that need a token, or that a browser sends by itself."""
ARNS = {"UserPoolArn", "UsersTableArn", "ProfilesTableArn", "AccountsTableArn"}
COUNTED = {
    "SignIns": "signed_in",
    "SignInsFailed": "sign_in_failed",
    "SignUps": "signed_up",
    "PasswordResets": "password_reset",
}
"""The metrics, and the message of the log lines that each counts."""


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Whether or not ``app.py`` registers accounts, here it does."""
    patch = pytest.MonkeyPatch()
    names = parts.capabilities()
    patch.setattr(parts, "capabilities", lambda: tuple(dict.fromkeys([*names, "accounts"])))
    yield names
    patch.undo()


@pytest.fixture(scope="module")
def template(registered, request):
    """The template of the API stack with the accounts' part: the usual one, if ``app.py`` registers accounts."""
    built = request.getfixturevalue("built") if "accounts" in registered else package.build(stages.stage("dev"))
    return json.loads(built.template_for("a-bucket"))


@pytest.fixture(scope="module")
def resources(template):
    return template["Resources"]


@pytest.fixture(scope="module")
def without(registered):
    """The template without accounts."""
    others = tuple(name for name in parts.capabilities() if name != "accounts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "capabilities", lambda: others)
        return parts.template("api")


@pytest.fixture(scope="module")
def core():
    """The template without any capability."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "capabilities", lambda: ())
        return parts.template("api")


class TestTemplate:
    def test_cfn_lint_accepts_it(self, template):
        assert lint(json.dumps(template)) == (0, "")

    def test_the_second_opinions_find_nothing_new_in_it(self, template, tmp_path):
        path = tmp_path / "template.json"
        path.write_text(json.dumps(template))
        excepted = {(exception["rule"], resource) for exception in EXCEPTIONS for resource in exception["resources"]}
        found = {(rule, resource) for rule, resource, _ in [*serverless_rules(path), *cfripper(path)]}
        assert found - excepted == set()
        assert ("WS1000", "APIHandler") in found

    def test_without_accounts_the_stack_has_nothing_of_it(self, without):
        assert not COUNTED.keys() & without["Resources"].keys()
        assert "AccountsRateLimit" not in without["Parameters"]
        assert "AccountsRateLimit" not in str(without["Resources"]["RestAPI"]["Properties"]["MethodSettings"])

    def test_a_parameter_without_a_default_is_an_output_of_the_backend_stack(self, template):
        required = {name for name, parameter in template["Parameters"].items() if "Default" not in parameter}
        assert required - {"Stage"} <= backend_template.load()["Outputs"].keys()
        assert required >= {"PasswordPolicy", "SelfSignUp", "RefreshTokenRotation", "RefreshTokenDays", "ProductName"}

    def test_accounts_redefines_no_parameter_of_the_core(self, without):
        merged = parts.template("api")["Parameters"]
        assert {name: merged[name] for name in without["Parameters"]} == without["Parameters"]

    def test_an_even_response_waits_a_second_and_at_most_three(self, template):
        parameter = template["Parameters"]["EvenResponseMilliseconds"]
        assert (parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) == (1000, 0, 3000)


def test_the_table_of_accounts_is_retained_and_encrypted_and_forgets_what_has_expired():
    table = backend_template.load()["Resources"]["AccountsTable"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


class TestSettings:
    def test_each_setting_reaches_the_function_from_a_parameter(self, resources, template):
        variables = resources["APIHandler"]["Properties"]["Environment"]["Variables"]
        assert (
            variables.items()
            >= {
                "SIGN_IN_CLIENT_ID": {"Ref": "UserPoolClient"},
                "PASSWORD_POLICY": {"Ref": "PasswordPolicy"},
                "SELF_SIGN_UP": {"Ref": "SelfSignUp"},
                "REFRESH_TOKEN_ROTATION": {"Ref": "RefreshTokenRotation"},
                "REFRESH_TOKEN_DAYS": {"Ref": "RefreshTokenDays"},
                "EVEN_RESPONSE_MILLISECONDS": {"Ref": "EvenResponseMilliseconds"},
                "PRODUCT_NAME": {"Ref": "ProductName"},
            }.items()
        )
        assert {setting.parameter for setting in parts.settings()} <= template["Parameters"].keys()

    def test_people_sign_in_with_the_client_that_applications_use_and_not_with_all_accepted_ones(self, resources):
        variables = resources["APIHandler"]["Properties"]["Environment"]["Variables"]
        assert variables["SIGN_IN_CLIENT_ID"] != variables["APPLICATION_CLIENT_ID"]

    def test_only_settings_with_a_default_are_optional(self):
        optional = {setting.variable for setting in parts.settings() if setting.is_optional}
        assert {"EVEN_RESPONSE_MILLISECONDS", "PRODUCT_NAME"} <= optional
        assert {"SIGN_IN_CLIENT_ID", "PASSWORD_POLICY", "SELF_SIGN_UP"} <= parts.examples().keys()

    def test_every_example_is_text(self):
        assert all(isinstance(setting.example, str) for setting in parts.settings())


class TestPermissions:
    def test_the_api_may_end_sessions_and_force_a_password_reset_and_do_nothing_else_with_the_pool(self, resources):
        may = actions(resources, "ApiHandler", [{"Ref": "UserPoolArn"}])
        assert may == {"cognito-idp:AdminResetUserPassword", "cognito-idp:AdminUserGlobalSignOut"}

    def test_only_the_administrators_function_and_the_housekeeping_may_look_at_accounts(self, resources):
        looking = {"cognito-idp:AdminGetUser", "cognito-idp:ListUsers"}
        able = {
            called for called in FUNCTIONS.values() if looking & actions(resources, called, [{"Ref": "UserPoolArn"}])
        }
        assert able == {"AdminHandler", "Housekeeping"}

    def test_every_permission_is_for_the_pool_or_a_table_of_this_stage(self, resources):
        for called in FUNCTIONS.values():
            for statement in granted(resources, called):
                if statement["Sid"] != "Logs" and "Media" not in json.dumps(statement):
                    assert statement["Resource"]["Ref"] in {*ARNS}, (called, statement["Sid"])

    def test_the_authorizer_may_not(self, resources):
        assert "cognito-idp" not in json.dumps(resources["JwtAuthorizerRole"])

    def test_plain_chalice_deploy_has_the_same_statement_and_settings(self, tmp_path):
        folder = tmp_path / ".chalice"
        folder.mkdir()
        (folder / "config.json").write_text((parts.PROJECT / ".chalice/config.json").read_text())
        outputs = {**OUTPUTS, "PasswordPolicy": "12", "SelfSignUp": "true", "ProductName": "Acme"}
        list(chalice_stage.record(stages.Stage("dev", {}, {}), outputs, project=tmp_path))
        statements = json.loads((folder / "policy-api-dev.json").read_text())["Statement"]
        (accounts,) = [statement for statement in statements if statement["Sid"] == "Accounts"]
        assert accounts["Resource"] == OUTPUTS["UserPoolArn"]
        assert len(accounts["Action"]) == 2
        (administration,) = [statement for statement in statements if statement["Sid"] == "Administration"]
        assert "cognito-idp:ListUsers" in administration["Action"]
        assert administration["Resource"] == OUTPUTS["UserPoolArn"]
        variables = json.loads((folder / "config.json").read_text())["stages"]["dev"]["environment_variables"]
        assert variables.items() >= {"SIGN_IN_CLIENT_ID": "client", "PASSWORD_POLICY": "12"}.items()
        assert variables["PRODUCT_NAME"] == "Acme"

    def test_the_deploying_role_needs_nothing_more_for_accounts(self, without):
        def kinds(template):
            return {resource["Type"] for resource in template["Resources"].values() if "Type" in resource}

        assert not (parts.INFRA / "accounts" / "deploy-policy.json").exists()
        assert kinds(parts.template("api")) == kinds(without)


@pytest.fixture(scope="module")
def throttles(resources):
    """The settings of each method that has its own, by method and path."""
    return {
        (settings["HttpMethod"], settings["ResourcePath"].removeprefix("/").replace("~1", "/")): settings
        for settings in resources["RestAPI"]["Properties"]["MethodSettings"]
    }


class TestThrottling:
    def test_exactly_the_account_methods_that_are_public_or_take_a_password_have_the_limits_of_accounts(
        self, throttles
    ):
        limited = {route for route, limits in throttles.items() if "Accounts" in str(limits["ThrottlingRateLimit"])}
        assert limited == PUBLIC | WITH_PASSWORD
        for route in limited:
            assert throttles[route]["ThrottlingRateLimit"] == {"Ref": "AccountsRateLimit"}
            assert throttles[route]["ThrottlingBurstLimit"] == {"Ref": "AccountsBurstLimit"}

    def test_no_method_is_limited_twice(self, resources, throttles):
        assert len(resources["RestAPI"]["Properties"]["MethodSettings"]) == len(throttles)

    def test_the_settings_of_the_core_stay_and_come_first(self, resources, core):
        ours = core["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
        assert resources["RestAPI"]["Properties"]["MethodSettings"][:2] == ours
        assert [settings["ResourcePath"] for settings in ours] == ["/*", "/~1health~1ready"]

    def test_a_method_with_limits_of_its_own_logs_as_all_others_do(self, throttles):
        logged = ("LoggingLevel", "DataTraceEnabled", "MetricsEnabled")
        assert {tuple(settings[name] for name in logged) for settings in throttles.values()} == {("ERROR", False, True)}


@pytest.fixture(scope="module")
def rule(resources):
    (rule,) = [rule for rule in resources["Firewall"]["Properties"]["Rules"] if rule["Name"] == "accounts"]
    return rule["Statement"]["RateBasedStatement"]


class TestFirewall:
    def test_the_rules_of_the_core_stay_and_no_two_have_the_same_priority(self, resources):
        rules = resources["Firewall"]["Properties"]["Rules"]
        assert [rule["Name"] for rule in rules][:3] == ["rate", "common", "known-bad-inputs"]
        assert len({rule["Priority"] for rule in rules}) == len(rules)
        assert resources["Firewall"]["Condition"] == "HasFirewall"

    def test_one_address_may_send_a_hundred_requests_in_five_minutes(self, rule, template):
        assert (rule["AggregateKeyType"], rule["EvaluationWindowSec"]) == ("IP", 300)
        assert rule["Limit"] == {"Ref": "AccountsRequestsPerAddress"}
        parameter = template["Parameters"]["AccountsRequestsPerAddress"]
        # WAF accepts no limit below 10 ("Rate-based rule high-level settings in AWS WAF", developer guide).
        assert (parameter["Default"], parameter["MinValue"]) == (100, 10)

    @pytest.mark.parametrize("prefix", ["", "/api"])
    def test_exactly_the_methods_that_take_no_token_or_a_password_are_counted(self, rule, prefix):
        def counted(method, path):
            sent = {"UriPath": path, "Method": method}
            statements = rule["ScopeDownStatement"]["AndStatement"]["Statements"]
            assert len(statements) == 2
            return all(
                re.search(match["RegexString"], sent[next(iter(match["FieldToMatch"]))])
                for match in (statement["RegexMatchStatement"] for statement in statements)
            )

        assert {each for each in PUBLIC | OTHERS if counted(each[0], prefix + each[1])} == PUBLIC | WITH_PASSWORD

    def test_an_escaped_path_counts_as_the_plain_one(self, rule):
        path, method = (
            statement["RegexMatchStatement"] for statement in rule["ScopeDownStatement"]["AndStatement"]["Statements"]
        )
        kinds = [entry["Type"] for entry in sorted(path["TextTransformations"], key=lambda entry: entry["Priority"])]
        assert kinds == ["URL_DECODE", "NORMALIZE_PATH"]
        assert method["FieldToMatch"] == {"Method": {}}


def matches(pattern, text):
    """Whether a line matches a filter pattern ``{ $.field = "text" }``.

    This is what "Filter pattern syntax for metric filters" (CloudWatch Logs user guide) says of such a pattern.
    """
    field, value = re.fullmatch(r'\{ \$\.(\w+) = "(\w+)" \}', pattern).groups()
    return json.loads(text).get(field) == value


def line(message):
    """Return a log line with this message. Lambda writes it as Roster does (``tests/unit/test_logs.py``)."""
    logger = logging.getLogger("roster")
    fields = {"request_id": "r-1", "sub": "7d3c", "reason": "sign_in_failed"}
    return JsonFormatter().format(
        logger.makeRecord("roster", logging.INFO, "f", 1, message, (), None, extra=fields),
    )


class TestCounts:
    def test_each_metric_counts_the_lines_with_its_message_and_no_others(self, resources):
        messages = {*COUNTED.values(), "request", "bug", "sign_in", "signed_in_again"}
        for name, message in COUNTED.items():
            pattern = resources[name]["Properties"]["FilterPattern"]
            assert {other for other in messages if matches(pattern, line(other))} == {message}

    def test_each_metric_counts_in_the_log_of_the_api_function(self, resources):
        filters = of_type(resources, "AWS::Logs::MetricFilter")
        assert filters.keys() == COUNTED.keys() | {"AuthorizerErrors"}
        for name in COUNTED:
            assert filters[name]["LogGroupName"] == {"Ref": "ApiHandlerLogGroup"}
            (metric,) = filters[name]["MetricTransformations"]
            assert (metric["MetricName"], metric["MetricValue"]) == (name, "1")
            assert metric["MetricNamespace"] == {"Fn::Sub": "Roster/${Stage}"}

    def test_many_failed_sign_ins_within_five_minutes_raise_an_alarm(self, resources, template):
        alarm = resources["SignInsFailedAlarm"]["Properties"]
        (metric,) = resources["SignInsFailed"]["Properties"]["MetricTransformations"]
        assert (alarm["Namespace"], alarm["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])
        assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Sum", 300, 1)
        assert alarm["Threshold"] == {"Ref": "FailedSignInsAlarm"}
        assert template["Parameters"]["FailedSignInsAlarm"]["Default"] == 100
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"

    def test_the_alarm_is_like_all_others(self, resources):
        alarm, other = (resources[name]["Properties"] for name in ("SignInsFailedAlarm", "AuthorizerErrorsAlarm"))
        for name in ("TreatMissingData", "AlarmActions", "OKActions", "Dimensions"):
            assert alarm[name] == other[name]
        assert alarm["AlarmDescription"].endswith('See docs/operations.md, "Alarms".')

    def test_the_dashboard_shows_all_counts_below_what_the_core_shows(self, template, resources, core):
        body = resources["Dashboard"]["Properties"]["DashboardBody"]
        widgets = json.loads(body["Fn::Sub"])["widgets"]
        ours = core["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]["widgets"]
        assert widgets[: len(ours)] == ours
        shown = [widget for widget in widgets[len(ours) :] if widget["properties"]["title"] == "Accounts"]
        assert {metric[1] for widget in shown for metric in widget["properties"]["metrics"]} == COUNTED.keys()
        assert references(body) <= resources.keys() | template["Parameters"].keys() | {"AWS::Region"}
