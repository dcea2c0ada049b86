"""A Lambda's life in a process of its own: import the handler, answer events. Run by ``bench.__main__``.

Standard input: ``{"handler": …, "event": …, "warm": calls to time after the first}``. Output: status of the first
answer, CPU microseconds a warm call (or, with ``threads``, answers a second), peak memory in KB.
"""

import importlib
import json
import sys
import time


class Context:
    """What Lambda hands over beside the event."""

    aws_request_id = "r-1"
    function_name = "f"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:f"


def main():
    """One life."""
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
    status = answer.get("statusCode") or (200 if "principalId" in answer else 500)
    print(json.dumps([status, took, _peak()]))


def _together(handler, event, expected, calls, threads):
    """Answers a second from so many threads; each has to be the right one."""
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
    """Kilobytes. Linux only; ``ru_maxrss`` would begin with the parent's."""
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])


main()
