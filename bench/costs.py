"""What Roster costs on AWS: the recorded durations times the prices in ``prices.toml``. Tables for docs/costs.md.

Lambda assigns CPU time in proportion to memory (one core at 1,769 MB) and bills whole milliseconds. The duration of a
call is therefore its CPU time, longer with less memory, plus its wait for DynamoDB, which does not depend on memory.
"""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from bench import figures
from infra import functions, parts
from infra.alarms import on_tables
from testbed.routes import ROUTES as EVERY_ROUTE
from testbed.routes import Cost, Route, Who

HERE = Path(__file__).parent
MEMORIES = (128, 256, 512, 1024, 1769)
MEMORY: int = json.loads((HERE.parent / ".chalice" / "config.json").read_text())["lambda_memory_size"]
"""The memory of the functions that serve requests, in MB."""
MILLION = 1_000_000
HOURS = 730
"""Hours per month, as in AWS's pricing calculator."""


class Work(NamedTuple):
    """The work of a route.

    ``like`` is the warm call of the benchmark that it resembles; ``None``: no more than a warm authorizer. ``reads``
    and ``writes`` are DynamoDB's units, of 4 KB and 1 KB. The route waits for ``calls`` to Cognito and for others that
    hash a password (``hashes``), or until an even time, which is longer (``is_even``), or makes a picture smaller.
    """

    like: str | None
    reads: int = 0
    writes: int = 0
    calls: int = 0
    hashes: int = 0
    is_even: bool = False
    makes_picture: bool = False


WORK = {
    Cost.NOTHING: Work(None),
    Cost.READ: Work("GET", reads=1),
    Cost.WRITE: Work("PUT", writes=1),
    Cost.PATCH: Work("PATCH", reads=1, writes=1),
    Cost.PAGE: Work("list", reads=3),
    Cost.READINESS: Work("GET", reads=2),
    Cost.POOL: Work("GET"),
    Cost.EVEN: Work("GET", is_even=True),
    Cost.PICTURE: Work("GET", makes_picture=True),
}
HASHING = frozenset({"ChangePassword", "ConfirmForgotPassword", "InitiateAuth", "SignUp"})
"""Operations of Cognito that take as long as hashing a password."""
READING = ("GetItem", "Query", "Scan")
MAILING = frozenset({"ForgotPassword", "ResendConfirmationCode", "SignUp", "AdminCreateUser", "AdminResetUserPassword"})
"""Operations of Cognito that send an e-mail."""


def work(route: Route) -> Work:
    """Return the work of a route. For routes that call Cognito, it follows from their calls."""
    known = WORK[route.cost]
    if not route.pool_calls or known.is_even:
        return known
    operations = [call.split()[0] for call in route.calls]
    reads = sum(operation in READING for operation in operations)
    hashes = sum(operation in HASHING for operation in route.pool_calls)
    return Work(known.like, reads, len(operations) - reads, len(route.pool_calls) - hashes, hashes)


ROUTES = {str(route): work(route) for route in EVERY_ROUTE}
OF_ADMINISTRATORS = frozenset(str(route) for route in EVERY_ROUTE if route.who is Who.ADMINS)
"""The routes of the administrators' function."""
WITH_MAIL = frozenset(str(route) for route in EVERY_ROUTE if not MAILING.isdisjoint(route.pool_calls))


