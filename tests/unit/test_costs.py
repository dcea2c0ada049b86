"""The calculations behind docs/costs.md, compared with results calculated by hand."""

import copy

import pytest

from bench.costs import ROUTES, Costs
from bench.figures import Comparison, Figures
from testbed import routes

PRICES = {
    "lambda": {"request": 1.0, "gb_second": 1000.0, "full_core_mb": 2048},
    "api_gateway": {"requests": [[10, 2.0], [float("inf"), 1.0]]},
    "dynamodb": {"read_unit": 3.0, "write_unit": 5.0, "gb_month": 100_000.0, "recovery_gb_month": 0.0},
    "ses": {"message": 17.0},
    "cognito": {"essentials": [[1, 0.0], [float("inf"), 7.0]]},
    "observing": {
        "log_gb": 1e9,
        "log_gb_month": 0.0,
        "alarm_month": 0.0,
        "key_month": 13.0,
        "dashboard_month": 11.0,
        "trace": 4.0,
    },
    "transfer": {"out_gb": 1e9},
    "assumed": {
        "dynamodb_ms": 6,
        "cognito_ms": 40,
        "hashing_ms": 200,
        "even_ms": 1000,
        "picture_ms": 0,
        "cold_starts": 0.5,
        "rare_cold_starts": 1.0,
        "housekeeping_ms": 1000,
        "housekeeping_mb": 1024,
        "log_bytes": 2,
        "answer_bytes": 3,
        "traced": 0.25,
        "stored_kb": 10,
    },
    "use": {"sessions": 2, "session": {"GET /": 1, "PATCH /user/profile": 3, "POST /accounts": 0, "GET /accounts": 0}},
}


@pytest.fixture
def costs():
    def only_roster(value):
        return Comparison("", "", {"roster": [value]})

    cold = {"API function": only_roster(100.0), "authorizer": only_roster(50.0)}
    warm = {"PATCH": only_roster(3500.0), "GET": only_roster(3000.0), "authorizer": only_roster(500.0)}
    return Costs(copy.deepcopy(PRICES), Figures("", "", cold, warm))


def test_every_route_has_a_price(costs):
    for route in routes.ROUTES:
        work = ROUTES[str(route)]
        assert (work.reads + work.writes > 0) == (route.calls != ())
        assert (work.calls + work.hashes > 0 or work.is_even) == (route.pool_calls != ())


def test_waiting_for_cognito_or_for_an_even_time_is_billed(costs):
    # Warm: 3 ms and the wait. Cold: 106 ms and the wait. Half are cold. 2 GB.
    assert costs.function("POST /sessions", 2048) == pytest.approx(1 + 1000 * 2 * (203 + 306) / 2 / 1000)
    assert costs.function("GET /account", 2048) == pytest.approx(1 + 1000 * 2 * (43 + 146) / 2 / 1000)
    assert costs.function("POST /accounts", 2048) == pytest.approx(1 + 1000 * 2 * (1003 + 1106) / 2 / 1000)


def test_with_half_the_memory_cpu_time_doubles_and_database_time_does_not(costs):
    assert costs.milliseconds(10, 2048, waits=1) == 10 + 6
    assert costs.milliseconds(10, 1024, waits=1) == 20 + 6


def test_more_memory_than_one_core_needs_saves_no_time(costs):
    assert costs.milliseconds(10, 4096) == 10


def test_calls_are_billed_per_started_millisecond_including_cold_starts(costs):
    # Warm: 3.5 ms and two waits of 6 ms, rounded up to 16 ms. Cold: 100 ms and one wait. Half are cold. 2 GB.
    assert costs.function("PATCH /user/profile", 2048) == pytest.approx(1 + 1000 * 2 * (16 + 106) / 2 / 1000)
    assert costs.authorizer(1024) == pytest.approx(1 + 1000 * 1 * (1 + 106) / 2 / 1000)  # cold: waits for the keys


def test_a_month_is_the_sum_of_the_prices_of_all_services(costs):
    month = costs.month(3, 2048)
    requests = 3 * 2 * 4
    assert month["Cognito"] == 2 * 7  # the first is free
    assert month["API Gateway"] == 10 * 2 + (requests - 10) * 1
    assert month["DynamoDB"] == pytest.approx(3 * 2 * 3 * (3 + 5) + 3 * 10 / 1e6 * 100_000)
    greeting, patch = costs.function("GET /", 2048), costs.function("PATCH /user/profile", 2048)
    assert month["Lambda, API and authorizer"] == pytest.approx(3 * 2 * (greeting + 3 * patch + costs.authorizer(2048)))
    assert month["logs, traces, alarms"] == pytest.approx(requests * (2 + 0.25 * 4) + 11 + 13)
    assert month["transfer"] == requests * 3
    assert month["mail"] == 0
    assert month["Lambda, administrators' function and housekeeping"] == pytest.approx(730 * (1 + 1000))


def test_a_month_includes_mail_and_the_mostly_cold_function_of_the_administrators(costs):
    costs.prices["use"]["session"] |= {"POST /accounts": 0.5, "GET /accounts": 0.25}
    month = costs.month(3, 2048)
    assert month["mail"] == pytest.approx(3 * 2 * 0.5 * 17)
    cold = 1 + 1000 * 2 * (106 + 3 * 40) / 1000
    assert costs.function("GET /accounts", 2048) == pytest.approx(cold)
    of_administrators = month["Lambda, administrators' function and housekeeping"] - 730 * (1 + 1000)
    assert of_administrators == pytest.approx(3 * 2 * 0.25 * cold)
