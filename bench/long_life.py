"""One Lambda process that handles very many events. Run by ``bench.soak``.

Standard input: ``{"events": [[handler, event, status], …], "count": …, "samples": …}``. Output: one line of JSON per
sample, ``[events so far, wrong responses, kilobytes, open sockets]``. Linux only.
"""

import importlib
import json
import os
import sys
from pathlib import Path


class Context:
    """The context that Lambda passes with each event."""

    aws_request_id = "r-1"


def main():
    """Read the order, handle the events, print a sample now and then."""
    order = json.load(sys.stdin)
    calls = []
    for name, event, status in order["events"]:
        module, _, function = name.rpartition(".")
        calls.append((getattr(importlib.import_module(module), function), event, status))
    wrong = 0
    for answered in range(order["count"] + 1):
        if answered % (order["count"] // order["samples"]) == 0:
            print(json.dumps([answered, wrong, _kilobytes(), _sockets()]), flush=True)
        handler, event, status = calls[answered % len(calls)]
        wrong += _status(handler, event) != status


def _status(handler, event):
    try:
        answer = handler(event, Context())
    except Exception as rejection:  # noqa: BLE001  (how an authorizer rejects a token)
        return str(rejection)
    return answer.get("statusCode", 200)


def _kilobytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def _sockets():
    links = [entry.path for entry in os.scandir("/proc/self/fd")]
    return sum(os.path.lexists(link) and os.readlink(link).startswith("socket:") for link in links)


main()
