"""What Roster costs on AWS: the recorded run's durations times ``prices.toml``. The tables of docs/costs.md.

Lambda gives a function processor time by its memory (one core at 1,769 MB) and bills whole milliseconds. So a call
lasts as long as its CPU time, stretched by the memory, and its wait for DynamoDB, which no memory shortens.
"""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from bench import figures
from infra import parts
from infra.alarms import on_tables
from testbed.routes import ROUTES as EVERY_ROUTE
from testbed.routes import Cost

HERE = Path(__file__).parent
MEMORIES = (128, 256, 512, 1024, 1769)
MEMORY: int = json.loads((HERE.parent / ".chalice" / "config.json").read_text())["lambda_memory_size"]
"""What the functions have."""
USERS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
MILLION = 1_000_000
HOURS = 730
"""In a month, as AWS's calculator has it."""


class Work(NamedTuple):
    """What a route does: which warm call of the benchmark it is like (``None``: no more than a warm authorizer), and
    what it asks of DynamoDB (reads by 4 KB, writes by 1 KB)."""

    like: str | None
    reads: int = 0
    writes: int = 0


WORK = {
    Cost.NOTHING: Work(None),
    Cost.READ: Work("GET", reads=1),
    Cost.WRITE: Work("PUT", writes=1),
    Cost.PATCH: Work("PATCH", reads=1, writes=1),
    Cost.PAGE: Work("list", reads=3),
    Cost.READINESS: Work("GET", reads=2),
}
ROUTES = {str(route): WORK[route.cost] for route in EVERY_ROUTE}


class Costs:
    """Dollars, from ``prices`` (see prices.toml) and what was ``measured``."""

    def __init__(self, prices: Mapping[str, Any], measured: figures.Figures) -> None:
        self.prices = prices
        self.assumed = prices["assumed"]
        self.measured = measured

    # One request

    def milliseconds(self, cpu_ms: float, memory: int, waits: int = 0) -> float:
        """How long that takes with so much memory."""
        stretch = max(1.0, self.prices["lambda"]["full_core_mb"] / memory)
        return float(cpu_ms * stretch + waits * self.assumed["dynamodb_ms"])

    def cold_ms(self, function: str, memory: int) -> float:
        """A cold start, to the first answer: that of DynamoDB, or of the key server."""
        return self.milliseconds(self.measured.cold[function].median(), memory, waits=1)

    def invocation(self, memory: int, warm_ms: float, cold_ms: float) -> float:
        """One invocation, with its share of cold starts."""
        share = self.assumed["cold_starts"]
        billed = (1 - share) * math.ceil(warm_ms) + share * math.ceil(cold_ms)
        price = self.prices["lambda"]
        return float(price["request"] + price["gb_second"] * memory / 1024 * billed / 1000)

    def function(self, route: str, memory: int) -> float:
        """The API function's part of a request."""
        work = ROUTES[route]
        warm = self.measured.warm[work.like or "authorizer"].median() / 1000
        waits = (work.reads > 0) + (work.writes > 0)
        return self.invocation(memory, self.milliseconds(warm, memory, waits), self.cold_ms("API function", memory))

    def authorizer(self, memory: int) -> float:
        """A request to the JWT authorizer."""
        warm = self.measured.warm["authorizer"].median() / 1000
        return self.invocation(memory, self.milliseconds(warm, memory), self.cold_ms("authorizer", memory))

    def dynamodb(self, route: str) -> float:
        """DynamoDB's part of a request, on demand."""
        price = self.prices["dynamodb"]
        return float(ROUTES[route].reads * price["read_unit"] + ROUTES[route].writes * price["write_unit"])

    @property
    def observing(self) -> float:
        """Logs and traces of a request."""
        price = self.prices["observing"]
        logs = self.assumed["log_bytes"] / 1e9 * (price["log_gb"] + price["log_gb_month"])
        return float(logs + self.assumed["traced"] * price["trace"])

    @property
    def transfer(self) -> float:
        """A small answer's way out."""
        return float(self.assumed["answer_bytes"] / 1e9 * self.prices["transfer"]["out_gb"])

    # A month

    @cached_property
    def use(self) -> dict[str, float]:
        """A user's requests in a month, by route."""
        sessions = self.prices["use"]["sessions"]
        return {route: sessions * count for route, count in self.prices["use"]["session"].items()}

    def month(self, users: int, memory: int) -> dict[str, float]:
        """A month of so many users, by what is paid for."""
        requests = users * sum(self.use.values())
        price = self.prices["dynamodb"]
        stored = users * self.assumed["stored_kb"] / MILLION * (price["gb_month"] + price["recovery_gb_month"])
        functions = users * sum(count * self.function(route, memory) for route, count in self.use.items())
        observing = self.prices["observing"]
        standing = alarms() * observing["alarm_month"] + observing["dashboard_month"]
        return {
            "Cognito": _tiered(users, self.prices["cognito"]["essentials"]),
            "API Gateway": _tiered(requests, self.prices["api_gateway"]["requests"]),
            "Lambda": functions + users * self.prices["use"]["sessions"] * self.authorizer(memory),
            "DynamoDB": users * sum(count * self.dynamodb(route) for route, count in self.use.items()) + stored,
            "logs, traces, alarms": requests * self.observing + standing,
            "transfer": requests * self.transfer,
        }