class Costs:
    """Costs in dollars, from ``prices`` (see prices.toml) and the ``measured`` durations."""

    def __init__(self, prices: Mapping[str, Any], measured: figures.Figures) -> None:
        self.prices = prices
        self.assumed = prices["assumed"]
        self.measured = measured

    # One request

    def milliseconds(self, cpu_ms: float, memory: int, waits: int = 0) -> float:
        """Return the duration of a call with that much ``memory``, in MB, and that many requests to DynamoDB."""
        stretch = max(1.0, self.prices["lambda"]["full_core_mb"] / memory)
        return float(cpu_ms * stretch + waits * self.assumed["dynamodb_ms"])

    def cold_ms(self, function: str, memory: int) -> float:
        """Return the duration of a cold start. It includes one wait: for DynamoDB, or for the key server."""
        return self.milliseconds(self.measured.cold[function].median(), memory, waits=1)

    def invocation(self, memory: int, warm_ms: float, cold_ms: float, share: float | None = None) -> float:
        """Return the price of one invocation, including its ``share`` of cold starts."""
        share = self.assumed["cold_starts"] if share is None else share
        billed = (1 - share) * math.ceil(warm_ms) + share * math.ceil(cold_ms)
        price = self.prices["lambda"]
        return float(price["request"] + price["gb_second"] * memory / 1024 * billed / 1000)

    def function(self, route: str, memory: int) -> float:
        """Return the price of the API function for one request."""
        work = ROUTES[route]
        warm = self.measured.warm[work.like or "authorizer"].median() / 1000
        waits = (work.reads > 0) + (work.writes > 0)
        pool = self.assumed["cognito_ms"] * work.calls + self.assumed["hashing_ms"] * work.hashes
        waited = pool + self.assumed["even_ms"] * work.is_even
        waited += self.milliseconds(self.assumed["picture_ms"], memory) * work.makes_picture
        warm_ms, cold_ms = self.milliseconds(warm, memory, waits), self.cold_ms("API function", memory)
        share = self.assumed["rare_cold_starts"] if route in OF_ADMINISTRATORS else None
        return self.invocation(memory, warm_ms + waited, cold_ms + waited, share)

    def authorizer(self, memory: int) -> float:
        """Return the price of one call of the JWT authorizer."""
        warm = self.measured.warm["authorizer"].median() / 1000
        return self.invocation(memory, self.milliseconds(warm, memory), self.cold_ms("authorizer", memory))

    def dynamodb(self, route: str) -> float:
        """Return the price of DynamoDB for one request, on demand."""
        price = self.prices["dynamodb"]
        return float(ROUTES[route].reads * price["read_unit"] + ROUTES[route].writes * price["write_unit"])

    @property
    def observing(self) -> float:
        """The price of logs and traces for one request."""
        price = self.prices["observing"]
        logs = self.assumed["log_bytes"] / 1e9 * (price["log_gb"] + price["log_gb_month"])
        return float(logs + self.assumed["traced"] * price["trace"])

    @property
    def transfer(self) -> float:
        """The price of sending a small response to the Internet."""
        return float(self.assumed["answer_bytes"] / 1e9 * self.prices["transfer"]["out_gb"])

    # A month

    @cached_property
    def use(self) -> dict[str, float]:
        """The requests of one user per month, by route."""
        sessions = self.prices["use"]["sessions"]
        return {route: sessions * count for route, count in self.prices["use"]["session"].items()}

    def month(self, users: int, memory: int) -> dict[str, float]:
        """Return the bill for one month with that many users, by item."""
        requests = users * sum(self.use.values())
        price = self.prices["dynamodb"]
        stored = users * self.assumed["stored_kb"] / MILLION * (price["gb_month"] + price["recovery_gb_month"])
        functions = {route: users * count * self.function(route, memory) for route, count in self.use.items()}
        of_administrators = sum(price for route, price in functions.items() if route in OF_ADMINISTRATORS)
        cleaning = self.invocation(
            self.assumed["housekeeping_mb"], self.assumed["housekeeping_ms"], self.assumed["housekeeping_ms"]
        )
        observing = self.prices["observing"]
        standing = alarms() * observing["alarm_month"] + observing["dashboard_month"] + observing["key_month"]
        return {
            "Cognito": tiered(users, self.prices["cognito"]["essentials"]),
            "API Gateway": tiered(requests, self.prices["api_gateway"]["requests"]),
            "Lambda, API and authorizer": sum(functions.values())
            - of_administrators
            + users * self.prices["use"]["sessions"] * self.authorizer(memory),
            "Lambda, administrators' function and housekeeping": of_administrators + HOURS * cleaning,
            "DynamoDB": users * sum(count * self.dynamodb(route) for route, count in self.use.items()) + stored,
            "logs, traces, alarms": requests * self.observing + standing,
            "transfer": requests * self.transfer,
            "mail": self.mails(users) * self.prices["ses"]["message"],
        }

    def mails(self, users: int) -> float:
        """Return the number of e-mails in a month with that many users."""
        return users * sum(count for route, count in self.use.items() if route in WITH_MAIL)


def load() -> Costs:
    """Return the costs according to ``prices.toml`` and the recorded run."""
    return Costs(tomllib.loads((HERE / "prices.toml").read_text()), figures.read())


def alarms() -> int:
    """Return the number of alarms in the template."""
    on_database = on_tables(parts.policy(*functions.of_app().values()), parts.template("backend"))
    resources = {**parts.template("api")["Resources"], **on_database}
    return sum(resource.get("Type") == "AWS::CloudWatch::Alarm" for resource in resources.values())


# The tables of docs/costs.md


def assumptions() -> str:
    """Return the table of assumptions, including what a user does in a month."""
    costs = load()
    assumed, pictures = costs.assumed, costs.prices["use"]["pictures"]
    rows = [
        ["response time of DynamoDB for a warm function", f"{assumed['dynamodb_ms']} ms"],
        ["response time of Cognito", f"{assumed['cognito_ms']} ms"],
        ["response time of Cognito if it hashes a password, as at a sign-in", f"{assumed['hashing_ms']} ms"],
        ["time until a response that must not reveal who has an account", f"{assumed['even_ms']:,} ms"],
        ["CPU time of a thumbnail of a photo of 1 MB", f"{assumed['picture_ms']} ms"],
        ["share of cold starts in all invocations", f"{assumed['cold_starts']:.0%}"],
        ["logs per request: API Gateway's line, Roster's, and three of Lambda", f"{assumed['log_bytes']:,} bytes"],
        ["a small response, including its headers", f"{assumed['answer_bytes']:,} bytes"],
        ["share of requests that X-Ray records", f"{assumed['traced']:.0%}"],
        ["stored data per user", f"{assumed['stored_kb']} KB"],
        ["share of cold starts in the administrators' function", f"{assumed['rare_cold_starts']:.0%}"],
        ["pictures per user, seen and replaced as on [the page about media](media.md#costs)", f"{pictures:g}"],
        ["sessions per user and month, each with one call of the authorizer", f"{costs.prices['use']['sessions']}"],
    ]
    rows += [[f"`{route}` per session", f"{count:g}"] for route, count in costs.prices["use"]["session"].items()]
    return figures.table(["Assumption", ""], rows)


