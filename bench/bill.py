"""The whole bill by number of users, and Cognito's plans as a choice. The first tables of docs/costs.md."""

from bench import costs, figures, media
from bench.costs import MEMORY, Costs, dollars, tiered

USERS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
PLANS = ("lite", "essentials", "plus")


def month(rates: Costs, users: int, plan: str = "essentials") -> dict[str, float]:
    """Return the bill for one month with that many users and their pictures, by item, with Cognito on this plan."""
    bill = rates.month(users, MEMORY)
    bill["Cognito"] = tiered(users, rates.prices["cognito"][plan])
    pictures = round(users * rates.prices["use"]["pictures"])
    return {**bill, "pictures": sum(media.month(rates, pictures).values())}


def months() -> str:
    """Return the table of monthly bills by number of users, with Cognito on the plan Essentials."""
    rates = costs.load()
    bills = {users: month(rates, users) for users in USERS}
    rows = [[what, *[dollars(bills[users][what]) for users in USERS]] for what in bills[USERS[0]]]
    rows.append(["**total**", *[f"**{dollars(sum(bill.values()))}**" for bill in bills.values()]])
    rows.append(["per user", *[dollars(sum(bill.values()) / users, 4) for users, bill in bills.items()]])
    return figures.table(["Dollars per month", *[f"{users:,} users" for users in USERS]], rows)


def plans() -> str:
    """Return the table of totals on each of Cognito's plans."""
    rates = costs.load()
    rows = []
    for plan in PLANS:
        bills = [month(rates, users, plan) for users in USERS]
        rows.append([f"Cognito, {plan.capitalize()}", *[dollars(bill["Cognito"]) for bill in bills]])
        rows.append([f"**total, {plan.capitalize()}**", *[f"**{dollars(sum(bill.values()))}**" for bill in bills]])
    rest = [sum(bill.values()) - bill["Cognito"] for bill in (month(rates, users) for users in USERS)]
    rows.append(["total without Cognito", *map(dollars, rest)])
    return figures.table(["Dollars per month", *[f"{users:,} users" for users in USERS]], rows)
