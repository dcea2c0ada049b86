"""The first part of ``make soak``: 100,000 requests to one process of the packaged app.

Memory and connections must not grow.

The requests are GET, PUT, PATCH and list, an invalid one, and valid and invalid tokens for the authorizer. DynamoDB
drops one request in 200.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.candidates import Candidate, roster, runtime
from bench.figures import Soak, write
from bench.lab import EVENTS, Lab, environment, say, served
from testbed.events import TOKEN_EVENT, proxy_event
from testbed.pool import Pool


def main() -> None:
    """Run the soak test, then print and store the samples. Exit with status 1 after a wrong or missing response."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="folder for the package and the figures")
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    folder = options.folder.resolve()
    packaged, beside, pool = roster(folder), runtime(folder), Pool()
    api, authorizer = "app.app", "app.jwt_authorizer"
    events = [[api, event, 200] for event in EVENTS.values()]
    events += [
        [api, proxy_event("PUT", "/users/{userid}", '{"a": NaN}'), 400],
        [authorizer, {**TOKEN_EVENT, "authorizationToken": f"Bearer {pool.token()}"}, 200],
        [authorizer, {**TOKEN_EVENT, "authorizationToken": f"Bearer {pool.token(exp=1)}"}, "Unauthorized"],
    ]
    soak = Soak()
    with served(pool, breaks=200) as address:
        lab = Lab(beside, environment(pool, address))
        order = {"events": events, "count": options.requests, "samples": 10}
        for answered, wrong, kilobytes, sockets in _samples(lab, packaged, order):
            soak.samples.append([answered, wrong, round(kilobytes / 1024, 1), sockets])
            say(f"{answered:,} requests: {wrong} wrong responses, {kilobytes / 1024:.1f} MB, {sockets} sockets")
    print(soak.table())
    if not soak.samples or soak.samples[-1][:2] != [options.requests, 0]:
        sys.exit("A response was wrong or missing.")
    write(soak, folder / "soak.json")


def _samples(lab: Lab, candidate: Candidate, order: object) -> Iterator[list[int]]:
    with subprocess.Popen(
        lab.command(candidate, "long_life.py"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # its logs
        env=dict(lab.environ),
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        json.dump(order, process.stdin)
        process.stdin.close()
        for line in process.stdout:
            if line.startswith("["):
                yield json.loads(line)


if __name__ == "__main__":
    main()
