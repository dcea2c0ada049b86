"""Concurrent clients of one record see what can have happened: its history is linearizable."""

import random
import time
from functools import partial

import pytest

from testbed import record_histories
from testbed.record_histories import Row

CLIENTS = 6
EACH = 15


def requests_of(api, path, token, number):
    """Send random requests for the record, and return their rows. Some are conditional on the entity tag seen last."""
    choose = random.Random(number)
    rows, tag = [], None
    for count in range(EACH):
        method = choose.choices(["GET", "PUT", "PATCH", "DELETE"], [5, 2, 3, 1])[0]
        document = {"PUT": {"n": f"{number}.{count}"}, "PATCH": {f"p{number}": count}}.get(method)
        condition = tag if choose.random() < 0.5 else None
        name = "If-None-Match" if method == "GET" else "If-Match"
        headers = {name: condition} if condition else None
        request = Row(time.monotonic(), None, method, document, condition)
        answer = api.request(method, path, json=document or ..., token=token, headers=headers)
        shown = answer.json if answer.status == 200 else None
        row = record_histories.seen(request, time.monotonic(), answer.status, answer.headers.get("etag"), shown)
        tag = answer.headers.get("etag", tag)
        assert row, answer.status
        rows.append(row)
    return rows


@pytest.mark.parametrize("target", ["local", "deployed"])
def test_racing_readers_and_writers_see_one_order_of_events(running, target):
    api = running(target)
    person = api.sign_up()
    admin = api.make_admin(api.sign_up())
    path = f"/users/{person.sub}"
    api.delete(path, token=person.token)
    tokens = [person.token, admin.token]
    rows = api.at_once([partial(requests_of, api, path, tokens[n % 2], n) for n in range(CLIENTS)])
    history = [row for of_client in rows for row in of_client]
    assert len(history) == CLIENTS * EACH
    assert {200, 412} <= {row.status for row in history}  # they did get in each other's way
    sent = time.monotonic()
    answer = api.get(path, token=admin.token)
    tag = answer.headers.get("etag")
    last = Row(sent, time.monotonic(), "GET", status=answer.status, shown=answer.json, tag=tag)
    assert record_histories.is_possible([*history, last])