def routes() -> str:
    """Return the table of prices per million requests, by route."""
    costs = load()
    gateway = costs.prices["api_gateway"]["requests"][0][1]
    rows = []
    for route in ROUTES:
        functions = [dollars(MILLION * costs.function(route, memory)) for memory in MEMORIES]
        rows.append([f"`{route}`", *functions, dollars(MILLION * costs.dynamodb(route), 3)])
    guarding = [dollars(MILLION * costs.authorizer(memory)) for memory in MEMORIES]
    rows.append(["the JWT authorizer, per million calls", *guarding, ""])
    heads = ["Route", *[f"Lambda, {memory:,} MB" for memory in MEMORIES], "DynamoDB"]
    beside = f"In addition, for every route: API Gateway {dollars(MILLION * gateway)}"
    others = f"logs and traces {dollars(MILLION * costs.observing)}"
    sent = f"data transfer {dollars(MILLION * costs.transfer)}"
    return f"{figures.table(heads, rows)}\n{beside}, {others}, {sent}.\n"


def memories() -> str:
    """Return the table of durations and prices by memory."""
    costs = load()
    rows = []
    for memory in MEMORIES:
        cold = [costs.cold_ms(function, memory) for function in ("API function", "authorizer")]
        warm = costs.milliseconds(costs.measured.warm["GET"].median() / 1000, memory, waits=1)
        bill = costs.month(MILLION, memory)
        month, lambdas = sum(bill.values()), bill["Lambda, API and authorizer"]
        rows.append(
            [
                f"{memory:,} MB",
                *[f"{value:,.0f} ms" for value in (*cold, sum(cold), warm)],
                dollars(lambdas),
                f"{lambdas / month:.1%}",
            ]
        )
    heads = [
        "Memory",
        "cold start, API",
        "cold start, authorizer",
        "both in sequence",
        "warm GET",
        "Lambda per month, 1,000,000 users",
        "share of the bill",
    ]
    return figures.table(heads, rows)


def caching() -> str:
    """Return the table of what caching the authorizer's policy saves."""
    costs = load()
    each = MILLION * costs.authorizer(MEMORY)
    rows = [[str(count), dollars(each), dollars(each / count), f"{1 - 1 / count:.0%}"] for count in (1, 2, 5, 10, 50)]
    return figures.table(["Requests per token in 300 s", "Per million requests, not cached", "Cached", "Saved"], rows)


def provisioned() -> str:
    """Return the table that compares provisioned capacity with on-demand prices."""
    costs = load()
    price, capacity = costs.prices["lambda"], costs.prices["dynamodb"]
    gigabytes = MEMORY / 1024
    kept = price["provisioned_gb_second"] * gigabytes * HOURS * 3600
    even = price["provisioned_gb_second"] / (price["gb_second"] - price["provisioned_use_gb_second"])
    busy = capacity["read_capacity_hour"] / (3600 * capacity["read_unit"])
    written = capacity["write_capacity_hour"] / (3600 * capacity["write_unit"])
    rows = [
        ["One API function instance, provisioned", f"{dollars(kept)} per month"],
        ["It is cheaper than on demand if it is busy for at least", f"{even:.0%} of the time"],
        ["With requests as long as a warm GET, that is", f"{_rate(costs, even):,.0f} requests per second per instance"],
        ["A provisioned read unit is cheaper than on demand if its utilization is at least", f"{busy:.0%}"],
        ["The same for a provisioned write unit", f"{written:.0%}"],
        ["With auto scaling to 70%, the peak load can then be at most", f"{0.7 / busy:.1f} times the average"],
        ["DynamoDB requests on demand, 1,000,000 users", f"{dollars(_requests(costs, MILLION))} per month"],
    ]
    return figures.table(["", ""], rows)


def _rate(costs: Costs, busy: float) -> float:
    """Return the requests per second that keep one function busy for that share of the time."""
    return busy * 1000 / costs.milliseconds(costs.measured.warm["GET"].median() / 1000, MEMORY, waits=1)


def _requests(costs: Costs, users: int) -> float:
    return users * sum(count * costs.dynamodb(route) for route, count in costs.use.items())


def tiered(amount: float, tiers: Sequence[tuple[float, float]]) -> float:
    """Return the price of ``amount``. Each of the ``tiers`` is a size and the price per unit in it."""
    cost = 0.0
    for size, price in tiers:
        cost += min(amount, size) * price
        amount = max(0.0, amount - size)
    return cost


def dollars(amount: float, digits: int = 2) -> str:
    """Return an amount as text."""
    return f"${amount:,.0f}" if amount >= 1000 else f"${amount:,.{digits}f}"