def load() -> Costs:
    """From ``prices.toml`` and the recorded run."""
    return Costs(tomllib.loads((HERE / "prices.toml").read_text()), figures.read())


def alarms() -> int:
    """How many the template has."""
    resources = {**parts.template("api")["Resources"], **on_tables(parts.policy())}
    return sum(resource.get("Type") == "AWS::CloudWatch::Alarm" for resource in resources.values())


# The tables of docs/costs.md


def assumptions() -> str:
    """What was assumed, and what a user does in a month."""
    costs = load()
    assumed = costs.assumed
    rows = [
        ["a DynamoDB request, as a warm function sees it", f"{assumed['dynamodb_ms']} ms"],
        ["cold starts among all invocations", f"{assumed['cold_starts']:.0%}"],
        ["logged for a request: API Gateway's line, Roster's, Lambda's own three", f"{assumed['log_bytes']:,} bytes"],
        ["a small answer, with its headers", f"{assumed['answer_bytes']:,} bytes"],
        ["requests that X-Ray records", f"{assumed['traced']:.0%}"],
        ["stored for a user", f"{assumed['stored_kb']} KB"],
        ["sessions of a user in a month, each with one call of the authorizer", f"{costs.prices['use']['sessions']}"],
    ]
    rows += [[f"`{route}` in a session", f"{count:g}"] for route, count in costs.prices["use"]["session"].items()]
    return figures.table(["Assumed", ""], rows)


def routes() -> str:
    """A million requests of each route."""
    costs = load()
    gateway = costs.prices["api_gateway"]["requests"][0][1]
    rows = []
    for route in ROUTES:
        functions = [_dollars(MILLION * costs.function(route, memory)) for memory in MEMORIES]
        rows.append([f"`{route}`", *functions, _dollars(MILLION * costs.dynamodb(route), 3)])
    guarding = [_dollars(MILLION * costs.authorizer(memory)) for memory in MEMORIES]
    rows.append(["a call of the authorizer", *guarding, ""])
    heads = ["Lambda at", *[f"{memory:,} MB" for memory in MEMORIES], "DynamoDB"]
    beside = f"Beside it, every request: API Gateway {_dollars(MILLION * gateway)}"
    others = f"logs and traces {_dollars(MILLION * costs.observing)}, transfer {_dollars(MILLION * costs.transfer)}"
    return f"{figures.table(heads, rows)}\n{beside}, {others}.\n"


