"""What media cost on AWS, from the prices and assumptions in ``prices.toml``. The tables of docs/media.md."""

from bench import costs, figures
from bench.costs import MILLION, Costs

PICTURES = (1_000, 10_000, 100_000, 1_000_000)
PAGE = 20
"""Pictures on a page of a list."""
IMAGES_MEMORY = 1769
"""The memory of the images function, in MB."""


def upload(rates: Costs) -> dict[str, float]:
    """Return the price of one upload, from ``POST /media`` to ``ready``, by service.

    The client asks twice whether the picture is ready. The item is written three times, in the table and both indexes;
    a change of status also deletes it from one of the indexes.
    """
    assumed, s3 = rates.prices["media"], rates.prices["s3"]
    writes, reads = 3 * 3 + 2, 2 + 3
    table = rates.prices["dynamodb"]
    routes = rates.function("POST /media", costs.MEMORY) + 2 * rates.function("GET /media/{mediaid}", costs.MEMORY)
    images = rates.invocation(IMAGES_MEMORY, assumed["images_ms"], assumed["images_ms"] + 1000)
    return {
        "API Gateway": 3 * rates.prices["api_gateway"]["requests"][0][1],
        "Lambda": routes + images,
        "DynamoDB": writes * table["write_unit"] * assumed["item_kb"] + reads * table["read_unit"],
        "S3": 4 * s3["put"] + s3["get"],
        "SQS": 3 * rates.prices["sqs"]["request"],
    }


def month(rates: Costs, pictures: int) -> dict[str, float]:
    """Return the bill for one month with that many pictures, by item."""
    assumed, s3, table = rates.prices["media"], rates.prices["s3"], rates.prices["dynamodb"]
    seen = pictures * (assumed["thumbnails_seen"] + assumed["displays_seen"])
    sent = pictures * (
        assumed["thumbnails_seen"] * assumed["thumbnail_mb"] + assumed["displays_seen"] * assumed["display_mb"]
    )
    stored = pictures * (assumed["original_mb"] + assumed["display_mb"] + assumed["thumbnail_mb"]) / 1000
    listed = pictures * 3 * assumed["item_kb"] / MILLION * table["gb_month"]
    pages = pictures * assumed["thumbnails_seen"] / PAGE
    page = rates.prices["api_gateway"]["requests"][0][1] + rates.function("GET /public/media", costs.MEMORY)
    return {
        "stored": stored * s3["gb_month"]
        + listed
        + pictures * assumed["item_kb"] / MILLION * table["recovery_gb_month"],
        "uploaded": pictures * assumed["new_share"] * sum(upload(rates).values()),
        "listed": pages * (page + 5 * table["read_unit"]),
        "fetched": seen * s3["get"],
        "sent to the Internet": sent / 1000 * rates.prices["transfer"]["out_gb"],
    }


def months() -> str:
    """Return the table of monthly bills."""
    rates = costs.load()
    bills = {pictures: month(rates, pictures) for pictures in PICTURES}
    rows = [[name, *(_dollars(bills[pictures][name]) for pictures in PICTURES)] for name in bills[PICTURES[0]]]
    rows.append(["**all**", *(f"**{_dollars(sum(bills[pictures].values()))}**" for pictures in PICTURES)])
    return figures.table(["Dollars a month", *(f"{pictures:,} pictures" for pictures in PICTURES)], rows)


def uploads() -> str:
    """Return the table of what 1,000 uploads cost."""
    price = upload(costs.load())
    rows = [[name, _dollars(1000 * value)] for name, value in price.items()]
    return figures.table(
        ["1,000 uploads", "Dollars"], [*rows, ["**all**", f"**{_dollars(1000 * sum(price.values()))}**"]]
    )


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"
