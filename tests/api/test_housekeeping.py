"""The housekeeping runs on every target, and on AWS once an hour."""

import json

import pytest

from tests.api.accounts import confirmed, signed_up


def test_the_housekeeping_can_run_twice_on_every_target(api):
    api.housekeep()
    api.housekeep()


def test_an_account_that_nobody_has_confirmed_within_a_week_is_removed(api):
    with api.days_ago(8):
        forgotten, in_use = signed_up(api), confirmed(api)
    young = signed_up(api)
    api.housekeep()
    assert [exists(api, email) for email in (forgotten, in_use, young)] == [False, True, True]


def exists(api, email):
    """Whether there is an account with this address."""
    return api.cognito.list_users(UserPoolId=api.user_pool_id, Filter=f'email = "{email}"')["Users"] != []


@pytest.mark.parametrize("api", ["deployed"], indirect=True)
class TestSchedule:
    def test_the_schedule_invokes_the_housekeepings_function_and_no_other(self, api):
        events = api.client("events")
        rules = [rule for rule in events.list_rules()["Rules"] if "roster" in rule["Name"]]
        assert [(rule["ScheduleExpression"], rule["State"]) for rule in rules] == [("rate(1 hour)", "ENABLED")]
        (target,) = events.list_targets_by_rule(Rule=rules[0]["Name"])["Targets"]
        assert target["Arn"].endswith(f":function:{api.function('Housekeeping')}")

    def test_only_this_schedule_may_invoke_the_function(self, api):
        policy = api.client("lambda").get_policy(FunctionName=api.function("Housekeeping"))["Policy"]
        (statement,) = json.loads(policy)["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        (rule,) = [rule for rule in api.client("events").list_rules()["Rules"] if "roster" in rule["Name"]]
        assert rule["Arn"] in json.dumps(statement["Condition"])
