"""``make bench``: every candidate in one run, medians and ratios as tables.

Cold: whole processes from their start to their first answer, artefacts on a read-only path (no bytecode is written),
boto3 installed beside and compiled, as Lambda has it, unless a candidate bundles it. Warm: CPU time a call in a process
that has answered before. DynamoDB and the key server answer from a process of their own.
"""

import argparse
import os
import platform
import time
from pathlib import Path

from bench import growth
from bench.candidates import Candidate, apis, authorizers, runtime
from bench.figures import Figures, write
from bench.lab import EVENTS, Lab, environment, say, served
from testbed.events import TOKEN_EVENT
from testbed.pool import Pool

SLOW = 0.02
"""Seconds that DynamoDB takes while threads are counted."""


def main() -> None:
    """Build, measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="where candidates and figures are kept")
    parser.add_argument("--rounds", type=int, default=15, help="cold starts of each")
    parser.add_argument("--calls", type=int, default=300, help="warm calls of each")
    options = parser.parse_args()
    say("Building the candidates …")
    folder = options.folder.resolve()
    beside = runtime(folder)
    users = apis(folder)
    guards = authorizers(users)
    pool = Pool()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    figures = Figures(machine, time.strftime("%Y-%m-%d"))
    print(f"{figures.machine}, {figures.date}\n")
    token_event = {**TOKEN_EVENT, "authorizationToken": f"Bearer {pool.token()}"}
    with served(pool) as address:
        lab = Lab(beside, environment(pool, address))
        for name, candidates, event in (("API function", users, EVENTS["GET"]), ("authorizer", guards, token_event)):
            figures.cold[name] = lab.cold(name, candidates, event, options.rounds)
            show(figures.cold[name].table())
        for name, event in EVENTS.items():
            able = [candidate for candidate in users if name in ABLE.get(candidate.name, EVENTS)]
            figures.warm[name] = lab.warm(name, able, event, options.calls)
            show(figures.warm[name].table())
        figures.warm["authorizer"] = lab.warm("authorizer", guards, token_event, options.calls)
        show(figures.warm["authorizer"].table())
    with served(pool, delay=SLOW) as address:
        figures.threads = crowd(users[0], Lab(beside, environment(pool, address)))
    show(figures.threads_table(SLOW))
    figures.growth = growth.measure(EVENTS, say)
    show(figures.growth_table())
    write(figures, folder / "measured.json")
    say("Kept in .bench/measured.json: make figures puts them into docs/.")


def crowd(candidate: Candidate, lab: Lab) -> dict[str, float]:
    """GETs a second that one loaded app answers to ever more threads."""
    return {
        str(threads): lab.life(candidate, EVENTS["GET"], warm=40 * threads, threads=threads)[1][1]
        for threads in (1, 4, 16, 32)
    }


ABLE = {
    "stock": ["GET", "PUT", "list"],
    "workshop": ["GET", "PUT", "list"],
    "fastapi": ["GET", "PUT", "list"],
    "powertools": ["GET", "PUT", "list"],
    "floor": ["GET"],
}


def show(table: str) -> None:
    """Print a table now: the next takes a while."""
    print(table, flush=True)


if __name__ == "__main__":
    main()
