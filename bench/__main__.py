"""``make bench``: measure all candidates in one run, and print medians and ratios as tables.

A cold start is a process from its start to its first response. No bytecode is written, because Lambda's disk is
read-only. boto3 is installed and compiled outside the package, as on Lambda, unless a candidate bundles it. A warm call
is measured as CPU time in a process that has responded before. Another process plays DynamoDB, Cognito and the key
server.
"""

import argparse
import os
import platform
import time
from pathlib import Path

from bench import growth
from bench.candidates import Candidate, apis, authorizers, images, own_accounts, runtime, sign_ins
from bench.figures import Figures, write
from bench.lab import EVENTS, SIGN_INS, Lab, environment, of_capabilities, say, served, upload
from testbed.events import TOKEN_EVENT
from testbed.pool import Pool

SLOW = 0.02
"""DynamoDB's response time in seconds, for the measurement with threads."""


def main() -> None:
    """Build and measure the candidates, then print and store the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="folder for candidates and figures")
    parser.add_argument("--rounds", type=int, default=15, help="cold starts per candidate")
    parser.add_argument("--calls", type=int, default=300, help="warm calls per candidate")
    options = parser.parse_args()
    say("Building the candidates …")
    folder = options.folder.resolve()
    beside = runtime(folder)
    users = apis(folder)
    guards, signing_in, owners = authorizers(users), sign_ins(folder, users), own_accounts(folder, users)
    workers = images(folder, users)
    pool = Pool()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    figures = Figures(machine, time.strftime("%Y-%m-%d"))
    print(f"{figures.machine}, {figures.date}\n")
    token_event = {**TOKEN_EVENT, "authorizationToken": f"Bearer {pool.token()}"}
    with served(pool) as address:
        lab = Lab(beside, environment(pool, address))
        for name, candidates, event in (
            ("API function", users, EVENTS["GET"]),
            ("authorizer", guards, token_event),
            ("sign-in", signing_in, SIGN_INS["sign-in"]),
        ):
            figures.cold[name] = lab.cold(name, candidates, event, options.rounds)
            show(figures.cold[name].table())
        grown = of_capabilities(pool)
        for name in ("own account", "list of pictures", "an administrator reads an account"):
            able = owners if name == "own account" else users[:1]
            figures.cold[name] = lab.cold(name, able, grown[name], options.rounds)
            show(figures.cold[name].table())
        figures.cold["images function"] = lab.cold("images function", workers, upload(pool), options.rounds)
        show(figures.cold["images function"].table())
        for name, event in EVENTS.items():
            able = [candidate for candidate in users if name in ABLE.get(candidate.name, EVENTS)]
            figures.warm[name] = lab.warm(name, able, event, options.calls)
            show(figures.warm[name].table())
        for name, event in SIGN_INS.items():
            able = [candidate for candidate in signing_in if name in ABLE.get(candidate.name, SIGN_INS)]
            # A password takes fastapi-users 0.1 s: Cognito's time is not in these figures.
            figures.warm[name] = lab.warm(name, able, event, options.calls // 10)
            show(figures.warm[name].table())
        for name, event in grown.items():
            able = owners if name == "own account" else users[:1]
            figures.warm[name] = lab.warm(name, able, event, options.calls)
            show(figures.warm[name].table())
        figures.warm["images function"] = lab.warm("images function", workers, upload(pool), options.calls // 10)
        show(figures.warm["images function"].table())
        figures.warm["authorizer"] = lab.warm("authorizer", guards, token_event, options.calls)
        show(figures.warm["authorizer"].table())
    with served(pool, delay=SLOW) as address:
        figures.threads = crowd(users[0], Lab(beside, environment(pool, address)))
    show(figures.threads_table(SLOW))
    figures.growth = growth.measure(EVENTS, say)
    show(figures.growth_table())
    write(figures, folder / "measured.json")
    say("Stored in .bench/measured.json. To update docs/, run make figures.")


def crowd(candidate: Candidate, lab: Lab) -> dict[str, float]:
    """Return the GETs per second that one process handles, by number of threads."""
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
    "fastapi-users": ["sign-in"],
}


def show(table: str) -> None:
    """Print a table at once, because the next one takes a while."""
    print(table, flush=True)


if __name__ == "__main__":
    main()
