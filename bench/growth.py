"""Measure the DynamoDB requests, items and bytes of each route as the table grows, on the embedded AWS."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedded import aws, processes, stack
from infra import parts

SIZES = (1_000, 10_000, 100_000)


def measure(events: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, dict[str, list[int]]]:
    """Return, by number of users and route: requests, items read, bytes received."""
    growth: dict[str, dict[str, list[int]]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        stack.aws_running(processes.free_port(), Path(folder), say) as (running, _),
    ):
        os.environ |= {**aws.environ(running.aws_port), **parts.values(running.outputs)}
        import app

        there = 0
        for size in SIZES:
            say(f"{size:,} users …")
            _fill(aws.client("dynamodb", running.aws_port), running.outputs["UsersTable"], there, size)
            there = size
            growth[str(size)] = costs = {}
            for route, event in events.items():
                with _counted(app.database.client) as count:
                    answer = app.app(event, None)
                assert answer["statusCode"] == 200, answer
                costs[route] = [count["requests"], count["items"], count["bytes"]]
    return growth


def _fill(dynamodb: Any, table: str, start: int, end: int) -> None:
    def put(first: int) -> None:
        items = [{"PutRequest": {"Item": _user(number)}} for number in range(first, min(first + 25, end))]
        dynamodb.batch_write_item(RequestItems={table: items})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(start, end, 25)))


def _user(number: int) -> Mapping[str, Any]:
    return {
        "userid": {"S": "jane" if number == 0 else f"user-{number:06}"},
        "document": {"M": {"name": {"S": f"User {number:06}"}}},
        "timestamp": {"S": "2026-11-21T08:00:00.000Z"},
        "revision": {"S": "0123456789abcdef0123456789abcdef"},
    }


@contextmanager
def _counted(client: Any) -> Iterator[dict[str, int]]:
    count = {"requests": 0, "items": 0, "bytes": 0}

    def note(http_response: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        count["requests"] += 1
        count["items"] += parsed.get("ScannedCount", 1 if "Item" in parsed else 0)
        count["bytes"] += len(http_response.content)

    client.meta.events.register("after-call.dynamodb", note)
    try:
        yield count
    finally:
        client.meta.events.unregister("after-call.dynamodb", note)
