"""The life of one Lambda process: import the handler, then handle events. Run by ``bench.__main__``.

Standard input: ``{"handler": …, "event": …, "warm": number of calls to time after the first, "threads": …}``.
Output, as JSON: the status of the first response, CPU microseconds per warm call (or, with ``threads``, responses per
second), and peak memory in KB.
"""

import importlib
import json
import os
import sys
import time

DONE = {"batchItemFailures": []}
"""What a function returns that has handled all messages of a queue."""


class Context:
    """The context that Lambda passes with each event."""

    aws_request_id = "r-1"
    function_name = "f"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:f"


def main():
    """Read the order, handle the events, print the result."""
    order = json.load(sys.stdin)
    module, _, name = order["handler"].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    answer = handler(order["event"], Context())
    calls, took = order["warm"], 0.0
    if order["threads"]:
        took = _together(handler, order["event"], answer, calls, order["threads"])
    elif calls:
        for _ in range(50):
            handler(order["event"], Context())
        started = time.process_time()
        for _ in range(calls):
            handler(order["event"], Context())
        took = (time.process_time() - started) / calls * 1e6
    status = answer.get("statusCode") or (200 if "principalId" in answer or answer == DONE else 500)
    print(json.dumps([status, took, _peak()]), flush=True)
    os._exit(0)  # a cold start does not include Python's own end, which takes up to 50 ms


def _together(handler, event, expected, calls, threads):
    """Return the responses per second with that many threads. Every response must be the expected one."""
    from concurrent.futures import ThreadPoolExecutor

    def once(_):
        return handler(event, Context())["body"] == expected["body"]

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(once, range(threads)))
        started = time.perf_counter()
        right = sum(pool.map(once, range(calls)))
        seconds = time.perf_counter() - started
    assert right == calls
    return calls / seconds


def _peak():
    """Return the peak memory in KB. Linux only. ``ru_maxrss`` would start from the parent's value."""
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])


main()