def memories() -> str:
    """What memory buys."""
    costs = load()
    rows = []
    for memory in MEMORIES:
        cold = [costs.cold_ms(function, memory) for function in ("API function", "authorizer")]
        warm = costs.milliseconds(costs.measured.warm["GET"].median() / 1000, memory, waits=1)
        month = sum(costs.month(MILLION, memory).values())
        lambdas = costs.month(MILLION, memory)["Lambda"]
        rows.append(
            [
                f"{memory:,} MB",
                *[f"{value:,.0f} ms" for value in (*cold, sum(cold), warm)],
                _dollars(lambdas),
                f"{lambdas / month:.1%}",
            ]
        )
    heads = [
        "Memory",
        "cold API",
        "cold authorizer",
        "both, one after the other",
        "warm GET",
        "Lambda, a month of 1,000,000 users",
        "of the bill",
    ]
    return figures.table(heads, rows)


def months() -> str:
    """A month, by number of users."""
    costs = load()
    bills = {users: costs.month(users, MEMORY) for users in USERS}
    rows = [[what, *[_dollars(bills[users][what]) for users in USERS]] for what in bills[USERS[0]]]
    rows.append(["**all**", *[f"**{_dollars(sum(bill.values()))}**" for bill in bills.values()]])
    rows.append(["a user", *[_dollars(sum(bill.values()) / users, 4) for users, bill in bills.items()]])
    without = [sum(bill.values()) - bill["Cognito"] for bill in bills.values()]
    rows.append(["all but Cognito", *[_dollars(rest) for rest in without]])
    lite = [_tiered(users, costs.prices["cognito"]["lite"]) for users in USERS]
    rows.append(["Cognito, were the pool of the plan Lite", *map(_dollars, lite)])
    return figures.table(["Dollars a month", *[f"{users:,} users" for users in USERS]], rows)


def caching() -> str:
    """What it saves that API Gateway remembers the authorizer's answer."""
    costs = load()
    each = MILLION * costs.authorizer(MEMORY)
    rows = [[str(count), _dollars(each), _dollars(each / count), f"{1 - 1 / count:.0%}"] for count in (1, 2, 5, 10, 50)]
    return figures.table(["Requests of a token in 300 s", "a million requests, not cached", "cached", "saved"], rows)


def provisioned() -> str:
    """When keeping functions or capacity ready pays."""
    costs = load()
    price, capacity = costs.prices["lambda"], costs.prices["dynamodb"]
    gigabytes = MEMORY / 1024
    kept = price["provisioned_gb_second"] * gigabytes * HOURS * 3600
    even = price["provisioned_gb_second"] / (price["gb_second"] - price["provisioned_use_gb_second"])
    busy = capacity["read_capacity_hour"] / (3600 * capacity["read_unit"])
    written = capacity["write_capacity_hour"] / (3600 * capacity["write_unit"])
    rows = [
        ["One API function kept ready", f"{_dollars(kept)} a month"],
        ["… is cheaper than on demand when it is busy for", f"{even:.0%} of the time"],
        ["… which at the warm GET's duration is", f"{_rate(costs, even):,.0f} requests a second, each"],
        ["A read capacity unit is cheaper than on demand when used for", f"{busy:.0%} of what it could do"],
        ["A write capacity unit", f"{written:.0%}"],
        ["… so with auto scaling to 70 %, if the busiest hours have at most", f"{0.7 / busy:.1f} times the mean"],
        ["What DynamoDB's requests cost on demand, 1,000,000 users", f"{_dollars(_requests(costs, MILLION))} a month"],
    ]
    return figures.table(["", ""], rows)


def _rate(costs: Costs, busy: float) -> float:
    """Requests a second that keep one function busy for that share of the time."""
    return busy * 1000 / costs.milliseconds(costs.measured.warm["GET"].median() / 1000, MEMORY, waits=1)


def _requests(costs: Costs, users: int) -> float:
    return users * sum(count * costs.dynamodb(route) for route, count in costs.use.items())


def _tiered(amount: float, tiers: Sequence[tuple[float, float]]) -> float:
    """``tiers``: how many, and the price of each of them."""
    cost = 0.0
    for size, price in tiers:
        cost += min(amount, size) * price
        amount = max(0.0, amount - size)
    return cost


def _dollars(amount: float, digits: int = 2) -> str:
    return f"${amount:,.0f}" if amount >= 1000 else f"${amount:,.{digits}f}"
